# SPDX-License-Identifier: Apache-2.0
# live.c: one observer is enough
s/peer->ev_lacks >= AMESH_OBSERVERS_TO_CONVICT/peer->ev_lacks >= 1/
