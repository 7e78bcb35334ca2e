# SPDX-License-Identifier: GPL-2.0-only
# live.c: verdicts do not wait after a stall
/^	return silent_ns <$/,/;$/c	return false;
