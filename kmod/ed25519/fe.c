// SPDX-License-Identifier: GPL-2.0-only
/*
 * The field operations that are not hot: encoding, inversion, the power that
 * square roots need, and the curve's constants. The hot ones are in fe.h.
 */
#include "fe.h"

const struct fe fe_d = { {
	0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
	0x52036cee2b6ff } };
const struct fe fe_2d = { {
	0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
	0x2406d9dc56dff } };
const struct fe fe_half = { {
	0x7fffffffffff7, 0x7ffffffffffff, 0x7ffffffffffff, 0x7ffffffffffff,
	0x3ffffffffffff } };
const struct fe fe_sqrt_m1 = { {
	0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e,
	0x2b8324804fc1d } };

noinline void fe_mul_slow(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_mul(r, a, b);
}

void fe_from_bytes(struct fe *r, const u8 s[32])
{
	u64 w0 = load_le64(s), w1 = load_le64(s + 8), w2 = load_le64(s + 16),
	    w3 = load_le64(s + 24);

	r->v[0] = w0 & FE_MASK;
	r->v[1] = (w0 >> 51 | w1 << 13) & FE_MASK;
	r->v[2] = (w1 >> 38 | w2 << 26) & FE_MASK;
	r->v[3] = (w2 >> 25 | w3 << 39) & FE_MASK;
	r->v[4] = (w3 >> 12) & FE_MASK;
}

static void carry_all(struct fe *t)
{
	u64 c;
	int i;

	for (i = 0; i < 4; i++) {
		c = t->v[i] >> 51;
		t->v[i] &= FE_MASK;
		t->v[i + 1] += c;
	}
	c = t->v[4] >> 51;
	t->v[4] &= FE_MASK;
	t->v[0] += 19 * c;
}

/*
 * Two rounds of carries bring any loose element below 2^255 + 19 * 2^4, hence
 * below 2p. Then q = 1 exactly if the value is p or more: adding 19 to it
 * carries out of bit 255. Adding 19q and dropping bit 255 subtracts q * p.
 */
void fe_canonical(struct fe *r, const struct fe *a)
{
	struct fe t = *a;
	u64 q;
	int i;

	carry_all(&t);
	carry_all(&t);
	q = (t.v[0] + 19) >> 51;
	for (i = 1; i < 5; i++)
		q = (t.v[i] + q) >> 51;
	t.v[0] += 19 * q;
	for (i = 0; i < 4; i++) {
		t.v[i + 1] += t.v[i] >> 51;
		t.v[i] &= FE_MASK;
	}
	t.v[4] &= FE_MASK;
	*r = t;
}

void fe_to_bytes(u8 s[32], const struct fe *a)
{
	struct fe t;

	fe_canonical(&t, a);
	store_le64(s, t.v[0] | t.v[1] << 51);
	store_le64(s + 8, t.v[1] >> 13 | t.v[2] << 38);
	store_le64(s + 16, t.v[2] >> 26 | t.v[3] << 25);
	store_le64(s + 24, t.v[3] >> 39 | t.v[4] << 12);
}

bool fe_is_zero(const struct fe *a)
{
	struct fe t;

	fe_canonical(&t, a);
	return !(t.v[0] | t.v[1] | t.v[2] | t.v[3] | t.v[4]);
}

/* r = a^(2^n) */
static noinline void sqr_n(struct fe *r, const struct fe *a, int n)
{
	struct fe t = *a;

	while (n--)
		fe_sqr(&t, &t);
	*r = t;
}

/* r = a^(2^n) * b */
static void sqr_n_mul(struct fe *r, const struct fe *a, int n,
		      const struct fe *b)
{
	struct fe t;

	sqr_n(&t, a, n);
	fe_mul_slow(r, &t, b);
}

/* r = a^(2^250 - 1), a11 = a^11; names say how many ones the exponent has */
static void pow_250_ones(struct fe *r, struct fe *a11, const struct fe *a)
{
	struct fe a2, a9, x5, x10, x20, x40, x50, x100;

	sqr_n(&a2, a, 1);
	sqr_n_mul(&a9, &a2, 2, a);
	fe_mul_slow(a11, &a9, &a2);
	sqr_n_mul(&x5, a11, 1, &a9);
	sqr_n_mul(&x10, &x5, 5, &x5);
	sqr_n_mul(&x20, &x10, 10, &x10);
	sqr_n_mul(&x40, &x20, 20, &x20);
	sqr_n_mul(&x50, &x40, 10, &x10);
	sqr_n_mul(&x100, &x50, 50, &x50);
	sqr_n_mul(r, &x100, 100, &x100);
	sqr_n_mul(r, r, 50, &x50);
}

/* p - 2 = 2^255 - 21 = (2^250 - 1) * 2^5 + 11 */
void fe_invert(struct fe *r, const struct fe *a)
{
	struct fe t, a11;

	pow_250_ones(&t, &a11, a);
	sqr_n_mul(r, &t, 5, &a11);
}

/* (p - 5) / 8 = 2^252 - 3 = (2^250 - 1) * 2^2 + 1 */
void fe_pow_p58(struct fe *r, const struct fe *a)
{
	struct fe t, a11, in = *a;

	pow_250_ones(&t, &a11, &in);
	sqr_n_mul(r, &t, 2, &in);
}
