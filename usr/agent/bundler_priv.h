/* SPDX-License-Identifier: Apache-2.0 */
/* State shared by bundler.c (queue, outcomes) and bundler_flow.c (steps of the
 * operation in flight). */
#ifndef AGENT_BUNDLER_PRIV_H
#define AGENT_BUNDLER_PRIV_H

#include "backoff.h"
#include "bundler.h"
#include "calls.h"
#include "userop.h"

struct job {
	struct job *next;
	uint64_t ticket;
	const char *name;
	bool own, bootstrap, nonzero;
	uint8_t expected[32];
	struct buf call, check;
	bundler_done_fn done;     /* NULL: nobody waits any more */
	void *arg;
	int64_t not_before_ms;    /* waiting for its next try */
	struct backoff backoff;
	unsigned int tries;
	bool sent;                /* at least once, by this process */
	uint64_t settled_block;   /* in the settled list */
};

/* The operation being built, or on its way. */
struct flight {
	struct job *job;          /* NULL: none */
	struct userop op;
	struct buf call_data;
	uint8_t op_hash[32], tx_hash[32];
	bool sent;                /* the bundler has it */
	bool landed;              /* a receipt says success: the effect must show */
	int64_t sent_ms, looked_ms;
};

struct bundler {
	struct loop *loop;
	struct chain *chain;
	struct keys *keys;
	struct rpc *bundler, *paymaster; /* paymaster NULL: none configured */
	uint64_t chain_id, max_fee_wei;
	char *policy_id;
	struct job *queue;        /* oldest first */
	size_t queued;
	struct job *settled;      /* newest first */
	size_t settled_count;
	struct job *recheck;      /* next settled job to look at after a reorg */
	struct loop_timer recheck_timer;
	struct flight flight;
	struct loop_timer timer;  /* next step, next try, next look */
	uint64_t next_ticket, sent;
	char waiting[512], blocked[512];
};

/* Takes up b->flight.job. */
void flight_start(struct bundler *b);
/* The timer while an operation is on its way. */
void flight_look(struct bundler *b);
/* Drops its questions and buffers. */
void flight_clear(struct bundler *b);

/* How flight ends, called by bundler_flow.c; each frees or requeues the job. */
void flight_done(struct bundler *b);
void flight_refused(struct bundler *b, const char *error, const char *reason);
/* Again after the job's backoff. */
enum retry {
	RETRY_ENDPOINT, /* one is away: soon again */
	RETRY_BACKOFF,
	RETRY_SLOW,     /* somebody must act first, and is shown what */
};
void flight_retry(struct bundler *b, const char *reason, enum retry how);
/* The job is not ended by this; shown, and logged when it is another text. */
void flight_waits(struct bundler *b, const struct job *j, const char *text, bool outage);

/* True if the answer of the check call shows the effect. */
bool job_effect_shown(const struct job *j, const struct chain_answer *a);

#endif
