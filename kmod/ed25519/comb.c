// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comb tables: shapes, building, digits, and evaluation in the portable field.
 * Verification and building use public data and branch on it; the path of
 * signing, comb_digits() and comb_base_mult(), does not.
 */
#include "comb.h"

#define SHAPE(n, t, s)							\
	{ .combs = n, .teeth = t, .spacing = s, .entries = (n) << ((t) - 1) }

/*
 * The fewest additions and doublings for each power of two of memory, with a
 * spacing of at least the base's.
 */
const struct comb_shape comb_key_shapes[COMB_SIZES] = {
	SHAPE(1, 4, 64), SHAPE(1, 5, 51), SHAPE(2, 5, 26), SHAPE(2, 6, 22),
	SHAPE(2, 7, 19), SHAPE(2, 8, 16), SHAPE(2, 9, 15),
};

/*
 * Shared by all keys and there once a machine, so it may be larger than theirs: 512
 * KiB, 22 additions. Its rows are prefetched like theirs. Less memory costs, of
 * verifications per second with 16 KiB a key at 1,000 to 10,000 keys, all four
 * interleaved in one process on a Zen 4:
 *
 *	256 KiB (2, 11, 12)	plain C 0.6 %, MULX 1.4 %, lanes 1.5 %
 *	128 KiB (2, 10, 13)	plain C 2.6 %, MULX 3.2 %, lanes 2.0 %
 *	 64 KiB (2, 9, 15)	plain C 5.6 %, MULX 6.8 %, lanes 5.0 %
 *
 * With 4 KiB a key in lanes the caches win back what the additions cost: 256 and
 * 128 KiB are 1.5 % faster there, 64 KiB is equal.
 */
const struct comb_shape comb_base_verify = SHAPE(2, 12, 11);
const struct comb_shape comb_base_sign = SHAPE(8, 4, 8);

const struct comb_shape *comb_shape_for_bytes(size_t table_bytes)
{
	int i;

	for (i = 0; i < COMB_SIZES; i++)
		if (comb_table_bytes(&comb_key_shapes[i]) == table_bytes)
			return &comb_key_shapes[i];
	return NULL;
}

size_t comb_scratch_bytes(const struct comb_shape *s)
{
	return COMB_SCRATCH_BYTES(s->entries);
}

/*
 * The entries of one comb, as points. Index 0 is all signs but the top negative;
 * setting bit j of an index adds twice tooth j.
 */
static void build_points(struct ge *points, const struct ge *teeth, int t)
{
	struct ge twice;
	int j, k;

	points[0] = teeth[t - 1];
	for (j = 0; j < t - 1; j++)
		ge_sub(&points[0], &points[0], &teeth[j]);
	for (j = 0; j < t - 1; j++) {
		ge_double(&twice, &teeth[j]);
		for (k = 0; k < 1 << j; k++)
			ge_add(&points[(1 << j) + k], &points[k], &twice);
	}
}

/* One inversion for all Z, then affine entries. @prefix has room for @n. */
static void points_to_entries(struct ge_entry *table, const struct ge *points,
			      struct fe *prefix, int n)
{
	struct fe acc, zi, x, y;
	int i;

	fe_set(&acc, 1);
	for (i = 0; i < n; i++) {
		prefix[i] = acc;
		fe_mul_slow(&acc, &acc, &points[i].Z);
	}
	fe_invert(&acc, &acc);
	for (i = n - 1; i >= 0; i--) {
		fe_mul_slow(&zi, &acc, &prefix[i]);
		fe_mul_slow(&acc, &acc, &points[i].Z);
		fe_mul_slow(&x, &points[i].X, &zi);
		fe_mul_slow(&y, &points[i].Y, &zi);
		ge_entry_make(&table[i], &x, &y);
	}
}

void comb_build(struct ge_entry *table, const struct comb_shape *s,
		const struct ge *p, void *scratch)
{
	struct ge *teeth = scratch, *points = teeth + COMB_TEETH_MAX, q = *p;
	struct fe *prefix = (struct fe *)(points + s->entries);
	int i, j, k, per_comb = 1 << (s->teeth - 1);

	for (i = 0; i < s->combs; i++) {
		for (j = 0; j < s->teeth; j++) {
			teeth[j] = q;
			for (k = 0; k < s->spacing; k++)
				ge_double(&q, &q);
		}
		build_points(points + i * per_comb, teeth, s->teeth);
	}
	points_to_entries(table, points, prefix, s->entries);
}

/* Eight bits of @u from bit @at on. */
static __always_inline u64 bits8(const struct sc_bits *u, int at)
{
	int word = at / 64, shift = at % 64;
	u64 v = u->w[word] >> shift;

	if (shift > 56)
		v |= u->w[word + 1] << (64 - shift);
	return v & 0xff;
}

