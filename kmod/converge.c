// SPDX-License-Identifier: GPL-2.0-only
/*
 * Convergence and its latch. See converge.h.
 */
#include "converge.h"
#include "live_priv.h"

static bool agrees(const struct amesh_live *live,
		   const struct amesh_live_peer *peer)
{
	return peer->beat_live == live->view.live_count &&
	       !memcmp(peer->digest, live->view.digest, AMESH_DIGEST_LEN);
}

void amesh_live_compare(struct amesh_live *live, struct amesh_live_peer *peer)
{
	bool now = amesh_state_is_live(peer->state) && !live->agree_stale &&
		   agrees(live, peer);

	if (now == peer->agrees)
		return;
	peer->agrees = now;
	live->agree_count += now ? 1 : -1U;
}

static void compare_all(struct amesh_live *live)
{
	u32 words = live->view.used * AMESH_WINDOW_WORDS;
	u32 word;
	u64 left;

	for (word = 0; word < words; word++) {
		left = amesh_word(live->view.live, word);
		for (; left; left &= left - 1) {
			u32 index = word * 64 + amesh_ctz64(left);

			if (live->by_index[index])
				amesh_live_compare(live, live->by_index[index]);
		}
	}
}

/* Waiting for a peer that is configured but may not exist must end; closing
 * before those that do exist had a chance to be heard must not begin.
 */
static bool may_latch(const struct amesh_live *live, u64 now_ns)
{
	u64 window_ns =
		amesh_live_suspicion_ns(live, live->config.interval_ms);
	u32 count = amesh_live_count(live);

	if (count < live->config.min_peers)
		return false;
	return count == live->peers ||
	       now_ns >= live->peers_changed_ns + window_ns;
}

bool amesh_live_refresh(struct amesh_live *live, u64 now_ns)
{
	bool was_converged = live->converged;
	bool was_first = live->first_converged;

	if (live->agree_stale) {
		amesh_view_refresh(&live->view);
		live->agree_stale = false;
		compare_all(live);
	}
	live->converged = amesh_live_converged(live);
	if (live->converged && may_latch(live, now_ns))
		live->first_converged = true;
	return live->converged != was_converged ||
	       live->first_converged != was_first;
}

bool amesh_live_converged(const struct amesh_live *live)
{
	return !live->agree_stale && live->agree_count == amesh_live_count(live);
}

static struct amesh_live_peer *live_peer_at(const struct amesh_live *live,
					    u32 index)
{
	if (!amesh_bit(live->view.live, index))
		return NULL;
	return live->by_index[index]; /* this node has no entry */
}

u32 amesh_live_blockers(const struct amesh_live *live, u16 *index, u32 max)
{
	u32 i, found = 0;

	for (i = 0; i < live->view.used * AMESH_WINDOW_MEMBERS; i++) {
		struct amesh_live_peer *peer = live_peer_at(live, i);

		if (!peer || peer->agrees)
			continue;
		if (found < max)
			index[found] = (u16)i;
		found++;
	}
	return found;
}
