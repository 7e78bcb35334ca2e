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

/* A counter for each of 64 bits, one bit plane upon the other: adding a mask
 * costs two steps on average, however many bits are set. When half a cluster
 * falls silent, thousands of observers are counted for thousands of suspects.
 */
#define PLANES 13

static_assert(AMESH_OBSERVERS_MAX < 1 << PLANES, "a counter holds them all");

struct counters {
	u64 plane[PLANES];
};

static void add(struct counters *counters, u64 mask)
{
	u64 *plane = counters->plane;
	u64 carry;

	for (; mask; plane++, mask = carry) {
		carry = *plane & mask;
		*plane ^= mask;
	}
}

static u16 value(const struct counters *counters, u32 bit)
{
	u32 i, sum = 0;

	for (i = 0; i < PLANES; i++)
		sum |= (u32)(counters->plane[i] >> bit & 1) << i;
	return (u16)sum;
}

/* Suspects of one word, with when the first and the last of them was heard. */
struct suspects {
	struct amesh_live_peer **at; /* by bit */
	u64 mask;
	u64 first_ns;
	u64 last_ns;
};

static struct suspects gather(struct amesh_live *live, u32 word, u64 mask)
{
	struct suspects s = { .at = live->by_index + word * 64, .mask = mask,
			      .first_ns = U64_MAX };

	for (; mask; mask &= mask - 1) {
		u64 seen_ns = s.at[amesh_ctz64(mask)]->seen_ns;

		s.first_ns = amesh_min_u64(s.first_ns, seen_ns);
		s.last_ns = amesh_max_u64(s.last_ns, seen_ns);
	}
	return s;
}

/* Those whose last beat came before a window that arrived at @at_ns. */
static u64 silent_since(const struct suspects *s, u64 at_ns)
{
	u64 left, mask = 0;

	if (at_ns > s->last_ns)
		return s->mask;
	if (at_ns <= s->first_ns)
		return 0;
	for (left = s->mask; left; left &= left - 1)
		if (at_ns > s->at[amesh_ctz64(left)]->seen_ns)
			mask |= left & ~(left - 1);
	return mask;
}

void amesh_evidence_count(struct amesh_live *live, u32 word, u64 suspects)
{
	struct suspects s = gather(live, word, suspects);
	struct counters has = { 0 }, lacks = { 0 };
	u32 window = word / AMESH_WINDOW_WORDS;
	u32 i;

	for (i = 0; i < live->panel_len; i++) {
		const struct amesh_live_peer *observer =
			live->by_index[live->panel[i]];
		u64 known, now;

		if (!counts(observer, window))
			continue;
		known = amesh_word(observer->row.had, word) &
			silent_since(&s, observer->row.at_ns[window]);
		now = amesh_word(observer->row.now, word);
		add(&has, known & now);
		add(&lacks, known & ~now);
	}
	for (; suspects; suspects &= suspects - 1) {
		u32 bit = amesh_ctz64(suspects);

		s.at[bit]->ev_has = value(&has, bit);
		s.at[bit]->ev_lacks = value(&lacks, bit);
	}
}
