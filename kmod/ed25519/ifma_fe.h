/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The field in eight lanes: five vectors of 51-bit limbs. Included by ifma.c.
 *
 * Two kinds of elements, and the bounds that keep them right:
 *
 * "carried": every limb < 2^51 + 2^16, hence below 2^52, which is all that the
 *	52-bit multiplier reads. Only these may be factors.
 * "wide": every limb < 2^59, what products are. A low half is below 2^52, a
 *	high half (counted twice, its weight is 2^52 and not 2^51) below 2^50.1;
 *	the worst limb is 1 low + 19 * (4 low + 2 * 5 high) < 2^59.
 *
 * Sums of two wide elements are below 2^60; differences add 2^10 p, above any
 * wide limb, and stay below 2^62. carry() takes anything below 2^63: the carries
 * are then below 2^12, and 19 times the top one below 2^16.3 joins limb 0.
 */
#ifndef ATTESTMESH_ED25519_IFMA_FE_H
#define ATTESTMESH_ED25519_IFMA_FE_H

typedef __m512i vec;

/* Named limbs, no arrays and no loops: the compiler keeps them in registers. */
struct fe8 {
	vec v0, v1, v2, v3, v4;
};

#define VADD(a, b)	_mm512_add_epi64(a, b)
#define VSUB(a, b)	_mm512_sub_epi64(a, b)
#define VAND(a, b)	_mm512_and_si512(a, b)
#define VSHR(a, n)	_mm512_srli_epi64(a, n)
#define VSHL(a, n)	_mm512_slli_epi64(a, n)
#define VSET(x)		_mm512_set1_epi64(x)
#define VZERO		_mm512_setzero_si512()
#define MUL_LO(acc, a, b) _mm512_madd52lo_epu64(acc, a, b)
#define MUL_HI(acc, a, b) _mm512_madd52hi_epu64(acc, a, b)

#define P_LOW_2_10	(((1ULL << 51) - 19) << 10)
#define P_REST_2_10	(((1ULL << 51) - 1) << 10)

static __always_inline struct fe8 fe8_load(const struct ifma_fe *m)
{
	struct fe8 r;

	r.v0 = _mm512_load_si512(m->limb[0].lane);
	r.v1 = _mm512_load_si512(m->limb[1].lane);
	r.v2 = _mm512_load_si512(m->limb[2].lane);
	r.v3 = _mm512_load_si512(m->limb[3].lane);
	r.v4 = _mm512_load_si512(m->limb[4].lane);
	return r;
}

static __always_inline void fe8_store(struct ifma_fe *m, struct fe8 a)
{
	_mm512_store_si512(m->limb[0].lane, a.v0);
	_mm512_store_si512(m->limb[1].lane, a.v1);
	_mm512_store_si512(m->limb[2].lane, a.v2);
	_mm512_store_si512(m->limb[3].lane, a.v3);
	_mm512_store_si512(m->limb[4].lane, a.v4);
}

static __always_inline struct fe8 fe8_small(u64 x)
{
	struct fe8 r = { VSET(x), VZERO, VZERO, VZERO, VZERO };

	return r;
}

static __always_inline struct fe8 fe8_add(struct fe8 a, struct fe8 b)
{
	struct fe8 r;

	r.v0 = VADD(a.v0, b.v0);
	r.v1 = VADD(a.v1, b.v1);
	r.v2 = VADD(a.v2, b.v2);
	r.v3 = VADD(a.v3, b.v3);
	r.v4 = VADD(a.v4, b.v4);
	return r;
}

static __always_inline struct fe8 fe8_sub(struct fe8 a, struct fe8 b)
{
	const vec low = VSET(P_LOW_2_10), rest = VSET(P_REST_2_10);
	struct fe8 r;

	r.v0 = VSUB(VADD(a.v0, low), b.v0);
	r.v1 = VSUB(VADD(a.v1, rest), b.v1);
	r.v2 = VSUB(VADD(a.v2, rest), b.v2);
	r.v3 = VSUB(VADD(a.v3, rest), b.v3);
	r.v4 = VSUB(VADD(a.v4, rest), b.v4);
	return r;
}

/* All limbs at once: no limb waits for the carry of the one before. */
static __always_inline struct fe8 fe8_carry(struct fe8 a)
{
	const vec mask = VSET(FE_MASK);
	struct fe8 r;

	r.v0 = MUL_LO(VAND(a.v0, mask), VSHR(a.v4, 51), VSET(19));
	r.v1 = VADD(VAND(a.v1, mask), VSHR(a.v0, 51));
	r.v2 = VADD(VAND(a.v2, mask), VSHR(a.v1, 51));
	r.v3 = VADD(VAND(a.v3, mask), VSHR(a.v2, 51));
	r.v4 = VADD(VAND(a.v4, mask), VSHR(a.v3, 51));
	return r;
}

