/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which field evaluates combs: the portable one, or on x86-64 processors with
 * BMI2 and ADX the one of eval_adx.c. Both give the same points.
 */
#ifndef ATTESTMESH_ED25519_EVAL_H
#define ATTESTMESH_ED25519_EVAL_H

#include "comb.h"

#ifdef __x86_64__

/* Set once at start, before anything is verified. */
extern bool eval_use_adx;

/* The processor has what eval_adx.c needs. */
bool eval_adx_available(void);
void eval_adx_pair(struct ge *r, const struct comb_pair *p,
		   const struct comb_pair *next);

static inline void eval_pair(struct ge *r, const struct comb_pair *p,
			     const struct comb_pair *next)
{
	if (eval_use_adx)
		eval_adx_pair(r, p, next);
	else
		comb_evaluate(r, p, next);
}

#else

static inline void eval_pair(struct ge *r, const struct comb_pair *p,
			     const struct comb_pair *next)
{
	comb_evaluate(r, p, next);
}

#endif
#endif
