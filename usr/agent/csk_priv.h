/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by csk.c (decisions, commits), csk_pull.c (asking peers) and
 * csk_store.c (the wrapped copy). Nobody else includes it.
 */
#ifndef AGENT_CSK_PRIV_H
#define AGENT_CSK_PRIV_H

#include "csk.h"

struct grpc_client_call;

/* A key and what it is the key of. Generation 0: none. */
struct csk_key {
	uint8_t *bytes;               /* locked memory */
	uint32_t generation;
	uint8_t commitment[32];
};

struct csk_pull {
	struct csk *csk;
	struct grpc_client_call *call;  /* NULL: free */
	uint8_t member_id[32];
};

struct csk {
	struct loop *loop;
	struct csk_config config;
	char *state_path;
	char *device;
	uint8_t *wrap_key;            /* locked memory, or NULL */
	const struct csk_ops *ops;
	void *arg;

	struct csk_view view;         /* peers point into: */
	struct csk_peer *peers;
	struct csk_key held, stored;

	/* Commit. */
	struct loop_timer commit_timer;
	uint32_t commit_wanted;       /* generation waited for; 0 = none */
	int64_t commit_since_ms;
	int64_t commit_not_before_ms; /* after an operation, whatever came of it */
	bool committing;

	/* Pull: of this generation and commitment. */
	struct loop_timer pull_timer;
	struct csk_pull pull[CSK_PULLS_AT_ONCE];
	size_t pulls;
	uint32_t pull_generation;
	uint8_t pull_commitment[32];
	struct csk_peer candidate[CSK_PULL_PEERS_MAX];
	size_t candidates, next_candidate;
	unsigned int rounds;          /* that brought nothing, in a row */
	size_t pull_live;             /* live peers when the last round began */
	int64_t retry_ms;

	bool underivable;             /* our seed does not give the committed key */
	uint8_t underivable_commitment[32];
	struct loop_defer tell;
	char waiting[200];
};

/* keccak256 of a key. */
void csk_commitment(const uint8_t key[CSK_BYTES], uint8_t out[32]);
/* Takes a key that was checked against the view's commitment. */
void csk_hold(struct csk *csk, const uint8_t key[CSK_BYTES]);
void csk_tell(struct csk *csk);
/* Takes the next step towards the committed key. */
void csk_acquire(struct csk *csk);

/* csk_pull.c: goes on pulling what the view commits to; cheap if it does. */
void csk_pull_go(struct csk *csk);
/* Fills the free places with the round's next peers, or ends the round. */
void csk_pull_next(struct csk *csk);
void csk_pull_stop(struct csk *csk);
void csk_pull_init(struct csk *csk);

/* csk_store.c */
void csk_store_load(struct csk *csk);
void csk_store_save(const struct csk *csk);

#endif
