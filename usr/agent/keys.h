/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All keys of the node: asked from the guest agent once, held in locked
 * memory, derived further by HKDF for one use each and bound to chain, cluster
 * and member contract. It owns them until keys_free(); nobody else stores one.
 */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "dstack.h"
#include "loop.h"

enum {
	KEYS_WG_EPOCH_MAX = 16,      /* epochs 0..16 */
	KEYS_RETRY_FIRST_MS = 500,   /* while the guest agent does not answer */
	KEYS_RETRY_MAX_MS = 3000,
};

#define KEYS_BINDING_PURPOSE "attestmesh.binding.v1"

/* What every derived key is bound to. */
struct keys_scope {
	uint64_t chain_id;
	uint8_t cluster[20];
	uint8_t member[20];
};

struct keys;

/* fn runs once, when all six keys are there. */
typedef void (*keys_ready_fn)(void *arg);

/* NULL: memory (locked memory is limited: RLIMIT_MEMLOCK). dstack borrowed. */
struct keys *keys_new(struct loop *loop, struct dstack *dstack);
/* Wipes everything. NULL is fine. */
void keys_free(struct keys *k);
/* Asks for the six keys, retrying as long as the guest agent is away. */
void keys_fetch(struct keys *k, keys_ready_fn fn, void *arg);
/* What it waits for, for people, or NULL. */
const char *keys_waiting(const struct keys *k);
/* For tests and other attestation methods: six times 32 bytes in the order of
 * enum keys_path, instead of keys_fetch(). */
enum keys_path { KEYS_BINDING, KEYS_BOX, KEYS_WIREGUARD, KEYS_BEAT, KEYS_CSK, KEYS_STORE,
		 KEYS_PATHS };
void keys_put(struct keys *k, enum keys_path path, const struct dstack_key *key);

/* Fixes the scope, then derives. Needed before all that follows but the
 * binding key. 0, -EINVAL if keys are missing, -EIO. */
int keys_bind(struct keys *k, const struct keys_scope *scope);
bool keys_bound(const struct keys *k);

/* The binding key as returned (it owns the member account). */
void keys_owner_address(const struct keys *k, uint8_t out[20]);
void keys_binding_public(const struct keys *k, uint8_t out[33]);
/* Link signatures of a path; NULL if the agent gave an empty one. */
const uint8_t *keys_link(const struct keys *k, enum keys_path path, int link);
/* Public key that a path's link 0 names. */
bool keys_path_public(const struct keys *k, enum keys_path path, uint8_t out[33]);
/* EIP-191 signature of a hash by the binding key, v = 27/28. */
bool keys_sign_owner(const struct keys *k, const uint8_t hash[32], uint8_t out[65]);

/* x25519, for sealed boxes. */
const uint8_t *keys_box_public(const struct keys *k);
const uint8_t *keys_box_secret(const struct keys *k);
/* Opens a sealed box to this node; out has room for len - 48. */
bool keys_box_open(const struct keys *k, uint8_t *out, const uint8_t *sealed, size_t len);
/* WireGuard key pair of an epoch; secret into locked memory of the caller. */
bool keys_wg(const struct keys *k, unsigned int epoch, uint8_t secret[32], uint8_t pub[32]);
/* The epoch whose public key this is, or -1. */
int keys_wg_epoch_of(const struct keys *k, const uint8_t pub[32]);
/* The epoch in use, 0 unless the chain says otherwise. */
unsigned int keys_wg_epoch(const struct keys *k);
void keys_wg_epoch_set(struct keys *k, unsigned int epoch);
/* Ed25519 seed of beats, and its public key. */
const uint8_t *keys_beat_seed(const struct keys *k);
const uint8_t *keys_beat_public(const struct keys *k);
/* The CSK of a generation, as this node would originate it. */
bool keys_csk(const struct keys *k, uint32_t generation, uint8_t out[32]);
const uint8_t *keys_envelope_id_secret(const struct keys *k);
const uint8_t *keys_wrap_csk(const struct keys *k);
const uint8_t *keys_wrap_cache(const struct keys *k);

/* The derivation itself, for vectors: HKDF over ikm with LP-coded info. */
int keys_derive(uint8_t out[32], const uint8_t ikm[32], const char *alg, const char *use,
		const struct keys_scope *scope);

#endif
