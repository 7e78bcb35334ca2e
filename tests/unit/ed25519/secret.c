// SPDX-License-Identifier: Apache-2.0
/*
 * Signing in constant time, as memcheck can see it: the seed is marked
 * undefined, and memcheck follows what depends on it through every instruction.
 * A branch or an address that depends on it is an error there. Run under
 * valgrind only; check.sh does. With PLANT_LOOKUP the comb reads its table by the
 * digit, as verifying does, which has to be noticed.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "ed25519.h"

enum { SEEDS = 24 };	/* messages of up to 276 bytes */

struct message {
	const u8 *data;
	size_t bytes;
};

static void feed(void *message, struct ed_sha512 *hash)
{
	const struct message *m = message;

	ed_sha512_update(hash, m->data, m->bytes);
}

#ifdef PLANT_LOOKUP
void __wrap_comb_base_mult(struct ge *r, const struct ge_entry *table,
			   const struct sc *k);
void __wrap_comb_base_mult(struct ge *r, const struct ge_entry *table,
			   const struct sc *k)
{
	const struct comb_shape *s = &comb_base_sign;
	struct comb_digits digits;
	const struct ge_entry *e;
	struct fe plus, minus, dxy;
	struct sc_bits u;
	bool negative;
	int i;

	comb_digits(&digits, s, &u, sc_recode(&u, k, comb_bits(s)));
	ge_set_identity(r);
	for (i = s->combs * s->spacing - 1; i >= 0; i--) {
		e = table + (digits.d[i] & COMB_INDEX);
		negative = digits.d[i] & COMB_NEGATIVE;
		memcpy(plus.v, negative ? e->minus : e->plus, sizeof(plus.v));
		memcpy(minus.v, negative ? e->plus : e->minus, sizeof(minus.v));
		memcpy(dxy.v, e->dxy, sizeof(dxy.v));
		ge_madd(r, r, &plus, &minus, &dxy, negative, true);
		if (i && i % s->combs == 0)
			ge_dbl(r, r, true);
	}
}
#endif

static void die(const char *what)
{
	fprintf(stderr, "secret: %s\n", what);
	exit(1);
}

/* What depends on the seed stays undefined until the tool is told otherwise. */
static void sign_marked(u8 pub[32], u8 sig[64], u8 seed[32], struct message *m)
{
	struct ed25519_secret secret;
	u8 bits[32], any = 0;
	int i;

	VALGRIND_MAKE_MEM_UNDEFINED(seed, 32);
	ed25519_secret_load(&secret, seed);
	ed25519_sign(sig, &secret, feed, m);
	if (VALGRIND_GET_VBITS(sig + 32, bits, 32) != 1)
		die("memcheck is not at work");
	for (i = 0; i < 32; i++)
		any |= bits[i];
	if (!any)
		die("S does not depend on the seed: nothing was followed");
	memcpy(pub, secret.pub, 32);
	VALGRIND_MAKE_MEM_DEFINED(seed, 32);
	VALGRIND_MAKE_MEM_DEFINED(pub, 32);
	VALGRIND_MAKE_MEM_DEFINED(sig, 64);
}

/* Odd and even scalars, one block and several; libsodium has the answer. */
static void check_seed(int n)
{
	unsigned char sk[64];
	u8 seed[32], pub[32], sig[64], want_pub[32], want[64], msg[300];
	struct message m = { msg, (size_t)n * 12 };

	memset(seed, n, sizeof(seed));
	memset(msg, 0xa5 ^ n, sizeof(msg));
	crypto_sign_seed_keypair(want_pub, sk, seed);
	crypto_sign_detached(want, NULL, msg, m.bytes, sk);
	sign_marked(pub, sig, seed, &m);
	if (memcmp(pub, want_pub, 32) || memcmp(sig, want, 64))
		die("another signature than libsodium's");
}

int main(void)
{
	static struct ed25519_base base;
	void *scratch = malloc(ed25519_init_scratch_bytes());
	int n;

	if (!RUNNING_ON_VALGRIND)
		die("to be run under valgrind");
	if (!scratch || sodium_init() < 0)
		die("cannot start");
	ed25519_init(&base, scratch);
	for (n = 0; n < SEEDS; n++)
		check_seed(n);
	free(scratch);
	if (VALGRIND_COUNT_ERRORS)
		die("a branch or an address depends on the seed");
	printf("%d seeds: no branch and no address depends on them\n", SEEDS);
	return 0;
}
