// SPDX-License-Identifier: Apache-2.0
/*
 * The poll: newest block, whether what was known still stands, logs since, a
 * snapshot if a log says that something changed, then the messages. Each step
 * starts the next; any failure ends the round and the next one starts over
 * from the same cursor.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "calls.h"
#include "chain_priv.h"
#include "clock.h"
#include "log.h"
#include "remedy.h"
#include "secret.h"

enum {
	CHAIN_JITTER_PER_MEMBER_MS = 20,
	CHAIN_JITTER_MAX_MS = 2000,
};

#define TELL(c, event, ...) do { \
		for (size_t tell_i = 0; tell_i < (c)->listeners; tell_i++) \
			if ((c)->listener[tell_i].l.event) \
				(c)->listener[tell_i].l.event(__VA_ARGS__, \
							      (c)->listener[tell_i].arg); \
	} while (0)

/* ---- rounds ---- */

unsigned int chain_interval_ms(const struct chain *c)
{
	unsigned int ms = c->poll_ms;

	if (!c->steady && ms < CHAIN_FAST_IDLE_MS &&
	    loop_now_ms(c->loop) - c->progress_ms > CHAIN_FAST_MS)
		ms = CHAIN_FAST_IDLE_MS;
	return ms * rpc_slowdown(c->rpc);
}

static void round_over(struct chain *c)
{
	int64_t spent = loop_now_ms(c->loop) - c->poll_started_ms;
	int64_t every = c->wake_wanted ? CHAIN_WAKE_COALESCE_MS : chain_interval_ms(c);

	c->polling = false;
	c->wake_wanted = false;
	loop_timer_set(&c->timer, every > spent ? every - spent : 0);
}

/* Nodes that started together spread out once the number of members is known. */
static unsigned int start_jitter_ms(struct chain *c)
{
	size_t spread = c->now->members.count * CHAIN_JITTER_PER_MEMBER_MS;
	uint32_t random;

	c->jittered = true;
	secret_random(&random, sizeof(random));
	return random % (spread < CHAIN_JITTER_MAX_MS ? (unsigned int)spread + 1 :
			 CHAIN_JITTER_MAX_MS);
}

static void round_done(struct chain *c)
{
	backoff_reset(&c->backoff);
	chain_set_waiting(c, "");
	round_over(c);
	if (c->now && !c->jittered)
		loop_timer_set(&c->timer, chain_interval_ms(c) + start_jitter_ms(c));
}

static void round_failed(struct chain *c, const char *why)
{
	int64_t pause = rpc_pause_ms(c->rpc), delay = backoff_delay_ms(&c->backoff);
	char text[RPC_TEXT_MAX + 64];

	/* Asked again for ever; what a person can do is the same each time. */
	snprintf(text, sizeof(text), "%s%s", why, remedy_of_endpoint(why));
	chain_set_waiting(c, text);
	logs_free(&c->logs);
	c->polling = false;
	loop_timer_set(&c->timer, pause > delay ? pause : delay);
}

/* ---- clock ---- */

