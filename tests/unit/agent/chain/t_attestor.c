// SPDX-License-Identifier: Apache-2.0
/*
 * dstack's proof: built from a whole key hierarchy made here, decoded again
 * and verified as the contract does; each fault refused with its own name
 * before anything leaves the node.
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

#include "attestor.h"
#include "chain.h"
#include "fakechain.h"
#include "k256.h"
#include "keys.h"
#include "sigchain.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;
static struct keys *keys;
static struct attestor *attestor;
static struct attestor_binding binding;
static uint8_t app_id[20], root_address[20];
static bool listed;

static struct {
	bool done;
	enum attestor_verdict verdict;
	char text[400];
	uint8_t call[4096];
	size_t len;
	uint8_t signer[20];
} got;

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	const char *data = json_string_value(json_object_get(json_array_get(params, 0), "data"));
	uint8_t call[64];
	size_t len;

	(void)method;
	(void)error;
	(void)arg;
	assert_true(hex_decode_var(call, sizeof(call), &len, data));
	assert_true(fake_is(call, "allowedKmsRoots(address)"));
	return fake_words(listed && !memcmp(call + 16, root_address, 20), 0, 1);
}

static void link0(uint8_t out[65], const uint8_t app_secret[32], const char *purpose,
		  const uint8_t derived[32])
{
	char text[160], hex[HEX_SIZE(33)];
	uint8_t pub[33], digest[32];

	assert_true(k256_public(derived, pub));
	snprintf(text, sizeof(text), "%s:%s", purpose, hex_encode(hex, pub, 33));
	keccak256(digest, text, strlen(text));
	assert_true(k256_sign(app_secret, digest, out));
}

static void link1(uint8_t out[65], const uint8_t root_secret[32], const uint8_t id[20],
		  const uint8_t app_secret[32])
{
	uint8_t text[18 + 20 + 33], digest[32];

	memcpy(text, "dstack-kms-issued:", 18);
	memcpy(text + 18, id, 20);
	assert_true(k256_public(app_secret, text + 38));
	keccak256(digest, text, sizeof(text));
	assert_true(k256_sign(root_secret, digest, out));
}

static void make_key(enum keys_path path, struct dstack_key *key)
{
	uint8_t app[32], root[32];

	memset(app, 0x21, 32);
	memset(root, 0x31, 32);
	*key = (struct dstack_key){ .has_link = { true, true } };
	memset(key->key, 1 + path, 32);
	link0(key->link[0], app, path == KEYS_BINDING ? KEYS_BINDING_PURPOSE : "", key->key);
	link1(key->link[1], root, app_id, app);
	assert_true(k256_secret_address(root, root_address));
}

static void on_answer(const struct attestor_answer *a, void *arg)
{
	(void)arg;
	got.done = true;
	got.verdict = a->verdict;
	snprintf(got.text, sizeof(got.text), "%s", a->text);
	memcpy(got.signer, a->signer, 20);
	if (a->call) {
		got.len = a->call->len;
		memcpy(got.call, a->call->data, got.len);
	}
}

static void prove(void)
{
	memset(&got, 0, sizeof(got));
	attestor_prove(attestor, &binding, on_answer, NULL);
	for (int i = 0; i < 500 && !got.done; i++)
		loop_run_once(loop, 10);
	assert_true(got.done);
}

static int start(void **state)
{
	struct chain_config cfg = { .chain_id = 31337, .poll_ms = 20 };
	struct keys_scope scope = { .chain_id = 31337 };
	struct dstack_key key;

	(void)state;
	listed = true;
	memset(app_id, 0xbb, 20);
	memset(binding.cluster, 0xaa, 20);
	memset(binding.member, 0xbb, 20);
	memset(binding.x_pub, 0x11, 32);
	memset(binding.wg_pub, 0x22, 32);
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	fake.rpc.fn = serve;
	keys = keys_new(loop, NULL);
	for (int i = 0; i < KEYS_PATHS; i++) {
		make_key((enum keys_path)i, &key);
		keys_put(keys, (enum keys_path)i, &key);
	}
	keys_bind(keys, &scope);
	cfg.rpc_url = fake.rpc.url;
	chain = chain_new(loop, http, &cfg);
	attestor = attestor_dstack_new(keys, chain, app_id);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	attestor_free(attestor);
	chain_free(chain);
	keys_free(keys);
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	return 0;
}

static const uint8_t *part(const struct abi_dec *proof, size_t i, size_t want_len)
{
	const uint8_t *bytes;
	size_t len;

	assert_true(abi_get_bytes(proof, i, &bytes, &len));
	assert_int_equal(len, want_len);
	return bytes;
}

static void expect_recovers(const uint8_t hash[32], const uint8_t *sig, const uint8_t want[33])
{
	uint8_t pub[33];

	assert_true(sig[64] == 27 || sig[64] == 28); /* the verifier takes no 0/1 */
	assert_true(k256_recover(hash, sig, pub));
	assert_memory_equal(pub, want, 33);
}

