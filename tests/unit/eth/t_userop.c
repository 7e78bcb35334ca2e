// SPDX-License-Identifier: Apache-2.0
/* User operations: the hash equals EntryPoint.getUserOpHash on a chain, every
 * hashed field moves it, and the JSON carries what was hashed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "userop.h"

static uint8_t init_code[23], call_data[4] = { 0x12, 0x34, 0x56, 0x78 };

static struct userop vector(void)
{
	struct userop op = {
		.call_data = call_data, .call_data_len = 4,
		.init_code = init_code, .init_code_len = 23,
		.verification_gas = 0x186a0, .call_gas = 0x30d40,
		.pre_verification_gas = 0xc350,
		.max_priority_fee = 0x3b9aca00, .max_fee = 0x77359400,
		.sponsored = true, .paymaster_verification_gas = 0x186a0,
		.paymaster_data = { 0xde, 0xad }, .paymaster_data_len = 2,
	};

	memset(op.sender, 0x11, 20);
	op.nonce[31] = 0x2a;
	memset(init_code, 0x22, 20);
	memcpy(init_code + 20, "\xab\xcd\xef", 3);
	memset(op.paymaster, 0x33, 20);
	return op;
}

static void test_hash_equals_the_entry_point(void **state)
{
	struct userop op = vector();
	uint8_t hash[32], want[32];

	(void)state;
	hex_decode(want, 32, "644d84ee431da78e4da0029fa761ad4785a3ad730a558ae4e1c503c14ae1fedd");
	assert_true(userop_hash(&op, userop_entry_point, 31337, hash));
	assert_memory_equal(hash, want, 32);
}

static void test_every_field_moves_the_hash(void **state)
{
	struct userop base = vector(), op;
	uint8_t first[32], hash[32];

	(void)state;
	assert_true(userop_hash(&base, userop_entry_point, 31337, first));
#define MOVED(change) do { \
		op = base; \
		change; \
		assert_true(userop_hash(&op, userop_entry_point, 31337, hash)); \
		assert_memory_not_equal(hash, first, 32); \
	} while (0)
	MOVED(op.sender[0] ^= 1);
	MOVED(op.nonce[0] ^= 1);
	MOVED(op.init_code_len--);
	MOVED(op.call_data_len--);
	MOVED(op.call_gas++);
	MOVED(op.verification_gas++);
	MOVED(op.pre_verification_gas++);
	MOVED(op.max_fee++);
	MOVED(op.max_priority_fee++);
	MOVED(op.paymaster[0] ^= 1);
	MOVED(op.paymaster_verification_gas++);
	MOVED(op.paymaster_post_gas++);
	MOVED(op.paymaster_data[1] ^= 1);
	MOVED(op.sponsored = false);
#undef MOVED
	op = base;
	op.signature[0] = 1; /* the one field that is not hashed */
	assert_true(userop_hash(&op, userop_entry_point, 31337, hash));
	assert_memory_equal(hash, first, 32);
	assert_true(userop_hash(&op, userop_entry_point, 31338, hash));
	assert_memory_not_equal(hash, first, 32);
}

static void test_sponsor_hash(void **state)
{
	struct userop op = vector();
	uint8_t hash[32], want[32];

	(void)state;
	/* Computed with an independent ABI encoder. */
	hex_decode(want, 32, "afd5281e99134923e137647951ebdc402becc627bb7ab22d38a9093667f3d7a5");
	assert_true(userop_sponsor_hash(&op, 31337, hash));
	assert_memory_equal(hash, want, 32);
	op.paymaster_data[0] ^= 1; /* the sponsor's own fields are not in it */
	assert_true(userop_sponsor_hash(&op, 31337, hash));
	assert_memory_equal(hash, want, 32);
}

static void test_execute_calldata(void **state)
{
	uint8_t to[20], want[4 + 32 * 5], got[sizeof(want)];
	struct buf b;

	(void)state;
	memset(to, 0x44, 20);
	memset(want, 0, sizeof(want));
	hex_decode(want, 4, "b61d27f6");
	memset(want + 4 + 12, 0x44, 20);
	want[4 + 95] = 0x60;
	want[4 + 127] = 5;
	memcpy(want + 4 + 128, "hello", 5);
	buf_init(&b, 1024);
	assert_true(userop_execute(&b, to, "hello", 5));
	assert_int_equal(b.len, sizeof(want));
	memcpy(got, b.data, sizeof(got));
	assert_memory_equal(got, want, sizeof(want));
	buf_free(&b);
	buf_init(&b, sizeof(want) - 1); /* one byte short of room */
	assert_false(userop_execute(&b, to, "hello", 5));
	buf_free(&b);
}

static void expect_text(const json_t *o, const char *key, const char *want)
{
	assert_string_equal(json_string_value(json_object_get(o, key)), want);
}

static void test_json_form(void **state)
{
	struct userop op = vector();
	json_t *o = userop_json(&op, true);

	(void)state;
	assert_non_null(o);
	expect_text(o, "nonce", "0x2a");
	expect_text(o, "factoryData", "0xabcdef");
	expect_text(o, "callData", "0x12345678");
	expect_text(o, "callGasLimit", "0x30d40");
	expect_text(o, "paymasterPostOpGasLimit", "0x0");
	expect_text(o, "paymasterData", "0xdead");
	assert_int_equal(json_string_length(json_object_get(o, "signature")), 132);
	json_decref(o);
	op.sponsored = false;
	op.init_code_len = 0;
	o = userop_json(&op, false);
	assert_null(json_object_get(o, "paymaster"));
	assert_null(json_object_get(o, "factory"));
	assert_null(json_object_get(o, "signature"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_equals_the_entry_point),
		cmocka_unit_test(test_every_field_moves_the_hash),
		cmocka_unit_test(test_sponsor_hash),
		cmocka_unit_test(test_execute_calldata),
		cmocka_unit_test(test_json_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
