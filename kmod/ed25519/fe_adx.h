/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Field elements as four full 64-bit words, for processors with MULX, ADCX and
 * ADOX. Any 256-bit value is a valid element, in and out of every operation, so
 * there are no bounds to keep: what exceeds 2^256 comes back as 38 times that.
 * General registers only: no FPU section is needed. Included by eval_adx.c.
 */
#ifndef ATTESTMESH_ED25519_FE_ADX_H
#define ATTESTMESH_ED25519_FE_ADX_H

#include "fe.h"

struct f4 {
	u64 v[4];
};

/*
 * Eight words a7..a0 to four, stored to the output. 2^256 = 38: the upper four
 * times 38 are added to the lower four, the word that overflows (at most 38)
 * once more, and the carry out of that as 38, which cannot carry again because
 * the value has just wrapped to less than 38 * 38.
 */
#define F4_REDUCE_STORE							\
	"mov	$38, %%edx\n\t"						\
	"xor	%k[lo], %k[lo]\n\t"					\
	"mulx	%[a4], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[a0]\n\t"					\
	"adox	%[hi], %[a1]\n\t"					\
	"mulx	%[a5], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[a1]\n\t"					\
	"adox	%[hi], %[a2]\n\t"					\
	"mulx	%[a6], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[a2]\n\t"					\
	"adox	%[hi], %[a3]\n\t"					\
	"mulx	%[a7], %[lo], %[a4]\n\t"				\
	"adcx	%[lo], %[a3]\n\t"					\
	"mov	$0, %k[lo]\n\t"						\
	"adox	%[lo], %[a4]\n\t"					\
	"adcx	%[lo], %[a4]\n\t"					\
	"imul	%%rdx, %[a4]\n\t"					\
	"add	%[a4], %[a0]\n\t"					\
	"adc	$0, %[a1]\n\t"						\
	"adc	$0, %[a2]\n\t"						\
	"adc	$0, %[a3]\n\t"						\
	"sbb	%[lo], %[lo]\n\t"					\
	"and	$38, %[lo]\n\t"						\
	"add	%[lo], %[a0]\n\t"					\
	"mov	%[a0], %[r0]\n\t"					\
	"mov	%[a1], %[r1]\n\t"					\
	"mov	%[a2], %[r2]\n\t"					\
	"mov	%[a3], %[r3]\n\t"

/* Row i >= 1 of the product: word f_i times g into a_i..a_(i+4). */
#define F4_ROW(f, b0, b1, b2, b3, b4)					\
	"mov	%[" f "], %%rdx\n\t"					\
	"xor	%k[lo], %k[lo]\n\t"					\
	"mulx	%[g0], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[" b0 "]\n\t"					\
	"adox	%[hi], %[" b1 "]\n\t"					\
	"mulx	%[g1], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[" b1 "]\n\t"					\
	"adox	%[hi], %[" b2 "]\n\t"					\
	"mulx	%[g2], %[lo], %[hi]\n\t"				\
	"adcx	%[lo], %[" b2 "]\n\t"					\
	"adox	%[hi], %[" b3 "]\n\t"					\
	"mulx	%[g3], %[lo], %[" b4 "]\n\t"				\
	"adcx	%[lo], %[" b3 "]\n\t"					\
	"mov	$0, %k[lo]\n\t"						\
	"adox	%[lo], %[" b4 "]\n\t"					\
	"adcx	%[lo], %[" b4 "]\n\t"

#define F4_WORDS							\
	[a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),	\
	[a4] "=&r"(a4), [a5] "=&r"(a5), [a6] "=&r"(a6), [a7] "=&r"(a7),	\
	[lo] "=&r"(lo), [hi] "=&r"(hi)

#define F4_OUT(r)							\
	[r0] "=m"((r)->v[0]), [r1] "=m"((r)->v[1]),			\
	[r2] "=m"((r)->v[2]), [r3] "=m"((r)->v[3])

