# SPDX-License-Identifier: Apache-2.0
# live.c: stall after stall puts a verdict off for ever
/^	return silent_ns <$/,/;$/c	return true;
