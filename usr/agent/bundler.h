/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: a queue of sponsored ERC-4337 operations of the member account,
 * one in flight, the node's own before the application's. An operation is done
 * when the chain shows its effect, not when somebody says so; until it is 64
 * blocks deep a reorg brings it back.
 */
#ifndef AGENT_BUNDLER_H
#define AGENT_BUNDLER_H

#include <stdbool.h>
#include <stdint.h>

#include "chain.h"
#include "keys.h"

enum {
	BUNDLER_QUEUE_MAX = 64,
	BUNDLER_CALL_MAX_BYTES = 68 << 10,   /* send() with 64 KiB */
	BUNDLER_SETTLED_MAX = 256,           /* effects watched for reorgs */
	BUNDLER_RETRY_FIRST_MS = 500,
	BUNDLER_RETRY_ENDPOINT_MS = 3000,    /* at most, while one is away */
	BUNDLER_RETRY_MAX_MS = 30000,
	BUNDLER_RETRY_SLOW_MS = 15000,       /* somebody must act first */
	BUNDLER_RECEIPT_POLL_MS = 500,
	BUNDLER_INCLUSION_MS = 60000,        /* then it is built anew */
	BUNDLER_REASON_MAX = 256,
};

struct bundler_config {
	uint64_t chain_id;
	const char *bundler_url;     /* copied */
	const char *paymaster_url;   /* ERC-7677; NULL or "": no sponsor */
	const char *gas_policy_id;   /* or NULL */
	uint64_t max_fee_wei;        /* bound of maxFeePerGas; 0: the default */
};

enum bundler_result {
	BUNDLER_DONE,      /* the chain shows the effect */
	BUNDLER_REFUSED,   /* will never happen; nothing is pending */
	BUNDLER_CANCELLED, /* bundler_free(); the outcome is open */
};

struct bundler_outcome {
	enum bundler_result result;
	const char *reason;          /* for people; "" when done */
	const char *error_name;      /* contract error ("DuplicateEnvelope") or "" */
	uint8_t tx_hash[32];         /* zero if not known */
	bool sent;                   /* false: the effect was there already */
};

typedef void (*bundler_done_fn)(const struct bundler_outcome *o, void *arg);

/* How the effect is seen: an eth_call to the cluster whose first word is
 * equal to a value, or not zero. */
struct bundler_check {
	const void *call;            /* copied */
	size_t call_len;
	bool nonzero;                /* else: equal to expected */
	uint8_t expected[32];
};

struct bundler_job {
	const char *name;            /* static text: "dstack_register", "send" … */
	bool own;                    /* before the application's */
	bool bootstrap;              /* owner is zero: nonce key = signer's address */
	const void *call;            /* to the cluster; copied */
	size_t call_len;
	struct bundler_check check;
	bundler_done_fn done;        /* may be NULL */
	void *arg;
};

struct bundler;

struct bundler *bundler_new(struct loop *loop, struct http *h, struct chain *chain,
			    struct keys *keys, const struct bundler_config *cfg);
/* Every pending job gets BUNDLER_CANCELLED. */
void bundler_free(struct bundler *b);
/* 0, -ENOSPC (queue full), -EMSGSIZE, -ENOMEM. *ticket (may be NULL) names the
 * job for bundler_forget(). */
int bundler_submit(struct bundler *b, const struct bundler_job *job, uint64_t *ticket);
/* The done callback will not be called; the job goes on. */
void bundler_forget(struct bundler *b, uint64_t ticket);
/* What the job in flight waits for, for people, or NULL. */
const char *bundler_waiting(const struct bundler *b);
/* The refusal that somebody must act on (sponsorship denied …), or NULL. */
const char *bundler_blocked(const struct bundler *b);
/* Operations handed to the bundler since the start. */
uint64_t bundler_operations_sent(const struct bundler *b);
/* Jobs waiting or in flight. */
size_t bundler_pending(const struct bundler *b);

#endif
