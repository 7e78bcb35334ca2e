# SPDX-License-Identifier: Apache-2.0
# converge.c: the latch waits for every peer for ever
s/return count == live->peers ||/return count == live->peers \&\&/