/* low + 19 * high; the compiler makes shifts and additions of it */
static __always_inline vec fold19(vec low, vec high)
{
	return VADD(low, _mm512_mullo_epi64(high, VSET(19)));
}

#define TWICE(x)	VADD(x, x)

/*
 * h_k collects the low halves of f_i g_j with i + j = k, and twice the high
 * halves of those with i + j = k - 1. Column by column, h_k and h_(k+5) together.
 */
static __always_inline struct fe8 fe8_mul(struct fe8 f, struct fe8 g)
{
	vec h0, h1, h2, h3, h4, h5, h6, h7, h8, h9;
	struct fe8 r;

	h0 = MUL_LO(VZERO, f.v0, g.v0);
	h1 = MUL_HI(VZERO, f.v0, g.v0);
	h1 = TWICE(h1);
	h1 = MUL_LO(h1, f.v0, g.v1);
	h1 = MUL_LO(h1, f.v1, g.v0);
	h2 = MUL_HI(VZERO, f.v0, g.v1);
	h2 = MUL_HI(h2, f.v1, g.v0);
	h2 = TWICE(h2);
	h2 = MUL_LO(h2, f.v0, g.v2);
	h2 = MUL_LO(h2, f.v1, g.v1);
	h2 = MUL_LO(h2, f.v2, g.v0);
	h3 = MUL_HI(VZERO, f.v0, g.v2);
	h3 = MUL_HI(h3, f.v1, g.v1);
	h3 = MUL_HI(h3, f.v2, g.v0);
	h3 = TWICE(h3);
	h3 = MUL_LO(h3, f.v0, g.v3);
	h3 = MUL_LO(h3, f.v1, g.v2);
	h3 = MUL_LO(h3, f.v2, g.v1);
	h3 = MUL_LO(h3, f.v3, g.v0);
	h4 = MUL_HI(VZERO, f.v0, g.v3);
	h4 = MUL_HI(h4, f.v1, g.v2);
	h4 = MUL_HI(h4, f.v2, g.v1);
	h4 = MUL_HI(h4, f.v3, g.v0);
	h4 = TWICE(h4);
	h4 = MUL_LO(h4, f.v0, g.v4);
	h4 = MUL_LO(h4, f.v1, g.v3);
	h4 = MUL_LO(h4, f.v2, g.v2);
	h4 = MUL_LO(h4, f.v3, g.v1);
	h4 = MUL_LO(h4, f.v4, g.v0);
	h5 = MUL_HI(VZERO, f.v0, g.v4);
	h5 = MUL_HI(h5, f.v1, g.v3);
	h5 = MUL_HI(h5, f.v2, g.v2);
	h5 = MUL_HI(h5, f.v3, g.v1);
	h5 = MUL_HI(h5, f.v4, g.v0);
	h5 = TWICE(h5);
	h5 = MUL_LO(h5, f.v1, g.v4);
	h5 = MUL_LO(h5, f.v2, g.v3);
	h5 = MUL_LO(h5, f.v3, g.v2);
	h5 = MUL_LO(h5, f.v4, g.v1);
	h6 = MUL_HI(VZERO, f.v1, g.v4);
	h6 = MUL_HI(h6, f.v2, g.v3);
	h6 = MUL_HI(h6, f.v3, g.v2);
	h6 = MUL_HI(h6, f.v4, g.v1);
	h6 = TWICE(h6);
	h6 = MUL_LO(h6, f.v2, g.v4);
	h6 = MUL_LO(h6, f.v3, g.v3);
	h6 = MUL_LO(h6, f.v4, g.v2);
	h7 = MUL_HI(VZERO, f.v2, g.v4);
	h7 = MUL_HI(h7, f.v3, g.v3);
	h7 = MUL_HI(h7, f.v4, g.v2);
	h7 = TWICE(h7);
	h7 = MUL_LO(h7, f.v3, g.v4);
	h7 = MUL_LO(h7, f.v4, g.v3);
	h8 = MUL_HI(VZERO, f.v3, g.v4);
	h8 = MUL_HI(h8, f.v4, g.v3);
	h8 = TWICE(h8);
	h8 = MUL_LO(h8, f.v4, g.v4);
	h9 = MUL_HI(VZERO, f.v4, g.v4);
	h9 = TWICE(h9);

	r.v0 = fold19(h0, h5);
	r.v1 = fold19(h1, h6);
	r.v2 = fold19(h2, h7);
	r.v3 = fold19(h3, h8);
	r.v4 = fold19(h4, h9);
	return r;
}