/* r may be f or g: it is written last. */
static __always_inline void f4_mul(struct f4 *r, const struct f4 *f,
				   const struct f4 *g)
{
	u64 a0, a1, a2, a3, a4, a5, a6, a7, lo, hi;

	__asm__("mov	%[f0], %%rdx\n\t"
		"mulx	%[g0], %[a0], %[a1]\n\t"
		"mulx	%[g1], %[lo], %[a2]\n\t"
		"add	%[lo], %[a1]\n\t"
		"mulx	%[g2], %[lo], %[a3]\n\t"
		"adc	%[lo], %[a2]\n\t"
		"mulx	%[g3], %[lo], %[a4]\n\t"
		"adc	%[lo], %[a3]\n\t"
		"adc	$0, %[a4]\n\t"
		F4_ROW("f1", "a1", "a2", "a3", "a4", "a5")
		F4_ROW("f2", "a2", "a3", "a4", "a5", "a6")
		F4_ROW("f3", "a3", "a4", "a5", "a6", "a7")
		F4_REDUCE_STORE
		: F4_OUT(r), F4_WORDS
		: [f0] "m"(f->v[0]), [f1] "m"(f->v[1]), [f2] "m"(f->v[2]),
		  [f3] "m"(f->v[3]), [g0] "m"(g->v[0]), [g1] "m"(g->v[1]),
		  [g2] "m"(g->v[2]), [g3] "m"(g->v[3])
		: "rdx", "cc");
}

/* The six mixed products first, then twice their sum plus the four squares. */
static __always_inline void f4_sqr(struct f4 *r, const struct f4 *f)
{
	u64 a0, a1, a2, a3, a4, a5, a6, a7, lo, hi;

	__asm__("mov	%[f0], %%rdx\n\t"
		"mulx	%[f1], %[a1], %[a2]\n\t"
		"mulx	%[f2], %[lo], %[a3]\n\t"
		"mulx	%[f3], %[hi], %[a4]\n\t"
		"add	%[lo], %[a2]\n\t"
		"adc	%[hi], %[a3]\n\t"
		"adc	$0, %[a4]\n\t"
		"mov	%[f1], %%rdx\n\t"
		"mulx	%[f2], %[lo], %[hi]\n\t"
		"mulx	%[f3], %[a6], %[a5]\n\t"
		"add	%[lo], %[a3]\n\t"
		"adc	%[hi], %[a4]\n\t"
		"adc	$0, %[a5]\n\t"
		"add	%[a6], %[a4]\n\t"
		"adc	$0, %[a5]\n\t"
		"mov	%[f2], %%rdx\n\t"
		"mulx	%[f3], %[lo], %[a6]\n\t"
		"add	%[lo], %[a5]\n\t"
		"adc	$0, %[a6]\n\t"
		"xor	%k[a7], %k[a7]\n\t"
		"mov	%[f0], %%rdx\n\t"
		"mulx	%%rdx, %[a0], %[lo]\n\t"
		"adcx	%[a1], %[a1]\n\t"
		"adox	%[lo], %[a1]\n\t"
		"mov	%[f1], %%rdx\n\t"
		"mulx	%%rdx, %[lo], %%rdx\n\t"
		"adcx	%[a2], %[a2]\n\t"
		"adox	%[lo], %[a2]\n\t"
		"adcx	%[a3], %[a3]\n\t"
		"adox	%%rdx, %[a3]\n\t"
		"mov	%[f2], %%rdx\n\t"
		"mulx	%%rdx, %[lo], %%rdx\n\t"
		"adcx	%[a4], %[a4]\n\t"
		"adox	%[lo], %[a4]\n\t"
		"adcx	%[a5], %[a5]\n\t"
		"adox	%%rdx, %[a5]\n\t"
		"mov	%[f3], %%rdx\n\t"
		"mulx	%%rdx, %[lo], %[hi]\n\t"
		"adcx	%[a6], %[a6]\n\t"
		"adox	%[lo], %[a6]\n\t"
		"adcx	%[a7], %[a7]\n\t"
		"adox	%[hi], %[a7]\n\t"
		F4_REDUCE_STORE
		: F4_OUT(r), F4_WORDS
		: [f0] "m"(f->v[0]), [f1] "m"(f->v[1]), [f2] "m"(f->v[2]),
		  [f3] "m"(f->v[3])
		: "rdx", "cc");
}

