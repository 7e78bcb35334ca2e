// SPDX-License-Identifier: Apache-2.0
/* What is taken from a paymaster's, a bundler's and an estimate's answer, and
 * what spoils it, each bound at and one past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bundler_answer.h"
#include "bytes.h"
#include "jsonrpc.h"

static uint8_t call_data[] = { 0xb6, 0x1d, 0x27, 0xf6 };

static struct userop ours(void)
{
	struct userop op = { .call_data = call_data, .call_data_len = 4, .max_fee = 1000,
			     .max_priority_fee = 10 };

	memset(op.sender, 0x11, 20);
	op.nonce[31] = 5;
	return op;
}

static json_t *good(void)
{
	return json_pack("{s:s, s:s, s:s, s:s}",
			 "paymaster", "0x3333333333333333333333333333333333333333",
			 "paymasterData", "0xdead", "paymasterVerificationGasLimit", "0x186a0",
			 "paymasterPostOpGasLimit", "0x0");
}

static const char *take_with(const char *key, json_t *value, struct userop *op)
{
	json_t *answer = good();
	const char *why;

	if (value)
		json_object_set_new(answer, key, value);
	else
		json_object_del(answer, key);
	why = answer_paymaster(op, answer, 5000);
	json_decref(answer);
	return why;
}

static void test_four_fields_are_taken(void **state)
{
	struct userop op = ours(), before = op;

	(void)state;
	assert_null(take_with("sponsor", json_string("x"), &op));
	assert_true(op.sponsored);
	assert_int_equal(op.paymaster[0], 0x33);
	assert_int_equal(op.paymaster_data_len, 2);
	assert_int_equal(op.paymaster_verification_gas, 0x186a0);
	assert_memory_equal(op.sender, before.sender, 20);
	assert_int_equal(op.max_fee, before.max_fee);
	assert_int_equal(op.call_gas, before.call_gas);
}

static void test_foreign_gas_is_ignored(void **state)
{
	struct userop op = ours();

	(void)state;
	assert_null(take_with("callGasLimit", json_string("0xffffff"), &op));
	assert_int_equal(op.call_gas, 0);
	assert_null(take_with("maxFeePerGas", json_string("0x1388"), &op)); /* 5000: the bound */
	assert_int_equal(op.max_fee, 1000);
}

static void expect_refusal(const char *key, json_t *value)
{
	struct userop op = ours(), before = op;

	assert_non_null(take_with(key, value, &op));
	assert_memory_equal(&op, &before, sizeof(op)); /* untouched */
}

static void test_a_tampered_operation_is_refused(void **state)
{
	(void)state;
	expect_refusal("callData", json_string("0xb61d27f7"));
	expect_refusal("callData", json_string("0x"));
	expect_refusal("callData", json_integer(1));
	expect_refusal("sender", json_string("0x1111111111111111111111111111111111111112"));
	expect_refusal("nonce", json_string("0x6"));
	expect_refusal("nonce", json_string("five"));
	expect_refusal("maxFeePerGas", json_string("0x1389"));
	expect_refusal("maxPriorityFeePerGas", json_string("0x1389"));
}

static void test_repeating_ours_is_fine(void **state)
{
	struct userop op = ours();

	(void)state;
	assert_null(take_with("callData", json_string("0xB61D27F6"), &op));
	assert_null(take_with("nonce", json_string("0x05"), &op));
	assert_null(take_with("sender", json_string("0x1111111111111111111111111111111111111111"),
			      &op));
}

static void test_malformed_sponsorship_is_refused(void **state)
{
	static char text[2 * USEROP_PAYMASTER_DATA_MAX_BYTES + 5];
	struct userop op = ours();

	(void)state;
	expect_refusal("paymaster", NULL);
	expect_refusal("paymaster", json_string("0x0000000000000000000000000000000000000000"));
	expect_refusal("paymaster", json_string("0x33"));
	expect_refusal("paymasterData", NULL);
	expect_refusal("paymasterData", json_string("0xd"));
	expect_refusal("paymasterData", json_string(""));
	expect_refusal("paymasterVerificationGasLimit", json_string("0xf4241"));
	expect_refusal("paymasterPostOpGasLimit", json_string("0xf4241"));
	expect_refusal("paymasterPostOpGasLimit", json_integer(0));
	assert_null(take_with("paymasterPostOpGasLimit", json_string("0xf4240"), &op));
	memset(text, '1', sizeof(text));
	memcpy(text, "0x", 2);
	text[2 * USEROP_PAYMASTER_DATA_MAX_BYTES + 2] = '\0';
	assert_null(take_with("paymasterData", json_string(text), &op));
	text[2 * USEROP_PAYMASTER_DATA_MAX_BYTES + 2] = '1';
	text[2 * USEROP_PAYMASTER_DATA_MAX_BYTES + 4] = '\0';
	expect_refusal("paymasterData", json_string(text));
}

