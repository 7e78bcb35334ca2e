// SPDX-License-Identifier: Apache-2.0
/* x25519, sealed boxes and Ed25519 public keys over libsodium. */
#include "box.h"

#include <sodium.h>

#include "bytes.h"
#include "secret.h"

_Static_assert(BOX_SEAL_BYTES == crypto_box_SEALBYTES, "sealed box overhead");

void box_clamp(uint8_t secret[BOX_KEY_BYTES])
{
	secret[0] &= 0xf8;
	secret[31] &= 0x7f;
	secret[31] |= 0x40;
}

bool box_public(const uint8_t secret[BOX_KEY_BYTES], uint8_t pub[BOX_KEY_BYTES])
{
	return crypto_scalarmult_curve25519_base(pub, secret) == 0 &&
	       !bytes_are_zero(pub, BOX_KEY_BYTES);
}

bool box_seal(uint8_t *out, const uint8_t *plain, size_t len,
	      const uint8_t pub[BOX_KEY_BYTES])
{
	return crypto_box_seal(out, plain, len, pub) == 0;
}

bool box_open(uint8_t *out, const uint8_t *sealed, size_t len,
	      const uint8_t pub[BOX_KEY_BYTES], const uint8_t secret[BOX_KEY_BYTES])
{
	return len >= BOX_SEAL_BYTES &&
	       crypto_box_seal_open(out, sealed, len, pub, secret) == 0;
}

bool box_ed25519_public(const uint8_t seed[32], uint8_t pub[32])
{
	uint8_t expanded[crypto_sign_SECRETKEYBYTES];
	bool ok = crypto_sign_seed_keypair(pub, expanded, seed) == 0;

	secret_wipe(expanded, sizeof(expanded));
	return ok;
}
