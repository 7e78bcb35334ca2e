// SPDX-License-Identifier: GPL-2.0-only
/*
 * The eight-lane pieces of ifma.h. Compiled with flags of its own (Kbuild); no
 * other object may contain vector instructions, and this one is called only
 * inside FPU sections.
 */
#include "ifma.h"

#ifndef __CHECKER__ /* sparse knows no vector builtins and has nothing to see */

/* The kernel has no malloc for this header to wrap. */
#define _MM_MALLOC_H_INCLUDED
#define __MM_MALLOC_H
#include <immintrin.h>

#include "ifma_fe.h"
#include "sha512_x8.h"

static noinline void hash_lanes(struct ifma_input *in)
{
	const u8 *msg[IFMA_LANES];
	unsigned int block, lane;
	vec h[8], o[8];
	__mmask8 active;

	for (lane = 0; lane < IFMA_LANES; lane++) {
		h[lane] = VSET(ed_sha512_iv[lane]);
		msg[lane] = in->msg[lane];
	}
	for (block = 0; block < IFMA_MSG_BLOCKS; block++) {
		active = 0;
		for (lane = 0; lane < IFMA_LANES; lane++)
			active |= (block < in->blocks[lane]) << lane;
		if (!active)
			break;
		x8_compress(h, msg, block, active);
	}
	transpose8(o, h);
	for (lane = 0; lane < IFMA_LANES; lane++)
		if (in->blocks[lane])
			_mm512_storeu_si512(in->hash[lane],
					    swap_words(o[lane]));
}

/*
 * Eight bits of every lane's scalar from bit @at on, as a mask: bit
 * 8 * lane + k is bit at + k.
 */
static __always_inline __mmask64 bits8_x8(const struct ifma_vec *u, int at)
{
	const __m128i low_bytes = _mm_set_epi8(8, 8, 8, 8, 8, 8, 8, 8,
					       0, 0, 0, 0, 0, 0, 0, 0);
	int word = at / 64, shift = at % 64;
	vec v = _mm512_load_si512(u[word].lane), above;

	v = _mm512_srl_epi64(v, _mm_cvtsi32_si128(shift));
	if (shift > 56) {
		above = _mm512_load_si512(u[word + 1].lane);
		above = _mm512_sll_epi64(above, _mm_cvtsi32_si128(64 - shift));
		v = _mm512_or_si512(v, above);
	}
	v = _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(low_bytes));
	return _mm512_test_epi8_mask(v, VSET(0x8040201008040201ULL));
}

/* Bytes ordered by lane and column to bytes ordered by column and lane. */
static __always_inline vec columns_first(vec x)
{
	const vec order = _mm512_set_epi8(63, 55, 47, 39, 31, 23, 15, 7,
					  62, 54, 46, 38, 30, 22, 14, 6,
					  61, 53, 45, 37, 29, 21, 13, 5,
					  60, 52, 44, 36, 28, 20, 12, 4,
					  59, 51, 43, 35, 27, 19, 11, 3,
					  58, 50, 42, 34, 26, 18, 10, 2,
					  57, 49, 41, 33, 25, 17, 9, 1,
					  56, 48, 40, 32, 24, 16, 8, 0);

	return _mm512_permutexvar_epi8(order, x);
}

/* Low and high bytes of 32 digits to 16 bits, plus the comb's first entry. */
static __always_inline vec join_bytes(__m256i low, __m256i high, vec base)
{
	vec h = _mm512_slli_epi16(_mm512_cvtepu8_epi16(high), 8);

	return _mm512_add_epi16(_mm512_add_epi16(base, h),
				_mm512_cvtepu8_epi16(low));
}

/* Eight columns of every lane's digits, bytes by column and lane, to 16 bits. */
static __always_inline void store_digits(u16 *o, vec idx, vec above,
					 int first_entry)
{
	const vec base = _mm512_set1_epi16(first_entry);

	_mm512_storeu_si512(o, join_bytes(_mm512_castsi512_si256(idx),
					  _mm512_castsi512_si256(above), base));
	_mm512_storeu_si512(o + 32,
			    join_bytes(_mm512_extracti64x4_epi64(idx, 1),
				       _mm512_extracti64x4_epi64(above, 1),
				       base));
}

