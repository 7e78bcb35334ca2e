/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fe_mul() and fe_sqr() from 32x32 -> 64 bit products, for machines without a
 * wider one. Same five-limb interface; inside, each limb is two of 26 and 25
 * bits. Slower, and only that. Included by fe.h alone.
 */

/* Ten limbs of 26, 25, 26, ... bits, each below 2^26 + 2^9. */
static inline void fe_split(u32 o[10], const struct fe *a)
{
	u64 v, carry = 19 * (a->v[4] >> 51);
	int i;

	for (i = 0; i < 5; i++) {
		v = (a->v[i] & FE_MASK) + carry;
		carry = a->v[i] >> 51;
		o[2 * i] = (u32)v & 0x3ffffff;
		o[2 * i + 1] = (u32)(v >> 26);
	}
}

/* Columns below 2^61: ten products of 2^26 * 2^26 * 38 at most. */
static inline void fe_join(struct fe *r, u64 h[10])
{
	int i, bits;

	for (i = 0; i < 9; i++) {
		bits = i & 1 ? 25 : 26;
		h[i + 1] += h[i] >> bits;
		h[i] &= (1U << bits) - 1;
	}
	h[0] += 19 * (h[9] >> 25);
	h[9] &= 0x1ffffff;
	h[1] += h[0] >> 26;
	h[0] &= 0x3ffffff;
	for (i = 0; i < 5; i++)
		r->v[i] = h[2 * i] + (h[2 * i + 1] << 26);
}

static inline void fe_mul(struct fe *r, const struct fe *f, const struct fe *g)
{
	u32 a[10], b[10], b19[10], x;
	u64 h[10] = { 0 };
	int i, j;

	fe_split(a, f);
	fe_split(b, g);
	for (j = 0; j < 10; j++)
		b19[j] = 19 * b[j];
	for (i = 0; i < 10; i++)
		for (j = 0; j < 10; j++) {
			/* two 25-bit positions meet half a bit high */
			x = i & j & 1 ? 2 * a[i] : a[i];
			if (i + j < 10)
				h[i + j] += (u64)x * b[j];
			else
				h[i + j - 10] += (u64)x * b19[j];
		}
	fe_join(r, h);
}

static inline void fe_sqr(struct fe *r, const struct fe *f)
{
	fe_mul(r, f, f);
}
