/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signed combs: tables of multiples of one point, and the digits that select
 * from them. Knows points and recoded scalars; neither hashes nor signatures.
 *
 * A shape of N combs, T teeth and spacing S covers N*T*S bits. Bit
 * (i*T + j)*S + c of a recoded scalar belongs to comb i, tooth j, column c.
 * The T signs of one comb and column select sum_j +-2^((i*T + j)*S) P: the sign
 * of the top tooth becomes the sign of the entry, the others its index, so a
 * comb has 2^(T-1) entries. The sum over columns is Horner's rule: S - 1
 * doublings, N*S additions.
 */
#ifndef ATTESTMESH_ED25519_COMB_H
#define ATTESTMESH_ED25519_COMB_H

#include "ge.h"
#include "sc.h"

struct comb_shape {
	u16 combs;
	u16 teeth;
	u16 spacing;
	u16 entries;	/* combs << (teeth - 1) */
};

enum {
	COMB_BITS_MIN = 253,	/* L has 253 bits */
	COMB_BITS_MAX = 270,
	COMB_COMBS_MAX = 8,
	COMB_TEETH_MAX = 12,	/* an index fits 15 bits beside its sign */
	COMB_SPACING_MAX = 64,
	COMB_DIGITS_MAX = 64,	/* combs * spacing, each shape's rounded up */
	COMB_SIZES = 7,

	COMB_NEGATIVE = 0x8000,	/* in a digit; the rest is the entry's index */
	COMB_INDEX = 0x7fff,
};

/* Of a key: 1, 2, 4, ... 64 KiB. */
extern const struct comb_shape comb_key_shapes[COMB_SIZES];
/* Of the base point, for verifying (512 KiB) and for signing (8 KiB). */
extern const struct comb_shape comb_base_verify;
extern const struct comb_shape comb_base_sign;

/* NULL if there is no shape of exactly that size. */
const struct comb_shape *comb_shape_for_bytes(size_t table_bytes);

static inline size_t comb_table_bytes(const struct comb_shape *s)
{
	return s->entries * sizeof(struct ge_entry);
}

static inline int comb_bits(const struct comb_shape *s)
{
	return s->combs * s->teeth * s->spacing;
}

/* Working memory of comb_build(), public contents, any u64-aligned memory. */
#define COMB_SCRATCH_BYTES(entries)					\
	((entries) * (sizeof(struct ge) + sizeof(struct fe)) +		\
	 COMB_TEETH_MAX * sizeof(struct ge))
size_t comb_scratch_bytes(const struct comb_shape *s);

/* Fill @table with the combs of @p. Public points only: not constant time. */
void comb_build(struct ge_entry *table, const struct comb_shape *s,
		const struct ge *p, void *scratch);

/**
 * struct comb_digits - what to add, in the order of adding
 * @d: digit of comb i, column c at [c * combs + i]. Columns are made eight at a
 *     time, so combs * (spacing rounded up to eight) digits are written.
 */
struct comb_digits {
	u16 d[COMB_DIGITS_MAX];
};

/* @negate: from sc_recode(). Constant time. */
void comb_digits(struct comb_digits *o, const struct comb_shape *s,
		 const struct sc_bits *u, u64 negate);

/**
 * struct comb_pair - a sum of two combs, ready to evaluate
 * @a: digits into @table, the key's
 * @b: digits into @base
 *
 * The columns of both share the doublings, so the base's spacing is at most
 * the key's.
 */
struct comb_pair {
	struct comb_digits a, b;
	const struct comb_shape *shape;
	const struct ge_entry *table;
	const struct ge_entry *base;
};

/*
 * r = the sum; T is left out. Rows of @next (or NULL) are prefetched meanwhile.
 * Variable time.
 */
void comb_evaluate(struct ge *r, const struct comb_pair *p,
		   const struct comb_pair *next);

/* r = [k] of the base point from the table for signing; constant time. */
void comb_base_mult(struct ge *r, const struct ge_entry *table,
		    const struct sc *k);

#endif
