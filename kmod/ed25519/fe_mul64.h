/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fe_mul() and fe_sqr() where a 64x64 -> 128 bit product is an instruction.
 * Included by fe.h alone.
 *
 * Bounds: with both factors loose (< 2^54) a column is at most
 * (1 + 4 * 19) * 2^108 < 2^114.3, so its carry (>> 51) fits 64 bits; the top
 * column has no factor 19 and is below 2^110.4, so 19 times its carry fits too.
 */
static __always_inline void fe_carry_wide(struct fe *r, u128 t0, u128 t1,
					  u128 t2, u128 t3, u128 t4)
{
	u64 r0, r1, c;

	t1 += (u64)(t0 >> 51);
	t2 += (u64)(t1 >> 51);
	t3 += (u64)(t2 >> 51);
	t4 += (u64)(t3 >> 51);
	c = (u64)(t4 >> 51);
	r0 = ((u64)t0 & FE_MASK) + c * 19;
	r1 = ((u64)t1 & FE_MASK) + (r0 >> 51);
	r->v[0] = r0 & FE_MASK;
	r->v[1] = r1;
	r->v[2] = (u64)t2 & FE_MASK;
	r->v[3] = (u64)t3 & FE_MASK;
	r->v[4] = (u64)t4 & FE_MASK;
}

static __always_inline void fe_mul(struct fe *r, const struct fe *f,
				   const struct fe *g)
{
	u64 f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3], f4 = f->v[4];
	u64 g0 = g->v[0], g1 = g->v[1], g2 = g->v[2], g3 = g->v[3], g4 = g->v[4];
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

static __always_inline void fe_sqr(struct fe *r, const struct fe *f)
{
	u64 f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3], f4 = f->v[4];
	u64 d0 = 2 * f0, d1 = 2 * f1;
	u64 e1 = 38 * f1, e2 = 38 * f2, e3 = 38 * f3;
	u64 h3 = 19 * f3, h4 = 19 * f4;
	u128 t0, t1, t2, t3, t4;

	t0 = (u128)f0 * f0 + (u128)e1 * f4 + (u128)e2 * f3;
	t1 = (u128)d0 * f1 + (u128)e2 * f4 + (u128)h3 * f3;
	t2 = (u128)d0 * f2 + (u128)f1 * f1 + (u128)e3 * f4;
	t3 = (u128)d0 * f3 + (u128)d1 * f2 + (u128)h4 * f4;
	t4 = (u128)d0 * f4 + (u128)d1 * f3 + (u128)f2 * f2;
	fe_carry_wide(r, t0, t1, t2, t3, t4);
}
