/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The replay floor of one peer: the newest (incarnation, sequence) accepted.
 * It owns the comparison and what a leaving beat or a new key does to the
 * floor; where floors are kept over a peer's deletion is floors.h.
 */
#ifndef _AMESH_REPLAY_H
#define _AMESH_REPLAY_H

#include "pure.h"

/**
 * struct amesh_replay - replay floor; all zero is "nothing accepted yet"
 * @incarnation: of the newest accepted beat
 * @sequence: of the newest accepted beat, 0 = none, U64_MAX = it was leaving
 *
 * Protected by the peer's lock: both change together. A reader without the
 * lock may see a torn pair, so what it lets pass is checked again (below).
 */
struct amesh_replay {
	u64 incarnation;
	u64 sequence;
};

/**
 * amesh_replay_is_newer - may a beat with this number be accepted?
 * @replay: the sender's floor
 * @incarnation: from the beat
 * @sequence: from the beat
 *
 * First step, in softirq before anything is paid for the packet: cheap and
 * not final. The order is lexicographic; sequence 0 is never newer, for the
 * trailer uses it for "none".
 *
 * Return: true if it is strictly newer than the floor.
 */
bool amesh_replay_is_newer(const struct amesh_replay *replay, u64 incarnation,
			   u64 sequence);

/**
 * amesh_replay_accept - the check again, and the floor raised, in one
 * @replay: the sender's floor
 * @incarnation: from the verified beat
 * @sequence: from the verified beat
 * @leaving: the beat carries AMESH_FLAG_LEAVING
 *
 * Second step, under the peer's lock and after the signature: of two copies
 * that both passed the first step in one group, one is accepted. A leaving
 * beat lifts the floor to the end of its incarnation, so that only a higher
 * incarnation revives its sender.
 *
 * Return: true if accepted; false leaves the floor as it was (drop: replay).
 */
bool amesh_replay_accept(struct amesh_replay *replay, u64 incarnation,
			 u64 sequence, bool leaving);

/**
 * amesh_replay_reset - forget, because the key is another
 * @replay: the floor; beats signed with the old key can no longer verify, so
 *	none of them can be replayed
 */
void amesh_replay_reset(struct amesh_replay *replay);

#endif /* _AMESH_REPLAY_H */
