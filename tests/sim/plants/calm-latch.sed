# SPDX-License-Identifier: GPL-2.0-only
# converge.c: the latch waits for every peer for ever
s/return count == live->peers ||/return count == live->peers \&\&/
