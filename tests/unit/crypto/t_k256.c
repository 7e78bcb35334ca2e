// SPDX-License-Identifier: Apache-2.0
/* secp256k1: signatures equal to those of other implementations byte for byte,
 * recovery of both, and refusal of every malformed form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "k256.h"
#include "keccak.h"

static const uint8_t order[32] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c,
	0xd0, 0x36, 0x41, 0x41,
};

/* dstack's published simulator fixture: app root key, derived public key under
 * the purpose "ethereum", and the signature over the two. */
static const char app_secret[] =
	"d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d";
static const char app_public[] =
	"02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c";
static const char app_address[] = "d508660da170d8b162779698a64e6707d5aa217a";
static const char claim[] =
	"ethereum:0339e8166d41463a41b9b1f00ec50679a9eda73e8e91e19764eb384ef00c00732d";
static const char claim_signature[] =
	"091ec4087982f5ef4001afe951c5ec77929eca48970783e1a9e570f3db066329"
	"587890c29f70605346cdc6cd44bfb1889ec4a95e83d6b0ac6f331e1f99aee81501";

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
	assert_true(hex_decode(out, len, hex));
}

static void negate_s(uint8_t sig[65])
{
	int borrow = 0;

	for (int i = 31; i >= 0; i--) {
		int d = order[i] - sig[32 + i] - borrow;

		borrow = d < 0;
		sig[32 + i] = (uint8_t)d;
	}
	sig[64] ^= 1;
}

static void test_signature_is_reproduced(void **state)
{
	uint8_t secret[32], digest[32], want[65], sig[65], pub[33], want_pub[33];

	(void)state;
	from_hex(secret, 32, app_secret);
	from_hex(want, 65, claim_signature);
	from_hex(want_pub, 33, app_public);
	keccak256(digest, claim, sizeof(claim) - 1);
	assert_true(k256_sign(secret, digest, sig));
	assert_memory_equal(sig, want, 65);
	assert_true(k256_low_s(sig));
	assert_true(k256_recover(digest, sig, pub));
	assert_memory_equal(pub, want_pub, 33);
	sig[64] = (uint8_t)(sig[64] + 27);
	assert_true(k256_recover(digest, sig, pub));
	assert_memory_equal(pub, want_pub, 33);
}

static void test_public_key_and_address(void **state)
{
	uint8_t secret[32], pub[33], want_pub[33], address[20], want[20], point[65];

	(void)state;
	from_hex(secret, 32, app_secret);
	from_hex(want_pub, 33, app_public);
	from_hex(want, 20, app_address);
	assert_true(k256_public(secret, pub));
	assert_memory_equal(pub, want_pub, 33);
	assert_true(k256_address(pub, address));
	assert_memory_equal(address, want, 20);
	assert_true(k256_secret_address(secret, address));
	assert_memory_equal(address, want, 20);
	assert_true(k256_decompress(pub, point));
	assert_int_equal(point[0], 4);
	assert_memory_equal(point + 1, pub + 1, 32);
}

static void test_eip191_equals_wallets(void **state)
{
	uint8_t secret[32], hash[32], sig[65], want[65];

	(void)state;
	memset(secret, 0x46, 32);
	memset(hash, 0xab, 32);
	from_hex(want, 65,
		 "123fe602d54e896e940e3ff8d9d70a5a8dfa1696e2de13904e8d519da031519e"
		 "2e935fb853b6a27429d2615881995830837a09dd4897a0f0db01c46851fabec01b");
	assert_true(k256_sign_eip191(secret, hash, sig));
	assert_memory_equal(sig, want, 65);
}

static void test_high_s_is_refused(void **state)
{
	uint8_t digest[32], sig[65], pub[33];

	(void)state;
	keccak256(digest, claim, sizeof(claim) - 1);
	from_hex(sig, 65, claim_signature);
	assert_true(k256_recover(digest, sig, pub));
	negate_s(sig);
	assert_false(k256_low_s(sig));
	assert_false(k256_recover(digest, sig, pub));
	/* Exactly n/2 is low, one above is not. */
	from_hex(sig + 32, 32, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
	assert_true(k256_low_s(sig));
	sig[63]++;
	assert_false(k256_low_s(sig));
}

static void test_malformed_signatures_are_refused(void **state)
{
	uint8_t digest[32], good[65], sig[65], pub[33];

	(void)state;
	keccak256(digest, claim, sizeof(claim) - 1);
	from_hex(good, 65, claim_signature);
	for (int v = 0; v < 256; v++) {
		memcpy(sig, good, 65);
		sig[64] = (uint8_t)v;
		if (v > 1 && v != 27 && v != 28)
			assert_false(k256_recover(digest, sig, pub));
	}
	memset(sig, 0, 65);
	assert_false(k256_recover(digest, sig, pub));
	memcpy(sig, good, 65);
	memcpy(sig, order, 32); /* r = n */
	assert_false(k256_recover(digest, sig, pub));
	memcpy(sig, good, 65);
	memset(sig + 32, 0, 32); /* s = 0 */
	assert_false(k256_recover(digest, sig, pub));
}

static void test_bad_scalars_and_points_are_refused(void **state)
{
	uint8_t secret[32] = { 0 }, pub[33], point[65], address[20];

	(void)state;
	assert_false(k256_secret_valid(secret));
	assert_false(k256_public(secret, pub));
	memcpy(secret, order, 32);
	assert_false(k256_secret_valid(secret));
	secret[31]--;
	assert_true(k256_secret_valid(secret));
	from_hex(pub, 33, app_public);
	assert_true(k256_decompress(pub, point));
	for (int prefix = 0; prefix < 256; prefix++) {
		pub[0] = (uint8_t)prefix;
		assert_int_equal(k256_decompress(pub, point), prefix == 2 || prefix == 3);
	}
	memset(pub, 0xff, 33); /* x above the field prime */
	pub[0] = 2;
	assert_false(k256_address(pub, address));
	memset(pub, 0, 33);    /* x = 5 is on no point of the curve */
	pub[0] = 2;
	pub[32] = 5;
	assert_false(k256_address(pub, address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature_is_reproduced),
		cmocka_unit_test(test_public_key_and_address),
		cmocka_unit_test(test_eip191_equals_wallets),
		cmocka_unit_test(test_high_s_is_refused),
		cmocka_unit_test(test_malformed_signatures_are_refused),
		cmocka_unit_test(test_bad_scalars_and_points_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
