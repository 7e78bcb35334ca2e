/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x25519 keys, sealed boxes and Ed25519 public keys, over libsodium. Sealed
 * boxes are libsodium's construction: ephemeral key, XSalsa20-Poly1305, 48
 * bytes longer than the plaintext.
 */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOX_KEY_BYTES = 32, BOX_SEAL_BYTES = 48 };

/* Clamps 32 bytes in place into an x25519 secret (RFC 7748). */
void box_clamp(uint8_t secret[BOX_KEY_BYTES]);
/* The public key of a secret. False for a result of all zeros. */
bool box_public(const uint8_t secret[BOX_KEY_BYTES], uint8_t pub[BOX_KEY_BYTES]);
/* Seals len bytes to pub; out has room for len + BOX_SEAL_BYTES. */
bool box_seal(uint8_t *out, const uint8_t *plain, size_t len,
	      const uint8_t pub[BOX_KEY_BYTES]);
/* Opens len bytes; out has room for len - BOX_SEAL_BYTES. False if it was not
 * sealed to this key, was altered, or is too short; out is then undefined. */
bool box_open(uint8_t *out, const uint8_t *sealed, size_t len,
	      const uint8_t pub[BOX_KEY_BYTES], const uint8_t secret[BOX_KEY_BYTES]);
/* Ed25519 public key of a 32-byte seed (RFC 8032). */
bool box_ed25519_public(const uint8_t seed[32], uint8_t pub[32]);

#endif
