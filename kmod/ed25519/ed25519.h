/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ed25519 (RFC 8032, pure) for keys that are known beforehand: loading a key
 * into a table, verifying one or many signatures, signing. Allocates nothing
 * and knows no kernel.
 *
 * What is accepted is the strictest common reading of the RFC, so that no other
 * implementation rejects what this one accepts. The reasons:
 *
 *  - A: canonical and on the curve. Two encodings of one key would be two
 *    identities for one secret.
 *  - A: of prime order. Signatures under a key with a small component verify or
 *    not depending on the verifier (with cofactor or without), and the combs
 *    replace h by h mod L and by L - h, which is the RFC's equation only if
 *    [L]A = O. An honest key always passes.
 *  - S < L. Else S + L is a second signature of the same message.
 *  - R: the 32 bytes must be the encoding of [S]B - [h]A. That needs no
 *    decoding and refuses non-canonical, small and mixed order R at once,
 *    because [S]B - [h]A lies in the prime subgroup.
 *  - R: not the identity. It is the one small-order point in that subgroup, and
 *    a signer that emits it has shown its secret: S = h a.
 */
#ifndef ATTESTMESH_ED25519_CORE_H
#define ATTESTMESH_ED25519_CORE_H

#include "comb.h"
#include "sha512.h"

enum {
	ED25519_KEY = 32,
	ED25519_SIG = 64,
	ED25519_BATCH = 64,	/* verdicts of a batch fit a u64 */
	ED25519_FRAME_WIPED = 920,	/* twice after signing; frames end at 1 KiB */
};

enum ed25519_key_error {
	ED25519_KEY_OK = 0,
	ED25519_KEY_NOT_CANONICAL,
	ED25519_KEY_NOT_ON_CURVE,
	ED25519_KEY_NOT_PRIME_ORDER,
};

/* The tables of the base point, shared by all keys; filled once. */
struct ed25519_base {
	struct ge_entry verify[4096];	/* comb_base_verify */
	struct ge_entry sign[64];	/* comb_base_sign */
};

/* Working memory of ed25519_init() and ed25519_key_load(). */
size_t ed25519_init_scratch_bytes(void);

/* Fills @base and keeps the pointer: all other calls need it to stay. */
void ed25519_init(struct ed25519_base *base, void *scratch);

/**
 * struct ed25519_key - a public key ready for verifying
 * @pub: its encoding
 * @shape: of @table
 * @table: combs of -A, 64-byte aligned
 */
struct ed25519_key {
	u8 pub[ED25519_KEY];
	const struct comb_shape *shape;
	struct ge_entry *table;
};

/*
 * Checks @pub and fills @key->pub and the table. @key->shape and @key->table
 * are set by the caller, @scratch has comb_scratch_bytes(shape) bytes. On an
 * error the key is not usable.
 */
enum ed25519_key_error ed25519_key_load(struct ed25519_key *key,
					const u8 pub[ED25519_KEY],
					void *scratch);

/* The signed message is head || msg. */
struct ed25519_job {
	const struct ed25519_key *key;
	const u8 *sig;
	const u8 *head;
	const u8 *msg;
	u32 head_bytes;
	u32 msg_bytes;
};

bool ed25519_verify(const struct ed25519_job *job);

/* The encoding of [S]B - [h]A: what R must be. */
void ed25519_expected_r(u8 r[32], const struct ed25519_job *job);

/* The same, when SHA-512(R || A || M) has been started and fed by the caller. */
bool ed25519_verify_hashed(const struct ed25519_key *key, const u8 *sig,
			   struct ed_sha512 *hash);

/* Working memory of ed25519_verify_batch(). */
struct ed25519_batch_scratch {
	struct comb_pair pair[2];
	struct {
		struct fe x, y, z, prefix;
	} point[ED25519_BATCH];
};

/* Verdict of job i in bit i; 1 <= n <= ED25519_BATCH. One inversion for all. */
u64 ed25519_verify_batch(struct ed25519_batch_scratch *scratch,
			 const struct ed25519_job *jobs, unsigned int n);

/* The expanded private key; wiped by its owner. */
struct ed25519_secret {
	struct sc scalar;
	u8 prefix[32];
	u8 pub[ED25519_KEY];
};

void ed25519_secret_load(struct ed25519_secret *secret, const u8 seed[32]);

/*
 * A message in pieces: called twice per signature, feeds all of it to @hash, the
 * same bytes both times: a nonce used for two messages gives the key away.
 */
typedef void (*ed25519_feed)(void *message, struct ed_sha512 *hash);

/* Constant time in the secret. */
void ed25519_sign(u8 sig[ED25519_SIG], const struct ed25519_secret *secret,
		  ed25519_feed feed, void *message);

/*
 * Parts of verifying that the eight-lane path shares: what is hashed, the checks
 * that need no arithmetic, the table of the base point.
 */
void ed25519_hash_message(struct ed_sha512 *hash, const struct ed25519_job *job);
bool ed25519_sig_wellformed(const u8 sig[ED25519_SIG]);
const struct ge_entry *ed25519_base_table(void);

#endif
