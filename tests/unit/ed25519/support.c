// SPDX-License-Identifier: Apache-2.0
/* See support.h. The reference arithmetic is bitwise on purpose: nothing in it
 * resembles what it checks. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lanes_scratch *scratch;
static struct ed25519_batch_scratch *scalar;

const u8 ref_order[32] = {
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2,
	0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
};

const u8 ref_torsion[32] = {
	0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76,
	0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
	0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
};

void *support_alloc(size_t bytes)
{
	void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (!p)
		abort();
	memset(p, 0x5a, bytes);
	return p;
}

int support_setup(void **state)
{
	static struct ed25519_base *base;
	void *tmp;

	(void)state;
	if (base)
		return 0;
	if (sodium_init() < 0)
		return -1;
	base = support_alloc(sizeof(*base));
	tmp = support_alloc(ed25519_init_scratch_bytes());
	ed25519_init(base, tmp);
	free(tmp);
	scratch = support_alloc(sizeof(*scratch));
	scalar = support_alloc(sizeof(*scalar));
	return 0;
}

bool support_has_adx(void)
{
	return eval_adx_available();
}

bool support_has_ifma(void)
{
	static bool said;

	if (!fpu_has_lanes() && !said) {
		said = true;
		printf("# eight lanes skipped: this processor has no AVX-512 IFMA and VBMI\n");
	}
	return fpu_has_lanes();
}

static enum ed25519_key_error load(struct ed25519_key *key, const u8 pub[32],
				   size_t table_bytes)
{
	enum ed25519_key_error err;
	void *tmp;

	key->shape = comb_shape_for_bytes(table_bytes);
	key->table = support_alloc(table_bytes);
	tmp = support_alloc(comb_scratch_bytes(key->shape));
	err = ed25519_key_load(key, pub, tmp);
	free(tmp);
	return err;
}

enum ed25519_key_error support_key_error(const u8 pub[32], size_t table_bytes)
{
	struct ed25519_key key;
	enum ed25519_key_error err = load(&key, pub, table_bytes);

	free(key.table);
	return err;
}

struct ed25519_key *support_key(const u8 pub[32], size_t table_bytes)
{
	struct ed25519_key *key = support_alloc(sizeof(*key));

	if (!load(key, pub, table_bytes))
		return key;
	support_key_free(key);
	return NULL;
}

void support_key_free(struct ed25519_key *key)
{
	free(key->table);
	free(key);
}

u64 support_verify(const struct ed25519_job *jobs, unsigned int n)
{
	u64 portable, other;
	unsigned int i;

	eval_use_adx = false;
	portable = ed25519_verify_batch(scalar, jobs, n);
	for (i = 0; i < n; i++)
		assert_int_equal(portable >> i & 1, ed25519_verify(&jobs[i]));
	if (support_has_adx()) {
		eval_use_adx = true;
		other = ed25519_verify_batch(scalar, jobs, n);
		assert_int_equal(other, portable);
		eval_use_adx = false;
	}
	if (support_has_ifma()) {
		other = lanes_verify_batch(scratch, jobs, n);
		assert_int_equal(other, portable);
	}
	return portable;
}

bool support_verify_one(const struct ed25519_key *key, const u8 sig[64],
			const u8 *msg, size_t msg_bytes)
{
	struct ed25519_job jobs[8];
	unsigned char pub[32], sk[64], good[64];
	static const u8 seed[32] = { 77 };
	struct ed25519_key *other;
	bool ok = false;
	int lane, i;

	crypto_sign_seed_keypair(pub, sk, seed);
	crypto_sign_detached(good, NULL, seed, 5, sk);
	other = support_key(pub, comb_table_bytes(key->shape));
	for (lane = 0; lane < 8; lane++) {
		for (i = 0; i < 8; i++)
			jobs[i] = (struct ed25519_job){ .key = other,
				.sig = good, .msg = seed, .msg_bytes = 5 };
		jobs[lane] = (struct ed25519_job){ .key = key, .sig = sig,
			.msg = msg, .msg_bytes = msg_bytes };
		ok = support_verify(jobs, 8) >> lane & 1;
		assert_int_equal(support_verify(jobs, 8), 0xff & ~(!ok << lane));
	}
	support_key_free(other);
	return ok;
}

void support_unhex(u8 *out, const char *hex)
{
	size_t n;

	if (sodium_hex2bin(out, strlen(hex) / 2, hex, strlen(hex), NULL, &n, NULL) ||
	    n != strlen(hex) / 2)
		abort();
}

/* What every draw adds to the state; odd, so each of 2^64 states comes once. */
static const u64 random_step = 0x9e3779b97f4a7c15;