static void utc(char out[32], int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void compare_clocks(struct chain *c)
{
	int64_t wall_s = clock_wall_ms() / 1000, apart = wall_s - (int64_t)c->head.time_s;
	char wall[32], block[32];

	c->warning[0] = '\0';
	if (apart > CHAIN_CLOCK_APART_S || apart < -CHAIN_CLOCK_APART_S) {
		utc(wall, wall_s);
		utc(block, (int64_t)c->head.time_s);
		snprintf(c->warning, sizeof(c->warning),
			 "clock: this machine says %s, the newest block %s", wall, block);
	} else if (c->plain_http) {
		snprintf(c->warning, sizeof(c->warning),
			 "rpc %s: plain http, anybody on the way can change answers",
			 rpc_public_url(c->rpc));
	}
	chain_tell_status(c);
}

/* ---- messages and snapshot ---- */

static void ring_push(struct chain *c, const struct head *h)
{
	struct ring_block b = { .number = h->number };

	memcpy(b.hash, h->hash, 32);
	if (c->ring_len == CHAIN_REORG_DEPTH_BLOCKS) {
		memmove(c->ring, c->ring + 1, (c->ring_len - 1) * sizeof(b));
		c->ring_len--;
	}
	c->ring[c->ring_len++] = b;
}

static void deliver_messages(struct chain *c)
{
	const uint8_t *self = chain_self_id(c);
	struct eth_logs logs = c->logs;
	struct chain_message m;

	c->logs = (struct eth_logs){ 0 };
	for (size_t i = 0; self && i < logs.count; i++)
		if (chain_log_message(&m, &logs.log[i]) && !memcmp(m.recipient, self, 32)) {
			c->progress_ms = loop_now_ms(c->loop);
			TELL(c, on_message, &m);
		}
	logs_free(&logs);
}

static void read_on(struct chain *c);

/* Everything up to logs_to is known and told. */
static void window_done(struct chain *c)
{
	deliver_messages(c);
	c->cursor = c->logs_to;
	if (c->now && c->cursor == c->head.number) {
		c->now->block = c->head.number;
		c->now->block_time_s = c->head.time_s;
		memcpy(c->now->block_hash, c->head.hash, 32);
	}
	read_on(c);
}

static void replace_snapshot(struct chain *c, struct chain_snapshot *made, bool first)
{
	struct chain_snapshot *before = c->now;
	bool differs = first || !before || snapshot_differs(before, made);

	if (!differs && !c->reorged) {
		snapshot_free(made);
		return;
	}
	c->now = made;
	c->reorged = false;
	c->progress_ms = loop_now_ms(c->loop);
	TELL(c, on_snapshot, before, made);
	snapshot_free(before);
}

static void on_snapshot_made(struct chain_snapshot *made, const char *why, void *arg)
{
	struct chain *c = arg;
	bool first = !c->now;

	if (!made) {
		round_failed(c, why);
		return;
	}
	replace_snapshot(c, made, first);
	/* Logs before the first snapshot are for searches; live begins here. */
	if (first)
		c->logs_to = c->head.number;
	window_done(c);
}

static void take_snapshot(struct chain *c)
{
	if (snapshot_start(c, on_snapshot_made, c))
		round_failed(c, "out of memory for a snapshot");
}

/* ---- logs ---- */

static void on_gap_message(const struct chain_message *m, void *arg)
{
	struct chain *c = arg;

	c->progress_ms = loop_now_ms(c->loop);
	TELL(c, on_message, m);
}

static void on_gap_done(int error, uint64_t reached, void *arg)
{
	struct chain *c = arg;

	(void)error;
	(void)reached;
	chain_search_free(c->gap);
	c->gap = NULL;
	take_snapshot(c);
}

/* One block alone is too large to read in one answer: its messages to this
 * node are searched, and a fresh snapshot stands in for its other events. */
static void read_around(struct chain *c)
{
	struct chain_search_spec spec = {
		.from = c->cursor + 1, .to = c->cursor + 1, .on_message = on_gap_message,
		.on_done = on_gap_done, .arg = c,
	};

	c->logs_to = spec.to;
	if (!chain_self_id(c)) {
		take_snapshot(c);
		return;
	}
	c->gap = chain_search_new(c, &spec);
	if (!c->gap)
		round_failed(c, "out of memory for a search");
}

static void live_filter(const struct chain *c, struct log_filter *f)
{
	uint64_t last = c->cursor + c->window;

	*f = (struct log_filter){ .from = c->cursor + 1,
				  .to = last < c->head.number ? last : c->head.number };
	memcpy(f->address, c->cluster, 20);
	f->topic[0].any = chain_topics();
	f->topic[0].count = TOPICS_WATCHED;
}

static bool holds_state(const struct eth_logs *logs)
{
	for (size_t i = 0; i < logs->count; i++)
		if (memcmp(logs->log[i].topic[0], chain_topics()[TOPIC_MESSAGE_SENT], 32))
			return true;
	return false;
}

/* Logs of the head's block must be of the head's own hash. */
static bool of_this_head(const struct chain *c, const struct eth_logs *logs)
{
	for (size_t i = logs->count; i-- > 0 && logs->log[i].block == c->head.number;)
		if (memcmp(logs->log[i].block_hash, c->head.hash, 32))
			return false;
	return true;
}

static void on_logs(const struct rpc_reply *reply, void *arg)
{
	struct chain *c = arg;
	struct log_filter f;

	live_filter(c, &f);
	if (chain_window_refused(reply)) {
		if (c->window > 1) {
			c->window /= 2;
			read_on(c);
		} else {
			read_around(c);
		}
		return;
	}
	if (reply->class != RPC_OK) {
		round_failed(c, reply->text);
		return;
	}
	if (logs_parse(&c->logs, reply->result, &f) || !of_this_head(c, &c->logs)) {
		round_failed(c, "rpc: logs that were not asked for, or of another chain");
		return;
	}
	c->logs_to = f.to;
	if (c->window < CHAIN_WINDOW_MAX_BLOCKS)
		c->window *= 2;
	if (holds_state(&c->logs) || c->reorged)
		take_snapshot(c);
	else
		window_done(c);
}

static void read_on(struct chain *c)
{
	struct log_filter f;
	json_t *filter;

	if (!c->now || (c->reorged && c->cursor >= c->head.number)) {
		c->logs_to = c->head.number;
		take_snapshot(c);
		return;
	}
	if (c->cursor >= c->head.number) {
		round_done(c);
		return;
	}
	live_filter(c, &f);
	filter = logs_filter_json(&f);
	if (!filter)
		round_failed(c, "out of memory for a request");
	else
		rpc_call(c->rpc, c, "eth_getLogs", json_pack("[o]", filter), on_logs, c);
}

/* ---- reorgs ---- */

static void settle_ring(struct chain *c)
{
	bool reorg = c->reorg_first != UINT64_MAX;

	if (reorg) {
		c->reorged = true;
		if (c->cursor >= c->reorg_first)
			c->cursor = c->reorg_first - 1;
		log_info("chain: blocks from %" PRIu64 " on were replaced", c->reorg_first);
		TELL(c, on_reorg, c->reorg_first);
		c->progress_ms = loop_now_ms(c->loop);
	}
	ring_push(c, &c->head);
	read_on(c);
}

static int parse_head(struct head *h, const json_t *block)
{
	if (!rpc_get_u64(json_object_get(block, "number"), &h->number) ||
	    !rpc_get_u64(json_object_get(block, "timestamp"), &h->time_s) ||
	    !rpc_get_bytes(json_object_get(block, "hash"), h->hash, 32) ||
	    !rpc_get_bytes(json_object_get(block, "parentHash"), h->parent, 32))
		return -EBADMSG;
	return 0;
}

static void check_ring(struct chain *c);

static void on_old_block(const struct rpc_reply *reply, void *arg)
{
	struct chain *c = arg;
	struct ring_block *top = &c->ring[c->ring_len - 1];
	struct head h;

	if (reply->class != RPC_OK) {
		round_failed(c, reply->text);
		return;
	}
	if (!json_is_null(reply->result) && (parse_head(&h, reply->result) ||
					     h.number != top->number)) {
		round_failed(c, "rpc: a malformed block");
		return;
	}
	if (!json_is_null(reply->result) && !memcmp(h.hash, top->hash, 32)) {
		settle_ring(c);
		return;
	}
	c->ring_len--;
	c->reorg_first = c->ring_len ? c->ring[c->ring_len - 1].number + 1 :
			 top->number > CHAIN_REORG_DEPTH_BLOCKS ?
			 top->number - CHAIN_REORG_DEPTH_BLOCKS : 1;
	check_ring(c);
}

/* Pops what the chain no longer has, newest first; asks at most once when
 * nothing was replaced. */
static void check_ring(struct chain *c)
{
	const struct ring_block *top = c->ring_len ? &c->ring[c->ring_len - 1] : NULL;

	if (!top || (top->number + 1 == c->head.number && !memcmp(top->hash, c->head.parent, 32))) {
		settle_ring(c);
		return;
	}
	rpc_call(c->rpc, c, "eth_getBlockByNumber",
		 json_pack("[o, b]", rpc_u64(top->number), 0), on_old_block, c);
}

static bool seen(const struct chain *c, const struct head *h)
{
	for (size_t i = 0; i < c->ring_len; i++)
		if (c->ring[i].number == h->number && !memcmp(c->ring[i].hash, h->hash, 32))
			return true;
	return false;
}

static void on_head(const struct rpc_reply *reply, void *arg)
{
	struct chain *c = arg;
	struct head h;

	if (reply->class != RPC_OK) {
		round_failed(c, reply->text);
		return;
	}
	if (parse_head(&h, reply->result)) {
		round_failed(c, "rpc: a malformed block");
		return;
	}
	/* A block known already is no news: the same head, or an endpoint of
	 * several that lags. A round that had failed goes on from it. */
	if (seen(c, &h) && (c->head.number != h.number || (c->now && c->cursor >= h.number))) {
		round_done(c);
		return;
	}
	c->reorg_first = UINT64_MAX;
	if (seen(c, &h)) {
		read_on(c);
		return;
	}
	c->head = h;
	compare_clocks(c);
	check_ring(c);
}

/* ---- start ---- */

static void begin_round(struct chain *c);

static void on_cluster(const struct chain_answer *a, void *arg)
{
	struct chain *c = arg;
	struct abi_dec d = { a->data, a->len };
	char hex[HEX_SIZE(20)], why[CHAIN_TEXT_MAX];

	hex_encode(hex, c->member, 20);
	if (a->class != RPC_OK && !a->reverted) {
		round_failed(c, a->text);
		return;
	}
	if (a->class != RPC_OK || !abi_get_address(&d, 0, c->cluster)) {
		snprintf(why, sizeof(why), "member contract 0x%s is not there: deploy it, or set "
			 "MEMBER_CONTRACT", hex);
		round_failed(c, why);
		return;
	}
	if (bytes_are_zero(c->cluster, 20)) {
		snprintf(why, sizeof(why), "member contract 0x%s names no cluster: it was never "
			 "initialised", hex);
		round_failed(c, why);
		return;
	}
	c->has_cluster = true;
	log_info("chain: cluster 0x%s", hex_encode(hex, c->cluster, 20));
	TELL(c, on_cluster, c->cluster);
	begin_round(c);
}

static void on_chain_id(const struct rpc_reply *reply, void *arg)
{
	struct chain *c = arg;
	uint64_t id;

	if (reply->class != RPC_OK) {
		round_failed(c, reply->text);
		return;
	}
	if (!rpc_get_u64(reply->result, &id)) {
		round_failed(c, "rpc: a malformed chain id");
		return;
	}
	c->fatal[0] = '\0';
	if (id != c->id) {
		snprintf(c->fatal, sizeof(c->fatal), "rpc %s serves chain %" PRIu64
			 ", CHAIN_ID is %" PRIu64, rpc_public_url(c->rpc), id, c->id);
		round_failed(c, c->fatal);
		return;
	}
	c->id_checked = true;
	begin_round(c);
}

static void begin_round(struct chain *c)
{
	struct call call;

	c->polling = true;
	if (!c->id_checked) {
		rpc_call(c->rpc, c, "eth_chainId", NULL, on_chain_id, c);
	} else if (!c->has_cluster) {
		call = call_none("cluster()");
		chain_call(c, c, c->member, call.data, call.len, on_cluster, c);
	} else {
		rpc_call(c->rpc, c, "eth_getBlockByNumber", json_pack("[s, b]", "latest", 0),
			 on_head, c);
	}
}

void chain_on_timer(void *arg)
{
	struct chain *c = arg;

	c->poll_started_ms = loop_now_ms(c->loop);
	begin_round(c);
}
