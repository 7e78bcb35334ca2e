/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 with the original 0x01 padding, as Ethereum uses it (not SHA3).
 * One-shot and incremental. Not for keys: nothing is wiped.
 */
#ifndef CRYPTO_KECCAK_H
#define CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { KECCAK256_BYTES = 32, KECCAK256_RATE_BYTES = 136 };

struct keccak256 {
	uint64_t lane[25];
	size_t at; /* bytes absorbed into the current block */
};

void keccak256_init(struct keccak256 *k);
void keccak256_add(struct keccak256 *k, const void *bytes, size_t len);
void keccak256_done(struct keccak256 *k, uint8_t out[KECCAK256_BYTES]);
void keccak256(uint8_t out[KECCAK256_BYTES], const void *bytes, size_t len);

#endif
