# SPDX-License-Identifier: GPL-2.0-only
# peers.c: a removed peer goes on agreeing
s/^	amesh_live_compare(live, peer);//
