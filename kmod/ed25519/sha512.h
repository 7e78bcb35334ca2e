/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHA-512, one message at a time. Own, because the kernels supported here offer
 * it under three different names and the eight-lane form (sha512_x8.h) shares
 * its constants.
 */
#ifndef ATTESTMESH_ED25519_SHA512_H
#define ATTESTMESH_ED25519_SHA512_H

#include "port.h"

enum {
	SHA512_BLOCK = 128,
	SHA512_BYTES = 64,
};

struct ed_sha512 {
	u64 h[8];
	u64 bytes;
	u8 block[SHA512_BLOCK];
};

extern const u64 ed_sha512_k[80];
extern const u64 ed_sha512_iv[8];

void ed_sha512_init(struct ed_sha512 *s);
void ed_sha512_update(struct ed_sha512 *s, const u8 *data, size_t len);

/* The digest as eight words read little-endian, which is how scalars take it. */
void ed_sha512_final_words(struct ed_sha512 *s, u64 out[8]);
void ed_sha512_final(struct ed_sha512 *s, u8 out[SHA512_BYTES]);

/*
 * Append the padding to @len bytes already in @buf, which has room for it.
 * Returns the number of blocks.
 */
unsigned int ed_sha512_pad(u8 *buf, size_t len);

#endif
