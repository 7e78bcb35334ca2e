/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent asks of an attestation method: the register call with its
 * proof, checked locally before anything is sent. Only the files attestor_*.c
 * know a method.
 */
#ifndef AGENT_ATTESTOR_H
#define AGENT_ATTESTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum attestor_verdict {
	ATTESTOR_READY,  /* the call is complete */
	ATTESTOR_WAIT,   /* somebody must act first (an allowlist entry); ask again */
	ATTESTOR_STOP,   /* will never be accepted as it is */
};

struct attestor_binding {
	uint8_t cluster[20];
	uint8_t member[20];
	uint8_t x_pub[32];
	uint8_t wg_pub[32];
};

struct attestor_answer {
	enum attestor_verdict verdict;
	const char *text;         /* why not, for people; "" when ready */
	const struct buf *call;   /* the register call to the cluster, when ready */
	uint8_t signer[20];       /* whose signature a bootstrap operation carries */
};

typedef void (*attestor_fn)(const struct attestor_answer *answer, void *arg);

struct attestor;

struct attestor_ops {
	const char *name;
	/* keccak256 of this name is the attestor id on chain. */
	const char *id_name;
	void (*prove)(struct attestor *a, const struct attestor_binding *b,
		      attestor_fn fn, void *arg);
	void (*free)(struct attestor *a);
};

/* First member of each method's own struct. */
struct attestor {
	const struct attestor_ops *ops;
};

/* Answers once by fn, later or at once. One question at a time. */
static inline void attestor_prove(struct attestor *a, const struct attestor_binding *b,
				  attestor_fn fn, void *arg)
{
	a->ops->prove(a, b, fn, arg);
}

static inline void attestor_free(struct attestor *a)
{
	if (a)
		a->ops->free(a);
}

struct chain;
struct keys;
/* dstack's method. app_id: as Info gave it. Both borrowed. NULL: memory. */
struct attestor *attestor_dstack_new(struct keys *keys, struct chain *chain,
				     const uint8_t app_id[20]);

#endif
