/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket. Tokens flow back with time and may be given back for useful
 * work; `now` is passed in, nothing reads a clock. Pure.
 */
#ifndef GRPC_BUCKET_H
#define GRPC_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t milli;          /* thousandths of tokens held */
	uint64_t burst_milli;    /* most it holds */
	uint32_t per_second;
	int64_t at_ms;           /* when it was last filled up */
};

static inline void bucket_init(struct bucket *b, uint32_t burst, uint32_t per_second,
			       int64_t now_ms)
{
	b->burst_milli = b->milli = (uint64_t)burst * 1000;
	b->per_second = per_second;
	b->at_ms = now_ms;
}

static inline void bucket_give_milli(struct bucket *b, uint64_t milli)
{
	b->milli = b->burst_milli - b->milli < milli ? b->burst_milli : b->milli + milli;
}

/* Takes one token; false if there is none. */
static inline bool bucket_take(struct bucket *b, int64_t now_ms)
{
	if (now_ms > b->at_ms) {
		/* per second is thousandths per ms; a day is more than any burst. */
		int64_t age_ms = now_ms - b->at_ms < 86400000 ? now_ms - b->at_ms : 86400000;

		bucket_give_milli(b, (uint64_t)age_ms * b->per_second);
		b->at_ms = now_ms;
	}
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

#endif
