/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA over secp256k1 as Ethereum uses it: deterministic low-S signatures
 * with a recovery id, public key recovery, addresses, EIP-191 digests. Every
 * function fails closed; none allocates.
 */
#ifndef CRYPTO_K256_H
#define CRYPTO_K256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	K256_SECRET_BYTES = 32,
	K256_COMPRESSED_BYTES = 33,
	K256_POINT_BYTES = 65,      /* 0x04 || x || y */
	K256_SIGNATURE_BYTES = 65,  /* r || s || v */
	K256_ADDRESS_BYTES = 20,
};

/* True if the 32 bytes are a scalar in 1..n-1. */
bool k256_secret_valid(const uint8_t secret[K256_SECRET_BYTES]);
/* The public key in compressed form. False for an invalid secret. */
bool k256_public(const uint8_t secret[K256_SECRET_BYTES],
		 uint8_t out[K256_COMPRESSED_BYTES]);
/* Compressed to x || y with its prefix; false if not on the curve or the
 * prefix is neither 2 nor 3. */
bool k256_decompress(const uint8_t in[K256_COMPRESSED_BYTES],
		     uint8_t out[K256_POINT_BYTES]);
/* Ethereum address of a compressed public key; false if not on the curve. */
bool k256_address(const uint8_t pub[K256_COMPRESSED_BYTES],
		  uint8_t out[K256_ADDRESS_BYTES]);
/* Address of a secret's public key. */
bool k256_secret_address(const uint8_t secret[K256_SECRET_BYTES],
			 uint8_t out[K256_ADDRESS_BYTES]);
/* RFC 6979 signature over a digest, low-S, v = 0 or 1. */
bool k256_sign(const uint8_t secret[K256_SECRET_BYTES], const uint8_t digest[32],
	       uint8_t out[K256_SIGNATURE_BYTES]);
/* True if s is at most n/2. */
bool k256_low_s(const uint8_t sig[K256_SIGNATURE_BYTES]);
/* The signer's public key. v may be 0, 1, 27 or 28. False for any other v,
 * r or s out of range, high S, or a point at infinity. */
bool k256_recover(const uint8_t digest[32], const uint8_t sig[K256_SIGNATURE_BYTES],
		  uint8_t pub[K256_COMPRESSED_BYTES]);
/* keccak256("\x19Ethereum Signed Message:\n32" || hash). */
void k256_eip191_digest(const uint8_t hash[32], uint8_t out[32]);
/* Signature of the EIP-191 digest of hash, v = 27 or 28. */
bool k256_sign_eip191(const uint8_t secret[K256_SECRET_BYTES], const uint8_t hash[32],
		      uint8_t out[K256_SIGNATURE_BYTES]);

#endif