/* Comb @i, columns @c to @c + 7; @flip: a byte of ones per lane to negate. */
static __always_inline void digit_columns(struct ifma_digits *o,
					  const struct comb_shape *s,
					  const struct ifma_vec *u, int i,
					  int c, __mmask64 flip)
{
	int j, at, others = s->teeth - 1, all = (1 << others) - 1;
	vec idx = VZERO, above = VZERO, bit;
	__mmask64 negative;
	u64 signs;

	for (j = 0; j < others; j++) {
		at = (i * s->teeth + j) * s->spacing + c;
		bit = _mm512_maskz_set1_epi8(bits8_x8(u, at), 1 << j % 8);
		if (j < 8)
			idx = _mm512_or_si512(idx, bit);
		else
			above = _mm512_or_si512(above, bit);
	}
	negative = ~bits8_x8(u, (i * s->teeth + j) * s->spacing + c);
	/* a negative top tooth negates the others too */
	bit = _mm512_maskz_set1_epi8(negative, all & 0xff);
	idx = columns_first(_mm512_xor_si512(idx, bit));
	bit = _mm512_maskz_set1_epi8(negative, all >> 8);
	above = columns_first(_mm512_xor_si512(above, bit));
	bit = columns_first(_mm512_movm_epi8(negative ^ flip));
	signs = _mm512_movepi8_mask(bit);
	at = i * s->spacing + c;
	memcpy(o->negative + at, &signs, sizeof(signs));
	store_digits(o->index + at * IFMA_LANES, idx, above, i << others);
}

/* comb_digits() in eight lanes. @negate: a bit per lane. */
static noinline void digit_lanes(struct ifma_digits *o,
				 const struct comb_shape *s,
				 const struct ifma_vec *u, u8 negate)
{
	__mmask64 flip = _mm512_movepi8_mask(_mm512_maskz_set1_epi64(negate, -1));
	int i, c;

	for (i = 0; i < s->combs; i++)
		for (c = 0; c < s->spacing; c += 8)
			digit_columns(o, s, u, i, c, flip);
}

static u8 recode_lane(struct ifma_vec *bits, unsigned int lane,
		      const struct sc *k, int n)
{
	struct sc_bits u;
	u8 negate = sc_recode(&u, k, n);
	int i;

	for (i = 0; i < 6; i++)
		bits[i].lane[lane] = u.w[i];
	return negate << lane;
}

void ifma_prepare(struct ifma_pair *pair, struct ifma_scratch *w)
{
	struct ifma_input *in = &w->input;
	int bits_a = comb_bits(in->shape);
	u8 neg_a = 0, neg_b = 0;
	unsigned int lane;
	struct sc k;

	hash_lanes(in);
	for (lane = 0; lane < IFMA_LANES; lane++) {
		sc_reduce(&k, in->hash[lane]);
		neg_a |= recode_lane(w->bits_a, lane, &k, bits_a);
		memcpy(k.w, in->s[lane], sizeof(k.w));
		neg_b |= recode_lane(w->bits_b, lane, &k,
				     comb_bits(&comb_base_verify));
		pair->table[lane] = in->table[lane];
	}
	pair->shape = in->shape;
	digit_lanes(&pair->a, in->shape, w->bits_a, neg_a);
	digit_lanes(&pair->b, &comb_base_verify, w->bits_b, neg_b);
}

/*
 * Lane j's entry into lane j. Where @negative, -(x, y) = (-x, y): the first two
 * elements change places and dxy becomes 2p - dxy, still below 2^52.
 */
static __always_inline void load_entries(struct ifma_work *w,
					 const struct ge_entry *const row[8],
					 __mmask8 negative)
{
	vec a[8], lo[8], hi[8], two_p;
	int i;

	for (i = 0; i < 8; i++)
		a[i] = _mm512_load_si512(row[i]);
	transpose8(lo, a);
	for (i = 0; i < 8; i++)
		a[i] = _mm512_load_si512((const u64 *)row[i] + 8);
	transpose8(hi, a);
	for (i = 0; i < 5; i++) {
		vec plus = lo[i], minus = i < 3 ? lo[i + 5] : hi[i - 3];
		vec dxy = hi[i + 2], t;

		t = _mm512_mask_blend_epi64(negative, plus, minus);
		_mm512_store_si512(w->plus.limb[i].lane, t);
		t = _mm512_mask_blend_epi64(negative, minus, plus);
		_mm512_store_si512(w->minus.limb[i].lane, t);
		two_p = VSET(i ? 2 * FE_MASK : 2 * (FE_MASK - 18));
		t = _mm512_mask_sub_epi64(dxy, negative, two_p, dxy);
		_mm512_store_si512(w->dxy.limb[i].lane, t);
	}
}

