/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel half of the module shares inside: the state of a transform
 * and the choice of implementation. Not for users of the module; theirs is
 * attestmesh_ed25519.h.
 */
#ifndef ATTESTMESH_ED25519_ENGINE_H
#define ATTESTMESH_ED25519_ENGINE_H

#include "attestmesh_ed25519.h"
#include "ed25519.h"
#include "selftest.h"

/**
 * struct amesh_ed25519_ctx - context of a transform
 * @key: the public key and its table, NULL before set_pub_key
 * @secret: the expanded private key, NULL before set_priv_key
 * @table_bytes: size for the next key; 0 means the default
 *
 * As everywhere in the crypto API, setting a key excludes all other use of the
 * transform; that is the caller's part. Verifying and signing only read.
 */
struct amesh_ed25519_ctx {
	struct ed25519_key *key;
	struct ed25519_secret *secret;
	u32 table_bytes;
};

/* NULL if the transform belongs to another driver. */
struct amesh_ed25519_ctx *amesh_ed25519_ctx(struct amesh_crypto_tfm *tfm);

int amesh_ed25519_register(void);
void amesh_ed25519_unregister(void);

/* One signature through the crypto API, whoever implements it. */
bool amesh_ed25519_verify_foreign(const struct amesh_ed25519_item *item);

/* Known answers for the batches this machine will run; 0 or -errno. */
int amesh_ed25519_batch_selftest(struct selftest_memory *m);

/* Chosen at load: eight lanes may be used when the FPU is. */
extern bool amesh_ed25519_lanes;

#endif