u64 support_random(u64 *state)
{
	u64 z = *state += random_step;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u64 support_random_skip(u64 state, u64 draws)
{
	return state + draws * random_step;
}

/* By Newton's rule: each round doubles the low bits that are right, 5 at first. */
u64 support_random_draws(u64 from, u64 to)
{
	u64 inverse = 3 * random_step ^ 2;
	int i;

	for (i = 0; i < 4; i++)
		inverse *= 2 - random_step * inverse;
	return (to - from) * inverse;
}

void support_random_bytes(u64 *state, void *p, size_t n)
{
	u8 *o = p;

	while (n--)
		*o++ = support_random(state) >> 56;
}

/* a mod p, then equal to what the field encodes */
static void reduce_once(u8 a[32])
{
	static const u8 p[32] = {
		0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	};
	u8 d[32];
	int i, borrow = 0, t;

	for (i = 0; i < 32; i++) {
		t = a[i] - p[i] - borrow;
		d[i] = t;
		borrow = t < 0;
	}
	if (!borrow)
		memcpy(a, d, 32);
}

void ref_add_p(u8 r[32], const u8 a[32], const u8 b[32])
{
	u8 s[32];
	int i, t, carry = 0;

	for (i = 0; i < 32; i++) {
		t = a[i] + b[i] + carry;
		s[i] = t;
		carry = t >> 8;
	}
	/* what left the top counts 38; the sum of two values below 2^255 fits */
	for (i = 0, carry *= 38; carry; i = (i + 1) % 32) {
		t = s[i] + carry;
		s[i] = t;
		carry = t >> 8;
	}
	reduce_once(s);
	reduce_once(s);
	memcpy(r, s, 32);
}

void ref_mul_p(u8 r[32], const u8 a[32], const u8 b[32])
{
	u8 acc[32] = { 0 }, x[32];
	int i;

	memcpy(x, a, 32);
	reduce_once(x);
	reduce_once(x);
	for (i = 255; i >= 0; i--) {
		ref_add_p(acc, acc, acc);
		if (b[i / 8] >> (i % 8) & 1)
			ref_add_p(acc, acc, x);
	}
	memcpy(r, acc, 32);
}

void raw_keypair(u8 a[32], u8 pub[32], const u8 seed[32])
{
	u8 digest[64], wide[64] = { 0 };
	unsigned char sk[64];

	crypto_sign_seed_keypair(pub, sk, seed);
	crypto_hash_sha512(digest, seed, 32);
	digest[0] &= 0xf8;
	digest[31] = (digest[31] & 0x7f) | 0x40;
	memcpy(wide, digest, 32);
	crypto_core_ed25519_scalar_reduce(a, wide);
}

void raw_hash(u8 h[32], const u8 R[32], const u8 A[32], const u8 *msg,
	      size_t msg_bytes)
{
	crypto_hash_sha512_state st;
	u8 digest[64];

	crypto_hash_sha512_init(&st);
	crypto_hash_sha512_update(&st, R, 32);
	crypto_hash_sha512_update(&st, A, 32);
	crypto_hash_sha512_update(&st, msg, msg_bytes);
	crypto_hash_sha512_final(&st, digest);
	crypto_core_ed25519_scalar_reduce(h, digest);
}

void raw_sign(u8 sig[64], const u8 R[32], const u8 r[32], const u8 A[32],
	      const u8 a[32], const u8 *msg, size_t msg_bytes)
{
	u8 h[32], ha[32];

	raw_hash(h, R, A, msg, msg_bytes);
	crypto_core_ed25519_scalar_mul(ha, h, a);
	memcpy(sig, R, 32);
	crypto_core_ed25519_scalar_add(sig + 32, r, ha);
}
