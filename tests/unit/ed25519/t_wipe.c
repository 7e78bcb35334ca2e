// SPDX-License-Identifier: Apache-2.0
/*
 * What signing leaves behind: it runs on a stack of its own here, which is
 * searched afterwards for every word of the seed, the secret scalar, the prefix
 * and the nonce, as bytes and in the forms that the arithmetic has them in.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK_BYTES = 128 * 1024, MSG_BYTES = 300, WORDS_MAX = 64 };

static ucontext_t back, there;
static struct ed25519_secret secret;
static u8 seed[32], sig[64], msg[MSG_BYTES];
static u8 *stack;
static u64 sought[WORDS_MAX];
static int sought_n;
static bool no_wiping;	/* hold a secret on the stack ourselves */

static void feed(void *message, struct ed_sha512 *hash)
{
	ed_sha512_update(hash, message, MSG_BYTES);
}

static void load(void)
{
	volatile u8 kept[32];

	ed25519_secret_load(&secret, seed);
	if (no_wiping)
		memcpy((void *)kept, seed, sizeof(kept));
}

static void sign(void)
{
	ed25519_sign(sig, &secret, feed, msg);
}

static void on_own_stack(void (*call)(void))
{
	memset(stack, 0xa5, STACK_BYTES);
	assert_int_equal(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = &back;
	makecontext(&there, call, 0);
	assert_int_equal(swapcontext(&back, &there), 0);
}

static void seek_word(u64 w)
{
	assert_true(sought_n < WORDS_MAX);
	if (w >> 16) /* a small one would be found by chance */
		sought[sought_n++] = w;
}

/* As words of either byte order. */
static void seek(const u8 *p, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += 8) {
		seek_word(load_le64(p + i));
		seek_word(load_be64(p + i));
	}
}

/* A scalar, L minus it, and the signed bits of each. */
static void seek_scalar(const u8 k[32])
{
	struct sc_bits u;
	struct sc s;
	u8 minus[32];
	int i;

	seek(k, 32);
	crypto_core_ed25519_scalar_negate(minus, k);
	seek(minus, 32);
	sc_from_bytes(&s, k);
	sc_recode(&u, &s, comb_bits(&comb_base_sign));
	for (i = 0; i < 4; i++)
		seek_word(u.w[i]);
}

static int found(void)
{
	int at, i, n = 0;
	u64 w;

	for (at = 0; at < STACK_BYTES; at += 4) {
		memcpy(&w, stack + at, sizeof(w));
		for (i = 0; i < sought_n; i++)
			n += w == sought[i];
	}
	return n;
}

/* The deepest byte that was written. */
static int depth(void)
{
	int i = 0;

	while (i < STACK_BYTES && stack[i] == 0xa5)
		i++;
	return STACK_BYTES - i;
}

static void make_secret(int n)
{
	u8 digest[64];

	memset(seed, 0x31 + 7 * n, sizeof(seed));
	seed[5] = n;
	memset(msg, n, sizeof(msg));
	sought_n = 0;
	seek(seed, 32);
	crypto_hash_sha512(digest, seed, 32);
	seek(digest, 64);
}

static void test_loading_leaves_nothing(void **state)
{
	u8 a[32];
	int n;

	(void)state;
	for (n = 0; n < 8; n++) {
		make_secret(n);
		on_own_stack(load);
		sc_to_bytes(a, &secret.scalar);
		seek_scalar(a);
		assert_true(depth() > 500);
		assert_int_equal(found(), 0);
	}
}

static void test_signing_leaves_nothing(void **state)
{
	crypto_hash_sha512_state st;
	u8 a[32], wide[64], r[32];
	int n;

	(void)state;
	for (n = 0; n < 8; n++) {
		make_secret(n);
		ed25519_secret_load(&secret, seed);
		sought_n = 0;
		sc_to_bytes(a, &secret.scalar);
		seek(a, 32);
		seek(secret.prefix, 32);
		crypto_hash_sha512_init(&st);
		crypto_hash_sha512_update(&st, secret.prefix, 32);
		crypto_hash_sha512_update(&st, msg, MSG_BYTES);
		crypto_hash_sha512_final(&st, wide);
		seek(wide, 64);
		crypto_core_ed25519_scalar_reduce(r, wide);
		seek_scalar(r);
		on_own_stack(sign);
		assert_true(depth() > 500);
		assert_int_equal(found(), 0);
	}
}

/* Does the search find anything at all? */
static void test_a_secret_on_the_stack_is_found(void **state)
{
	(void)state;
	make_secret(3);
	no_wiping = true;
	on_own_stack(load);
	no_wiping = false;
	assert_true(found() >= 4);
}

static int setup(void **state)
{
	stack = support_alloc(STACK_BYTES);
	return support_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loading_leaves_nothing),
		cmocka_unit_test(test_signing_leaves_nothing),
		cmocka_unit_test(test_a_secret_on_the_stack_is_found),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
