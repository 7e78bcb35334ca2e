/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Ed25519 tests share: tables and keys on the heap, every
 * implementation asked at once, slow integer arithmetic to compare with, and
 * signatures made to order with libsodium's scalars and points.
 */
#ifndef TESTS_ED25519_SUPPORT_H
#define TESTS_ED25519_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "eval.h"
#include "fpu.h"
#include "lanes.h"

/* Base tables, libsodium, scratch: cmocka group setup. */
int support_setup(void **state);
bool support_has_adx(void);
bool support_has_ifma(void);	/* says why not on the first call */

/* Aligned as entries must be; never fails. */
void *support_alloc(size_t bytes);

enum ed25519_key_error support_key_error(const u8 pub[32], size_t table_bytes);
struct ed25519_key *support_key(const u8 pub[32], size_t table_bytes);
void support_key_free(struct ed25519_key *key);

/* Verdicts of portable, adx and ifma; fails the test if they differ. */
u64 support_verify(const struct ed25519_job *jobs, unsigned int n);

/* One signature, alone and in every lane beside good ones of another key. */
bool support_verify_one(const struct ed25519_key *key, const u8 sig[64],
			const u8 *msg, size_t msg_bytes);

void support_unhex(u8 *out, const char *hex);

/* Deterministic bytes; @state is advanced. */
u64 support_random(u64 *state);
void support_random_bytes(u64 *state, void *p, size_t n);

/* The state after @draws numbers, and the numbers between two states. */
u64 support_random_skip(u64 state, u64 draws);
u64 support_random_draws(u64 from, u64 to);

/* r = a * b mod p, over 32 little-endian bytes, one bit at a time. */
void ref_mul_p(u8 r[32], const u8 a[32], const u8 b[32]);
void ref_add_p(u8 r[32], const u8 a[32], const u8 b[32]);

/* The order L, and a point of order 8. */
extern const u8 ref_order[32];
extern const u8 ref_torsion[32];

/* Secret scalar and public key of a seed. */
void raw_keypair(u8 a[32], u8 pub[32], const u8 seed[32]);

/* S = r + H(R, A, M) a for any R and A: signatures with chosen defects. */
void raw_sign(u8 sig[64], const u8 R[32], const u8 r[32], const u8 A[32],
	      const u8 a[32], const u8 *msg, size_t msg_bytes);

/* libsodium's SHA-512(R || A || M) mod L */
void raw_hash(u8 h[32], const u8 R[32], const u8 A[32], const u8 *msg,
	      size_t msg_bytes);

#endif
