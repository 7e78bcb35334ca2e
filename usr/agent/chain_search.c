// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to this node from the logs, window by window. A window that is
 * refused is halved; a single block that is still too large is asked sender by
 * sender, and a sender that is too large alone is skipped, counted and named.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "chain_priv.h"
#include "log.h"

struct chain_search {
	struct chain *chain;
	struct chain_search *next;
	struct chain_search_spec spec;
	uint8_t (*senders)[32];   /* ours; NULL: all */
	size_t sender_count;
	uint64_t at;              /* first block not read */
	uint64_t window;          /* blocks of the request under way */
	uint8_t (*single)[32];    /* senders taken one by one in block `at` */
	size_t single_count, single_at;
	struct loop_timer timer;
	struct backoff backoff;
	bool delivering, doomed;  /* freed from inside its own on_message */
};

static void finish(struct chain_search *s, int error)
{
	/* The owner may free it from inside. */
	s->spec.on_done(error, s->at, s->spec.arg);
}

static void set_filter(const struct chain_search *s, struct log_filter *f)
{
	const struct chain *c = s->chain;
	uint64_t left = s->spec.to - s->at;

	*f = (struct log_filter){ .from = s->at };
	f->to = s->at + (left < s->window - 1 ? left : s->window - 1);
	memcpy(f->address, c->cluster, 20);
	f->topic[0].any = &chain_topics()[TOPIC_MESSAGE_SENT];
	f->topic[0].count = 1;
	if (s->single) {
		f->to = s->at;
		f->topic[1].any = (const uint8_t (*)[32])&s->single[s->single_at];
		f->topic[1].count = 1;
	} else if (s->senders && s->sender_count <= LOG_ALTERNATIVES_MAX) {
		f->topic[1].any = (const uint8_t (*)[32])s->senders;
		f->topic[1].count = s->sender_count;
	}
	f->topic[2].any = (const uint8_t (*)[32])chain_self_id(c);
	f->topic[2].count = 1;
}

static bool wanted(const struct chain_search *s, const uint8_t sender[32])
{
	if (!s->senders)
		return true;
	for (size_t i = 0; i < s->sender_count; i++)
		if (!memcmp(s->senders[i], sender, 32))
			return true;
	return false;
}

/* on_message may start other searches, but ends this one only by flag. */
static void deliver(struct chain_search *s, const struct eth_logs *logs)
{
	struct chain_message m;

	s->delivering = true;
	for (size_t i = 0; i < logs->count && !s->doomed; i++)
		if (chain_log_message(&m, &logs->log[i]) && wanted(s, m.sender))
			s->spec.on_message(&m, s->spec.arg);
	s->delivering = false;
}

/* A block too large for one answer: every known sender, one after the other. */
static int go_single(struct chain_search *s)
{
	const struct members *all = &s->chain->now->members;
	size_t n = s->senders ? s->sender_count : all->count;

	s->single = calloc(n ? n : 1, 32);
	if (!s->single)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		memcpy(s->single[i], s->senders ? s->senders[i] : all->at[i].id, 32);
	s->single_count = n;
	s->single_at = 0;
	return n ? 0 : -ENOENT;
}

static void skip_sender(struct chain_search *s)
{
	char hex[HEX_SIZE(32)];

	s->chain->skipped++;
	log_warn("messages of member %s in block %" PRIu64 " pass every bound and are skipped",
		 hex_encode(hex, s->single[s->single_at], 32), s->at);
}

/* The next thing to ask for; false when all is read. */
static bool advance(struct chain_search *s, uint64_t read_to)
{
	if (s->single && ++s->single_at < s->single_count)
		return true;
	free(s->single);
	s->single = NULL;
	s->at = read_to + 1;
	return s->at <= s->spec.to;
}

/* Smaller pieces; false if there are none. */
static bool split(struct chain_search *s)
{
	if (s->single) {
		skip_sender(s);
		return true;
	}
	if (s->window > 1) {
		s->window /= 2;
		s->chain->window = s->window;
		return false;
	}
	return go_single(s) != 0;
}

static void later(struct chain_search *s, const char *why)
{
	log_debug("log search: %s", why);
	loop_timer_set(&s->timer, backoff_delay_ms(&s->backoff));
}

static void on_logs(const struct rpc_reply *reply, void *arg)
{
	struct chain_search *s = arg;
	struct log_filter f;
	struct eth_logs logs;
	int ret;

	set_filter(s, &f);
	if (chain_window_refused(reply)) {
		if (split(s)) /* no smaller piece: this one is given up */
			advance(s, f.to);
		loop_timer_set(&s->timer, 0);
		return;
	}
	if (reply->class != RPC_OK) {
		later(s, reply->text);
		return;
	}
	ret = logs_parse(&logs, reply->result, &f);
	if (ret) {
		later(s, "rpc: logs that were not asked for");
		return;
	}
	backoff_reset(&s->backoff);
	if (s->window < CHAIN_WINDOW_MAX_BLOCKS && !s->single)
		s->window *= 2;
	/* When all is read the timer only finishes it. */
	advance(s, f.to);
	loop_timer_set(&s->timer, 0);
	deliver(s, &logs);
	logs_free(&logs);
	if (s->doomed)
		chain_search_free(s);
}

static void ask(struct chain_search *s)
{
	struct log_filter f;
	json_t *filter;

	if (s->at > s->spec.to) {
		finish(s, 0);
		return;
	}
	if (!chain_self_id(s->chain)) {
		later(s, "not a member");
		return;
	}
	set_filter(s, &f);
	filter = logs_filter_json(&f);
	if (!filter) {
		later(s, "out of memory");
		return;
	}
	rpc_call(s->chain->rpc, s, "eth_getLogs", json_pack("[o]", filter), on_logs, s);
}

static void on_timer(void *arg)
{
	ask(arg);
}

static int copy_senders(struct chain_search *s)
{
	const struct chain_search_spec *spec = &s->spec;

	if (!spec->senders)
		return 0;
	s->senders = calloc(spec->sender_count ? spec->sender_count : 1, 32);
	if (!s->senders)
		return -ENOMEM;
	memcpy(s->senders, spec->senders, spec->sender_count * 32);
	s->sender_count = spec->sender_count;
	return 0;
}

struct chain_search *chain_search_new(struct chain *c, const struct chain_search_spec *spec)
{
	struct chain_search *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct chain_search){ .chain = c, .spec = *spec, .at = spec->from,
				    .window = c->window, .next = c->searches };
	loop_timer_init(&s->timer, c->loop, on_timer, s);
	backoff_init(&s->backoff, CHAIN_ASKED_MS / 2, CHAIN_ASKED_MAX_MS);
	if (copy_senders(s)) {
		free(s);
		return NULL;
	}
	c->searches = s;
	loop_timer_set(&s->timer, 0);
	return s;
}

void chain_search_free(struct chain_search *s)
{
	struct chain_search **at;

	if (!s)
		return;
	if (s->delivering) {
		s->doomed = true;
		return;
	}
	for (at = &s->chain->searches; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	loop_timer_cancel(&s->timer);
	rpc_cancel(s->chain->rpc, s);
	free(s->single);
	free(s->senders);
	free(s);
}

unsigned int chain_search_percent(const struct chain_search *s)
{
	uint64_t all = s->spec.to - s->spec.from + 1;

	if (s->spec.to < s->spec.from || s->at > s->spec.to)
		return 100;
	return (unsigned int)((s->at - s->spec.from) * 100 / all);
}
