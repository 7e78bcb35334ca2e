# SPDX-License-Identifier: GPL-2.0-only
# live.c: those who hear it are not counted
s/peer->ev_lacks > peer->ev_has)/true)/
