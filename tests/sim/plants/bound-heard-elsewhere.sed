# SPDX-License-Identifier: Apache-2.0
# live.c: who is heard by an observer is never convicted
s/return peer->ev_has ? AMESH_REASON_UNREACHABLE/return peer->ev_has ? AMESH_REASON_NONE/
