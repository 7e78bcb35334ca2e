// SPDX-License-Identifier: Apache-2.0
/* Derived keys: equal to an independent HKDF, different for every use, epoch,
 * generation and scope, and none before the scope is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "box.h"
#include "bytes.h"
#include "k256.h"
#include "keys.h"

static struct loop *loop;
static struct keys *keys;
static struct keys_scope scope = { .chain_id = 31337 };

static void put_all(struct keys *k)
{
	struct dstack_key key = { .has_link = { true, false } };

	for (int i = 0; i < KEYS_PATHS; i++) {
		memset(key.key, 1 + i, 32);
		keys_put(k, (enum keys_path)i, &key);
	}
}

static void expect(const char *alg, const char *use, const char *hex)
{
	uint8_t ikm[32], out[32], want[32];

	memset(ikm, 7, 32);
	hex_decode(want, 32, hex);
	assert_int_equal(keys_derive(out, ikm, alg, use, &scope), 0);
	assert_memory_equal(out, want, 32);
}

static void test_derivation_equals_another_implementation(void **state)
{
	(void)state;
	expect("x25519", "box", "ca9ca1e977b4393dbe0e540eec660a32c6a157e53cc10dddfe33e03e24a29bf5");
	expect("x25519", "wireguard/1",
	       "95b1d5bbce62ca477be9113fd4e6b4ad21480d3e16e52225f103b9165ca90c0c");
	expect("raw", "csk/3", "560420ef3d3e3f09e88ae4980d1386ff0aec5df0a7df76e53530b5b86a102af2");
}

static void test_scope_separates(void **state)
{
	uint8_t ikm[32] = { 1 }, first[32], out[32];
	struct keys_scope other;

	(void)state;
	assert_int_equal(keys_derive(first, ikm, "raw", "csk/1", &scope), 0);
	other = scope;
	other.chain_id++;
	keys_derive(out, ikm, "raw", "csk/1", &other);
	assert_memory_not_equal(first, out, 32);
	other = scope;
	other.cluster[19] ^= 1;
	keys_derive(out, ikm, "raw", "csk/1", &other);
	assert_memory_not_equal(first, out, 32);
	other = scope;
	other.member[0] ^= 1;
	keys_derive(out, ikm, "raw", "csk/1", &other);
	assert_memory_not_equal(first, out, 32);
	keys_derive(out, ikm, "ra", "wcsk/1", &scope); /* lengths are part of it */
	assert_memory_not_equal(first, out, 32);
}

static void test_nothing_without_scope_or_keys(void **state)
{
	struct keys *k = keys_new(loop, NULL);
	uint8_t a[32], b[32];

	(void)state;
	assert_int_not_equal(keys_bind(k, &scope), 0);
	put_all(k);
	assert_false(keys_bound(k));
	assert_false(keys_wg(k, 0, a, b));
	assert_false(keys_csk(k, 1, a));
	assert_int_equal(keys_bind(k, &scope), 0);
	assert_true(keys_csk(k, 1, a));
	keys_free(k);
}

static void test_epochs(void **state)
{
	uint8_t secret[32], pub[KEYS_WG_EPOCH_MAX + 1][32], check[32];

	(void)state;
	for (unsigned int e = 0; e <= KEYS_WG_EPOCH_MAX; e++) {
		assert_true(keys_wg(keys, e, secret, pub[e]));
		assert_true(box_public(secret, check));
		assert_memory_equal(check, pub[e], 32);
		for (unsigned int f = 0; f < e; f++)
			assert_memory_not_equal(pub[e], pub[f], 32);
		assert_int_equal(keys_wg_epoch_of(keys, pub[e]), e);
	}
	assert_false(keys_wg(keys, KEYS_WG_EPOCH_MAX + 1, secret, check));
	memset(check, 9, 32);
	assert_int_equal(keys_wg_epoch_of(keys, check), -1);
}

static void test_uses_differ(void **state)
{
	uint8_t csk1[32], csk2[32];

	(void)state;
	assert_true(keys_csk(keys, 1, csk1));
	assert_true(keys_csk(keys, 2, csk2));
	assert_memory_not_equal(csk1, csk2, 32);
	assert_memory_not_equal(keys_wrap_csk(keys), keys_wrap_cache(keys), 32);
	assert_memory_not_equal(keys_wrap_csk(keys), keys_envelope_id_secret(keys), 32);
}

static void test_box_and_beat(void **state)
{
	uint8_t sealed[5 + BOX_SEAL_BYTES], out[5], pub[32];

	(void)state;
	assert_true(box_seal(sealed, (const uint8_t *)"hello", 5, keys_box_public(keys)));
	assert_true(keys_box_open(keys, out, sealed, sizeof(sealed)));
	assert_memory_equal(out, "hello", 5);
	assert_true(box_ed25519_public(keys_beat_seed(keys), pub));
	assert_memory_equal(pub, keys_beat_public(keys), 32);
}

static void test_binding_key_is_used_as_returned(void **state)
{
	uint8_t raw[32], address[20], want[20], hash[32] = { 5 }, digest[32], sig[65], pub[33];

	(void)state;
	memset(raw, 1 + KEYS_BINDING, 32);
	assert_true(k256_secret_address(raw, want));
	keys_owner_address(keys, address);
	assert_memory_equal(address, want, 20);
	assert_true(keys_sign_owner(keys, hash, sig));
	assert_true(sig[64] == 27 || sig[64] == 28);
	k256_eip191_digest(hash, digest);
	assert_true(k256_recover(digest, sig, pub));
	assert_true(k256_address(pub, address));
	assert_memory_equal(address, want, 20);
}

static void test_empty_links_stay_empty(void **state)
{
	(void)state;
	assert_non_null(keys_link(keys, KEYS_BINDING, 0));
	assert_null(keys_link(keys, KEYS_BINDING, 1));
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return 1;
	memset(scope.cluster, 0xaa, 20);
	memset(scope.member, 0xbb, 20);
	loop = loop_new();
	keys = keys_new(loop, NULL);
	put_all(keys);
	return keys_bind(keys, &scope);
}

static int stop(void **state)
{
	(void)state;
	keys_free(keys);
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derivation_equals_another_implementation),
		cmocka_unit_test(test_scope_separates),
		cmocka_unit_test(test_nothing_without_scope_or_keys),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_uses_differ),
		cmocka_unit_test(test_box_and_beat),
		cmocka_unit_test(test_binding_key_is_used_as_returned),
		cmocka_unit_test(test_empty_links_stay_empty),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
