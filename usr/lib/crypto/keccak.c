// SPDX-License-Identifier: Apache-2.0
/* Keccak-f[1600] and the sponge at rate 136 with Ethereum's 0x01 padding. */
#include "keccak.h"

#include <string.h>

static uint64_t rotl(uint64_t x, unsigned int n)
{
	return n ? x << n | x >> (64 - n) : x;
}

/* Round constants by the degree-8 LFSR of the specification. */
static uint64_t round_constant(uint8_t *lfsr)
{
	uint64_t rc = 0;

	for (unsigned int j = 0; j < 7; j++) {
		if (*lfsr & 1)
			rc |= 1ULL << ((1U << j) - 1);
		*lfsr = (uint8_t)(*lfsr << 1 ^ (*lfsr & 0x80 ? 0x71 : 0));
	}
	return rc;
}

static void rho_pi(uint64_t a[25])
{
	unsigned int x = 1, y = 0;
	uint64_t carried = a[1];

	for (unsigned int t = 0; t < 24; t++) {
		unsigned int next_y = (2 * x + 3 * y) % 5;
		uint64_t displaced;

		x = y;
		y = next_y;
		displaced = a[x + 5 * y];
		a[x + 5 * y] = rotl(carried, (t + 1) * (t + 2) / 2 % 64);
		carried = displaced;
	}
}

static void permute(uint64_t a[25])
{
	uint8_t lfsr = 1;

	for (unsigned int round = 0; round < 24; round++) {
		uint64_t c[5], row[5];

		for (unsigned int x = 0; x < 5; x++)
			c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
		for (unsigned int i = 0; i < 25; i++)
			a[i] ^= c[(i + 4) % 5] ^ rotl(c[(i + 1) % 5], 1);
		rho_pi(a);
		for (unsigned int y = 0; y < 25; y += 5) {
			memcpy(row, a + y, sizeof(row));
			for (unsigned int x = 0; x < 5; x++)
				a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
		}
		a[0] ^= round_constant(&lfsr);
	}
}

static void absorb_byte(struct keccak256 *k, uint8_t byte)
{
	k->lane[k->at / 8] ^= (uint64_t)byte << 8 * (k->at % 8);
	if (++k->at == KECCAK256_RATE_BYTES) {
		permute(k->lane);
		k->at = 0;
	}
}

void keccak256_init(struct keccak256 *k)
{
	memset(k, 0, sizeof(*k));
}

void keccak256_add(struct keccak256 *k, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len--)
		absorb_byte(k, *p++);
}

void keccak256_done(struct keccak256 *k, uint8_t out[KECCAK256_BYTES])
{
	k->lane[k->at / 8] ^= 1ULL << 8 * (k->at % 8);
	k->lane[KECCAK256_RATE_BYTES / 8 - 1] ^= 1ULL << 63;
	permute(k->lane);
	for (size_t i = 0; i < KECCAK256_BYTES; i++)
		out[i] = (uint8_t)(k->lane[i / 8] >> 8 * (i % 8));
}

void keccak256(uint8_t out[KECCAK256_BYTES], const void *bytes, size_t len)
{
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_add(&k, bytes, len);
	keccak256_done(&k, out);
}
