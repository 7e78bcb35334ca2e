// SPDX-License-Identifier: Apache-2.0
/*
 * Defects for the fuzzer to find, put in by the linker (--wrap): a fuzzer that
 * passes with one of them linked in is not looking. One per build, by PLANT_*.
 */
#include "lanes.h"

#if defined(PLANT_S_RANGE)

/* S of any size */
bool __wrap_sc_is_reduced(const struct sc *a);
bool __wrap_sc_is_reduced(const struct sc *a)
{
	(void)a;
	return true;
}

#elif defined(PLANT_KEY_ORDER)

/* keys with a small component */
bool __wrap_ge_has_prime_order(const struct ge *p);
bool __wrap_ge_has_prime_order(const struct ge *p)
{
	(void)p;
	return true;
}

#elif defined(PLANT_LANE)

/* one bit of one lane's result, in one group of eight */
void __real_ifma_encode(struct ifma_scratch *w, unsigned int groups);
void __wrap_ifma_encode(struct ifma_scratch *w, unsigned int groups);
void __wrap_ifma_encode(struct ifma_scratch *w, unsigned int groups)
{
	__real_ifma_encode(w, groups);
	w->encoding[groups - 1][5][17] ^= 0x20;
}

#elif defined(PLANT_ADX)

/* the first table entry in place of the second, four-word field only */
void __real_eval_adx_pair(struct ge *r, const struct comb_pair *p,
			  const struct comb_pair *next);
void __wrap_eval_adx_pair(struct ge *r, const struct comb_pair *p,
			  const struct comb_pair *next);
void __wrap_eval_adx_pair(struct ge *r, const struct comb_pair *p,
			  const struct comb_pair *next)
{
	struct comb_pair q = *p;

	if ((q.a.d[3] & COMB_INDEX) % 32 == 1)
		q.a.d[3]--;
	__real_eval_adx_pair(r, &q, next);
}

#else
#error "name a PLANT_"
#endif
