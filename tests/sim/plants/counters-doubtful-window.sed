# SPDX-License-Identifier: GPL-2.0-only
# live.c: a window sent in doubt counts once the doubt is over
s/!(beat->flags & AMESH_FLAG_SELF_DOUBT),/true,/