/* work.{x,y,z,t} = the loaded entries: x and y are a difference and a sum */
static noinline void start_lanes(struct ifma_work *w)
{
	struct fe8 plus = fe8_load(&w->plus);
	struct fe8 minus = fe8_load(&w->minus);
	struct fe8 x = fe8_carry(fe8_sub(plus, minus));
	struct fe8 y = fe8_carry(fe8_add(plus, minus));

	fe8_store(&w->x, x);
	fe8_store(&w->y, y);
	fe8_store(&w->z, fe8_small(1));
	fe8_store(&w->t, fe8_mulc(x, y));
}

/*
 * Intermediates go through memory, and nothing is carried in registers from one
 * product to the next: eight lanes have room for one product, and without this
 * the compiler interleaves several and spills kilobytes to the stack.
 */
#define FORGET_REGISTERS() __asm__ volatile("" : : : "memory")

static __always_inline void mul_mem(struct ifma_fe *r, const struct ifma_fe *f,
				    const struct ifma_fe *g)
{
	fe8_store(r, fe8_mul(fe8_load(f), fe8_load(g)));
	FORGET_REGISTERS();
}

/* The last step of both laws: x = ef, y = gh, z = fg, t = eh. */
static __always_inline void products(struct ifma_work *w, bool need_t)
{
	mul_mem(&w->x, &w->e, &w->f);
	mul_mem(&w->y, &w->g, &w->h);
	mul_mem(&w->z, &w->f, &w->g);
	if (!need_t)
		return;
	fe8_store(&w->t, fe8_mulc(fe8_load(&w->e), fe8_load(&w->h)));
	FORGET_REGISTERS();
}

/* ge_madd() in lanes: x, y, z wide, t carried. */
static noinline void add_lanes(struct ifma_work *w, bool need_t)
{
	struct fe8 a, b, z;

	a = fe8_sub(fe8_load(&w->y), fe8_load(&w->x));
	fe8_store(&w->e, fe8_mul(fe8_carry(a), fe8_load(&w->minus)));
	FORGET_REGISTERS();
	b = fe8_add(fe8_load(&w->y), fe8_load(&w->x));
	b = fe8_mul(fe8_carry(b), fe8_load(&w->plus));
	a = fe8_load(&w->e);
	fe8_store(&w->e, fe8_carry(fe8_sub(b, a)));
	fe8_store(&w->h, fe8_carry(fe8_add(b, a)));
	FORGET_REGISTERS();
	a = fe8_mul(fe8_load(&w->t), fe8_load(&w->dxy));
	z = fe8_load(&w->z);
	fe8_store(&w->f, fe8_carry(fe8_sub(z, a)));
	fe8_store(&w->g, fe8_carry(fe8_add(z, a)));
	FORGET_REGISTERS();
	products(w, need_t);
}

/* ge_dbl() in lanes, signs as there. */
static noinline void double_lanes(struct ifma_work *w)
{
	struct fe8 a, b, g;

	a = fe8_add(fe8_load(&w->x), fe8_load(&w->y));
	fe8_store(&w->e, fe8_sqr(fe8_carry(a)));
	FORGET_REGISTERS();
	fe8_store(&w->g, fe8_sqr(fe8_carry(fe8_load(&w->x))));
	FORGET_REGISTERS();
	b = fe8_sqr(fe8_carry(fe8_load(&w->y)));
	a = fe8_load(&w->g);
	g = fe8_sub(a, b);
	a = fe8_add(a, b);
	fe8_store(&w->f, g);
	fe8_store(&w->g, fe8_carry(g));
	fe8_store(&w->e, fe8_carry(fe8_sub(a, fe8_load(&w->e))));
	fe8_store(&w->h, fe8_carry(a));
	FORGET_REGISTERS();
	a = fe8_sqr(fe8_carry(fe8_load(&w->z)));
	fe8_store(&w->f, fe8_carry(fe8_add(fe8_add(a, a), fe8_load(&w->f))));
	FORGET_REGISTERS();
	products(w, true);
}

