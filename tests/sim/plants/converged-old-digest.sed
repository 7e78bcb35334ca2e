# SPDX-License-Identifier: GPL-2.0-only
# live.c: a change of the live set compares nobody anew
s/live->agree_stale = true;/;/
