/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cluster Shared Key of this node: originate, commit a requested
 * generation, re-derive, pull from peers, keep. It decides from a plain view
 * of chain and liveness and acts through callbacks; serving others is
 * rpc_peer's part.
 */
#ifndef AGENT_CSK_H
#define AGENT_CSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop.h"

enum {
	CSK_BYTES = 32,
	CSK_SEALED_BYTES = 80,
	CSK_PULLS_AT_ONCE = 8,
	CSK_PULL_CONNECT_MS = 1000,
	CSK_PULL_ANSWER_MS = 2000,
	CSK_PULL_PEERS_MAX = 64,      /* asked in one round */
	CSK_RANK_WAIT_MS = 5000,      /* per live member of lower index */
	CSK_RETRY_FIRST_MS = 500,
	CSK_RETRY_MOST_MS = 15000,
	CSK_COMMIT_RETRY_MS = 10000,  /* after an operation that failed */
	CSK_UNSERVED_ROUNDS = 3,      /* until a generation is reported unserved */
};

struct csk_peer {
	uint8_t member_id[32];
	uint32_t index;
	uint32_t mesh_ip;             /* 0: no address to ask at */
	bool live;
};

/* What the chain and the mesh say now. Members are current ones only, self
 * excluded; the array is copied. */
struct csk_view {
	bool member;                  /* this node is a current member */
	uint8_t self_id[32];
	uint32_t self_index;
	uint32_t committed;           /* cskGeneration(); 0 = none */
	uint32_t requested;           /* cskRequestedGeneration() */
	uint8_t commitment[32];       /* of `committed` */
	uint8_t committer[32];        /* cskCommitterOf(committed) */
	bool originator;              /* self is the lowest-index current member */
	bool reachable;               /* the mesh is up: pulls make sense */
	const struct csk_peer *peers;
	size_t peer_count;
};

/* Where the wrapped copy is bound to. */
struct csk_scope {
	uint64_t chain_id;
	uint8_t cluster[20], member_contract[20];
};

struct csk_ops {
	/* The key of a generation from this node's seed. 0 or a negative errno. */
	int (*derive)(uint32_t generation, uint8_t key[CSK_BYTES], void *arg);
	/* Opens what was sealed to this node's x25519 key. */
	bool (*open)(const uint8_t sealed[CSK_SEALED_BYTES], uint8_t key[CSK_BYTES],
		     void *arg);
	/* Submits the commitment of a generation; csk_commit_done() follows.
	 * Generation 1 is setCskCommitment. */
	void (*commit)(uint32_t generation, const uint8_t commitment[32], void *arg);
	/* Held key, pull state or trouble changed. */
	void (*changed)(void *arg);
};

struct csk_config {
	const char *device;           /* to bind pulls to; NULL in tests */
	uint16_t port;                /* PEER_GRPC_PORT */
	const char *state_path;       /* file of the wrapped copy, or NULL */
	const uint8_t *wrap_key;      /* 32 bytes, with state_path; copied */
	struct csk_scope scope;
};

struct csk;

/* NULL when memory is short (locked memory included). Reads a wrapped copy if
 * there is one; it is used only if it matches a later view's commitment. */
struct csk *csk_new(struct loop *loop, const struct csk_config *config,
		    const struct csk_ops *ops, void *arg);
/* Wipes everything; stops pulls. NULL is fine. */
void csk_free(struct csk *csk);

/* The world changed (or may have). Cheap when it did not. */
void csk_update(struct csk *csk, const struct csk_view *view);
/* The commit operation of a generation ended; ok means its receipt says so.
 * What counts is the next view; a failure is tried again later. */
void csk_commit_done(struct csk *csk, uint32_t generation, bool ok);

/* The key matches the commitment of the newest view. */
bool csk_acquired(const struct csk *csk);
/* Generation of the key held, acquired or not; 0 = none. */
uint32_t csk_held(const struct csk *csk);
/* Copies the key of a generation (0: the one held). False if it is not held. */
bool csk_get(const struct csk *csk, uint32_t generation, uint8_t key[CSK_BYTES]);
/* One sentence on what it is waiting for; NULL when acquired. */
const char *csk_waiting_for(const struct csk *csk);

#endif
