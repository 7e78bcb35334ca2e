// SPDX-License-Identifier: Apache-2.0
/*
 * Registration: what the record on chain means, when a proof is asked for, what
 * stops it and what it waits for. The attestation method is a stand-in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "fakechain.h"
#include "reg.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;
static struct keys *keys;
static struct bundler *bundler;
static struct reg *reg;

static struct {
	unsigned int registered, removed, stopped, proofs;
	char text[512];
	enum attestor_verdict verdict;
	bool foreign_owner;
} seen;

static void prove(struct attestor *a, const struct attestor_binding *b, attestor_fn fn, void *arg)
{
	struct attestor_answer answer = { .verdict = seen.verdict,
					  .text = seen.verdict == ATTESTOR_READY ? "" : "not so" };
	struct buf call;

	(void)a;
	seen.proofs++;
	assert_memory_equal(b->x_pub, keys_box_public(keys), 32);
	buf_init(&call, 64);
	buf_add(&call, "\x53\x7d\x49\x1c", 4);
	answer.call = &call;
	fn(&answer, arg);
	buf_free(&call);
}

static void attestor_gone(struct attestor *a)
{
	(void)a;
}

static const struct attestor_ops ops = {
	.name = "stand-in", .id_name = "attestmesh.attestor.dstack", .prove = prove,
	.free = attestor_gone,
};
static struct attestor attestor = { &ops };

/* The effect of an operation comes about as soon as it is asked for. */
static json_t *become_member(void)
{
	struct member *m = fake.members ? &fake.member[0] : fake_join(&fake);
	uint8_t secret[32];

	fake_mine(&fake);
	memcpy(m->x_pub, keys_box_public(keys), 32);
	assert_true(keys_wg(keys, keys_wg_epoch(keys), secret, m->wg_pub));
	fake_add_log(&fake, "WgKeyPublished(bytes32,bytes32)");
	return rpc_bytes(m->x_pub, 32);
}

static json_t *publish(void)
{
	fake_mine(&fake);
	memcpy(fake.member[0].ed25519_pub, keys_beat_public(keys), 32);
	fake_add_log(&fake, "Ed25519KeyPublished(bytes32,bytes32)");
	return rpc_bytes(fake.member[0].ed25519_pub, 32);
}

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	const json_t *tx = json_array_get(params, 0);
	const char *data = json_string_value(json_object_get(tx, "data"));
	uint8_t call[512], owner[20] = { 0 };
	size_t len;

	if (strcmp(method, "eth_call"))
		return fake_serve(method, params, error, arg);
	assert_true(hex_decode_var(call, sizeof(call), &len, data));
	if (fake_is(call, "owner()")) {
		uint8_t word[32] = { 0 };

		owner[0] = seen.foreign_owner;
		memcpy(word + 12, owner, 20);
		return rpc_bytes(word, 32);
	}
	if (fake_is(call, "xPubKeyOf(bytes32)"))
		return become_member();
	if (fake_is(call, "ed25519KeyOf(bytes32)"))
		return publish();
	if (fake_is(call, "wgPubKeyOf(bytes32)")) {
		json_decref(become_member());
		return rpc_bytes(fake.member[0].wg_pub, 32);
	}
	return fake_serve(method, params, error, arg);
}

static void on_registered(void *arg)
{
	(void)arg;
	seen.registered++;
}

static void on_removed(void *arg)
{
	(void)arg;
	seen.removed++;
}

static void on_stopped(const char *text, void *arg)
{
	(void)arg;
	seen.stopped++;
	snprintf(seen.text, sizeof(seen.text), "%s", text);
}

static const struct reg_events events = {
	.on_registered = on_registered, .on_removed = on_removed, .on_stopped = on_stopped,
};

static void on_snapshot(const struct chain_snapshot *before, const struct chain_snapshot *now,
			void *arg)
{
	(void)before;
	(void)arg;
	reg_snapshot(reg, now);
}

static const struct chain_listener listener = { .on_snapshot = on_snapshot };

#define UNTIL(condition) do { \
		for (int until_i = 0; until_i < 1500 && !(condition); until_i++) \
			loop_run_once(loop, 10); \
		assert_true(condition); \
	} while (0)

static void begin(void)
{
	chain_start(chain);
	reg_start(reg);
}

static struct member *own_record(void)
{
	struct member *m = fake_join(&fake);
	uint8_t secret[32];

	memcpy(m->x_pub, keys_box_public(keys), 32);
	assert_true(keys_wg(keys, 0, secret, m->wg_pub));
	return m;
}

static int start(void **state)
{
	struct chain_config cfg = { .chain_id = 31337, .poll_ms = 20 };
	struct bundler_config operations = { .chain_id = 31337 };
	struct dstack_key key = { .has_link = { true, true } };
	struct keys_scope scope = { .chain_id = 31337 };

	(void)state;
	memset(&seen, 0, sizeof(seen));
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	fake.rpc.fn = serve;
	keys = keys_new(loop, NULL);
	for (int i = 0; i < KEYS_PATHS; i++) {
		memset(key.key, 1 + i, 32);
		keys_put(keys, (enum keys_path)i, &key);
	}
	keys_bind(keys, &scope);
	cfg.rpc_url = fake.rpc.url;
	memcpy(cfg.member_contract, fake.contract, 20);
	chain = chain_new(loop, http, &cfg);
	operations.bundler_url = fake.rpc.url;
	bundler = bundler_new(loop, http, chain, keys, &operations);
	reg = reg_new(loop, chain, bundler, keys, &attestor, &events, NULL);
	return chain_listen(chain, &listener, NULL);
}