/* Bit k of an eight-bit value becomes byte k, 0 or 1. */
static __always_inline u64 spread8(u64 x)
{
	u64 own_bit = x * 0x0101010101010101ULL & 0x8040201008040201ULL;

	/* any set bit of a byte carries into its top bit */
	return (own_bit + 0x00406070787c7e7fULL) >> 7 & 0x0101010101010101ULL;
}

/* Eight columns of one tooth, one per byte; teeth are counted over all combs. */
static __always_inline u64 tooth8(const struct comb_shape *s,
				  const struct sc_bits *u, int tooth, int c)
{
	return spread8(bits8(u, tooth * s->spacing + c));
}

/*
 * Digits of eight columns of one comb at a time, one per byte: the lower eight
 * bits of their indices, and the bits above for combs that have them.
 */
static __always_inline void digit_columns(struct comb_digits *o,
					  const struct comb_shape *s,
					  const struct sc_bits *u, int i, int c,
					  u64 flip)
{
	int others = s->teeth - 1, first = i * s->teeth, j, k;
	u64 mask = (1ULL << others) - 1, idx = 0, above = 0, top;

	for (j = 0; j < others && j < 8; j++)
		idx |= tooth8(s, u, first + j, c) << j;
	for (; j < others; j++)
		above |= tooth8(s, u, first + j, c) << (j - 8);
	top = tooth8(s, u, first + j, c);
	/* a negative top tooth negates the others too */
	idx ^= ~(top * 0xff);
	above ^= ~(top * 0xff);
	top ^= flip;
#pragma GCC unroll 8
	for (k = 0; k < 8; k++)
		o->d[(c + k) * s->combs + i] =
			(u16)((i << others) +
			      (((idx >> 8 * k & 0xff) |
				(above >> 8 * k & 0xff) << 8) & mask)) |
			(u16)((top >> 8 * k & 1) << 15);
}

void comb_digits(struct comb_digits *o, const struct comb_shape *s,
		 const struct sc_bits *u, u64 negate)
{
	u64 flip = (1 ^ negate) * 0x0101010101010101ULL;
	int i, c;

	for (i = 0; i < s->combs; i++)
		for (c = 0; c < s->spacing; c += 8)
			digit_columns(o, s, u, i, c, flip);
}

static __always_inline void ge_row(struct fe *r, const u64 limbs[5])
{
	memcpy(r->v, limbs, sizeof(r->v));
}

#define LAW(name)	ge_##name
#define LAW_FE(op)	fe_##op
#define LAW_ELEM	struct fe
#define LAW_POINT	struct ge
#include "comb_eval.h"

void comb_evaluate(struct ge *r, const struct comb_pair *p,
		   const struct comb_pair *next)
{
	ge_evaluate_pair(r, p, next);
}

/* Entry @index of @n, read by a full scan, negated if @neg; no branch. */
static void select_entry(struct fe *plus, struct fe *minus, struct fe *dxy,
			 const struct ge_entry *table, int n, u64 index, u64 neg)
{
	struct fe p = { { 0 } }, m = { { 0 } }, d = { { 0 } }, nd;
	u64 mask;
	int i, k;

	for (i = 0; i < n; i++) {
		mask = ct_mask((((u64)i ^ index) - 1) >> 63);
		for (k = 0; k < 5; k++) {
			p.v[k] |= table[i].plus[k] & mask;
			m.v[k] |= table[i].minus[k] & mask;
			d.v[k] |= table[i].dxy[k] & mask;
		}
	}
	fe_neg(&nd, &d);
	fe_select(plus, &p, &m, neg);
	fe_select(minus, &m, &p, neg);
	fe_select(dxy, &d, &nd, neg);
}

void comb_base_mult(struct ge *r, const struct ge_entry *table,
		    const struct sc *k)
{
	const struct comb_shape *s = &comb_base_sign;
	int c, i, per_comb = 1 << (s->teeth - 1);
	struct fe plus, minus, dxy;
	struct comb_digits digits;
	struct sc_bits u;
	u64 d;

	comb_digits(&digits, s, &u, sc_recode(&u, k, comb_bits(s)));
	ge_set_identity(r);
	for (c = s->spacing - 1; c >= 0; c--) {
		if (c != s->spacing - 1)
			ge_dbl(r, r, true);
		for (i = 0; i < s->combs; i++) {
			d = digits.d[c * s->combs + i];
			select_entry(&plus, &minus, &dxy, table + i * per_comb,
				     per_comb, (d & COMB_INDEX) - i * per_comb,
				     d >> 15);
			ge_madd(r, r, &plus, &minus, &dxy, false, true);
		}
	}
	ed_wipe(&digits, sizeof(digits));
	ed_wipe(&u, sizeof(u));
}
