/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Field elements modulo p = 2^255 - 19 as five limbs of 51 bits. Additions do
 * not carry; the bounds that make this safe are stated here once. Knows no
 * curve.
 *
 * "tight":  every limb < 2^51 + 2^15, what fe_mul() and fe_sqr() return.
 * "loose":  every limb < 2^54, what they accept. A sum of two tight elements,
 *           a difference whose subtrahend is below 2^53 per limb, and a sum of
 *           a doubled tight element and such a difference are all loose.
 */
#ifndef ATTESTMESH_ED25519_FE_H
#define ATTESTMESH_ED25519_FE_H

#include "port.h"

struct fe {
	u64 v[5];
};

#define FE_MASK 0x7ffffffffffffULL /* 2^51 - 1 */

/* 4p, limb by limb: added before subtracting so that no limb goes negative. */
#define FE_4P_LOW  0x1fffffffffffb4ULL
#define FE_4P_REST 0x1ffffffffffffcULL

extern const struct fe fe_d;		/* curve constant d = -121665/121666 */
extern const struct fe fe_2d;
extern const struct fe fe_half;		/* 1/2 */
extern const struct fe fe_sqrt_m1;	/* a square root of -1 */

#if ED_HAVE_U128
#include "fe_mul64.h"
#else
#include "fe_mul32.h"
#endif

static __always_inline void fe_set(struct fe *r, u64 small)
{
	r->v[0] = small;
	r->v[1] = 0;
	r->v[2] = 0;
	r->v[3] = 0;
	r->v[4] = 0;
}

/* Written out: at -O2 a loop keeps the limbs in memory. */
static __always_inline void fe_add(struct fe *r, const struct fe *a,
				   const struct fe *b)
{
	r->v[0] = a->v[0] + b->v[0];
	r->v[1] = a->v[1] + b->v[1];
	r->v[2] = a->v[2] + b->v[2];
	r->v[3] = a->v[3] + b->v[3];
	r->v[4] = a->v[4] + b->v[4];
}

/* @b below 2^53 - 76 per limb */
static __always_inline void fe_sub(struct fe *r, const struct fe *a,
				   const struct fe *b)
{
	r->v[0] = a->v[0] + FE_4P_LOW - b->v[0];
	r->v[1] = a->v[1] + FE_4P_REST - b->v[1];
	r->v[2] = a->v[2] + FE_4P_REST - b->v[2];
	r->v[3] = a->v[3] + FE_4P_REST - b->v[3];
	r->v[4] = a->v[4] + FE_4P_REST - b->v[4];
}

static __always_inline void fe_neg(struct fe *r, const struct fe *b)
{
	int i;

	r->v[0] = FE_4P_LOW - b->v[0];
	for (i = 1; i < 5; i++)
		r->v[i] = FE_4P_REST - b->v[i];
}

/* r = bit ? b : a, without a branch */
static __always_inline void fe_select(struct fe *r, const struct fe *a,
				      const struct fe *b, u64 bit)
{
	u64 mask = ct_mask(bit);
	int i;

	for (i = 0; i < 5; i++)
		r->v[i] = a->v[i] ^ ((a->v[i] ^ b->v[i]) & mask);
}

/* The low 255 bits of 32 little-endian bytes, not reduced. */
void fe_from_bytes(struct fe *r, const u8 s[32]);

/* The one encoding below p. */
void fe_to_bytes(u8 s[32], const struct fe *a);

/* Limbs of the representative below p; what tables store. */
void fe_canonical(struct fe *r, const struct fe *a);

bool fe_is_zero(const struct fe *a);
void fe_invert(struct fe *r, const struct fe *a);	/* 0 -> 0 */
void fe_pow_p58(struct fe *r, const struct fe *a);	/* a^((p-5)/8) */

/* Out of line, for code that runs once per key. */
void fe_mul_slow(struct fe *r, const struct fe *a, const struct fe *b);

#endif
