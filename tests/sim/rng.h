/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's only source of chance: a seeded generator (splitmix64), so
 * that a seed is a whole run. Nothing else in the simulator may vary.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include "kmod/pure.h"

struct rng {
	u64 state;
};

static inline u64 rng_u64(struct rng *rng)
{
	u64 z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to @below - 1; the bias of a modulus does not matter here. */
static inline u64 rng_below(struct rng *rng, u64 below)
{
	return below ? rng_u64(rng) % below : 0;
}

static inline u64 rng_between(struct rng *rng, u64 low, u64 high)
{
	return low + rng_below(rng, high - low + 1);
}

static inline bool rng_ppm(struct rng *rng, u32 ppm)
{
	return rng_below(rng, 1000000) < ppm;
}

#endif