static void test_the_proof_verifies_as_on_chain(void **state)
{
	struct abi_dec args, proof;
	struct sigchain c = { .purpose = KEYS_BINDING_PURPOSE, .has_link = { true, true } };
	struct sigchain_roots roots;
	uint8_t want[32], digest[32], address[20];
	const uint8_t *purpose;
	size_t len;
	uint64_t offset;

	(void)state;
	prove();
	assert_int_equal(got.verdict, ATTESTOR_READY);
	assert_memory_equal(got.call, "\x53\x7d\x49\x1c", 4);
	args = (struct abi_dec){ got.call + 4, got.len - 4 };
	assert_true(abi_get_u64(&args, 0, &offset));
	assert_true(abi_get_address(&args, 1, address));
	assert_memory_equal(address, binding.member, 20);
	proof = (struct abi_dec){ args.data + offset, args.len - offset };
	memset(want, 0, 32);
	memset(want, 0xbb, 20);
	assert_memory_equal(abi_word(&proof, 0), want, 32); /* codeId */
	/* The binding hash, computed with an independent ABI encoder. */
	hex_decode(want, 32, "ebd02ea504e9f716248a8bd9b626bb33178e01eef4a48f395ddad81e57c5c734");
	assert_memory_equal(abi_word(&proof, 1), want, 32);
	memcpy(c.derived, part(&proof, 5, 33), 33);
	k256_eip191_digest(want, digest);
	expect_recovers(digest, part(&proof, 2, 65), c.derived);
	memcpy(c.app_id, app_id, 20);
	memcpy(c.link[0], part(&proof, 3, 65), 65);
	memcpy(c.link[1], part(&proof, 4, 65), 65);
	assert_int_equal(sigchain_check(&c, root_address, &roots), SIGCHAIN_OK);
	assert_memory_equal(roots.app, part(&proof, 6, 33), 33);
	assert_true(abi_get_bytes(&proof, 7, &purpose, &len));
	assert_int_equal(len, strlen(KEYS_BINDING_PURPOSE));
	assert_memory_equal(purpose, KEYS_BINDING_PURPOSE, len);
	assert_true(k256_address(c.derived, address));
	assert_memory_equal(got.signer, address, 20);
}

static void expect(enum attestor_verdict verdict, const char *text)
{
	prove();
	assert_int_equal(got.verdict, verdict);
	assert_non_null(strstr(got.text, text));
	assert_int_equal(got.len, 0);
}

static void test_an_unlisted_root_is_waited_for(void **state)
{
	(void)state;
	listed = false;
	expect(ATTESTOR_WAIT, "unlisted KMS root");
	listed = true;
	prove();
	assert_int_equal(got.verdict, ATTESTOR_READY);
}

static void test_a_chain_for_another_app_is_not_listed(void **state)
{
	struct dstack_key key;
	uint8_t app[32], root[32], other[20] = { 1 };

	(void)state;
	memset(app, 0x21, 32);
	memset(root, 0x31, 32);
	for (int i = 0; i < KEYS_PATHS; i++) {
		make_key((enum keys_path)i, &key);
		link1(key.link[1], root, other, app);
		keys_put(keys, (enum keys_path)i, &key);
	}
	expect(ATTESTOR_WAIT, "another app_id");
}

static void test_a_wrong_app_id_stops(void **state)
{
	(void)state;
	binding.member[0] ^= 1;
	expect(ATTESTOR_STOP, "wrong app_id");
}

static void test_a_swapped_key_stops(void **state)
{
	struct dstack_key key;

	(void)state;
	make_key(KEYS_BINDING, &key);
	key.key[5] ^= 1; /* not the key that link 0 names */
	keys_put(keys, KEYS_BINDING, &key);
	expect(ATTESTOR_STOP, "swapped key");
}

static void test_links_that_are_missing_or_high_stop(void **state)
{
	uint8_t order[32];
	struct dstack_key key;
	int borrow = 0;

	(void)state;
	make_key(KEYS_BINDING, &key);
	key.has_link[1] = false;
	keys_put(keys, KEYS_BINDING, &key);
	expect(ATTESTOR_STOP, "link 1 is empty");
	make_key(KEYS_BINDING, &key);
	key.has_link[0] = false;
	keys_put(keys, KEYS_BINDING, &key);
	expect(ATTESTOR_STOP, "link 0 is empty");
	make_key(KEYS_BINDING, &key);
	hex_decode(order, 32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - key.link[1][32 + i] - borrow;

		borrow = d < 0;
		key.link[1][32 + i] = (uint8_t)d;
	}
	key.link[1][64] ^= 1;
	keys_put(keys, KEYS_BINDING, &key);
	expect(ATTESTOR_STOP, "link 1 has a high-S");
}

static void test_an_outage_is_waited_out(void **state)
{
	(void)state;
	fake.rpc.status = 502;
	expect(ATTESTOR_WAIT, "502");
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_proof_verifies_as_on_chain),
		T(test_an_unlisted_root_is_waited_for),
		T(test_a_chain_for_another_app_is_not_listed),
		T(test_a_wrong_app_id_stops),
		T(test_a_swapped_key_stops),
		T(test_links_that_are_missing_or_high_stop),
		T(test_an_outage_is_waited_out),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
