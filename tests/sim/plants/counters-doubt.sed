# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: the windows of who doubts itself count
s/(AMESH_FLAG_SELF_DOUBT | AMESH_FLAG_LEAVING)/AMESH_FLAG_LEAVING/
