// SPDX-License-Identifier: GPL-2.0-only
/*
 * Send schedule of one mesh. See pace.h.
 */
#include "pace.h"

void amesh_pace_init(struct amesh_pace *pace, u64 now_ns)
{
	pace->due_ns = now_ns;
	pace->last_ns = 0;
	pace->early_ns = 0;
	pace->wanted_ns = 0;
	pace->wanted = false;
}

void amesh_pace_want(struct amesh_pace *pace, u64 now_ns)
{
	if (!pace->wanted)
		pace->wanted_ns = now_ns;
	pace->wanted = true;
}

u64 amesh_pace_next(const struct amesh_pace *pace, u32 interval_ms)
{
	u64 interval_ns = interval_ms * AMESH_NS_PER_MS;
	u64 early;

	if (!pace->wanted || !pace->last_ns)
		return pace->due_ns;
	early = amesh_max_u64(pace->last_ns + interval_ns / 4,
			      pace->wanted_ns);
	if (pace->early_ns)
		early = amesh_max_u64(early, pace->early_ns + interval_ns);
	return amesh_min_u64(early, pace->due_ns);
}

/* 9/10 to 11/10 of the interval, in whole microseconds. */
static u64 jittered_ns(u32 interval_ms, u32 random)
{
	u64 tenth_us = interval_ms * (1000ULL / AMESH_JITTER_DIVISOR);
	u64 span_us = 2 * tenth_us;

	return interval_ms * AMESH_NS_PER_MS +
	       ((span_us * random >> 32) - tenth_us) * AMESH_NS_PER_US;
}

bool amesh_pace_sent(struct amesh_pace *pace, u32 interval_ms, u64 now_ns,
		     u32 random)
{
	bool early = now_ns < pace->due_ns;
	u64 gap_ns = jittered_ns(interval_ms, random);

	pace->last_ns = now_ns;
	pace->wanted = false;
	if (early) {
		pace->early_ns = now_ns;
		return true;
	}
	pace->due_ns += gap_ns;
	if (pace->due_ns <= now_ns)
		pace->due_ns = now_ns + gap_ns;
	return false;
}

bool amesh_pace_spares(u64 down_for_ns, u64 sequence, u32 index)
{
	if (down_for_ns < AMESH_DOWN_SPARE_MS * AMESH_NS_PER_MS)
		return false;
	return (sequence + index) % AMESH_DOWN_SPARE_BEATS != 0;
}