static __always_inline void prefetch_row(const struct ge_entry *entry)
{
	__builtin_prefetch(entry);
	__builtin_prefetch((const u8 *)entry + 64);
}

static __always_inline void prefetch_rows(const struct ifma_pair *next, int at)
{
	int lane;

	if (!next || at >= next->shape->combs * next->shape->spacing)
		return;
	for (lane = 0; lane < IFMA_LANES; lane++)
		prefetch_row(next->table[lane] +
			     next->a.index[at * IFMA_LANES + lane]);
}

/* The base's table is hot only while nothing else has run. */
static __always_inline void prefetch_base(const struct ifma_pair *next,
					  const struct ge_entry *base, int at)
{
	int lane;

	if (!next)
		return;
	for (lane = 0; lane < IFMA_LANES; lane++)
		prefetch_row(base + next->b.index[at * IFMA_LANES + lane]);
}

static __always_inline void rows_of_key(struct ifma_work *w,
					const struct ifma_pair *p, int at)
{
	const struct ge_entry *row[IFMA_LANES];
	int lane;

	for (lane = 0; lane < IFMA_LANES; lane++)
		row[lane] = p->table[lane] + p->a.index[at * IFMA_LANES + lane];
	load_entries(w, row, p->a.negative[at]);
}

static __always_inline void rows_of_base(struct ifma_work *w,
					 const struct ifma_pair *p,
					 const struct ge_entry *base, int at)
{
	const struct ge_entry *row[IFMA_LANES];
	int lane;

	for (lane = 0; lane < IFMA_LANES; lane++)
		row[lane] = base + p->b.index[at * IFMA_LANES + lane];
	load_entries(w, row, p->b.negative[at]);
}

void ifma_evaluate(struct ifma_scratch *w, unsigned int group,
		   const struct ifma_pair *p, const struct ifma_pair *next)
{
	const struct comb_shape *sa = p->shape, *sb = &comb_base_verify;
	const struct ge_entry *base = ed25519_base_table();
	struct ifma_work *work = &w->work;
	int c, i, top = sa->spacing - 1;
	bool with_base;

	rows_of_key(work, p, top);
	prefetch_rows(next, top);
	start_lanes(work);
	for (c = top; c >= 0; c--) {
		with_base = c < sb->spacing;
		if (c != top)
			double_lanes(work);
		for (i = c == top; i < sa->combs; i++) {
			rows_of_key(work, p, i * sa->spacing + c);
			prefetch_rows(next, i * sa->spacing + c);
			add_lanes(work, with_base || i + 1 < sa->combs);
		}
		for (i = 0; with_base && i < sb->combs; i++) {
			rows_of_base(work, p, base, i * sb->spacing + c);
			prefetch_base(next, base, i * sb->spacing + c);
			add_lanes(work, i + 1 < sb->combs);
		}
	}
	fe8_store(&w->result[group].x, fe8_load(&work->x));
	fe8_store(&w->result[group].y, fe8_load(&work->y));
	fe8_store(&w->result[group].z,
		  fe8_carry(fe8_load(&work->z)));
}

/* r = a^(2^n) * b, all carried; in memory r may be a or b */
static noinline void sqr_n_mul8(struct ifma_fe *r, const struct ifma_fe *a,
				int n, const struct ifma_fe *b)
{
	struct fe8 t = fe8_load(a);

	while (n--)
		t = fe8_carry(fe8_sqr(t));
	fe8_store(r, fe8_mulc(t, fe8_load(b)));
}

/* fe_invert() in lanes, the same chain. */
static void invert_lanes(struct ifma_work *w, struct ifma_fe *a)
{
	struct ifma_fe *a11 = &w->x, *x10 = &w->y, *x50 = &w->z, *t = &w->t;

	sqr_n_mul8(t, a, 2, a);			/* a^5 */
	sqr_n_mul8(a11, t, 1, a);		/* a^11 */
	sqr_n_mul8(t, a, 1, a);			/* a^3 */
	sqr_n_mul8(x10, t, 2, t);		/* a^15: four ones */
	sqr_n_mul8(x10, x10, 1, a);		/* 5 ones */
	sqr_n_mul8(x10, x10, 5, x10);
	sqr_n_mul8(t, x10, 10, x10);		/* 20 ones */
	sqr_n_mul8(t, t, 20, t);		/* 40 */
	sqr_n_mul8(x50, t, 10, x10);
	sqr_n_mul8(t, x50, 50, x50);		/* 100 */
	sqr_n_mul8(t, t, 100, t);		/* 200 */
	sqr_n_mul8(t, t, 50, x50);		/* 250 */
	sqr_n_mul8(a, t, 5, a11);
}

