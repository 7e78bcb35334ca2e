// SPDX-License-Identifier: Apache-2.0
/*
 * The redial schedule. A link that is wanted or was just lost is tried
 * quickly, because the usual cause (a peer that restarts, a cut) is short; a
 * dead member costs one attempt a minute.
 */
#include "schedule.h"

/* value, changed by at most a quarter up or down. */
static int64_t jitter_quarter(int64_t value, uint32_t random32)
{
	int64_t half_range = value / 4;

	return value - half_range + (int64_t)(random32 % (uint32_t)(2 * half_range + 1));
}

void schedule_begin(struct schedule *s, int64_t now_ms)
{
	s->lost_ms = now_ms;
	s->slow_ms = 0;
}

int64_t schedule_next(struct schedule *s, int64_t now_ms, uint32_t random32)
{
	int64_t age_ms = now_ms - s->lost_ms;

	if (age_ms < SCHEDULE_QUICK_FOR_MS)
		return SCHEDULE_QUICK_MS;
	if (age_ms < SCHEDULE_QUICK_FOR_MS + SCHEDULE_STEADY_FOR_MS)
		return jitter_quarter(SCHEDULE_STEADY_MS, random32);
	s->slow_ms = s->slow_ms ? 2 * s->slow_ms : 2 * SCHEDULE_STEADY_MS;
	if (s->slow_ms > SCHEDULE_SLOWEST_MS)
		s->slow_ms = SCHEDULE_SLOWEST_MS;
	return jitter_quarter(s->slow_ms, random32);
}

int64_t schedule_silence(uint32_t interval_ms, unsigned barren)
{
	int64_t base_ms = (int64_t)interval_ms * SCHEDULE_SILENCE_INTERVALS;
	int64_t most_ms, limit_ms;

	if (base_ms < SCHEDULE_SILENCE_MIN_MS)
		base_ms = SCHEDULE_SILENCE_MIN_MS;
	most_ms = base_ms > SCHEDULE_SILENCE_MAX_MS ? base_ms : SCHEDULE_SILENCE_MAX_MS;
	for (limit_ms = base_ms; barren && limit_ms < most_ms; barren--)
		limit_ms *= 2;
	return limit_ms < most_ms ? limit_ms : most_ms;
}

int64_t schedule_renew(int64_t cut_ms, uint32_t random32)
{
	int64_t from_ms = cut_ms * SCHEDULE_RENEW_FROM_PERCENT / 100;
	int64_t to_ms = cut_ms * SCHEDULE_RENEW_TO_PERCENT / 100;

	return from_ms + (int64_t)((uint64_t)random32 % (uint64_t)(to_ms - from_ms + 1));
}