static int stop(void **state)
{
	(void)state;
	reg_free(reg);
	bundler_free(bundler);
	chain_free(chain);
	keys_free(keys);
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	return 0;
}

static void test_a_new_node_registers_and_publishes(void **state)
{
	(void)state;
	begin();
	UNTIL(seen.registered == 1);
	assert_int_equal(seen.proofs, 1);
	UNTIL(reg_beat_published(reg));
	assert_true(reg_registered(reg));
	assert_null(reg_waiting(reg));
	assert_null(reg_blocked(reg));
}

static void test_a_record_with_our_keys_is_enough(void **state)
{
	struct member *m = own_record();

	(void)state;
	memcpy(m->ed25519_pub, keys_beat_public(keys), 32);
	begin();
	UNTIL(seen.registered == 1);
	assert_int_equal(seen.proofs, 0);
	assert_true(reg_beat_published(reg));
	assert_int_equal(bundler_pending(bundler), 0);
}

static void test_the_epoch_of_the_chain_is_taken(void **state)
{
	struct member *m = own_record();
	uint8_t secret[32];

	(void)state;
	assert_true(keys_wg(keys, 3, secret, m->wg_pub));
	begin();
	UNTIL(seen.registered == 1);
	assert_int_equal(keys_wg_epoch(keys), 3);
}

static void test_foreign_keys_stop(void **state)
{
	struct member *m = own_record();

	(void)state;
	m->x_pub[0] ^= 1;
	begin();
	UNTIL(seen.stopped == 1);
	assert_non_null(strstr(seen.text, "foreign keys"));
	assert_non_null(reg_blocked(reg));
	assert_int_equal(seen.proofs, 0);
	assert_int_equal(seen.registered, 0);
}

static void test_a_foreign_wireguard_key_stops(void **state)
{
	struct member *m = own_record();

	(void)state;
	m->wg_pub[0] ^= 1;
	begin();
	UNTIL(seen.stopped == 1);
	assert_non_null(strstr(seen.text, "WireGuard"));
}

static void test_a_key_that_was_taken_away_is_replaced(void **state)
{
	struct member *m = own_record();

	(void)state;
	memset(m->wg_pub, 0, 32);
	begin();
	UNTIL(seen.registered == 1);
	assert_int_equal(keys_wg_epoch(keys), 1);
	assert_int_equal(seen.stopped, 0);
}

static void test_a_foreign_owner_stops(void **state)
{
	(void)state;
	seen.foreign_owner = true;
	begin();
	UNTIL(seen.stopped == 1);
	assert_non_null(strstr(seen.text, "owner"));
	assert_int_equal(seen.proofs, 0);
}

static void test_a_proof_that_never_will_stops(void **state)
{
	(void)state;
	seen.verdict = ATTESTOR_STOP;
	begin();
	UNTIL(seen.stopped == 1);
	assert_string_equal(seen.text, "not so");
	assert_int_equal(bundler_pending(bundler), 0);
}

static void test_a_proof_that_must_wait_is_asked_again(void **state)
{
	(void)state;
	seen.verdict = ATTESTOR_WAIT;
	begin();
	UNTIL(reg_blocked(reg));
	assert_string_equal(reg_blocked(reg), "not so");
	assert_int_equal(seen.stopped, 0);
	seen.verdict = ATTESTOR_READY;
	UNTIL(seen.registered == 1);
	assert_null(reg_blocked(reg));
}

static void test_removal_and_return(void **state)
{
	struct member *m = own_record();

	(void)state;
	memcpy(m->ed25519_pub, keys_beat_public(keys), 32);
	seen.verdict = ATTESTOR_WAIT;
	begin();
	UNTIL(seen.registered == 1);
	m->removed_at = 5;
	fake_mine(&fake);
	fake_add_log(&fake, "MemberRemoved(bytes32,address)");
	UNTIL(seen.removed == 1);
	assert_false(reg_registered(reg));
	assert_string_equal(reg_blocked(reg), "removed");
	m->removed_at = 0;
	fake_mine(&fake);
	fake_add_log(&fake, "MemberRegistered(bytes32,address,bytes32,bytes32,bytes32)");
	UNTIL(seen.registered == 2);
	assert_null(reg_blocked(reg));
}

static void test_a_reorg_that_takes_the_record_registers_anew(void **state)
{
	(void)state;
	begin();
	UNTIL(reg_beat_published(reg));
	seen.registered = 0;
	fake_reorg(&fake, fake.head);
	fake.members = 0;
	UNTIL(seen.registered == 1);
	assert_int_equal(seen.removed, 1);
	assert_null(reg_blocked(reg)); /* it was no removal */
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_new_node_registers_and_publishes),
		T(test_a_record_with_our_keys_is_enough),
		T(test_the_epoch_of_the_chain_is_taken),
		T(test_foreign_keys_stop),
		T(test_a_foreign_wireguard_key_stops),
		T(test_a_key_that_was_taken_away_is_replaced),
		T(test_a_foreign_owner_stops),
		T(test_a_proof_that_never_will_stops),
		T(test_a_proof_that_must_wait_is_asked_again),
		T(test_removal_and_return),
		T(test_a_reorg_that_takes_the_record_registers_anew),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
