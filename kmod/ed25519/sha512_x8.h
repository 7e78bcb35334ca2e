/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHA-512 of eight messages at once, each of its own number of blocks. Included
 * by ifma.c; the scalar one is sha512.c.
 */
#ifndef ATTESTMESH_ED25519_SHA512_X8_H
#define ATTESTMESH_ED25519_SHA512_X8_H

#define VROR(x, n)	_mm512_ror_epi64(x, n)
#define XOR3(a, b, c)	_mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHOOSE(e, f, g)	_mm512_ternarylogic_epi64(e, f, g, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xe8)

/* Each 64-bit word's bytes reversed: SHA-512 is big-endian. */
static __always_inline vec swap_words(vec x)
{
	const __m128i order = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15,
					   0, 1, 2, 3, 4, 5, 6, 7);

	return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order));
}

static __always_inline vec x8_expand(const vec w[16], int i)
{
	vec s0 = w[(i + 1) & 15], s1 = w[(i + 14) & 15];

	s0 = XOR3(VROR(s0, 1), VROR(s0, 8), _mm512_srli_epi64(s0, 7));
	s1 = XOR3(VROR(s1, 19), VROR(s1, 61), _mm512_srli_epi64(s1, 6));
	return VADD(VADD(w[i], w[(i + 9) & 15]), VADD(s0, s1));
}

/* The eight variables live in s[] and rotate by index instead of by moving. */
static __always_inline void x8_round(vec s[8], int r, vec kw)
{
	vec a = s[(0 - r) & 7], b = s[(1 - r) & 7], c = s[(2 - r) & 7];
	vec e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
	vec t1, t2;

	t1 = VADD(VADD(s[(7 - r) & 7], kw),
		  VADD(XOR3(VROR(e, 14), VROR(e, 18), VROR(e, 41)),
		       CHOOSE(e, f, g)));
	t2 = VADD(XOR3(VROR(a, 28), VROR(a, 34), VROR(a, 39)),
		  MAJORITY(a, b, c));
	s[(3 - r) & 7] = VADD(s[(3 - r) & 7], t1);
	s[(7 - r) & 7] = VADD(t1, t2);
}

static __always_inline void x8_load_block(vec w[16], const u8 *const msg[8],
					  unsigned int block)
{
	const u8 *p;
	vec t[8];
	int half, i;

	for (half = 0; half < 2; half++) {
		for (i = 0; i < 8; i++) {
			p = msg[i] + block * SHA512_BLOCK + 64 * half;
			t[i] = swap_words(_mm512_loadu_si512(p));
		}
		transpose8(w + 8 * half, t);
	}
}

/*
 * One block of each lane in @active into the chaining values @h. A frame of its
 * own: with its caller's vectors in it too it would pass the kernel's 2 KiB.
 */
static noinline void x8_compress(vec h[8], const u8 *const msg[8],
				 unsigned int block, __mmask8 active)
{
	vec w[16], s[8];
	int i, r;

	x8_load_block(w, msg, block);
	for (i = 0; i < 8; i++)
		s[i] = h[i];
	for (r = 0; r < 80; r += 16) {
#pragma GCC unroll 16
		for (i = 0; i < 16; i++) {
			if (r)
				w[i] = x8_expand(w, i);
			x8_round(s, i, VADD(w[i], VSET(ed_sha512_k[r + i])));
		}
	}
	for (i = 0; i < 8; i++)
		h[i] = _mm512_mask_add_epi64(h[i], active, h[i], s[i]);
}

#endif
