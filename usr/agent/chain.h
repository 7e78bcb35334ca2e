/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain as this node reads it: the cluster behind the member contract,
 * snapshots of members and commitments at one block, the logs since, reorgs.
 * It polls for ever, tells listeners what changed, and says what it waits for.
 * It never writes (bundler.h).
 */
#ifndef AGENT_CHAIN_H
#define AGENT_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "jsonrpc.h"
#include "logs.h"
#include "loop.h"
#include "member.h"

enum {
	CHAIN_REORG_DEPTH_BLOCKS = 64,  /* how far back hashes are kept */
	CHAIN_WAKE_COALESCE_MS = 2000,  /* wake-ups become one read per this */
	CHAIN_FAST_MS = 300000,         /* fast polling ends without progress */
	CHAIN_FAST_IDLE_MS = 15000,     /* interval after that */
	CHAIN_CLOCK_APART_S = 3600,     /* wall clock against newest block */
	CHAIN_WINDOW_MAX_BLOCKS = 100000,
	CHAIN_LISTENERS_MAX = 8,
};

struct chain_config {
	uint64_t chain_id;
	const char *rpc_url;         /* one endpoint; copied */
	uint8_t member_contract[20];
	unsigned int poll_ms;        /* until changed by chain_set_poll() */
};

struct chain_csk {
	uint32_t generation;         /* newest committed; 0 = none */
	uint32_t requested;          /* pending if above generation */
	uint8_t commitment[32];      /* of generation */
	uint8_t committer[32];       /* member id */
};

struct chain_snapshot {
	uint64_t block;
	uint8_t block_hash[32];
	uint64_t block_time_s;
	uint8_t cluster[20];
	uint8_t cluster_owner[20];
	uint32_t cidr_ip;            /* host order */
	uint8_t cidr_prefix;
	struct members members;
	const struct member *self;   /* into members; NULL: no record. May be removed. */
	struct chain_csk csk;
};

struct chain_message {
	uint8_t sender[32], recipient[32], envelope_id[32];
	const uint8_t *ciphertext;   /* lives for the call */
	size_t len;
	uint64_t block, log_index;
	uint8_t block_hash[32];
};

struct chain_listener {
	/* The member contract named its cluster (once). */
	void (*on_cluster)(const uint8_t cluster[20], void *arg);
	/* before is NULL the first time; both live for the call, now until the
	 * next snapshot. Called only when something differs, or after a reorg. */
	void (*on_snapshot)(const struct chain_snapshot *before,
			    const struct chain_snapshot *now, void *arg);
	/* A message to this node in a block after the first snapshot, in order.
	 * After a reorg some come again. */
	void (*on_message)(const struct chain_message *m, void *arg);
	/* Blocks from first_block on were replaced. The snapshot follows. */
	void (*on_reorg)(uint64_t first_block, void *arg);
	/* chain_waiting() or chain_warning() changed. */
	void (*on_status)(void *arg);
};

struct chain;

struct chain *chain_new(struct loop *loop, struct http *h, const struct chain_config *cfg);
void chain_free(struct chain *c);
/* Before chain_start(); table copied. -ENOSPC past CHAIN_LISTENERS_MAX. */
int chain_listen(struct chain *c, const struct chain_listener *l, void *arg);
void chain_start(struct chain *c);
/* Schedules an early read; many become one. */
void chain_wake(struct chain *c);
/* A new steady interval (phase healthy, indexer connected …). */
void chain_set_poll(struct chain *c, unsigned int poll_ms);
/* The last snapshot, or NULL. */
const struct chain_snapshot *chain_now(const struct chain *c);
/* NULL before on_cluster. */
const uint8_t *chain_cluster(const struct chain *c);
const uint8_t *chain_member_contract(const struct chain *c);
uint64_t chain_id(const struct chain *c);
/* What it waits for ("rpc http://…: refused", "cluster(): …"), or NULL. */
const char *chain_waiting(const struct chain *c);
/* A difference between clocks, plain http outside loopback …, or NULL. */
const char *chain_warning(const struct chain *c);
uint64_t chain_requests(const struct chain *c);
/* Newest block seen, 0 before any. */
uint64_t chain_head(const struct chain *c);
/* The wrong chain or no cluster for good: the node must stop. NULL otherwise. */
const char *chain_fatal(const struct chain *c);

/* eth_call at `latest`; the answer's bytes, or why not (revert data in
 * revert). owner groups for chain_cancel(). */
struct chain_answer {
	enum rpc_class class;        /* RPC_OK, RPC_ERROR for a revert, … */
	const uint8_t *data;         /* of the return, valid with RPC_OK */
	size_t len;
	bool reverted;
	uint8_t revert[4];           /* error selector, zero if none */
	const char *text;            /* one line for people */
};
typedef void (*chain_call_fn)(const struct chain_answer *a, void *arg);
void chain_call(struct chain *c, void *owner, const uint8_t to[20], const void *call,
		size_t len, chain_call_fn fn, void *arg);
/* from: msg.sender of the call, may be NULL. */
void chain_call_from(struct chain *c, void *owner, const uint8_t *from, const uint8_t to[20],
		     const void *call, size_t len, chain_call_fn fn, void *arg);
void chain_cancel(struct chain *c, const void *owner);
/* The endpoint, for what has no wrapper here (fees). */
struct rpc *chain_rpc(struct chain *c);

/*
 * Reads MessageSent logs to this node in [from, to], oldest first, window by
 * window as large as the endpoint takes; senders limits them (NULL: all).
 * on_message per log, then on_done once: 0, or a negative errno after which
 * `reached` is the first block that was not read. Retries outages itself.
 */
struct chain_search;
struct chain_search_spec {
	uint64_t from, to;
	const uint8_t (*senders)[32];  /* copied */
	size_t sender_count;
	void (*on_message)(const struct chain_message *m, void *arg);
	void (*on_done)(int error, uint64_t reached, void *arg);
	void *arg;
};
struct chain_search *chain_search_new(struct chain *c, const struct chain_search_spec *spec);
/* Ends it without on_done; also frees one that is done. */
void chain_search_free(struct chain_search *s);
/* 0..100. */
unsigned int chain_search_percent(const struct chain_search *s);
/* Senders skipped in a block because the answer passed every bound. */
uint64_t chain_search_skipped(const struct chain *c);

#endif
