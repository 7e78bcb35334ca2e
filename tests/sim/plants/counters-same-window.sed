# SPDX-License-Identifier: Apache-2.0
# row.c: the first window with it is an earlier one
s/^	row->received |= 1ULL << w;/&\n	if (row->had)\n		remember(row, w);/
