# SPDX-License-Identifier: Apache-2.0
# live.c: a beat of a peer that is up is not compared
/state == AMESH_STATE_UP) {$/,/}/s/amesh_live_compare(live, peer);//
