// SPDX-License-Identifier: Apache-2.0
/*
 * Batches: every size, every bad place, mixed table sizes and message lengths,
 * messages cut anywhere. Each batch goes through all implementations.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNERS = 16, MSG_MAX = 700 };

static struct ed25519_key *keys[SIGNERS];
static unsigned char sk[SIGNERS][64];
static u8 sigs[ED25519_BATCH][64], msgs[ED25519_BATCH][MSG_MAX];

/* Table sizes differ from key to key unless @one_size */
static void make_keys(bool one_size)
{
	unsigned char pub[32], seed[32] = { 0 };
	int i;

	for (i = 0; i < SIGNERS; i++) {
		seed[0] = i;
		crypto_sign_seed_keypair(pub, sk[i], seed);
		keys[i] = support_key(pub, one_size ? 4096 :
				      1024 << i % COMB_SIZES);
		assert_non_null(keys[i]);
	}
}

static void free_keys(void)
{
	int i;

	for (i = 0; i < SIGNERS; i++)
		support_key_free(keys[i]);
}

static void make_job(struct ed25519_job *job, int at, int signer, size_t bytes,
		     size_t head)
{
	crypto_sign_detached(sigs[at], NULL, msgs[at], bytes, sk[signer]);
	*job = (struct ed25519_job){
		.key = keys[signer], .sig = sigs[at],
		.head = head ? msgs[at] : NULL, .head_bytes = head,
		.msg = bytes > head ? msgs[at] + head : NULL,
		.msg_bytes = bytes - head,
	};
}

static u64 all(unsigned int n)
{
	return ~0ULL >> (64 - n);
}

static void test_every_size_with_one_bad_anywhere(void **state)
{
	struct ed25519_job jobs[ED25519_BATCH];
	unsigned int n, bad, i;

	(void)state;
	make_keys(true);
	for (n = 1; n <= ED25519_BATCH; n++) {
		for (i = 0; i < n; i++)
			make_job(&jobs[i], i, i % SIGNERS, 275, 51);
		assert_int_equal(support_verify(jobs, n), all(n));
		for (bad = 0; bad < n; bad += n > 17 ? 5 : 1) {
			sigs[bad][n % 64] ^= 1 << bad % 8;
			assert_int_equal(support_verify(jobs, n),
					 all(n) & ~(1ULL << bad));
			sigs[bad][n % 64] ^= 1 << bad % 8;
		}
	}
	free_keys();
}

static void test_one_good_among_bad(void **state)
{
	struct ed25519_job jobs[8];
	int good, i;

	(void)state;
	make_keys(true);
	for (good = 0; good < 8; good++) {
		for (i = 0; i < 8; i++) {
			make_job(&jobs[i], i, i, 100, 0);
			if (i != good)
				sigs[i][32 + good] ^= 0x80 >> i;
		}
		assert_int_equal(support_verify(jobs, 8), 1 << good);
	}
	free_keys();
}

static void test_mixed_table_sizes(void **state)
{
	struct ed25519_job jobs[ED25519_BATCH];
	u64 rng = 1, bad;
	unsigned int n, i, round;

	(void)state;
	make_keys(false);
	for (round = 0; round < 60; round++) {
		n = 1 + support_random(&rng) % ED25519_BATCH;
		bad = support_random(&rng) & support_random(&rng);
		for (i = 0; i < n; i++) {
			support_random_bytes(&rng, msgs[i], 40);
			make_job(&jobs[i], i, support_random(&rng) % SIGNERS,
				 40, 3);
			if (bad >> i & 1)
				sigs[i][support_random(&rng) % 64] ^= 1;
		}
		assert_int_equal(support_verify(jobs, n), all(n) & ~bad);
	}
	free_keys();
}

/* Lengths across every block boundary and past what a lane holds, side by side */
static void test_message_lengths(void **state)
{
	struct ed25519_job jobs[8];
	size_t len, head, at;
	u64 rng = 2;
	int i;

	(void)state;
	make_keys(true);
	for (i = 0; i < 8; i++)
		support_random_bytes(&rng, msgs[i], MSG_MAX);
	for (len = 0; len <= MSG_MAX - 8 * 3; len += 3) {
		for (i = 0; i < 8; i++) {
			at = i & 1 ? len + 3 * i : support_random(&rng) % MSG_MAX;
			head = at ? support_random(&rng) % (at + 1) : 0;
			make_job(&jobs[i], i, i, at, head);
		}
		assert_int_equal(support_verify(jobs, 8), 0xff);
		i = len % 8;
		if (jobs[i].msg_bytes) {
			msgs[i][jobs[i].head_bytes + jobs[i].msg_bytes - 1] ^= 1;
			assert_int_equal(support_verify(jobs, 8),
					 0xff & ~(1 << i));
		}
	}
	free_keys();
}

/* The last byte that fits a block beside the padding, and a lane, and the next. */
static void test_messages_that_just_fit(void **state)
{
	struct ed25519_job jobs[8];
	int blocks, over, i;
	size_t bytes;

	(void)state;
	make_keys(true);
	for (blocks = 1; blocks <= IFMA_MSG_BLOCKS; blocks++)
		for (over = -1; over <= 2; over++) {
			bytes = blocks * SHA512_BLOCK - 17 - 64 + over;
			for (i = 0; i < 8; i++)
				make_job(&jobs[i], i, i, bytes, i);
			msgs[5][bytes - 1] ^= 1;
			assert_int_equal(support_verify(jobs, 8), 0xff & ~(1 << 5));
		}
	free_keys();
}

static void test_signature_under_another_key(void **state)
{
	struct ed25519_job jobs[8];
	int i;

	(void)state;
	make_keys(true);
	for (i = 0; i < 8; i++)
		make_job(&jobs[i], i, i, 64, 0);
	jobs[5].key = keys[6];
	assert_int_equal(support_verify(jobs, 8), 0xff & ~(1 << 5));
	free_keys();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_with_one_bad_anywhere),
		cmocka_unit_test(test_one_good_among_bad),
		cmocka_unit_test(test_mixed_table_sizes),
		cmocka_unit_test(test_message_lengths),
		cmocka_unit_test(test_messages_that_just_fit),
		cmocka_unit_test(test_signature_under_another_key),
	};

	return cmocka_run_group_tests(tests, support_setup, NULL);
}
