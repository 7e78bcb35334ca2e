# SPDX-License-Identifier: Apache-2.0
# live.c: a window sent in doubt counts once the doubt is over
s/!(beat->flags & AMESH_FLAG_SELF_DOUBT),/true,/
