// SPDX-License-Identifier: Apache-2.0
/*
 * Operations from queue to effect against one endpoint that is chain, bundler
 * and paymaster at once: order of the questions, what is signed and by whom,
 * what is never signed, refusals, reorgs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "bundler.h"
#include "calls.h"
#include "fakechain.h"
#include "k256.h"
#include "userop.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;
static struct keys *keys;
static struct bundler *bundler;

/* The other side. */
static struct {
	char asked[64][48];         /* methods, eth_call told apart */
	size_t count;
	bool effect;                /* the check call shows it */
	const char *revert;         /* of the simulated call, hex */
	json_t *merge;              /* laid over the paymaster's answers */
	json_t *op, *sponsored_op, *auth;   /* as submitted, as sponsored */
	bool land;                  /* a submission brings the effect about */
	bool fail_on_chain;         /* or reverts there */
	unsigned int submissions;
	uint8_t nonce[32], nonce_key[24];
	uint8_t op_hash[32];
	char denial[64];
} side;

static struct {
	unsigned int count;
	enum bundler_result result[80];
	char error[64];
	bool sent;
	uint8_t tx_hash[32];
	char order[80];
} out;

static const uint8_t word_one[32] = { [31] = 1 };

static void note(const char *what)
{
	if (side.count < 64)
		snprintf(side.asked[side.count++], 48, "%s", what);
}

static bool was_asked(const char *what)
{
	for (size_t i = 0; i < side.count; i++)
		if (!strcmp(side.asked[i], what))
			return true;
	return false;
}

static json_t *error_of(json_t **error, int code, const char *message, json_t *data)
{
	*error = data ? json_pack("{s:i, s:s, s:o}", "code", code, "message", message, "data", data) :
			json_pack("{s:i, s:s}", "code", code, "message", message);
	return NULL;
}

static json_t *serve_call(const json_t *tx, json_t **error)
{
	const char *data = json_string_value(json_object_get(tx, "data"));
	uint8_t call[256];
	size_t len = 0;

	assert_true(hex_decode_var(call, sizeof(call), &len, data));
	if (fake_is(call, "getNonce(address,uint192)")) {
		note("getNonce");
		memcpy(side.nonce_key, call + 4 + 32 + 8, 24);
		memcpy(side.nonce, side.nonce_key, 24);
		return rpc_bytes(side.nonce, 32);
	}
	if (fake_is(call, "effect(bytes32)")) {
		note("check");
		return side.effect ? rpc_bytes(word_one, 32) : fake_words(0, 0, 1);
	}
	if (fake_is(call, "act(bytes32)")) {
		uint8_t from[20];

		note("simulate");
		assert_true(rpc_get_bytes(json_object_get(tx, "from"), from, 20));
		assert_memory_equal(from, fake.contract, 20);
		if (side.revert)
			return error_of(error, 3, "execution reverted", json_string(side.revert));
		return rpc_bytes("", 0);
	}
	return fake_call(&fake, tx);
}

static json_t *paymaster_answer(void)
{
	json_t *a = json_pack("{s:s, s:s, s:s, s:s}",
			      "paymaster", "0x3333333333333333333333333333333333333333",
			      "paymasterData", "0xdead", "paymasterVerificationGasLimit", "0x2710",
			      "paymasterPostOpGasLimit", "0x1");

	if (side.merge)
		json_object_update(a, side.merge);
	return a;
}

static json_t *serve_send(const json_t *op)
{
	side.submissions++;
	json_decref(side.op);
	side.op = json_deep_copy(op);
	if (side.land)
		side.effect = true;
	memset(side.op_hash, 0xee, 32);
	return rpc_bytes(side.op_hash, 32);
}

