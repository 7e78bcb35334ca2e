# SPDX-License-Identifier: Apache-2.0
# evidence.c: the windows of who doubts itself count
s/(AMESH_FLAG_SELF_DOUBT | AMESH_FLAG_LEAVING)/AMESH_FLAG_LEAVING/
