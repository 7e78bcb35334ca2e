// SPDX-License-Identifier: Apache-2.0
/*
 * What is accepted and what is refused, by every implementation: the vectors of
 * RFC 8032, and each class of defect of keys and signatures, made to order.
 */
#include "support.h"
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#include "rfc8032.h"

enum { VECTORS = sizeof(rfc8032) / sizeof(rfc8032[0]), MSG_MAX = 1024 };

static const u8 identity[32] = { 1 };

static void feed(void *message, struct ed_sha512 *hash)
{
	ed_sha512_update(hash, message, *(size_t *)((u8 *)message + MSG_MAX));
}

static void test_rfc_vectors(void **state)
{
	struct ed25519_secret secret;
	u8 seed[32], pub[32], want[64], sig[64];
	struct {
		u8 data[MSG_MAX];
		size_t bytes;
	} msg;
	struct ed25519_key *key;
	int i, size;

	(void)state;
	for (i = 0; i < VECTORS; i++) {
		support_unhex(seed, rfc8032[i].seed);
		support_unhex(pub, rfc8032[i].pub);
		support_unhex(want, rfc8032[i].sig);
		support_unhex(msg.data, rfc8032[i].msg);
		msg.bytes = strlen(rfc8032[i].msg) / 2;
		ed25519_secret_load(&secret, seed);
		assert_memory_equal(secret.pub, pub, 32);
		ed25519_sign(sig, &secret, feed, &msg);
		assert_memory_equal(sig, want, 64);
		for (size = 0; size < COMB_SIZES; size++) {
			key = support_key(pub, 1024 << size);
			assert_non_null(key);
			assert_true(support_verify_one(key, sig, msg.data,
						       msg.bytes));
			sig[63] ^= 0x10;
			assert_false(support_verify_one(key, sig, msg.data,
							msg.bytes));
			sig[63] ^= 0x10;
			support_key_free(key);
		}
	}
}

static u64 selftest_scalar_batch(void *ctx, const struct ed25519_job *jobs,
				 unsigned int n)
{
	(void)ctx;
	return support_verify(jobs, n);
}

static u64 selftest_wrong_batch(void *ctx, const struct ed25519_job *jobs,
				unsigned int n)
{
	return selftest_scalar_batch(ctx, jobs, n) | 1;
}

static void test_known_answers_at_load(void **state)
{
	struct selftest_memory *m = support_alloc(sizeof(*m));

	(void)state;
	assert_null(selftest_scalar(m));
	assert_null(selftest_batches(m, selftest_scalar_batch, NULL));
	assert_non_null(selftest_batches(m, selftest_wrong_batch, NULL));
	free(m);
}

/* k times the point of order 8; its canonical encoding */
static void torsion(u8 t[32], int k)
{
	memcpy(t, identity, 32);
	while (k--)
		crypto_core_ed25519_add(t, t, ref_torsion);
}

static void test_keys_of_small_or_mixed_order(void **state)
{
	u8 t[32], a[32], mixed[32];
	int k, i;

	(void)state;
	for (k = 0; k < 8; k++) {
		torsion(t, k);
		assert_int_equal(support_key_error(t, 1024),
				 ED25519_KEY_NOT_PRIME_ORDER);
		for (i = 0; i < 5; i++) {
			crypto_core_ed25519_random(a);
			crypto_core_ed25519_add(mixed, a, t);
			assert_int_equal(support_key_error(mixed, 1024),
				k ? ED25519_KEY_NOT_PRIME_ORDER : ED25519_KEY_OK);
		}
	}
}

/* y = p + i for i in 0..18 is all of them, with either sign */
static void test_keys_not_canonical(void **state)
{
	u8 s[32];
	int i, sign;

	(void)state;
	for (i = 0; i < 19; i++)
		for (sign = 0; sign < 2; sign++) {
			memset(s, 0xff, 32);
			s[0] = 0xed + i;
			s[31] = 0x7f | sign << 7;
			assert_int_equal(support_key_error(s, 1024),
					 ED25519_KEY_NOT_CANONICAL);
		}
	/* p - 1 is the largest y there is: -1, of order two; x = 0 has no sign */
	s[0] = 0xec;
	s[31] = 0x7f;
	assert_int_equal(support_key_error(s, 1024), ED25519_KEY_NOT_PRIME_ORDER);
	s[31] = 0xff;
	assert_int_equal(support_key_error(s, 1024), ED25519_KEY_NOT_ON_CURVE);
	memcpy(s, identity, 32);
	s[31] = 0x80;
	assert_int_equal(support_key_error(s, 1024), ED25519_KEY_NOT_ON_CURVE);
}

