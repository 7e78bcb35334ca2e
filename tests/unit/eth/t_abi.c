// SPDX-License-Identifier: Apache-2.0
/* ABI: layouts equal those of an independent encoder; every offset, length and
 * narrow type is refused one past its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"
#include "bytes.h"

static void test_selectors(void **state)
{
	uint8_t s[4], want[4];

	(void)state;
	hex_decode(want, 4, "a9059cbb");
	abi_selector(s, "transfer(address,uint256)");
	assert_memory_equal(s, want, 4);
	hex_decode(want, 4, "b61d27f6");
	abi_selector(s, "execute(address,uint256,bytes)");
	assert_memory_equal(s, want, 4);
	hex_decode(want, 4, "1e079198");
	abi_selector(s, "isAppAllowed((address,bytes32,address,bytes32,bytes32,bytes32,bytes32,"
			"string,string[]))");
	assert_memory_equal(s, want, 4);
}

/* abi.encode(uint256 7, bytes hex"aabbcc", string "x") */
static const char three[] =
	"0000000000000000000000000000000000000000000000000000000000000007"
	"0000000000000000000000000000000000000000000000000000000000000060"
	"00000000000000000000000000000000000000000000000000000000000000a0"
	"0000000000000000000000000000000000000000000000000000000000000003"
	"aabbcc0000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000001"
	"7800000000000000000000000000000000000000000000000000000000000000";

static void test_encode_dynamic(void **state)
{
	uint8_t want[7 * 32];
	struct abi_enc e;
	struct buf b;

	(void)state;
	assert_true(hex_decode(want, sizeof(want), three));
	buf_init(&b, 4096);
	abi_begin(&e, &b, 3);
	abi_put_u64(&e, 7);
	abi_put_bytes(&e, "\xaa\xbb\xcc", 3);
	abi_put_string(&e, "x");
	assert_true(abi_end(&e));
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
	buf_free(&b);
}

static void test_wrong_word_count_is_an_error(void **state)
{
	struct abi_enc e;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	abi_begin(&e, &b, 2);
	abi_put_u64(&e, 7);
	assert_false(abi_end(&e));
	assert_true(b.failed);
	buf_free(&b);
}

static void test_decode_dynamic(void **state)
{
	uint8_t raw[7 * 32];
	struct abi_dec d = { raw, sizeof(raw) };
	const uint8_t *bytes;
	uint64_t v;
	size_t len;

	(void)state;
	hex_decode(raw, sizeof(raw), three);
	assert_true(abi_get_u64(&d, 0, &v));
	assert_int_equal(v, 7);
	assert_true(abi_get_bytes(&d, 1, &bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\xaa\xbb\xcc", 3);
	assert_true(abi_get_bytes(&d, 2, &bytes, &len));
	assert_int_equal(len, 1);
	assert_false(abi_get_bytes(&d, 7, &bytes, &len));
}

static void test_offsets_and_lengths_are_bounded(void **state)
{
	uint8_t raw[3 * 32] = { 0 };
	struct abi_dec d = { raw, sizeof(raw) };
	const uint8_t *bytes;
	size_t len;

	(void)state;
	raw[31] = 32;
	raw[63] = 32;                 /* exactly what is left */
	assert_true(abi_get_bytes(&d, 0, &bytes, &len));
	raw[63] = 33;
	assert_false(abi_get_bytes(&d, 0, &bytes, &len));
	raw[63] = 0;
	raw[31] = 64;                 /* a length word is the last one */
	assert_true(abi_get_bytes(&d, 0, &bytes, &len));
	raw[31] = 65;
	assert_false(abi_get_bytes(&d, 0, &bytes, &len));
	raw[31] = 96;
	assert_false(abi_get_bytes(&d, 0, &bytes, &len));
	memset(raw, 0xff, 32);        /* an offset of 2^256 - 1 */
	assert_false(abi_get_bytes(&d, 0, &bytes, &len));
	memset(raw, 0, 24);           /* and of 2^64 - 1 */
	assert_false(abi_get_bytes(&d, 0, &bytes, &len));
}

static void test_arrays_are_bounded(void **state)
{
	uint8_t raw[2 * 32 + 4 * 32] = { 0 };
	struct abi_dec d = { raw, sizeof(raw) }, elements;
	size_t count;

	(void)state;
	raw[31] = 32;
	raw[63] = 2;
	assert_true(abi_get_array(&d, 0, 2, &elements, &count));
	assert_int_equal(count, 2);
	assert_int_equal(elements.len, 128);
	raw[63] = 3;
	assert_false(abi_get_array(&d, 0, 2, &elements, &count));
	memset(raw + 56, 0xff, 8); /* count * size would wrap around */
	assert_false(abi_get_array(&d, 0, 2, &elements, &count));
}

static void test_narrow_types(void **state)
{
	uint8_t raw[32] = { 0 }, address[20];
	struct abi_dec d = { raw, 32 };
	uint64_t v;
	uint32_t v32;
	bool flag;

	(void)state;
	memset(raw + 24, 0xff, 8);
	assert_true(abi_get_u64(&d, 0, &v));
	assert_true(v == UINT64_MAX);
	assert_false(abi_get_u32(&d, 0, &v32));
	assert_false(abi_get_bool(&d, 0, &flag));
	raw[23] = 1;
	assert_false(abi_get_u64(&d, 0, &v));
	assert_true(abi_get_address(&d, 0, address));
	raw[11] = 1;
	assert_false(abi_get_address(&d, 0, address));
	memset(raw, 0, 32);
	raw[31] = 2;
	assert_false(abi_get_bool(&d, 0, &flag));
	raw[31] = 1;
	assert_true(abi_get_bool(&d, 0, &flag));
	assert_true(flag);
	d.len = 31;
	assert_false(abi_get_u64(&d, 0, &v));
}

/* Random words as offsets and lengths: the sanitizers watch the reads. */
static void test_random_regions_stay_inside(void **state)
{
	unsigned int seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)(rand_r(&seed) % 200), n;
		uint8_t *raw = malloc(len + 1);
		struct abi_dec d = { raw, len }, elements;
		const uint8_t *bytes;
		volatile uint8_t sum = 0;

		for (size_t i = 0; i < len; i++)
			raw[i] = i % 32 < 30 ? 0 : (uint8_t)(rand_r(&seed) & 1 ? rand_r(&seed) : 0);
		for (size_t w = 0; w < 8; w++) {
			if (abi_get_bytes(&d, w, &bytes, &n))
				for (size_t i = 0; i < n; i++)
					sum ^= bytes[i];
			if (abi_get_array(&d, w, 2, &elements, &n))
				for (size_t i = 0; i < elements.len; i++)
					sum ^= elements.data[i];
		}
		free(raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_encode_dynamic),
		cmocka_unit_test(test_wrong_word_count_is_an_error),
		cmocka_unit_test(test_decode_dynamic),
		cmocka_unit_test(test_offsets_and_lengths_are_bounded),
		cmocka_unit_test(test_arrays_are_bounded),
		cmocka_unit_test(test_narrow_types),
		cmocka_unit_test(test_random_regions_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
