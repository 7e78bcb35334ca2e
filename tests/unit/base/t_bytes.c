// SPDX-License-Identifier: Apache-2.0
/* Hexadecimal and big-endian access: exact lengths, foreign characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"

static void test_hex_round_trip(void **state)
{
	uint8_t in[256], out[256];
	char text[HEX_SIZE(256)];

	(void)state;
	for (int i = 0; i < 256; i++)
		in[i] = (uint8_t)i;
	hex_encode(text, in, sizeof(in));
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_true(hex_decode(out, sizeof(out), text));
	assert_memory_equal(in, out, sizeof(in));
}

static void test_hex_refuses_all_but_the_exact_length(void **state)
{
	uint8_t out[2];
	size_t len;

	(void)state;
	assert_true(hex_decode(out, 2, "0xAbCd"));
	assert_int_equal(out[0], 0xab);
	assert_false(hex_decode(out, 2, "abc"));
	assert_false(hex_decode(out, 2, "ab"));
	assert_false(hex_decode(out, 2, "abcdef"));
	assert_false(hex_decode(out, 2, "abcg"));
	assert_false(hex_decode(out, 2, "ab d"));
	assert_false(hex_decode(out, 2, ""));
	assert_true(hex_decode_var(out, 2, &len, "0x"));
	assert_int_equal(len, 0);
	assert_true(hex_decode_var(out, 2, &len, "abcd"));
	assert_int_equal(len, 2);
	assert_false(hex_decode_var(out, 2, &len, "abcdef"));
}

static void test_big_endian_access(void **state)
{
	uint8_t b[8];

	(void)state;
	store_be64(b, 0x0102030405060708ULL);
	assert_int_equal(b[0], 1);
	assert_int_equal(b[7], 8);
	assert_int_equal(load_be16(b + 1), 0x0203);
	assert_int_equal(load_be32(b + 4), 0x05060708);
	assert_true(load_be64(b) == 0x0102030405060708ULL);
}

static void test_zero_is_seen(void **state)
{
	uint8_t b[33] = { 0 };

	(void)state;
	assert_true(bytes_are_zero(b, sizeof(b)));
	b[32] = 1;
	assert_false(bytes_are_zero(b, sizeof(b)));
	assert_true(bytes_are_zero(b, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex_round_trip),
		cmocka_unit_test(test_hex_refuses_all_but_the_exact_length),
		cmocka_unit_test(test_big_endian_access),
		cmocka_unit_test(test_zero_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
