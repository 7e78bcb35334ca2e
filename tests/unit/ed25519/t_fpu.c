// SPDX-License-Identifier: Apache-2.0
/*
 * Batches while the FPU is taken away: never there, gone for one section, coming
 * and going. The linker puts this file's fpu_enter() and fpu_leave() in place of
 * the real ones (--wrap) and shows it every piece of vector code and the scalar
 * path, so that the test sees which path ran and that no vector instruction runs
 * outside a section.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNERS = 12, MSG_MAX = 80, ALWAYS = -1 };

static struct ed25519_key *keys[SIGNERS];
static unsigned char sk[SIGNERS][64];
static u8 sigs[ED25519_BATCH][64], msgs[ED25519_BATCH][MSG_MAX];
static struct ed25519_job jobs[ED25519_BATCH];
static struct lanes_scratch *scratch;
static struct ed25519_batch_scratch *plain;

/* How the FPU behaves, and what came of it. */
static u64 refusals;		/* bit i: the i-th request is refused */
static unsigned int asked, entered, left, pieces, scalar_jobs;
static bool inside;

bool __wrap_fpu_enter(void);
bool __wrap_fpu_enter(void)
{
	bool refused = refusals >> (asked < 63 ? asked : 63) & 1;

	if (inside)
		fail_msg("a section inside a section");
	asked++;
	inside = !refused;
	entered += inside;
	return inside;
}

void __wrap_fpu_leave(void);
void __wrap_fpu_leave(void)
{
	if (!inside)
		fail_msg("the end of no section");
	inside = false;
	left++;
}

void __wrap_fpu_rest(void);
void __wrap_fpu_rest(void)
{
	if (inside)
		fail_msg("a rest inside a section");
}

static void piece(void)
{
	if (!inside)
		fail_msg("vector instructions outside a section");
	pieces++;
}

void __real_ifma_prepare(struct ifma_pair *pair, struct ifma_scratch *w);
void __wrap_ifma_prepare(struct ifma_pair *pair, struct ifma_scratch *w);
void __wrap_ifma_prepare(struct ifma_pair *pair, struct ifma_scratch *w)
{
	piece();
	__real_ifma_prepare(pair, w);
}

void __real_ifma_evaluate(struct ifma_scratch *w, unsigned int group,
			  const struct ifma_pair *p, const struct ifma_pair *next);
void __wrap_ifma_evaluate(struct ifma_scratch *w, unsigned int group,
			  const struct ifma_pair *p, const struct ifma_pair *next);
void __wrap_ifma_evaluate(struct ifma_scratch *w, unsigned int group,
			  const struct ifma_pair *p, const struct ifma_pair *next)
{
	piece();
	__real_ifma_evaluate(w, group, p, next);
}

void __real_ifma_encode(struct ifma_scratch *w, unsigned int groups);
void __wrap_ifma_encode(struct ifma_scratch *w, unsigned int groups);
void __wrap_ifma_encode(struct ifma_scratch *w, unsigned int groups)
{
	piece();
	__real_ifma_encode(w, groups);
}

u64 __real_ed25519_verify_batch(struct ed25519_batch_scratch *w,
				const struct ed25519_job *of, unsigned int n);
u64 __wrap_ed25519_verify_batch(struct ed25519_batch_scratch *w,
				const struct ed25519_job *of, unsigned int n);
u64 __wrap_ed25519_verify_batch(struct ed25519_batch_scratch *w,
				const struct ed25519_job *of, unsigned int n)
{
	if (inside)
		fail_msg("scalar code inside a section");
	scalar_jobs += n;
	return __real_ed25519_verify_batch(w, of, n);
}

static int setup(void **state)
{
	unsigned char pub[32], seed[32] = { 42 };
	int i;

	if (support_setup(state))
		return -1;
	scratch = support_alloc(sizeof(*scratch));
	plain = support_alloc(sizeof(*plain));
	for (i = 0; i < SIGNERS; i++) {
		seed[1] = i;
		crypto_sign_seed_keypair(pub, sk[i], seed);
		keys[i] = support_key(pub, i % 3 ? 4096 : 1024);
		if (!keys[i])
			return -1;
	}
	return 0;
}

/* @n jobs, @bad of them spoilt; of one table size or of two. */
static void make_batch(u64 *rng, unsigned int n, u64 bad, bool one_size)
{
	unsigned int i, signer;

	for (i = 0; i < n; i++) {
		signer = one_size ? 1 + i % 2 : support_random(rng) % SIGNERS;
		support_random_bytes(rng, msgs[i], MSG_MAX);
		crypto_sign_detached(sigs[i], NULL, msgs[i], MSG_MAX, sk[signer]);
		if (bad >> i & 1)
			sigs[i][support_random(rng) % 64] ^= 1 << i % 8;
		jobs[i] = (struct ed25519_job){ .key = keys[signer],
			.sig = sigs[i], .msg = msgs[i], .msg_bytes = MSG_MAX };
	}
}

static u64 all(unsigned int n)
{
	return ~0ULL >> (64 - n);
}

/* Verdicts in lanes with the FPU as @pattern says, against the plain ones. */
static void check(unsigned int n, u64 pattern)
{
	u64 want = __real_ed25519_verify_batch(plain, jobs, n), got;

	refusals = pattern;
	asked = entered = left = pieces = scalar_jobs = 0;
	got = lanes_verify_batch(scratch, jobs, n);
	assert_true(got == want);
	assert_false(inside);
	assert_int_equal(entered, left);
}

