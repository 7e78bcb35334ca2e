// SPDX-License-Identifier: GPL-2.0-only
/* SHA-512 as in FIPS 180-4, for messages of any number of whole bytes. */
#include "sha512.h"

const u64 ed_sha512_k[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f,
	0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
	0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242,
	0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
	0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275,
	0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f,
	0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
	0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc,
	0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6,
	0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
	0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
	0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99,
	0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc,
	0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915,
	0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba,
	0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
	0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

const u64 ed_sha512_iv[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
	0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
	0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static __always_inline u64 ror(u64 x, int n)
{
	return x >> n | x << (64 - n);
}

/* The 16-word window of the message schedule, advanced by 16 rounds. */
static __always_inline void expand(u64 w[16])
{
	u64 s0, s1;
	int i;

#pragma GCC unroll 16
	for (i = 0; i < 16; i++) {
		s0 = w[(i + 1) & 15];
		s1 = w[(i + 14) & 15];
		w[i] += w[(i + 9) & 15] +
			(ror(s0, 1) ^ ror(s0, 8) ^ s0 >> 7) +
			(ror(s1, 19) ^ ror(s1, 61) ^ s1 >> 6);
	}
}

/* One round; the caller rotates the names of the eight variables instead. */
#define ROUND(a, b, c, d, e, f, g, h, kw)				\
	do {								\
		(h) += (ror(e, 14) ^ ror(e, 18) ^ ror(e, 41)) +		\
		       ((g) ^ ((e) & ((f) ^ (g)))) + (kw);		\
		(d) += (h);						\
		(h) += (ror(a, 28) ^ ror(a, 34) ^ ror(a, 39)) +		\
		       (((a) & (b)) | ((c) & ((a) | (b))));		\
	} while (0)

#define ROUNDS8(k, w)							\
	do {								\
		ROUND(a, b, c, d, e, f, g, h, (k)[0] + (w)[0]);		\
		ROUND(h, a, b, c, d, e, f, g, (k)[1] + (w)[1]);		\
		ROUND(g, h, a, b, c, d, e, f, (k)[2] + (w)[2]);		\
		ROUND(f, g, h, a, b, c, d, e, (k)[3] + (w)[3]);		\
		ROUND(e, f, g, h, a, b, c, d, (k)[4] + (w)[4]);		\
		ROUND(d, e, f, g, h, a, b, c, (k)[5] + (w)[5]);		\
		ROUND(c, d, e, f, g, h, a, b, (k)[6] + (w)[6]);		\
		ROUND(b, c, d, e, f, g, h, a, (k)[7] + (w)[7]);		\
	} while (0)

static void compress(u64 s[8], const u8 block[SHA512_BLOCK])
{
	u64 a = s[0], b = s[1], c = s[2], d = s[3];
	u64 e = s[4], f = s[5], g = s[6], h = s[7];
	u64 w[16];
	int i;

	for (i = 0; i < 16; i++)
		w[i] = load_be64(block + 8 * i);
	for (i = 0; i < 80; i += 16) {
		if (i)
			expand(w);
		ROUNDS8(ed_sha512_k + i, w);
		ROUNDS8(ed_sha512_k + i + 8, w + 8);
	}
	s[0] += a;
	s[1] += b;
	s[2] += c;
	s[3] += d;
	s[4] += e;
	s[5] += f;
	s[6] += g;
	s[7] += h;
}

void ed_sha512_init(struct ed_sha512 *s)
{
	memcpy(s->h, ed_sha512_iv, sizeof(s->h));
	s->bytes = 0;
}

void ed_sha512_update(struct ed_sha512 *s, const u8 *data, size_t len)
{
	size_t have = s->bytes % SHA512_BLOCK, room = SHA512_BLOCK - have;

	if (!len)
		return;
	s->bytes += len;
	if (have && len >= room) {
		memcpy(s->block + have, data, room);
		compress(s->h, s->block);
		data += room;
		len -= room;
		have = 0;
	}
	for (; len >= SHA512_BLOCK; len -= SHA512_BLOCK) {
		compress(s->h, data);
		data += SHA512_BLOCK;
	}
	memcpy(s->block + have, data, len);
}

unsigned int ed_sha512_pad(u8 *buf, size_t len)
{
	size_t blocks = (len + 1 + 16 + SHA512_BLOCK - 1) / SHA512_BLOCK;

	memset(buf + len, 0, blocks * SHA512_BLOCK - len);
	buf[len] = 0x80;
	store_be64(buf + blocks * SHA512_BLOCK - 8, (u64)len << 3);
	return blocks;
}

static void finish(struct ed_sha512 *s)
{
	size_t have = s->bytes % SHA512_BLOCK;

	s->block[have++] = 0x80;
	if (have > SHA512_BLOCK - 16) {
		memset(s->block + have, 0, SHA512_BLOCK - have);
		compress(s->h, s->block);
		have = 0;
	}
	memset(s->block + have, 0, SHA512_BLOCK - have);
	store_be64(s->block + SHA512_BLOCK - 16, s->bytes >> 61);
	store_be64(s->block + SHA512_BLOCK - 8, s->bytes << 3);
	compress(s->h, s->block);
}

void ed_sha512_final_words(struct ed_sha512 *s, u64 out[8])
{
	int i;

	finish(s);
	for (i = 0; i < 8; i++)
		out[i] = __builtin_bswap64(s->h[i]);
}

void ed_sha512_final(struct ed_sha512 *s, u8 out[SHA512_BYTES])
{
	int i;

	finish(s);
	for (i = 0; i < 8; i++)
		store_be64(out + 8 * i, s->h[i]);
}
