# SPDX-License-Identifier: Apache-2.0
# live.c: a stall counts as silence of the others
s/^	return silent - amesh_min_u64(lost, silent);/	return silent + 0 * lost;/