static void test_keys_as_libsodium_judges_them(void **state)
{
	int good[2] = { 0 }, i, valid;
	u8 s[32];
	u64 rng = 1;

	(void)state;
	for (i = 0; i < 3000; i++) {
		support_random_bytes(&rng, s, 32);
		if (i % 8 == 0)
			crypto_core_ed25519_random(s);
		valid = crypto_core_ed25519_is_valid_point(s);
		good[valid]++;
		assert_int_equal(support_key_error(s, 1024) == ED25519_KEY_OK,
				 valid);
	}
	assert_true(good[0] > 1000 && good[1] > 300);
}

struct signer {
	u8 a[32], pub[32];
	struct ed25519_key *key;
};

static void signer_make(struct signer *s, u8 tag)
{
	u8 seed[32] = { tag, 9 };

	raw_keypair(s->a, s->pub, seed);
	s->key = support_key(s->pub, 4096);
	assert_non_null(s->key);
}

static const u8 text[] = "the text that is signed here";

static bool accepted(const struct signer *s, const u8 sig[64])
{
	return support_verify_one(s->key, sig, text, sizeof(text));
}

/* R = [r]B + k torsion points, S as it must be for the cofactored equation */
static void signature_with_torsion(u8 sig[64], const struct signer *s, int k)
{
	u8 r[32], R[32], t[32];

	crypto_core_ed25519_scalar_random(r);
	crypto_scalarmult_ed25519_base_noclamp(R, r);
	torsion(t, k);
	crypto_core_ed25519_add(R, R, t);
	raw_sign(sig, R, r, s->pub, s->a, text, sizeof(text));
}

static void test_R_of_mixed_order(void **state)
{
	struct signer s;
	u8 sig[64];
	int k;

	(void)state;
	signer_make(&s, 1);
	for (k = 0; k < 8; k++) {
		signature_with_torsion(sig, &s, k);
		assert_int_equal(accepted(&s, sig), k == 0);
	}
	support_key_free(s.key);
}

/* S = h a: [S]B - [h]A is the identity, so R = identity satisfies the equation */
static void test_R_of_small_order(void **state)
{
	static const u8 zero[32];
	struct signer s;
	u8 sig[64], R[32];
	int k;

	(void)state;
	signer_make(&s, 2);
	for (k = 0; k < 8; k++) {
		torsion(R, k);
		raw_sign(sig, R, zero, s.pub, s.a, text, sizeof(text));
		assert_false(accepted(&s, sig));
		assert_int_equal(ed25519_sig_wellformed(sig), k != 0);
	}
	support_key_free(s.key);
}

/* The identity and the points of order two and four again, as y + p */
static void test_R_not_canonical(void **state)
{
	static const u8 zero[32];
	struct signer s;
	u8 sig[64], R[32];
	int y, sign;

	(void)state;
	signer_make(&s, 3);
	for (y = 0; y < 19; y++)
		for (sign = 0; sign < 2; sign++) {
			memset(R, 0xff, 32);
			R[0] = 0xed + y;
			R[31] = 0x7f | sign << 7;
			raw_sign(sig, R, zero, s.pub, s.a, text, sizeof(text));
			assert_false(accepted(&s, sig));
		}
	memcpy(R, identity, 32);
	R[31] = 0x80; /* x = 0 with a sign */
	raw_sign(sig, R, zero, s.pub, s.a, text, sizeof(text));
	assert_false(accepted(&s, sig));
	support_key_free(s.key);
}

/* sig's S + L, in 256 bits; false if it does not fit */
static bool add_order(u8 sig[64])
{
	int i, t, carry = 0;

	for (i = 0; i < 32; i++) {
		t = sig[32 + i] + ref_order[i] + carry;
		sig[32 + i] = t;
		carry = t >> 8;
	}
	return !carry;
}

static void test_S_not_reduced(void **state)
{
	struct signer s;
	u8 sig[64];
	int n = 0;

	(void)state;
	signer_make(&s, 4);
	signature_with_torsion(sig, &s, 0);
	assert_true(accepted(&s, sig));
	while (add_order(sig)) {
		assert_false(accepted(&s, sig));
		n++;
	}
	assert_true(n >= 14);
	support_key_free(s.key);
}

static void test_S_at_its_edges(void **state)
{
	static const char *const edges[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"0000000000000000000000000000000000000000000000000000000000000010",
		"0000000000000000000000000000000000000000000000000000000000000020",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	struct signer s;
	u8 sig[64];
	size_t i;

	(void)state;
	signer_make(&s, 5);
	signature_with_torsion(sig, &s, 0);
	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		support_unhex(sig + 32, edges[i]);
		assert_false(accepted(&s, sig));
		assert_int_equal(ed25519_sig_wellformed(sig), i < 3 || i == 4);
	}
	support_key_free(s.key);
}

