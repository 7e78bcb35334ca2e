/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points of the curve -x^2 + y^2 = 1 + d x^2 y^2 in extended coordinates. The
 * addition laws are complete (-1 is a square, d is not), so no input is special
 * and Z is never zero. Knows neither scalars nor tables.
 */
#ifndef ATTESTMESH_ED25519_GE_H
#define ATTESTMESH_ED25519_GE_H

#include "fe.h"

/* x = X/Z, y = Y/Z, T = XY/Z; every coordinate tight. */
struct ge {
	struct fe X, Y, Z, T;
};

/*
 * An affine point made ready to be added: (y+x)/2, (y-x)/2, dxy, limbs of the
 * representatives below p. Two cache lines, and the layout that eight lanes
 * load as whole rows. The halves save the addition that would make 2Z.
 */
struct ge_entry {
	u64 plus[5];
	u64 minus[5];
	u64 dxy[5];
	u64 pad;
} __aligned(64);

extern const struct ge ge_base;

enum ge_decode_result {
	GE_DECODED = 0,
	GE_NOT_CANONICAL,	/* y >= p */
	GE_NOT_ON_CURVE,	/* or x = 0 with the sign bit set */
};

enum ge_decode_result ge_decode(struct ge *r, const u8 s[32]);

/* x and y of the affine point, each below p. */
void ge_encode_affine(u8 s[32], const struct fe *x, const struct fe *y);
void ge_encode(u8 s[32], const struct ge *p);

void ge_set_identity(struct ge *r);
void ge_negate(struct ge *r, const struct ge *p);
bool ge_is_identity(const struct ge *p);

/* [L]P = O: the point lies in the subgroup of prime order (or is O). */
bool ge_has_prime_order(const struct ge *p);

/* Any two points; out of line. */
void ge_add(struct ge *r, const struct ge *p, const struct ge *q);
void ge_sub(struct ge *r, const struct ge *p, const struct ge *q);
void ge_double(struct ge *r, const struct ge *p);

/* Entry for the affine point (x, y). */
void ge_entry_make(struct ge_entry *e, const struct fe *x, const struct fe *y);

/* ge_dbl() and ge_madd(), the hot ones */
#define LAW(name)	ge_##name
#define LAW_FE(op)	fe_##op
#define LAW_ELEM	struct fe
#define LAW_POINT	struct ge
#include "ge_law.h"
#undef LAW
#undef LAW_FE
#undef LAW_ELEM
#undef LAW_POINT

#endif
