# SPDX-License-Identifier: Apache-2.0
# live.c: the suspicion window is half of what it is to be
s|amesh_live_suspicion_ns(live, peer->interval_ms)|(& / 2)|
