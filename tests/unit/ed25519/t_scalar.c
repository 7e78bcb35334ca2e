// SPDX-License-Identifier: Apache-2.0
/*
 * Scalars against libsodium's, recoding against its own definition, SHA-512
 * against libsodium's.
 */
#include "support.h"

#include <string.h>

static const char *const edges[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0200000000000000000000000000000000000000000000000000000000000000",
	/* L - 2, L - 1, L, L + 1 */
	"ebd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
	"ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
	"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
	"eed3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
	/* 2^252 - 1, 2^252, 2^253, 2^255 - 1, 2^256 - 1 */
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0f",
	"0000000000000000000000000000000000000000000000000000000000000010",
	"0000000000000000000000000000000000000000000000000000000000000020",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

/* Half of the cases put an edge in the low or the high half, or both. */
static void make_wide(u8 wide[64], u64 *rng)
{
	u64 r = support_random(rng);

	support_random_bytes(rng, wide, 64);
	if (r & 1)
		support_unhex(wide, edges[r / 8 % EDGES]);
	if (r & 2)
		support_unhex(wide + 32, edges[r / 256 % EDGES]);
}

static void test_reduction(void **state)
{
	u8 wide[64], want[32], got[32];
	u64 rng = 1, x[8];
	struct sc r;
	int i, k;

	(void)state;
	for (i = 0; i < 20000; i++) {
		make_wide(wide, &rng);
		for (k = 0; k < 8; k++)
			x[k] = load_le64(wide + 8 * k);
		sc_reduce(&r, x);
		sc_to_bytes(got, &r);
		crypto_core_ed25519_scalar_reduce(want, wide);
		assert_memory_equal(got, want, 32);
		assert_true(sc_is_reduced(&r));
	}
}

static void test_multiply_add(void **state)
{
	u8 a[64], b[64], c[64], want[32], got[32], ab[32];
	struct sc sa, sb, scc, r;
	u64 rng = 2;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		make_wide(a, &rng);
		make_wide(b, &rng);
		make_wide(c, &rng);
		sc_from_bytes(&sa, a);
		sc_from_bytes(&sb, b);
		sc_from_bytes(&scc, c);
		sc_muladd(&r, &sa, &sb, &scc);
		sc_to_bytes(got, &r);
		memset(a + 32, 0, 32);
		memset(b + 32, 0, 32);
		memset(c + 32, 0, 32);
		crypto_core_ed25519_scalar_reduce(a, a);
		crypto_core_ed25519_scalar_reduce(b, b);
		crypto_core_ed25519_scalar_reduce(c, c);
		crypto_core_ed25519_scalar_mul(ab, a, b);
		crypto_core_ed25519_scalar_add(want, ab, c);
		assert_memory_equal(got, want, 32);
	}
}

static void test_only_values_below_L_are_reduced(void **state)
{
	u8 s[32];
	struct sc a;
	int i;

	(void)state;
	for (i = 0; i < EDGES; i++) {
		support_unhex(s, edges[i]);
		sc_from_bytes(&a, s);
		assert_int_equal(sc_is_reduced(&a), i < 5 || i == 7 || i == 8);
	}
}

/* sum (2 u_i - 1) 2^i modulo L, bit by bit from the top */
static void sum_of_bits(u8 r[32], const struct sc_bits *u, int n)
{
	static const u8 one[32] = { 1 };
	int i;

	memset(r, 0, 32);
	for (i = n - 1; i >= 0; i--) {
		crypto_core_ed25519_scalar_add(r, r, r);
		if (u->w[i / 64] >> (i % 64) & 1)
			crypto_core_ed25519_scalar_add(r, r, one);
		else
			crypto_core_ed25519_scalar_sub(r, r, one);
	}
}

static void check_recode(const u8 k[32], int n)
{
	struct sc_bits u;
	u8 got[32];
	struct sc s;
	u64 negate;
	int i;

	sc_from_bytes(&s, k);
	negate = sc_recode(&u, &s, n);
	assert_int_equal(negate, !(k[0] & 1));
	for (i = n; i < 384; i++)
		assert_int_equal(u.w[i / 64] >> (i % 64) & 1, 0);
	sum_of_bits(got, &u, n);
	if (negate)
		crypto_core_ed25519_scalar_negate(got, got);
	assert_memory_equal(got, k, 32);
}

static void test_recoding_is_the_scalar(void **state)
{
	u8 wide[64], k[32];
	u64 rng = 3;
	int i, n;

	(void)state;
	for (n = COMB_BITS_MIN; n <= COMB_BITS_MAX; n++) {
		for (i = 0; i < EDGES; i++) {
			support_unhex(k, edges[i]);
			if (i < 5 || i == 7 || i == 8)
				check_recode(k, n);
		}
		for (i = 0; i < 20; i++) {
			support_random_bytes(&rng, wide, 64);
			crypto_core_ed25519_scalar_reduce(k, wide);
			check_recode(k, n);
		}
	}
}

static void test_sha512_of_every_length(void **state)
{
	u8 msg[700], want[64], got[64];
	struct ed_sha512 h;
	u64 rng = 4;
	size_t n, cut;

	(void)state;
	support_random_bytes(&rng, msg, sizeof(msg));
	for (n = 0; n <= sizeof(msg); n++) {
		crypto_hash_sha512(want, msg, n);
		cut = n ? support_random(&rng) % n : 0;
		ed_sha512_init(&h);
		ed_sha512_update(&h, msg, cut);
		ed_sha512_update(&h, msg + cut, n - cut);
		ed_sha512_final(&h, got);
		assert_memory_equal(got, want, 64);
	}
}

/* The fuzzer's jobs draw from stretches that must not meet. */
static void test_stretches_of_random_numbers(void **state)
{
	static const u64 lengths[] = { 0, 1, 2, 63, 1000 };
	u64 start = 20250101, s;
	size_t i;
	u64 n;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (s = start, n = 0; n < lengths[i]; n++)
			support_random(&s);
		assert_true(s == support_random_skip(start, lengths[i]));
		assert_true(support_random_draws(start, s) == lengths[i]);
	}
	s = support_random_skip(start, 1ULL << 48);
	assert_true(support_random_draws(start, s) == 1ULL << 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reduction),
		cmocka_unit_test(test_multiply_add),
		cmocka_unit_test(test_only_values_below_L_are_reduced),
		cmocka_unit_test(test_recoding_is_the_scalar),
		cmocka_unit_test(test_sha512_of_every_length),
		cmocka_unit_test(test_stretches_of_random_numbers),
	};

	return cmocka_run_group_tests(tests, support_setup, NULL);
}