/* The receipt repeats the hash that it was asked for. */
static json_t *serve_receipt(const json_t *hash)
{
	if (!side.land && !side.fail_on_chain)
		return json_null();
	return json_pack("{s:O, s:b, s:s, s:{s:O}}", "userOpHash", hash, "success",
			 !side.fail_on_chain, "reason", "0x3d30ea79", "receipt",
			 "transactionHash", hash);
}

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	const json_t *first = json_array_get(params, 0);

	if (!strcmp(method, "eth_call"))
		return serve_call(first, error);
	if (!strncmp(method, "eth_getBlock", 12) || !strcmp(method, "eth_getLogs") ||
	    !strcmp(method, "eth_chainId"))
		return fake_serve(method, params, error, arg);
	note(method);
	if (!strcmp(method, "pimlico_getUserOperationGasPrice"))
		return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}",
				 "standard", "maxFeePerGas", "0x64", "maxPriorityFeePerGas", "0x1",
				 "fast", "maxFeePerGas", "0xc8", "maxPriorityFeePerGas", "0x2");
	if (!strcmp(method, "pm_getPaymasterStubData"))
		return paymaster_answer();
	if (!strcmp(method, "pm_getPaymasterData")) {
		if (side.denial[0])
			return error_of(error, -32001, "denied",
					json_pack("{s:s}", "reason", side.denial));
		json_decref(side.sponsored_op);
		side.sponsored_op = json_deep_copy(first);
		json_decref(side.auth);
		side.auth = json_incref(json_object_get(json_array_get(params, 3), "auth"));
		return paymaster_answer();
	}
	if (!strcmp(method, "eth_estimateUserOperationGas"))
		return json_pack("{s:s, s:s, s:s}", "preVerificationGas", "0xc350",
				 "verificationGasLimit", "0x186a0", "callGasLimit", "0x30d40");
	if (!strcmp(method, "eth_sendUserOperation"))
		return serve_send(first);
	if (!strcmp(method, "eth_getUserOperationReceipt"))
		return serve_receipt(first);
	return error_of(error, -32601, "unknown method", NULL);
}

#define UNTIL(condition) do { \
		for (int until_i = 0; until_i < 1500 && !(condition); until_i++) \
			loop_run_once(loop, 10); \
		assert_true(condition); \
	} while (0)

static void on_done(const struct bundler_outcome *o, void *arg)
{
	snprintf(out.error, sizeof(out.error), "%s", o->error_name);
	memcpy(out.tx_hash, o->tx_hash, 32);
	out.sent = o->sent;
	out.order[out.count] = (char)(uintptr_t)arg;
	out.result[out.count++] = o->result;
}

static int submit(bool own, bool bootstrap, char name)
{
	struct call call = call_word("act(bytes32)", word_one);
	struct call check = call_word("effect(bytes32)", word_one);
	struct bundler_job job = {
		.name = "act", .own = own, .bootstrap = bootstrap, .call = call.data,
		.call_len = call.len, .check = { .call = check.data, .call_len = check.len },
		.done = on_done, .arg = (void *)(uintptr_t)name,
	};

	memcpy(job.check.expected, word_one, 32);
	return bundler_submit(bundler, &job, NULL);
}

static void make_bundler(const char *paymaster)
{
	struct bundler_config cfg = { .chain_id = 31337, .bundler_url = fake.rpc.url,
				      .paymaster_url = paymaster };

	bundler = bundler_new(loop, http, chain, keys, &cfg);
	assert_non_null(bundler);
}

static int start(void **state)
{
	struct chain_config cfg = { .chain_id = 31337, .poll_ms = 20 };
	struct dstack_key key = { .has_link = { true, true } };
	struct keys_scope scope = { .chain_id = 31337 };

	(void)state;
	memset(&side, 0, sizeof(side));
	memset(&out, 0, sizeof(out));
	side.land = true;
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	fake.rpc.fn = serve;
	fake_join(&fake);
	keys = keys_new(loop, NULL);
	for (int i = 0; i < KEYS_PATHS; i++) {
		memset(key.key, 1 + i, 32);
		keys_put(keys, (enum keys_path)i, &key);
	}
	keys_bind(keys, &scope);
	cfg.rpc_url = fake.rpc.url;
	memcpy(cfg.member_contract, fake.contract, 20);
	chain = chain_new(loop, http, &cfg);
	chain_start(chain);
	UNTIL(chain_now(chain));
	make_bundler(fake.rpc.url);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bundler_free(bundler);
	chain_free(chain);
	keys_free(keys);
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	json_decref(side.op);
	json_decref(side.sponsored_op);
	json_decref(side.auth);
	json_decref(side.merge);
	return 0;
}