/* Mixed products once, doubled; high halves of squares count twice as well. */
static __always_inline struct fe8 fe8_sqr(struct fe8 f)
{
	vec h0, h1, h2, h3, h4, h5, h6, h7, h8, h9;
	struct fe8 r;

	h0 = MUL_LO(VZERO, f.v0, f.v0);
	h1 = MUL_HI(VZERO, f.v0, f.v0);
	h1 = MUL_LO(h1, f.v0, f.v1);
	h1 = TWICE(h1);
	h2 = MUL_HI(VZERO, f.v0, f.v1);
	h2 = TWICE(h2);
	h2 = MUL_LO(h2, f.v0, f.v2);
	h2 = TWICE(h2);
	h2 = MUL_LO(h2, f.v1, f.v1);
	h3 = MUL_HI(VZERO, f.v0, f.v2);
	h3 = TWICE(h3);
	h3 = MUL_HI(h3, f.v1, f.v1);
	h3 = MUL_LO(h3, f.v0, f.v3);
	h3 = MUL_LO(h3, f.v1, f.v2);
	h3 = TWICE(h3);
	h4 = MUL_HI(VZERO, f.v0, f.v3);
	h4 = MUL_HI(h4, f.v1, f.v2);
	h4 = TWICE(h4);
	h4 = MUL_LO(h4, f.v0, f.v4);
	h4 = MUL_LO(h4, f.v1, f.v3);
	h4 = TWICE(h4);
	h4 = MUL_LO(h4, f.v2, f.v2);
	h5 = MUL_HI(VZERO, f.v0, f.v4);
	h5 = MUL_HI(h5, f.v1, f.v3);
	h5 = TWICE(h5);
	h5 = MUL_HI(h5, f.v2, f.v2);
	h5 = MUL_LO(h5, f.v1, f.v4);
	h5 = MUL_LO(h5, f.v2, f.v3);
	h5 = TWICE(h5);
	h6 = MUL_HI(VZERO, f.v1, f.v4);
	h6 = MUL_HI(h6, f.v2, f.v3);
	h6 = TWICE(h6);
	h6 = MUL_LO(h6, f.v2, f.v4);
	h6 = TWICE(h6);
	h6 = MUL_LO(h6, f.v3, f.v3);
	h7 = MUL_HI(VZERO, f.v2, f.v4);
	h7 = TWICE(h7);
	h7 = MUL_HI(h7, f.v3, f.v3);
	h7 = MUL_LO(h7, f.v3, f.v4);
	h7 = TWICE(h7);
	h8 = MUL_HI(VZERO, f.v3, f.v4);
	h8 = TWICE(h8);
	h8 = TWICE(h8);
	h8 = MUL_LO(h8, f.v4, f.v4);
	h9 = MUL_HI(VZERO, f.v4, f.v4);
	h9 = TWICE(h9);

	r.v0 = fold19(h0, h5);
	r.v1 = fold19(h1, h6);
	r.v2 = fold19(h2, h7);
	r.v3 = fold19(h3, h8);
	r.v4 = fold19(h4, h9);
	return r;
}

static __always_inline struct fe8 fe8_mulc(struct fe8 f, struct fe8 g)
{
	return fe8_carry(fe8_mul(f, g));
}

/* Eight rows of eight words to eight columns. */
static __always_inline void transpose8(vec o[8], const vec a[8])
{
	vec t[8], s[8];
	int i;

	for (i = 0; i < 4; i++) {
		t[2 * i] = _mm512_unpacklo_epi64(a[2 * i], a[2 * i + 1]);
		t[2 * i + 1] = _mm512_unpackhi_epi64(a[2 * i], a[2 * i + 1]);
	}
	for (i = 0; i < 2; i++) {
		s[4 * i] = _mm512_shuffle_i64x2(t[4 * i], t[4 * i + 2], 0x88);
		s[4 * i + 1] = _mm512_shuffle_i64x2(t[4 * i + 1], t[4 * i + 3],
						    0x88);
		s[4 * i + 2] = _mm512_shuffle_i64x2(t[4 * i], t[4 * i + 2],
						    0xdd);
		s[4 * i + 3] = _mm512_shuffle_i64x2(t[4 * i + 1], t[4 * i + 3],
						    0xdd);
	}
	for (i = 0; i < 4; i++) {
		o[i] = _mm512_shuffle_i64x2(s[i], s[i + 4], 0x88);
		o[i + 4] = _mm512_shuffle_i64x2(s[i], s[i + 4], 0xdd);
	}
}

#endif
