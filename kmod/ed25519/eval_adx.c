// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comb evaluation in the four-word field of fe_adx.h. Only the evaluation: keys
 * are loaded, signatures made and results encoded in the portable field.
 */
#ifdef __x86_64__

#include "eval.h"
#include "fe_adx.h"

#ifdef __KERNEL__
#include <asm/cpufeature.h>
#endif

bool eval_use_adx;

struct g4 {
	struct f4 X, Y, Z, T;
};

static __always_inline void g4_row(struct f4 *r, const u64 limbs[5])
{
	f4_from_limbs(r, limbs);
}

#define LAW(name)	g4_##name
#define LAW_FE(op)	f4_##op
#define LAW_ELEM	struct f4
#define LAW_POINT	struct g4
#include "ge_law.h"
#include "comb_eval.h"

bool eval_adx_available(void)
{
#ifdef __KERNEL__
	return boot_cpu_has(X86_FEATURE_BMI2) && boot_cpu_has(X86_FEATURE_ADX);
#else
	unsigned int a, b = 0, c, d;

	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(7), "2"(0));
	return b >> 8 & 1 && b >> 19 & 1; /* BMI2, ADX */
#endif
}

void eval_adx_pair(struct ge *r, const struct comb_pair *p,
		   const struct comb_pair *next)
{
	struct g4 q;

	g4_evaluate_pair(&q, p, next);
	f4_to_fe(&r->X, &q.X);
	f4_to_fe(&r->Y, &q.Y);
	f4_to_fe(&r->Z, &q.Z);
}

#endif