static uint64_t field(const json_t *op, const char *name)
{
	uint64_t v = 0;

	assert_true(rpc_get_u64(json_object_get(op, name), &v));
	return v;
}

/* The submitted operation as it would be hashed on chain. */
static void rebuild(struct userop *op, uint8_t *call_data)
{
	const char *data = json_string_value(json_object_get(side.op, "callData"));

	memset(op, 0, sizeof(*op));
	assert_true(hex_decode_var(call_data, 512, &op->call_data_len, data));
	op->call_data = call_data;
	memcpy(op->sender, fake.contract, 20);
	assert_true(rpc_get_u256(json_object_get(side.op, "nonce"), op->nonce));
	op->call_gas = field(side.op, "callGasLimit");
	op->verification_gas = field(side.op, "verificationGasLimit");
	op->pre_verification_gas = field(side.op, "preVerificationGas");
	op->max_fee = field(side.op, "maxFeePerGas");
	op->max_priority_fee = field(side.op, "maxPriorityFeePerGas");
	op->sponsored = json_object_get(side.op, "paymaster") != NULL;
	memset(op->paymaster, 0x33, 20);
	op->paymaster_verification_gas = 0x2710;
	op->paymaster_post_gas = 1;
	memcpy(op->paymaster_data, "\xde\xad", 2);
	op->paymaster_data_len = 2;
}

static void expect_signer(const uint8_t hash[32], const json_t *signature)
{
	uint8_t digest[32], sig[65], pub[33], address[20], owner[20];

	assert_true(rpc_get_bytes(signature, sig, 65));
	assert_true(sig[64] == 27 || sig[64] == 28);
	k256_eip191_digest(hash, digest);
	assert_true(k256_recover(digest, sig, pub));
	assert_true(k256_address(pub, address));
	keys_owner_address(keys, owner);
	assert_memory_equal(address, owner, 20);
}

static void test_from_queue_to_effect(void **state)
{
	static const char *const steps[] = {
		"check", "simulate", "getNonce", "pimlico_getUserOperationGasPrice",
		"pm_getPaymasterStubData", "eth_estimateUserOperationGas", "pm_getPaymasterData",
		"eth_sendUserOperation", "eth_getUserOperationReceipt", "check",
	};
	uint8_t call_data[512], hash[32];
	struct userop op;

	(void)state;
	assert_int_equal(submit(true, false, 'a'), 0);
	UNTIL(out.count == 1);
	assert_int_equal(out.result[0], BUNDLER_DONE);
	assert_true(out.sent);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		assert_string_equal(side.asked[i], steps[i]);
	rebuild(&op, call_data);
	assert_true(userop_hash(&op, userop_entry_point, 31337, hash));
	expect_signer(hash, json_object_get(side.op, "signature"));
	assert_memory_equal(out.tx_hash, hash, 32); /* the fake's receipt repeats it */
	assert_true(userop_sponsor_hash(&op, 31337, hash));
	expect_signer(hash, side.auth);
	assert_int_equal(bundler_operations_sent(bundler), 1);
	assert_int_equal(bundler_pending(bundler), 0);
}

static void test_an_effect_that_is_there_costs_nothing(void **state)
{
	(void)state;
	side.effect = true;
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	assert_int_equal(out.result[0], BUNDLER_DONE);
	assert_false(out.sent);
	assert_int_equal(side.count, 1);
	assert_int_equal(bundler_operations_sent(bundler), 0);
}

static void test_bootstrap_uses_the_signers_nonce_key(void **state)
{
	uint8_t owner[20];

	(void)state;
	submit(true, true, 'a');
	UNTIL(out.count == 1);
	keys_owner_address(keys, owner);
	assert_true(bytes_are_zero(side.nonce_key, 4));
	assert_memory_equal(side.nonce_key + 4, owner, 20);
}

