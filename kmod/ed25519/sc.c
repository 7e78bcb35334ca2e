// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic modulo L = 2^252 + 27742317777372353535851937790883648493: Barrett
 * reduction on machine-width limbs, no branch and no address depending on a
 * value. Knows nothing of points.
 */
#include "sc.h"

#if ED_HAVE_U128
typedef u64 limb;
typedef u128 limb2;
#define LIMB_BITS 64
#define LIMBS4(a) (limb)(a)
#else
typedef u32 limb;
typedef u64 limb2;
#define LIMB_BITS 32
#define LIMBS4(a) (limb)(a), (limb)((u64)(a) >> 32)
#endif

enum {
	N256 = 256 / LIMB_BITS,		/* limbs of a scalar */
	N512 = 512 / LIMB_BITS,
	NQ = N256 + 1,			/* limbs of the Barrett quotient */
};

static const limb order[N256] = {
	LIMBS4(0x5812631a5cf5d3edULL), LIMBS4(0x14def9dea2f79cd6ULL),
	LIMBS4(0x0000000000000000ULL), LIMBS4(0x1000000000000000ULL),
};

/* floor(2^512 / L): 260 bits */
static const limb barrett_mu[N256 + 64 / LIMB_BITS] = {
	LIMBS4(0xed9ce5a30a2c131bULL), LIMBS4(0x2106215d086329a7ULL),
	LIMBS4(0xffffffffffffffebULL), LIMBS4(0xffffffffffffffffULL),
	LIMBS4(0x000000000000000fULL),
};

static void to_limbs(limb *o, const u64 *w, int words)
{
	int i;

	for (i = 0; i < words * 64 / LIMB_BITS; i++)
		o[i] = (limb)(w[i * LIMB_BITS / 64] >> (i * LIMB_BITS % 64));
}

static void from_limbs(u64 *w, const limb *o, int words)
{
	int i;

	for (i = 0; i < words; i++) {
#if LIMB_BITS == 64
		w[i] = o[i];
#else
		w[i] = o[2 * i] | (u64)o[2 * i + 1] << 32;
#endif
	}
}

/* r[0..na+nb) = a * b */
static __always_inline void mul(limb *r, const limb *a, int na, const limb *b,
				int nb)
{
	limb2 t;
	limb c;
	int i, j;

	for (i = 0; i < na + nb; i++)
		r[i] = 0;
#pragma GCC unroll 5
	for (i = 0; i < na; i++) {
		c = 0;
#pragma GCC unroll 5
		for (j = 0; j < nb; j++) {
			t = (limb2)a[i] * b[j] + r[i + j] + c;
			r[i + j] = (limb)t;
			c = (limb)(t >> LIMB_BITS);
		}
		r[i + nb] = c;
	}
}

/* r = a - b over @n limbs; returns the borrow */
static __always_inline limb sub(limb *r, const limb *a, const limb *b, int n)
{
	limb borrow = 0;
	limb2 t;
	int i;

#pragma GCC unroll 5
	for (i = 0; i < n; i++) {
		t = (limb2)a[i] - b[i] - borrow;
		r[i] = (limb)t;
		borrow = (limb)(t >> LIMB_BITS) & 1;
	}
	return borrow;
}

/* d -= L if that does not borrow */
static __always_inline void sub_order_once(limb d[NQ])
{
	limb l[NQ] = { 0 }, e[NQ], mask;
	int i;

	for (i = 0; i < N256; i++)
		l[i] = order[i];
	mask = (limb)ct_mask(1 ^ sub(e, d, l, NQ));
	for (i = 0; i < NQ; i++)
		d[i] ^= (d[i] ^ e[i]) & mask;
}

/*
 * Barrett: q = floor(floor(x / b^(k-1)) * mu / b^(k+1)) is at most 2 below the
 * true quotient (b the limb base, k the limbs of L), so x - qL is in [0, 3L)
 * and is right modulo b^(k+1). mu has one 64-bit word above the scalar's four;
 * with 32-bit limbs its upper half is zero and is left out.
 */
static __always_inline void reduce(limb r[N256], const limb x[N512])
{
	limb q2[2 * NQ], ql[NQ + N256], d[NQ];
	int i;

	mul(q2, x + N256 - 1, NQ, barrett_mu, NQ);
	mul(ql, q2 + NQ, NQ, order, N256);
	sub(d, x, ql, NQ);
	sub_order_once(d);
	sub_order_once(d);
	for (i = 0; i < N256; i++)
		r[i] = d[i];
}

void sc_reduce(struct sc *r, const u64 x[8])
{
	limb in[N512], out[N256];

	to_limbs(in, x, 8);
	reduce(out, in);
	from_limbs(r->w, out, 4);
}

void sc_muladd(struct sc *r, const struct sc *a, const struct sc *b,
	       const struct sc *c)
{
	limb la[N256], lb[N256], lc[N512], p[N512], out[N256], carry = 0;
	limb2 t;
	int i;

	to_limbs(la, a->w, 4);
	to_limbs(lb, b->w, 4);
	to_limbs(lc, c->w, 4);
	mul(p, la, N256, lb, N256);
	for (i = 0; i < N512; i++) {
		t = (limb2)p[i] + (i < N256 ? lc[i] : 0) + carry;
		p[i] = (limb)t;
		carry = (limb)(t >> LIMB_BITS);
	}
	reduce(out, p);
	from_limbs(r->w, out, 4);
	ed_wipe(la, sizeof(la));
	ed_wipe(lb, sizeof(lb));
	ed_wipe(lc, sizeof(lc));
	ed_wipe(p, sizeof(p));
}

void sc_from_bytes(struct sc *r, const u8 s[32])
{
	int i;

	for (i = 0; i < 4; i++)
		r->w[i] = load_le64(s + 8 * i);
}

void sc_to_bytes(u8 s[32], const struct sc *a)
{
	int i;

	for (i = 0; i < 4; i++)
		store_le64(s + 8 * i, a->w[i]);
}

bool sc_is_reduced(const struct sc *a)
{
	limb l[N256], d[N256];

	to_limbs(l, a->w, 4);
	return sub(d, l, order, N256);
}

u64 sc_recode(struct sc_bits *u, const struct sc *k, int n)
{
	limb l[N256], d[N256];
	u64 odd[4], even = 1 ^ (k->w[0] & 1), mask = ct_mask(even), carry, x;
	int i, word = (n - 1) / 64;

	to_limbs(l, k->w, 4);
	sub(d, order, l, N256);
	from_limbs(odd, d, 4);
	for (i = 0; i < 4; i++)
		odd[i] = (odd[i] & mask) | (k->w[i] & ~mask);
	for (i = 0; i < 3; i++)
		u->w[i] = odd[i] >> 1 | odd[i + 1] << 63;
	u->w[3] = odd[3] >> 1;
	u->w[4] = 0;
	u->w[5] = 0;
	carry = 1ULL << ((n - 1) % 64);
	for (i = word; i < 6; i++) {
		x = u->w[i] + carry;
		carry = x < carry;
		u->w[i] = x;
	}
	return even;
}
