// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting observers. See evidence.h.
 */
#include "evidence.h"

/* The last window of @observer that covers @window is evidence if there is
 * one and its sender may be believed now.
 */
static bool counts(const struct amesh_live_peer *observer, u32 window)
{
	return observer->state == AMESH_STATE_UP &&
	       !(observer->flags &
		 (AMESH_FLAG_SELF_DOUBT | AMESH_FLAG_LEAVING)) &&
	       observer->row.had && window < observer->row.windows &&
	       observer->row.at_ns[window] != 0;
}

static void count_one(struct amesh_live *live,
		      const struct amesh_live_peer *observer, u32 word,
		      u64 suspects)
{
	u64 at_ns = observer->row.at_ns[word / AMESH_WINDOW_WORDS];
	u64 now = amesh_word(observer->row.now, word);
	u64 left = amesh_word(observer->row.had, word) & suspects;

	for (; left; left &= left - 1) {
		u32 bit = amesh_ctz64(left);
		struct amesh_live_peer *x = live->by_index[word * 64 + bit];

		if (at_ns <= x->seen_ns)
			continue;
		if (now >> bit & 1)
			x->ev_has++;
		else
			x->ev_lacks++;
	}
}

void amesh_evidence_count(struct amesh_live *live, u32 word, u64 suspects)
{
	u64 left;
	u32 i;

	for (left = suspects; left; left &= left - 1) {
		struct amesh_live_peer *x =
			live->by_index[word * 64 + amesh_ctz64(left)];

		x->ev_has = 0;
		x->ev_lacks = 0;
	}
	for (i = 0; i < live->panel_len; i++) {
		const struct amesh_live_peer *observer =
			live->by_index[live->panel[i]];

		if (counts(observer, word / AMESH_WINDOW_WORDS))
			count_one(live, observer, word, suspects);
	}
}
