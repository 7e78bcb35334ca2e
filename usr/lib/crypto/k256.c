// SPDX-License-Identifier: Apache-2.0
/*
 * secp256k1 over libsecp256k1. The context is made once and randomised
 * against side channels; the library checks scalars and points itself.
 */
#include "k256.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <string.h>

#include "keccak.h"
#include "secret.h"

/* n / 2, the greatest s that is accepted. */
static const uint8_t half_order[32] = {
	0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d,
	0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
};

/* Lives for the process: signing contexts are costly and hold no key. */
static const secp256k1_context *context(void)
{
	static secp256k1_context *ctx;
	uint8_t seed[32];

	if (ctx)
		return ctx;
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
	secret_random(seed, sizeof(seed));
	if (ctx && !secp256k1_context_randomize(ctx, seed)) {
		secp256k1_context_destroy(ctx);
		ctx = NULL;
	}
	secret_wipe(seed, sizeof(seed));
	return ctx;
}

static bool compress(const secp256k1_pubkey *key, uint8_t out[K256_COMPRESSED_BYTES])
{
	size_t len = K256_COMPRESSED_BYTES;

	return secp256k1_ec_pubkey_serialize(context(), out, &len, key,
					     SECP256K1_EC_COMPRESSED) == 1;
}

bool k256_secret_valid(const uint8_t secret[K256_SECRET_BYTES])
{
	return context() && secp256k1_ec_seckey_verify(context(), secret) == 1;
}

bool k256_public(const uint8_t secret[K256_SECRET_BYTES],
		 uint8_t out[K256_COMPRESSED_BYTES])
{
	secp256k1_pubkey key;

	return context() && secp256k1_ec_pubkey_create(context(), &key, secret) == 1 &&
	       compress(&key, out);
}

bool k256_decompress(const uint8_t in[K256_COMPRESSED_BYTES],
		     uint8_t out[K256_POINT_BYTES])
{
	secp256k1_pubkey key;
	size_t len = K256_POINT_BYTES;

	if (!context() || (in[0] != 2 && in[0] != 3))
		return false;
	return secp256k1_ec_pubkey_parse(context(), &key, in, K256_COMPRESSED_BYTES) == 1 &&
	       secp256k1_ec_pubkey_serialize(context(), out, &len, &key,
					     SECP256K1_EC_UNCOMPRESSED) == 1;
}

bool k256_address(const uint8_t pub[K256_COMPRESSED_BYTES],
		  uint8_t out[K256_ADDRESS_BYTES])
{
	uint8_t point[K256_POINT_BYTES], hash[KECCAK256_BYTES];

	if (!k256_decompress(pub, point))
		return false;
	keccak256(hash, point + 1, K256_POINT_BYTES - 1);
	memcpy(out, hash + KECCAK256_BYTES - K256_ADDRESS_BYTES, K256_ADDRESS_BYTES);
	return true;
}

bool k256_secret_address(const uint8_t secret[K256_SECRET_BYTES],
			 uint8_t out[K256_ADDRESS_BYTES])
{
	uint8_t pub[K256_COMPRESSED_BYTES];

	return k256_public(secret, pub) && k256_address(pub, out);
}

bool k256_sign(const uint8_t secret[K256_SECRET_BYTES], const uint8_t digest[32],
	       uint8_t out[K256_SIGNATURE_BYTES])
{
	secp256k1_ecdsa_recoverable_signature sig;
	int recovery_id;

	/* The default nonce function is RFC 6979 and s comes out low. */
	if (!context() ||
	    secp256k1_ecdsa_sign_recoverable(context(), &sig, digest, secret,
					     secp256k1_nonce_function_rfc6979, NULL) != 1)
		return false;
	secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), out,
								&recovery_id, &sig);
	out[64] = (uint8_t)recovery_id;
	return recovery_id < 2;
}

bool k256_low_s(const uint8_t sig[K256_SIGNATURE_BYTES])
{
	return memcmp(sig + 32, half_order, sizeof(half_order)) <= 0;
}

bool k256_recover(const uint8_t digest[32], const uint8_t sig[K256_SIGNATURE_BYTES],
		  uint8_t pub[K256_COMPRESSED_BYTES])
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey key;
	int recovery_id = sig[64] >= 27 ? sig[64] - 27 : sig[64];

	if (!context() || recovery_id > 1 || !k256_low_s(sig))
		return false;
	return secp256k1_ecdsa_recoverable_signature_parse_compact(
		       context(), &parsed, sig, recovery_id) == 1 &&
	       secp256k1_ecdsa_recover(context(), &key, &parsed, digest) == 1 &&
	       compress(&key, pub);
}

void k256_eip191_digest(const uint8_t hash[32], uint8_t out[32])
{
	static const char prefix[] = "\x19" "Ethereum Signed Message:\n32";
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_add(&k, prefix, sizeof(prefix) - 1);
	keccak256_add(&k, hash, 32);
	keccak256_done(&k, out);
}

bool k256_sign_eip191(const uint8_t secret[K256_SECRET_BYTES], const uint8_t hash[32],
		      uint8_t out[K256_SIGNATURE_BYTES])
{
	uint8_t digest[32];

	k256_eip191_digest(hash, digest);
	if (!k256_sign(secret, digest, out))
		return false;
	out[64] = (uint8_t)(out[64] + 27);
	return true;
}
