# SPDX-License-Identifier: Apache-2.0
# live.c: a shorter interval does not move a peer in the wheel
s/return peer->interval_ms < before_ms;/return false;/
