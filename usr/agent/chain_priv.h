/* SPDX-License-Identifier: Apache-2.0 */
/* State shared by the files chain*.c and by nobody else. */
#ifndef AGENT_CHAIN_PRIV_H
#define AGENT_CHAIN_PRIV_H

#include "abi.h"
#include "backoff.h"
#include "chain.h"

enum {
	CHAIN_TEXT_MAX = 512,
	CHAIN_ASKED_MS = 2000,        /* a search that failed is tried again */
	CHAIN_ASKED_MAX_MS = 15000,
};

struct ring_block {
	uint64_t number;
	uint8_t hash[32];
};

struct head {
	uint64_t number, time_s;
	uint8_t hash[32], parent[32];
};

/* One eth_call under way. */
struct asked {
	struct chain *chain;
	struct asked *next;
	const void *owner;
	chain_call_fn fn;
	void *arg;
};

struct snapshot_build;

struct chain {
	struct loop *loop;
	struct rpc *rpc;
	uint64_t id;
	uint8_t member[20], cluster[20];
	bool id_checked, has_cluster, started, jittered, steady, polling, wake_wanted;
	unsigned int poll_ms;
	int64_t progress_ms, poll_started_ms;
	struct loop_timer timer;
	struct backoff backoff;

	struct ring_block ring[CHAIN_REORG_DEPTH_BLOCKS]; /* oldest first */
	size_t ring_len;
	struct head head;
	uint64_t cursor;              /* logs are read up to and including it */
	bool reorged;
	uint64_t reorg_first;         /* lowest block replaced so far */
	uint64_t window;              /* blocks per eth_getLogs that worked */

	struct chain_snapshot *now;   /* NULL before the first */
	struct snapshot_build *build; /* one being made */
	struct eth_logs logs;         /* read, waiting for the snapshot */
	uint64_t logs_to;
	struct chain_search *gap;     /* where one answer was too large */

	struct asked *asked;
	struct chain_search *searches;
	uint64_t skipped;
	struct { struct chain_listener l; void *arg; } listener[CHAIN_LISTENERS_MAX];
	size_t listeners;
	char waiting[CHAIN_TEXT_MAX], warning[CHAIN_TEXT_MAX], fatal[CHAIN_TEXT_MAX];
	char told[CHAIN_TEXT_MAX];    /* waiting and warning as last announced */
	bool plain_http;
};

/* Topics of events that change a snapshot, and of messages; filled once. */
enum { TOPIC_MESSAGE_SENT, TOPIC_STATE_FIRST, TOPICS_WATCHED = 11 };
const uint8_t (*chain_topics(void))[32];

/* True if the log is a message to this node; fills out. */
bool chain_log_message(struct chain_message *out, const struct eth_log *log);
/* This node's member id, or NULL while it has none. */
const uint8_t *chain_self_id(const struct chain *c);

/* eth_call at a block (or `latest`: block_tag NULL). */
void chain_call_at(struct chain *c, const void *owner, const char *block_tag,
		   const uint8_t *from, const uint8_t to[20], const void *call, size_t len,
		   chain_call_fn fn, void *arg);

/* Reads a snapshot at c->head. done(NULL text) or done(why), once, later. */
typedef void (*snapshot_done_fn)(struct chain_snapshot *made, const char *why, void *arg);
int snapshot_start(struct chain *c, snapshot_done_fn done, void *arg);
void snapshot_abort(struct chain *c);
void snapshot_free(struct chain_snapshot *s);
bool snapshot_differs(const struct chain_snapshot *a, const struct chain_snapshot *b);

/* Sets or clears ("") what it waits for, and tells listeners of a change. */
void chain_set_waiting(struct chain *c, const char *text);
/* Tells listeners if waiting or warning changed. */
void chain_tell_status(struct chain *c);
/* The poll: one round each time the timer fires, for ever. */
void chain_on_timer(void *arg);
unsigned int chain_interval_ms(const struct chain *c);

/* The error is about the size of what was asked for. */
bool chain_window_refused(const struct rpc_reply *reply);

#endif
