// SPDX-License-Identifier: GPL-2.0-only
/*
 * Point operations that run once per key or once per result: decoding,
 * encoding, general addition, the check of the order. The hot ones are in ge.h.
 */
#include "ge.h"

const struct ge ge_base = {
	.X = { { 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d,
		 0x1ff60527118fe, 0x216936d3cd6e5 } },
	.Y = { { 0x6666666666658, 0x4cccccccccccc, 0x1999999999999,
		 0x3333333333333, 0x6666666666666 } },
	.Z = { { 1, 0, 0, 0, 0 } },
	.T = { { 0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e,
		 0x332b375274732, 0x67875f0fd78b7 } },
};

void ge_set_identity(struct ge *r)
{
	fe_set(&r->X, 0);
	fe_set(&r->Y, 1);
	fe_set(&r->Z, 1);
	fe_set(&r->T, 0);
}

/* Tight again after a negation or an addition. */
static void fe_tighten(struct fe *r, const struct fe *a)
{
	struct fe one;

	fe_set(&one, 1);
	fe_mul_slow(r, a, &one);
}

void ge_negate(struct ge *r, const struct ge *p)
{
	struct fe t;

	fe_neg(&t, &p->X);
	fe_tighten(&r->X, &t);
	fe_neg(&t, &p->T);
	fe_tighten(&r->T, &t);
	r->Y = p->Y;
	r->Z = p->Z;
}

bool ge_is_identity(const struct ge *p)
{
	struct fe d;

	fe_sub(&d, &p->Y, &p->Z);
	return fe_is_zero(&p->X) && fe_is_zero(&d);
}

/*
 * x^2 = u/v with u = y^2 - 1, v = d y^2 + 1. The candidate u v^3 (u v^7)^((p-5)/8)
 * is a root of u/v or of -u/v; in the second case sqrt(-1) mends it.
 * Returns false if u/v is no square.
 */
static bool recover_x(struct fe *x, const struct fe *y)
{
	struct fe one, u, v, v3, t, c;

	fe_set(&one, 1);
	fe_sqr(&t, y);
	fe_mul_slow(&v, &t, &fe_d);
	fe_sub(&u, &t, &one);
	fe_add(&v, &v, &one);
	fe_sqr(&v3, &v);
	fe_mul_slow(&v3, &v3, &v);
	fe_sqr(&t, &v3);
	fe_mul_slow(&t, &t, &v);
	fe_mul_slow(&t, &t, &u);
	fe_pow_p58(x, &t);
	fe_mul_slow(x, x, &v3);
	fe_mul_slow(x, x, &u);

	fe_sqr(&t, x);
	fe_mul_slow(&t, &t, &v);
	fe_tighten(&u, &u);
	fe_sub(&c, &t, &u);
	if (fe_is_zero(&c))
		return true;
	fe_add(&c, &t, &u);
	if (!fe_is_zero(&c))
		return false;
	fe_mul_slow(x, x, &fe_sqrt_m1);
	return true;
}

enum ge_decode_result ge_decode(struct ge *r, const u8 s[32])
{
	u8 again[32];
	struct fe t;
	int sign = s[31] >> 7, i, differ = 0;

	fe_from_bytes(&r->Y, s);
	fe_to_bytes(again, &r->Y);
	again[31] |= sign << 7;
	for (i = 0; i < 32; i++)
		differ |= again[i] ^ s[i];
	if (differ)
		return GE_NOT_CANONICAL;
	if (!recover_x(&r->X, &r->Y))
		return GE_NOT_ON_CURVE;
	if (fe_is_zero(&r->X) && sign)
		return GE_NOT_ON_CURVE;
	fe_to_bytes(again, &r->X);
	if ((again[0] & 1) != sign) {
		fe_neg(&t, &r->X);
		fe_tighten(&r->X, &t);
	}
	fe_set(&r->Z, 1);
	fe_mul_slow(&r->T, &r->X, &r->Y);
	return GE_DECODED;
}

void ge_encode_affine(u8 s[32], const struct fe *x, const struct fe *y)
{
	u8 xs[32];

	fe_to_bytes(xs, x);
	fe_to_bytes(s, y);
	s[31] |= (xs[0] & 1) << 7;
}

void ge_encode(u8 s[32], const struct ge *p)
{
	struct fe zi, x, y;

	fe_invert(&zi, &p->Z);
	fe_mul_slow(&x, &p->X, &zi);
	fe_mul_slow(&y, &p->Y, &zi);
	ge_encode_affine(s, &x, &y);
}

void ge_add(struct ge *r, const struct ge *p, const struct ge *q)
{
	struct fe a, b, c, d, e, f, g, h, t;

	fe_sub(&a, &p->Y, &p->X);
	fe_sub(&t, &q->Y, &q->X);
	fe_mul_slow(&a, &a, &t);
	fe_add(&b, &p->Y, &p->X);
	fe_add(&t, &q->Y, &q->X);
	fe_mul_slow(&b, &b, &t);
	fe_mul_slow(&c, &p->T, &q->T);
	fe_mul_slow(&c, &c, &fe_2d);
	fe_mul_slow(&d, &p->Z, &q->Z);
	fe_add(&d, &d, &d);
	fe_sub(&e, &b, &a);
	fe_sub(&f, &d, &c);
	fe_add(&g, &d, &c);
	fe_add(&h, &b, &a);
	fe_mul_slow(&r->X, &e, &f);
	fe_mul_slow(&r->Y, &g, &h);
	fe_mul_slow(&r->Z, &f, &g);
	fe_mul_slow(&r->T, &e, &h);
}

void ge_sub(struct ge *r, const struct ge *p, const struct ge *q)
{
	struct ge n;

	ge_negate(&n, q);
	ge_add(r, p, &n);
}

noinline void ge_double(struct ge *r, const struct ge *p)
{
	ge_dbl(r, p, true);
}

/* Double-and-add over the bits of L, top first; public data only. */
bool ge_has_prime_order(const struct ge *p)
{
	static const u64 order[4] = { 0x5812631a5cf5d3ed, 0x14def9dea2f79cd6,
				      0, 0x1000000000000000 };
	struct ge r = *p;
	int i;

	for (i = 251; i >= 0; i--) {
		ge_double(&r, &r);
		if (order[i / 64] >> (i % 64) & 1)
			ge_add(&r, &r, p);
	}
	return ge_is_identity(&r);
}

static void store(u64 limbs[5], const struct fe *a)
{
	struct fe t;

	fe_canonical(&t, a);
	memcpy(limbs, t.v, sizeof(t.v));
}

void ge_entry_make(struct ge_entry *e, const struct fe *x, const struct fe *y)
{
	struct fe t;

	fe_add(&t, y, x);
	fe_mul_slow(&t, &t, &fe_half);
	store(e->plus, &t);
	fe_sub(&t, y, x);
	fe_mul_slow(&t, &t, &fe_half);
	store(e->minus, &t);
	fe_mul_slow(&t, x, y);
	fe_mul_slow(&t, &t, &fe_d);
	store(e->dxy, &t);
	e->pad = 0;
}