static void test_a_refusal_for_good_has_the_contracts_name(void **state)
{
	char hex[2 + HEX_SIZE(4)] = "0x";
	uint8_t selector[4];

	(void)state;
	abi_selector(selector, "CodeIdMismatch()");
	hex_encode(hex + 2, selector, 4);
	side.revert = hex;
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	assert_int_equal(out.result[0], BUNDLER_REFUSED);
	assert_string_equal(out.error, "CodeIdMismatch");
	assert_false(was_asked("getNonce"));
}

static void test_a_refusal_to_wait_for_is_shown(void **state)
{
	(void)state;
	side.revert = "0x3d30ea79"; /* NotOurMember */
	submit(true, false, 'a');
	UNTIL(bundler_blocked(bundler));
	assert_non_null(strstr(bundler_blocked(bundler), "NotOurMember"));
	assert_int_equal(out.count, 0);
	assert_int_equal(bundler_pending(bundler), 1);
	assert_false(was_asked("eth_sendUserOperation"));
}

static void expect_nothing_signed(const char *key, const char *value, const char *text)
{
	side.merge = json_pack("{s:s}", key, value);
	submit(true, false, 'a');
	UNTIL(bundler_blocked(bundler));
	assert_non_null(strstr(bundler_blocked(bundler), text));
	assert_int_equal(side.submissions, 0);
	assert_null(side.auth); /* not even the request for sponsorship */
}

static void test_another_call_data_gets_nothing_signed(void **state)
{
	(void)state;
	expect_nothing_signed("callData", "0xdeadbeef", "another callData");
}

static void test_another_nonce_gets_nothing_signed(void **state)
{
	(void)state;
	expect_nothing_signed("nonce", "0x7", "another nonce");
}

static void test_excessive_fees_get_nothing_signed(void **state)
{
	(void)state;
	expect_nothing_signed("maxFeePerGas", "0xffffffffffff", "fees beyond the bound");
}

static void test_missing_sponsor_gets_nothing_signed(void **state)
{
	(void)state;
	expect_nothing_signed("paymaster", "0x", "names no paymaster");
}

static void test_what_is_none_of_its_business_is_ignored(void **state)
{
	(void)state;
	side.merge = json_pack("{s:s, s:s}", "callGasLimit", "0xffffff", "maxFeePerGas", "0x65");
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	assert_int_equal(field(side.op, "callGasLimit"), 0x30d40);
	assert_int_equal(field(side.op, "maxFeePerGas"), 0x64);
}

static void test_nothing_changes_after_sponsorship(void **state)
{
	static const char *const same[] = { "sender", "nonce", "callData", "callGasLimit",
		"verificationGasLimit", "preVerificationGas", "maxFeePerGas",
		"maxPriorityFeePerGas" };

	(void)state;
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_true(json_equal(json_object_get(side.op, same[i]),
				       json_object_get(side.sponsored_op, same[i])));
}

static void test_a_denied_sponsorship_is_shown(void **state)
{
	(void)state;
	strcpy(side.denial, "cluster-not-sponsored");
	submit(true, false, 'a');
	UNTIL(bundler_blocked(bundler));
	assert_non_null(strstr(bundler_blocked(bundler), "cluster-not-sponsored"));
	assert_int_equal(side.submissions, 0);
}

static void test_without_a_paymaster_none_is_asked(void **state)
{
	(void)state;
	bundler_free(bundler);
	make_bundler("");
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	assert_false(was_asked("pm_getPaymasterStubData"));
	assert_null(json_object_get(side.op, "paymaster"));
}

static void test_own_operations_go_first(void **state)
{
	(void)state;
	side.effect = true;
	submit(false, false, 'x');
	submit(false, false, 'y');
	submit(true, false, 'a');
	submit(true, false, 'b');
	UNTIL(out.count == 4);
	assert_string_equal(out.order, "abxy");
}