/* Limbs of the representative below p; the steps are fe_canonical()'s. */
static __always_inline struct fe8 canonical8(struct fe8 a)
{
	const vec mask = VSET(FE_MASK), nineteen = VSET(19);
	vec q;

#define CARRY_CHAIN()							\
	do {								\
		a.v1 = VADD(a.v1, VSHR(a.v0, 51));			\
		a.v0 = VAND(a.v0, mask);				\
		a.v2 = VADD(a.v2, VSHR(a.v1, 51));			\
		a.v1 = VAND(a.v1, mask);				\
		a.v3 = VADD(a.v3, VSHR(a.v2, 51));			\
		a.v2 = VAND(a.v2, mask);				\
		a.v4 = VADD(a.v4, VSHR(a.v3, 51));			\
		a.v3 = VAND(a.v3, mask);				\
	} while (0)

	CARRY_CHAIN();
	a.v0 = MUL_LO(a.v0, VSHR(a.v4, 51), nineteen);
	a.v4 = VAND(a.v4, mask);
	q = VSHR(VADD(a.v0, nineteen), 51);
	q = VSHR(VADD(a.v1, q), 51);
	q = VSHR(VADD(a.v2, q), 51);
	q = VSHR(VADD(a.v3, q), 51);
	q = VSHR(VADD(a.v4, q), 51);
	a.v0 = MUL_LO(a.v0, q, nineteen);
	CARRY_CHAIN();
	a.v4 = VAND(a.v4, mask);
	return a;
#undef CARRY_CHAIN
}

/* 32 bytes per lane, from canonical x and y. */
static __always_inline void encode_lanes(u8 out[IFMA_LANES][32], struct fe8 x,
					 struct fe8 y)
{
	vec w[8], t[8];
	int i;

	w[0] = _mm512_or_si512(y.v0, VSHL(y.v1, 51));
	w[1] = _mm512_or_si512(VSHR(y.v1, 13), VSHL(y.v2, 38));
	w[2] = _mm512_or_si512(VSHR(y.v2, 26), VSHL(y.v3, 25));
	w[3] = _mm512_or_si512(VSHR(y.v3, 39), VSHL(y.v4, 12));
	w[3] = _mm512_or_si512(w[3], VSHL(x.v0, 63));
	for (i = 4; i < 8; i++)
		w[i] = VZERO;
	transpose8(t, w);
	for (i = 0; i < IFMA_LANES; i++)
		_mm256_storeu_si256((__m256i *)out[i],
				    _mm512_castsi512_si256(t[i]));
}

static noinline void encode_group(struct ifma_scratch *w, unsigned int group,
				  const struct ifma_fe *z_inverse)
{
	struct ifma_result *r = &w->result[group];
	struct fe8 zi = fe8_load(z_inverse), x, y;

	x = fe8_mulc(fe8_carry(fe8_load(&r->x)), zi);
	y = fe8_mulc(fe8_carry(fe8_load(&r->y)), zi);
	encode_lanes(w->encoding[group], canonical8(x), canonical8(y));
}

void ifma_encode(struct ifma_scratch *w, unsigned int groups)
{
	struct ifma_fe *acc = &w->work.plus, *zi = &w->work.minus;
	int g;

	fe8_store(acc, fe8_small(1));
	for (g = 0; g < (int)groups; g++) {
		fe8_store(&w->result[g].prefix, fe8_load(acc));
		fe8_store(acc, fe8_mulc(fe8_load(acc),
					fe8_load(&w->result[g].z)));
	}
	invert_lanes(&w->work, acc);
	for (g = groups - 1; g >= 0; g--) {
		fe8_store(zi, fe8_mulc(fe8_load(acc),
				       fe8_load(&w->result[g].prefix)));
		fe8_store(acc, fe8_mulc(fe8_load(acc),
					fe8_load(&w->result[g].z)));
		encode_group(w, g, zi);
	}
}

#endif
