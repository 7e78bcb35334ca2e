# SPDX-License-Identifier: Apache-2.0
# live.c: a change of the live set compares nobody anew
s/live->agree_stale = true;/;/
