// SPDX-License-Identifier: Apache-2.0
/* x25519, sealed boxes, Ed25519 public keys and HKDF against the RFCs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "box.h"
#include "bytes.h"
#include "hkdf.h"

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
	assert_true(hex_decode(out, len, hex));
}

static void test_x25519_of_the_rfc(void **state)
{
	uint8_t secret[32] = { 9 }, pub[32], want[32];

	(void)state;
	/* RFC 7748, 5.2, after one iteration: scalar and point are both 9. */
	from_hex(want, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
	assert_true(box_public(secret, pub));
	assert_memory_equal(pub, want, 32);
	box_clamp(secret); /* the operation clamps by itself: nothing changes */
	assert_true(box_public(secret, pub));
	assert_memory_equal(pub, want, 32);
}

static void test_clamping(void **state)
{
	uint8_t secret[32];

	(void)state;
	memset(secret, 0xff, 32);
	box_clamp(secret);
	assert_int_equal(secret[0], 0xf8);
	assert_int_equal(secret[31], 0x7f);
	memset(secret, 0, 32);
	box_clamp(secret);
	assert_int_equal(secret[0], 0);
	assert_int_equal(secret[31], 0x40);
}

static void test_sealed_box_opens_for_its_reader_alone(void **state)
{
	uint8_t secret[32], pub[32], other[32], other_pub[32];
	uint8_t plain[100], sealed[100 + BOX_SEAL_BYTES], out[100];

	(void)state;
	randombytes_buf(secret, 32);
	randombytes_buf(other, 32);
	randombytes_buf(plain, sizeof(plain));
	assert_true(box_public(secret, pub));
	assert_true(box_public(other, other_pub));
	assert_true(box_seal(sealed, plain, sizeof(plain), pub));
	assert_true(box_open(out, sealed, sizeof(sealed), pub, secret));
	assert_memory_equal(out, plain, sizeof(plain));
	assert_false(box_open(out, sealed, sizeof(sealed), other_pub, other));
	for (size_t i = 0; i < sizeof(sealed); i += 7) {
		sealed[i] ^= 1;
		assert_false(box_open(out, sealed, sizeof(sealed), pub, secret));
		sealed[i] ^= 1;
	}
	for (size_t len = 0; len < BOX_SEAL_BYTES; len++)
		assert_false(box_open(out, sealed, len, pub, secret));
}

static void test_empty_message_is_48_bytes(void **state)
{
	uint8_t secret[32] = { 1 }, pub[32], sealed[BOX_SEAL_BYTES], out[1];

	(void)state;
	assert_true(box_public(secret, pub));
	assert_true(box_seal(sealed, (const uint8_t *)"", 0, pub));
	assert_true(box_open(out, sealed, sizeof(sealed), pub, secret));
}

static void test_ed25519_of_the_rfc(void **state)
{
	uint8_t seed[32], pub[32], want[32];

	(void)state;
	from_hex(seed, 32, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
	from_hex(want, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	assert_true(box_ed25519_public(seed, pub));
	assert_memory_equal(pub, want, 32);
}

static void test_hkdf_of_the_rfc(void **state)
{
	uint8_t ikm[22], salt[13], info[10], out[42], want[42];

	(void)state;
	/* RFC 5869, A.1 and A.3. */
	memset(ikm, 0x0b, sizeof(ikm));
	for (size_t i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(0xf0 + i);
	from_hex(want, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
			   "34007208d5b887185865");
	assert_int_equal(hkdf_sha256(out, 42, salt, 13, ikm, 22, info, 10), 0);
	assert_memory_equal(out, want, 42);
	from_hex(want, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
			   "9d201395faa4b61a96c8");
	assert_int_equal(hkdf_sha256(out, 42, "", 0, ikm, 22, "", 0), 0);
	assert_memory_equal(out, want, 42);
}

static void test_hkdf_refuses_what_it_cannot_give(void **state)
{
	static uint8_t out[255 * 32 + 1];

	(void)state;
	assert_int_equal(hkdf_sha256(out, 255 * 32, "", 0, "k", 1, "", 0), 0);
	assert_int_equal(hkdf_sha256(out, 255 * 32 + 1, "", 0, "k", 1, "", 0), -EINVAL);
	assert_int_equal(hkdf_sha256(out, 0, "", 0, "k", 1, "", 0), -EINVAL);
	assert_int_equal(hkdf_sha256(out, 32, "", 0, "", 0, "", 0), -EINVAL);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x25519_of_the_rfc),
		cmocka_unit_test(test_clamping),
		cmocka_unit_test(test_sealed_box_opens_for_its_reader_alone),
		cmocka_unit_test(test_empty_message_is_48_bytes),
		cmocka_unit_test(test_ed25519_of_the_rfc),
		cmocka_unit_test(test_hkdf_of_the_rfc),
		cmocka_unit_test(test_hkdf_refuses_what_it_cannot_give),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