static __always_inline void f4_add(struct f4 *r, const struct f4 *a,
				   const struct f4 *b)
{
	u64 r0 = a->v[0], r1 = a->v[1], r2 = a->v[2], r3 = a->v[3], c;

	__asm__("add	%[b0], %[r0]\n\t"
		"adc	%[b1], %[r1]\n\t"
		"adc	%[b2], %[r2]\n\t"
		"adc	%[b3], %[r3]\n\t"
		"sbb	%[c], %[c]\n\t"
		"and	$38, %[c]\n\t"
		"add	%[c], %[r0]\n\t"
		"adc	$0, %[r1]\n\t"
		"adc	$0, %[r2]\n\t"
		"adc	$0, %[r3]\n\t"
		"sbb	%[c], %[c]\n\t"
		"and	$38, %[c]\n\t"
		"add	%[c], %[r0]\n\t"
		: [r0] "+&r"(r0), [r1] "+&r"(r1), [r2] "+&r"(r2),
		  [r3] "+&r"(r3), [c] "=&r"(c)
		: [b0] "m"(b->v[0]), [b1] "m"(b->v[1]), [b2] "m"(b->v[2]),
		  [b3] "m"(b->v[3])
		: "cc");
	r->v[0] = r0;
	r->v[1] = r1;
	r->v[2] = r2;
	r->v[3] = r3;
}

static __always_inline void f4_sub(struct f4 *r, const struct f4 *a,
				   const struct f4 *b)
{
	u64 r0 = a->v[0], r1 = a->v[1], r2 = a->v[2], r3 = a->v[3], c;

	__asm__("sub	%[b0], %[r0]\n\t"
		"sbb	%[b1], %[r1]\n\t"
		"sbb	%[b2], %[r2]\n\t"
		"sbb	%[b3], %[r3]\n\t"
		"sbb	%[c], %[c]\n\t"
		"and	$38, %[c]\n\t"
		"sub	%[c], %[r0]\n\t"
		"sbb	$0, %[r1]\n\t"
		"sbb	$0, %[r2]\n\t"
		"sbb	$0, %[r3]\n\t"
		"sbb	%[c], %[c]\n\t"
		"and	$38, %[c]\n\t"
		"sub	%[c], %[r0]\n\t"
		: [r0] "+&r"(r0), [r1] "+&r"(r1), [r2] "+&r"(r2),
		  [r3] "+&r"(r3), [c] "=&r"(c)
		: [b0] "m"(b->v[0]), [b1] "m"(b->v[1]), [b2] "m"(b->v[2]),
		  [b3] "m"(b->v[3])
		: "cc");
	r->v[0] = r0;
	r->v[1] = r1;
	r->v[2] = r2;
	r->v[3] = r3;
}

static __always_inline void f4_set(struct f4 *r, u64 small)
{
	r->v[0] = small;
	r->v[1] = 0;
	r->v[2] = 0;
	r->v[3] = 0;
}

/* From five limbs of 51 bits, each in range. */
static __always_inline void f4_from_limbs(struct f4 *r, const u64 l[5])
{
	r->v[0] = l[0] | l[1] << 51;
	r->v[1] = l[1] >> 13 | l[2] << 38;
	r->v[2] = l[2] >> 26 | l[3] << 25;
	r->v[3] = l[3] >> 39 | l[4] << 12;
}

/* To a tight element; bit 255 counts 19. */
static __always_inline void f4_to_fe(struct fe *r, const struct f4 *a)
{
	const u64 *w = a->v;

	r->v[0] = (w[0] & FE_MASK) + 19 * (w[3] >> 63);
	r->v[1] = (w[0] >> 51 | w[1] << 13) & FE_MASK;
	r->v[2] = (w[1] >> 38 | w[2] << 26) & FE_MASK;
	r->v[3] = (w[2] >> 25 | w[3] << 39) & FE_MASK;
	r->v[4] = (w[3] >> 12) & FE_MASK;
}

#endif