static const char *estimate(const char *pre, const char *verification, const char *call,
			    struct userop *op)
{
	json_t *answer = json_object();
	const char *why;

	if (pre)
		json_object_set_new(answer, "preVerificationGas", json_string(pre));
	if (verification)
		json_object_set_new(answer, "verificationGasLimit", json_string(verification));
	if (call)
		json_object_set_new(answer, "callGasLimit", json_string(call));
	json_object_set_new(answer, "maxFeePerGas", json_string("0xffffffff"));
	json_object_set_new(answer, "paymasterVerificationGasLimit", json_string("0x1"));
	why = answer_estimate(op, answer);
	json_decref(answer);
	return why;
}

static void test_estimates(void **state)
{
	struct userop op = ours();

	(void)state;
	op.sponsored = true;
	op.paymaster_verification_gas = 100;
	assert_null(estimate("0x989680", "0x2dc6c0", "0x989680", &op)); /* the bounds */
	assert_int_equal(op.verification_gas, 3000000);
	assert_int_equal(op.max_fee, 1000);
	assert_int_equal(op.paymaster_verification_gas, 100); /* the sponsor's stands */
	assert_non_null(estimate("0x989681", "0x1", "0x1", &op));
	assert_non_null(estimate("0x1", "0x2dc6c1", "0x1", &op));
	assert_non_null(estimate("0x1", "0x1", "0x989681", &op));
	assert_non_null(estimate(NULL, "0x1", "0x1", &op));
	assert_non_null(estimate("0x1", NULL, "0x1", &op));
	assert_non_null(estimate("0x1", "0x1", NULL, &op));
	assert_non_null(estimate("0x1", "0x0", "0x1", &op));
	assert_int_equal(op.verification_gas, 3000000);
	op.paymaster_verification_gas = 0;
	assert_null(estimate("0x1", "0x1", "0x1", &op));
	assert_int_equal(op.paymaster_verification_gas, 1);
}

static void test_fees(void **state)
{
	json_t *answer = json_pack("{s:{s:s,s:s}, s:{s:s,s:s}}",
				   "standard", "maxFeePerGas", "0x64", "maxPriorityFeePerGas", "0x1",
				   "fast", "maxFeePerGas", "0xc8", "maxPriorityFeePerGas", "0x2");
	struct userop op = ours();
	json_t *price = json_string("0x32");

	(void)state;
	assert_null(answer_fees(&op, answer, false, 100));
	assert_int_equal(op.max_fee, 100);
	assert_non_null(answer_fees(&op, answer, false, 99));
	assert_null(answer_fees(&op, answer, true, 200));
	assert_int_equal(op.max_fee, 200);
	assert_int_equal(op.max_priority_fee, 2);
	assert_null(answer_gas_price(&op, price, 100));
	assert_int_equal(op.max_fee, 100);
	assert_non_null(answer_gas_price(&op, price, 99));
	json_object_set_new(json_object_get(answer, "fast"), "maxPriorityFeePerGas",
			    json_string("0xc9")); /* a tip above the whole */
	assert_non_null(answer_fees(&op, answer, true, 1000));
	json_object_del(answer, "standard");
	assert_non_null(answer_fees(&op, answer, false, 1000));
	json_decref(answer);
	json_decref(price);
}

static void test_receipts(void **state)
{
	uint8_t hash[32], other[32] = { 1 };
	struct receipt r;
	json_t *answer = json_pack("{s:o, s:b, s:s, s:{s:o}}", "userOpHash",
				   rpc_bytes(other, 32), "success", 0, "reason", "0x744943e4",
				   "receipt", "transactionHash", rpc_bytes(other, 32));

	(void)state;
	memset(hash, 2, 32);
	assert_false(answer_receipt(&r, answer, hash)); /* of another operation */
	assert_true(answer_receipt(&r, answer, other));
	assert_false(r.success);
	assert_int_equal(r.revert[0], 0x74);
	json_object_set_new(answer, "success", json_true());
	json_object_del(answer, "reason");
	assert_true(answer_receipt(&r, answer, other));
	assert_true(r.success);
	assert_int_equal(r.tx_hash[0], 1);
	json_object_set_new(answer, "success", json_string("true"));
	assert_false(answer_receipt(&r, answer, other));
	json_decref(answer);
	assert_false(answer_receipt(&r, json_null(), other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_fields_are_taken),
		cmocka_unit_test(test_foreign_gas_is_ignored),
		cmocka_unit_test(test_a_tampered_operation_is_refused),
		cmocka_unit_test(test_repeating_ours_is_fine),
		cmocka_unit_test(test_malformed_sponsorship_is_refused),
		cmocka_unit_test(test_estimates),
		cmocka_unit_test(test_fees),
		cmocka_unit_test(test_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