/*
 * h at its edges cannot be made from a message, but the digits it would give
 * can: [S]B - [h]A for h in {0, 1, L - 1} and both parities of S.
 */
static void test_hash_at_its_edges(void **state)
{
	static const u8 minus_one[32] = {
		0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0x10 };
	u8 h[3][32] = { { 0 }, { 1 } }, S[2][32] = { { 5 }, { 6 } };
	u8 a[32], b[32], want[32], got[32];
	struct comb_pair p;
	struct signer s;
	struct sc_bits u;
	struct sc k;
	struct ge r;
	int i, j;

	(void)state;
	signer_make(&s, 6);
	memcpy(h[2], minus_one, 32);
	p.shape = s.key->shape;
	p.table = s.key->table;
	p.base = ed25519_base_table();
	for (i = 0; i < 3; i++)
		for (j = 0; j < 2; j++) {
			sc_from_bytes(&k, h[i]);
			comb_digits(&p.a, p.shape, &u,
				    sc_recode(&u, &k, comb_bits(p.shape)));
			sc_from_bytes(&k, S[j]);
			comb_digits(&p.b, &comb_base_verify, &u,
				    sc_recode(&u, &k, comb_bits(&comb_base_verify)));
			memcpy(a, identity, 32);
			if (i)
				assert_int_equal(crypto_scalarmult_ed25519_noclamp(
					a, h[i], s.pub), 0);
			crypto_scalarmult_ed25519_base_noclamp(b, S[j]);
			crypto_core_ed25519_sub(want, b, a);
			eval_use_adx = false;
			eval_pair(&r, &p, NULL);
			ge_encode(got, &r);
			assert_memory_equal(got, want, 32);
		}
	support_key_free(s.key);
}

static void test_every_bit_of_a_signature_counts(void **state)
{
	struct signer s;
	u8 sig[64], msg[sizeof(text)];
	size_t bit;

	(void)state;
	signer_make(&s, 7);
	signature_with_torsion(sig, &s, 0);
	for (bit = 0; bit < 512; bit++) {
		struct ed25519_job job = { .key = s.key, .sig = sig,
			.msg = text, .msg_bytes = sizeof(text) };

		sig[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(support_verify(&job, 1), 0);
		sig[bit / 8] ^= 1 << bit % 8;
	}
	for (bit = 0; bit < 8 * sizeof(msg); bit++) {
		struct ed25519_job job = { .key = s.key, .sig = sig,
			.msg = msg, .msg_bytes = sizeof(msg) };

		memcpy(msg, text, sizeof(msg));
		msg[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(support_verify(&job, 1), 0);
	}
	support_key_free(s.key);
}

static void test_signing_equals_libsodium(void **state)
{
	struct ed25519_secret secret;
	unsigned char pub[32], sk[64], want[64];
	struct {
		u8 data[MSG_MAX];
		size_t bytes;
	} msg;
	u8 seed[32], sig[64];
	u64 rng = 8;
	int i;

	(void)state;
	for (i = 0; i < 400; i++) {
		support_random_bytes(&rng, seed, 32);
		support_random_bytes(&rng, msg.data, MSG_MAX);
		msg.bytes = support_random(&rng) % (MSG_MAX + 1);
		crypto_sign_seed_keypair(pub, sk, seed);
		crypto_sign_detached(want, NULL, msg.data, msg.bytes, sk);
		ed25519_secret_load(&secret, seed);
		assert_memory_equal(secret.pub, pub, 32);
		ed25519_sign(sig, &secret, feed, &msg);
		assert_memory_equal(sig, want, 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_known_answers_at_load),
		cmocka_unit_test(test_keys_of_small_or_mixed_order),
		cmocka_unit_test(test_keys_not_canonical),
		cmocka_unit_test(test_keys_as_libsodium_judges_them),
		cmocka_unit_test(test_R_of_mixed_order),
		cmocka_unit_test(test_R_of_small_order),
		cmocka_unit_test(test_R_not_canonical),
		cmocka_unit_test(test_S_not_reduced),
		cmocka_unit_test(test_S_at_its_edges),
		cmocka_unit_test(test_hash_at_its_edges),
		cmocka_unit_test(test_every_bit_of_a_signature_counts),
		cmocka_unit_test(test_signing_equals_libsodium),
	};

	return cmocka_run_group_tests(tests, support_setup, NULL);
}
