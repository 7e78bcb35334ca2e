/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to dial: the pure arithmetic of redialling, of silence and of
 * replacing a connection before the gateway cuts it. Time and chance are
 * passed in.
 */
#ifndef BRIDGE_SCHEDULE_H
#define BRIDGE_SCHEDULE_H

#include <stdint.h>

enum {
	SCHEDULE_QUICK_MS = 250,             /* between attempts at first … */
	SCHEDULE_QUICK_FOR_MS = 30 * 1000,   /* … so long after the link was lost */
	SCHEDULE_STEADY_MS = 2000,           /* then, give or take a quarter … */
	SCHEDULE_STEADY_FOR_MS = 5 * 60 * 1000,
	SCHEDULE_SLOWEST_MS = 60 * 1000,     /* … then doubling to this */
	SCHEDULE_SILENCE_MIN_MS = 3000,
	SCHEDULE_SILENCE_INTERVALS = 3,
	SCHEDULE_SILENCE_MAX_MS = 60 * 1000,
	/* A connection is replaced at a random point between these parts of the
	 * gateway's limit, so that a fleet's renewals do not coincide. */
	SCHEDULE_RENEW_FROM_PERCENT = 75,
	SCHEDULE_RENEW_TO_PERCENT = 90,
};

struct schedule {
	int64_t lost_ms;   /* when the link was asked for, lost or kicked */
	int64_t slow_ms;   /* the last delay of the doubling part; 0 = none yet */
};

/* Begins anew at now. */
void schedule_begin(struct schedule *s, int64_t now_ms);
/* Delay before the next attempt; random32 is any 32 random bits. */
int64_t schedule_next(struct schedule *s, int64_t now_ms, uint32_t random32);
/* Silence after which a link is replaced, `barren` replacements having brought
 * nothing so far. */
int64_t schedule_silence(uint32_t interval_ms, unsigned barren);
/* Age at which a connection under the limit cut_ms is replaced. */
int64_t schedule_renew(int64_t cut_ms, uint32_t random32);

#endif
