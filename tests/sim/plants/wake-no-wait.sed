# SPDX-License-Identifier: Apache-2.0
# live.c: verdicts do not wait after a stall
/^	return silent_ns <$/,/;$/c	return false;
