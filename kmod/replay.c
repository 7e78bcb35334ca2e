// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay floor of one peer: comparison and commitment. See replay.h.
 */
#include "replay.h"

bool amesh_replay_is_newer(const struct amesh_replay *replay, u64 incarnation,
			   u64 sequence)
{
	if (sequence == 0)
		return false;
	if (incarnation != replay->incarnation)
		return incarnation > replay->incarnation;
	return sequence > replay->sequence;
}

bool amesh_replay_accept(struct amesh_replay *replay, u64 incarnation,
			 u64 sequence, bool leaving)
{
	if (!amesh_replay_is_newer(replay, incarnation, sequence))
		return false;
	replay->incarnation = incarnation;
	replay->sequence = leaving ? U64_MAX : sequence;
	return true;
}

void amesh_replay_reset(struct amesh_replay *replay)
{
	replay->incarnation = 0;
	replay->sequence = 0;
}