static void test_the_queue_is_bounded(void **state)
{
	(void)state;
	side.land = false;
	for (int i = 0; i < BUNDLER_QUEUE_MAX; i++)
		assert_int_equal(submit(false, false, 'x'), 0);
	assert_int_equal(submit(true, false, 'a'), -ENOSPC);
	assert_int_equal(bundler_pending(bundler), BUNDLER_QUEUE_MAX);
	UNTIL(side.submissions == 1);
	for (int i = 0; i < 30; i++)
		loop_run_once(loop, 10);
	assert_int_equal(side.submissions, 1); /* one in flight */
	bundler_free(bundler);
	bundler = NULL;
	assert_int_equal(out.count, BUNDLER_QUEUE_MAX);
	for (unsigned int i = 0; i < out.count; i++)
		assert_int_equal(out.result[i], BUNDLER_CANCELLED);
	make_bundler("");
}

static void test_a_reverted_operation_is_not_success(void **state)
{
	(void)state;
	side.land = false;
	side.fail_on_chain = true;
	submit(true, false, 'a');
	UNTIL(bundler_blocked(bundler));
	assert_non_null(strstr(bundler_blocked(bundler), "NotOurMember"));
	assert_int_equal(out.count, 0);
}

static void test_the_effect_counts_not_the_receipt(void **state)
{
	(void)state;
	side.land = false; /* no receipt ever, as with a bundler that went away */
	submit(true, false, 'a');
	UNTIL(side.submissions == 1);
	side.effect = true;
	UNTIL(out.count == 1);
	assert_int_equal(out.result[0], BUNDLER_DONE);
}

static void test_a_reorg_brings_it_back(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		fake_mine(&fake);
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	UNTIL(chain_head(chain) == fake.head);
	side.effect = false;
	fake_reorg(&fake, fake.head);
	UNTIL(side.submissions == 2);
	UNTIL(bundler_pending(bundler) == 0);
	assert_int_equal(out.count, 1); /* told once */
}

static void test_a_reorg_that_keeps_it_sends_nothing(void **state)
{
	size_t before;

	(void)state;
	fake_mine(&fake);
	submit(true, false, 'a');
	UNTIL(out.count == 1);
	UNTIL(chain_head(chain) == fake.head);
	before = side.count;
	fake_reorg(&fake, fake.head);
	UNTIL(side.count > before); /* it was looked at again */
	for (int i = 0; i < 30; i++)
		loop_run_once(loop, 10);
	assert_int_equal(side.submissions, 1);
}

static void test_an_outage_is_waited_out(void **state)
{
	(void)state;
	fake.rpc.status = 502;
	submit(false, false, 'x');
	UNTIL(bundler_waiting(bundler));
	fake.rpc.status = 0;
	UNTIL(out.count == 1);
	assert_int_equal(side.submissions, 1);
	assert_null(bundler_waiting(bundler));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_from_queue_to_effect),
		T(test_an_effect_that_is_there_costs_nothing),
		T(test_bootstrap_uses_the_signers_nonce_key),
		T(test_a_refusal_for_good_has_the_contracts_name),
		T(test_a_refusal_to_wait_for_is_shown),
		T(test_another_call_data_gets_nothing_signed),
		T(test_another_nonce_gets_nothing_signed),
		T(test_excessive_fees_get_nothing_signed),
		T(test_missing_sponsor_gets_nothing_signed),
		T(test_what_is_none_of_its_business_is_ignored),
		T(test_nothing_changes_after_sponsorship),
		T(test_a_denied_sponsorship_is_shown),
		T(test_without_a_paymaster_none_is_asked),
		T(test_own_operations_go_first),
		T(test_the_queue_is_bounded),
		T(test_a_reverted_operation_is_not_success),
		T(test_the_effect_counts_not_the_receipt),
		T(test_a_reorg_brings_it_back),
		T(test_a_reorg_that_keeps_it_sends_nothing),
		T(test_an_outage_is_waited_out),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
