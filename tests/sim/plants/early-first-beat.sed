# SPDX-License-Identifier: Apache-2.0
# live.c: silence counts from the first beat, not from the last
s/if (!peer->heard || at_ns > peer->seen_ns)/if (!peer->heard)/