static bool absent(void)
{
	return !support_has_ifma();
}

/* Ten sections for 64 jobs of one size: eight groups, one more, and encoding. */
static void test_with_the_fpu_all_is_done_in_lanes(void **state)
{
	u64 rng = 1;

	(void)state;
	if (absent())
		skip();
	make_batch(&rng, 64, 0x8000000400200001, true);
	check(64, 0);
	assert_int_equal(entered, 10);
	assert_int_equal(pieces, 8 + 8 + 1);
	assert_int_equal(scalar_jobs, 0);
	make_batch(&rng, 9, 1, true);
	check(9, 0);
	assert_int_equal(entered, 3);
	assert_int_equal(scalar_jobs, 1); /* the ninth is a group of one */
}

static void test_without_the_fpu_all_is_done_in_scalar_code(void **state)
{
	unsigned int n;
	u64 rng = 2;

	(void)state;
	for (n = 1; n <= 64; n++) {
		make_batch(&rng, n, support_random(&rng) & support_random(&rng),
			   n & 1);
		check(n, ALWAYS);
		assert_int_equal(entered, 0);
		assert_int_equal(pieces, 0);
		assert_int_equal(scalar_jobs, n);
	}
}

static void test_one_section_refused_sends_all_to_scalar_code(void **state)
{
	unsigned int k;
	u64 rng = 3;

	(void)state;
	if (absent())
		skip();
	for (k = 0; k < 10; k++) {
		make_batch(&rng, 64, support_random(&rng) & support_random(&rng),
			   true);
		check(64, 1ULL << k);
		assert_int_equal(entered, k);
		assert_int_equal(scalar_jobs, 64);
	}
	check(64, 1ULL << 10); /* there is no eleventh */
	assert_int_equal(scalar_jobs, 0);
}

/*
 * What an earlier batch left in the scratch must decide nothing: the same jobs
 * first right and then spoilt, and the other way round, with a section refused.
 */
static void test_nothing_left_over_is_believed(void **state)
{
	unsigned int k;
	u64 rng = 4;

	(void)state;
	if (absent())
		skip();
	for (k = 0; k < 10; k++) {
		make_batch(&rng, 64, 0, true);
		check(64, 0);
		msgs[k * 6][3] ^= 4;
		check(64, 1ULL << k);
		msgs[k * 6][3] ^= 4;
		check(64, 1ULL << k);
		check(64, 0);
	}
}

static void test_coming_and_going(void **state)
{
	u64 rng = 5, scalar = 0, lanes = 0;
	unsigned int round, n;

	(void)state;
	if (absent())
		skip();
	for (round = 0; round < 400; round++) {
		n = 1 + support_random(&rng) % 64;
		make_batch(&rng, n, support_random(&rng) & support_random(&rng),
			   round & 1);
		check(n, support_random(&rng) & support_random(&rng) &
			 support_random(&rng));
		scalar += scalar_jobs == n;
		lanes += scalar_jobs < n;
		assert_true(scalar_jobs == n || entered == asked);
	}
	assert_true(scalar > 50 && lanes > 50);
}

/* The verdicts themselves, known beforehand: what was spoilt and nothing else. */
static void test_verdicts_do_not_depend_on_the_path(void **state)
{
	u64 rng = 6, bad = 0x0123456789abcdef, with, without;

	(void)state;
	if (absent())
		skip();
	make_batch(&rng, 64, bad, false);
	refusals = 0;
	with = lanes_verify_batch(scratch, jobs, 64);
	refusals = ALWAYS;
	without = lanes_verify_batch(scratch, jobs, 64);
	assert_true(with == without);
	assert_true(with == (all(64) & ~bad));
}

/* A processor or a system that lacks one thing has no lanes. */
static void test_every_bit_of_cpuid_is_needed(void **state)
{
	static const struct fpu_cpuid whole = { 1U << 27,
		1U << 16 | 1U << 17 | 1U << 21 | 1U << 30 | 1U << 31, 1U << 1,
		0xe6 };
	struct fpu_cpuid id = whole;
	u32 *const word[] = { &id.leaf1_ecx, &id.leaf7_ebx, &id.leaf7_ecx,
			      &id.xcr0 };
	int i, bit, needed = 0;

	(void)state;
	assert_true(fpu_cpuid_has_lanes(&whole));
	for (i = 0; i < 4; i++)
		for (bit = 0; bit < 32; bit++) {
			id = whole;
			*word[i] ^= 1U << bit;
			if (fpu_cpuid_has_lanes(&id))
				continue;
			needed++;
		}
	assert_int_equal(needed, 1 + 5 + 1 + 5);
	memset(&id, 0xff, sizeof(id));
	assert_true(fpu_cpuid_has_lanes(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_the_fpu_all_is_done_in_lanes),
		cmocka_unit_test(test_without_the_fpu_all_is_done_in_scalar_code),
		cmocka_unit_test(test_one_section_refused_sends_all_to_scalar_code),
		cmocka_unit_test(test_nothing_left_over_is_believed),
		cmocka_unit_test(test_coming_and_going),
		cmocka_unit_test(test_verdicts_do_not_depend_on_the_path),
		cmocka_unit_test(test_every_bit_of_cpuid_is_needed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
