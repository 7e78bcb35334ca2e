/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fe_mul() and fe_sqr() where a 64x64 -> 128 bit product is an instruction.
 * Included by fe.h alone.
 *
 * The factors come shifted left by 13 bits between them, so that a column splits
 * at bit 51 of its value where its two words meet: the carry is the upper word,
 * and nothing shifts across words (an instruction that is slow on some
 * processors and depends on both).
 *
 * Bounds: with both factors loose (< 2^54) a column is at most
 * (1 + 4 * 19) * 2^108, shifted below 2^127.3, so its carry is below 2^63.3; the
 * top one has no factor 19 and carries less than 2^59.4, which 19 times fits too.
 * The carries of the second round are below 2^12.7, the top one's below 2^10.6
 * because only one product of column 3 has a factor 19.
 */
static __always_inline void fe_carry_wide(struct fe *r, u128 t0, u128 t1,
					  u128 t2, u128 t3, u128 t4)
{
	u64 r0, r1, r2, r3, r4;

	r0 = ((u64)t0 >> 13) + 19 * (u64)(t4 >> 64);
	r1 = ((u64)t1 >> 13) + (u64)(t0 >> 64);
	r2 = ((u64)t2 >> 13) + (u64)(t1 >> 64);
	r3 = ((u64)t3 >> 13) + (u64)(t2 >> 64);
	r4 = ((u64)t4 >> 13) + (u64)(t3 >> 64);
	r->v[0] = (r0 & FE_MASK) + 19 * (r4 >> 51);
	r->v[1] = (r1 & FE_MASK) + (r0 >> 51);
	r->v[2] = (r2 & FE_MASK) + (r1 >> 51);
	r->v[3] = (r3 & FE_MASK) + (r2 >> 51);
	r->v[4] = (r4 & FE_MASK) + (r3 >> 51);
}

/* f shifted by 8, g by 5: 19 * (g << 5) is below 2^63.3 */
static __always_inline void fe_mul(struct fe *r, const struct fe *f,
				   const struct fe *g)
{
	u64 f0 = f->v[0] << 8, f1 = f->v[1] << 8, f2 = f->v[2] << 8,
	    f3 = f->v[3] << 8, f4 = f->v[4] << 8;
	u64 g0 = g->v[0] << 5, g1 = g->v[1] << 5, g2 = g->v[2] << 5,
	    g3 = g->v[3] << 5, g4 = g->v[4] << 5;
	u64 h1 = 19 * g1, h2 = 19 * g2, h3 = 19 * g3, h4 = 19 * g4;
	u128 t0, t1, t2, t3, t4;

	t0 = (u128)f0 * g0 + (u128)f1 * h4 + (u128)f2 * h3 + (u128)f3 * h2 +
	     (u128)f4 * h1;
	t1 = (u128)f0 * g1 + (u128)f1 * g0 + (u128)f2 * h4 + (u128)f3 * h3 +
	     (u128)f4 * h2;
	t2 = (u128)f0 * g2 + (u128)f1 * g1 + (u128)f2 * g0 + (u128)f3 * h4 +
	     (u128)f4 * h3;
	t3 = (u128)f0 * g3 + (u128)f1 * g2 + (u128)f2 * g1 + (u128)f3 * g0 +
	     (u128)f4 * h4;
	t4 = (u128)f0 * g4 + (u128)f1 * g3 + (u128)f2 * g2 + (u128)f3 * g1 +
	     (u128)f4 * g0;
	fe_carry_wide(r, t0, t1, t2, t3, t4);
}

/* Squares are shifted by 6 + 7 or 8 + 5, doubled products by one more. */
static __always_inline void fe_sqr(struct fe *r, const struct fe *f)
{
	u64 f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3], f4 = f->v[4];
	u64 s0 = f0 << 7, s1 = f1 << 7, s2 = f2 << 7, s3 = f3 << 7, s4 = f4 << 7;
	u64 d1 = f1 << 9, d2 = f2 << 9, d3 = f3 << 9;
	u64 h3 = 19 * (f3 << 5), h4 = 19 * (f4 << 5);
	u128 t0, t1, t2, t3, t4;

	t0 = (u128)(f0 << 6) * s0 + (u128)d1 * h4 + (u128)d2 * h3;
	t1 = (u128)s0 * s1 + (u128)d2 * h4 + (u128)(f3 << 8) * h3;
	t2 = (u128)s0 * s2 + (u128)(f1 << 6) * s1 + (u128)d3 * h4;
	t3 = (u128)s0 * s3 + (u128)s1 * s2 + (u128)(f4 << 8) * h4;
	t4 = (u128)s0 * s4 + (u128)s1 * s3 + (u128)(f2 << 6) * s2;
	fe_carry_wide(r, t0, t1, t2, t3, t4);
}
