# SPDX-License-Identifier: Apache-2.0
# live.c: those who hear it are not counted
s/peer->ev_lacks > peer->ev_has)/true)/
