# SPDX-License-Identifier: Apache-2.0
# peers.c: a removed peer goes on agreeing
s/^	amesh_live_compare(live, peer);//
