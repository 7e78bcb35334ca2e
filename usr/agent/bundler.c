// SPDX-License-Identifier: Apache-2.0
/*
 * The queue of operations and what becomes of them. The node's own go before
 * the application's; one that must wait does not hold up the others, because
 * nothing was sent for it. Done ones are remembered until a reorg can no longer
 * undo them.
 */
#include "bundler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundler_answer.h"
#include "bundler_priv.h"
#include "bytes.h"
#include "log.h"
#include "remedy.h"

/* ---- jobs ---- */

static void job_free(struct job *j)
{
	buf_free(&j->call);
	buf_free(&j->check);
	free(j);
}

static void report(struct job *j, enum bundler_result result, const char *error,
		   const char *reason, const uint8_t *tx_hash)
{
	struct bundler_outcome o = { .result = result, .reason = reason, .error_name = error,
				     .sent = j->sent };
	bundler_done_fn done = j->done;

	if (tx_hash)
		memcpy(o.tx_hash, tx_hash, 32);
	j->done = NULL; /* once */
	if (done)
		done(&o, j->arg);
}

static void enqueue(struct bundler *b, struct job *j)
{
	struct job **at = &b->queue;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
	b->queued++;
}

static struct job *dequeue(struct bundler *b, struct job *j)
{
	struct job **at = &b->queue;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->next = NULL;
	b->queued--;
	return j;
}

/* The next that may start; *wait_ms: how long until one may, if none does. */
static struct job *eligible(const struct bundler *b, int64_t *wait_ms)
{
	int64_t now = loop_now_ms(b->loop);
	struct job *best = NULL;

	*wait_ms = INT64_MAX;
	for (struct job *j = b->queue; j; j = j->next) {
		if (j->not_before_ms > now) {
			if (j->not_before_ms - now < *wait_ms)
				*wait_ms = j->not_before_ms - now;
		} else if (!best || (j->own && !best->own)) {
			best = j;
		}
	}
	return best;
}

static void go_on(struct bundler *b)
{
	int64_t wait_ms;
	struct job *j;

	if (b->flight.job)
		return;
	j = eligible(b, &wait_ms);
	if (j) {
		b->flight.job = dequeue(b, j);
		flight_start(b);
	} else if (wait_ms != INT64_MAX) {
		loop_timer_set(&b->timer, wait_ms);
	}
}

static void on_timer(void *arg)
{
	struct bundler *b = arg;

	if (b->flight.job)
		flight_look(b);
	else
		go_on(b);
}

/* ---- outcomes ---- */

bool job_effect_shown(const struct job *j, const struct chain_answer *a)
{
	if (a->class != RPC_OK || a->len < 32)
		return false;
	return j->nonzero ? !bytes_are_zero(a->data, 32) : !memcmp(a->data, j->expected, 32);
}

static void drop_settled(struct bundler *b, struct job **at)
{
	struct job *j = *at;

	if (b->recheck == j)
		b->recheck = j->next;
	*at = j->next;
	b->settled_count--;
	job_free(j);
}

/* Deep enough, or more than are kept: the oldest are at the end. */
static void prune_settled(struct bundler *b)
{
	struct job **at = &b->settled;
	size_t n = 0;

	while (*at) {
		if (n >= BUNDLER_SETTLED_MAX ||
		    (*at)->settled_block + CHAIN_REORG_DEPTH_BLOCKS < chain_head(b->chain)) {
			drop_settled(b, at);
		} else {
			at = &(*at)->next;
			n++;
		}
	}
}

static void settle(struct bundler *b, struct job *j)
{
	j->settled_block = chain_head(b->chain);
	j->next = b->settled;
	b->settled = j;
	b->settled_count++;
	prune_settled(b);
}

/* The flight is over: its job in hand, everything else cleared. */
static struct job *land(struct bundler *b)
{
	struct job *j = b->flight.job;

	flight_clear(b);
	b->flight.job = NULL;
	loop_timer_set(&b->timer, 0);
	return j;
}

void flight_done(struct bundler *b)
{
	uint8_t tx_hash[32];
	struct job *j;

	memcpy(tx_hash, b->flight.tx_hash, 32);
	j = land(b);
	b->waiting[0] = b->blocked[0] = '\0';
	log_info("operation %s: done", j->name);
	settle(b, j);
	chain_wake(b->chain);
	report(j, BUNDLER_DONE, "", "", tx_hash);
}

void flight_refused(struct bundler *b, const char *error, const char *reason)
{
	struct job *j = land(b);

	b->waiting[0] = b->blocked[0] = '\0';
	log_warn("operation %s: refused: %s", j->name, reason);
	report(j, BUNDLER_REFUSED, error, reason, NULL);
	job_free(j);
}

static unsigned int retry_delay_ms(struct job *j, enum retry how)
{
	unsigned int delay = backoff_delay_ms(&j->backoff);

	switch (how) {
	case RETRY_ENDPOINT:
		return delay < BUNDLER_RETRY_ENDPOINT_MS ? delay : BUNDLER_RETRY_ENDPOINT_MS;
	case RETRY_BACKOFF:
		return delay;
	case RETRY_SLOW:
		return delay > BUNDLER_RETRY_SLOW_MS ? delay : BUNDLER_RETRY_SLOW_MS;
	}
	return delay;
}

void flight_waits(struct bundler *b, const struct job *j, const char *text, bool outage)
{
	char now[sizeof(b->waiting)];

	snprintf(now, sizeof(now), "%.400s%s", text, outage ? remedy_of_endpoint(text) : "");
	if (strcmp(b->waiting, now))
		log_warn("operation %s: %s", j->name, now);
	snprintf(b->waiting, sizeof(b->waiting), "%s", now);
}

void flight_retry(struct bundler *b, const char *reason, enum retry how)
{
	struct job *j = land(b);

	flight_waits(b, j, reason, how == RETRY_ENDPOINT);
	snprintf(b->blocked, sizeof(b->blocked), "%s", how == RETRY_SLOW ? reason : "");
	j->tries += how != RETRY_ENDPOINT; /* an outage says nothing about the operation */
	j->not_before_ms = loop_now_ms(b->loop) + retry_delay_ms(j, how);
	enqueue(b, j);
}

/* ---- reorgs ---- */

static void recheck_next(struct bundler *b);

static void on_rechecked(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;
	struct job *j = b->recheck, **at = &b->settled;

	if (!j)
		return;
	if (a->class != RPC_OK) {
		loop_timer_set(&b->recheck_timer, BUNDLER_RETRY_ENDPOINT_MS);
		return;
	}
	b->recheck = j->next;
	if (!job_effect_shown(j, a)) {
		while (*at != j)
			at = &(*at)->next;
		*at = j->next;
		b->settled_count--;
		log_info("operation %s: undone by a reorg, sent again", j->name);
		j->not_before_ms = 0;
		enqueue(b, j);
		go_on(b);
	}
	recheck_next(b);
}

static void recheck_next(struct bundler *b)
{
	const struct job *j = b->recheck;

	loop_timer_cancel(&b->recheck_timer);
	if (j)
		chain_call(b->chain, &b->recheck, chain_cluster(b->chain), j->check.data,
			   j->check.len, on_rechecked, b);
}

static void on_recheck_timer(void *arg)
{
	recheck_next(arg);
}

static void on_reorg(uint64_t first_block, void *arg)
{
	struct bundler *b = arg;

	(void)first_block; /* a settled block is only when it was seen */
	chain_cancel(b->chain, &b->recheck);
	b->recheck = b->settled;
	recheck_next(b);
}

/* ---- public ---- */

static struct job *job_new(const struct bundler_job *from)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	*j = (struct job){ .name = from->name, .own = from->own, .bootstrap = from->bootstrap,
			   .nonzero = from->check.nonzero, .done = from->done, .arg = from->arg };
	memcpy(j->expected, from->check.expected, 32);
	buf_init(&j->call, BUNDLER_CALL_MAX_BYTES);
	buf_init(&j->check, CALLS_SMALL_MAX_BYTES);
	buf_add(&j->call, from->call, from->call_len);
	buf_add(&j->check, from->check.call, from->check.call_len);
	backoff_init(&j->backoff, BUNDLER_RETRY_FIRST_MS, BUNDLER_RETRY_MAX_MS);
	if (!j->call.failed && !j->check.failed)
		return j;
	job_free(j);
	return NULL;
}

int bundler_submit(struct bundler *b, const struct bundler_job *job, uint64_t *ticket)
{
	struct job *j;

	if (job->call_len > BUNDLER_CALL_MAX_BYTES || job->check.call_len > CALLS_SMALL_MAX_BYTES)
		return -EMSGSIZE;
	if (bundler_pending(b) >= BUNDLER_QUEUE_MAX)
		return -ENOSPC;
	j = job_new(job);
	if (!j)
		return -ENOMEM;
	j->ticket = ++b->next_ticket;
	if (ticket)
		*ticket = j->ticket;
	enqueue(b, j);
	if (!b->flight.job)
		loop_timer_set(&b->timer, 0);
	return 0;
}

static void forget_in(struct job *j, uint64_t ticket)
{
	for (; j; j = j->next)
		if (j->ticket == ticket)
			j->done = NULL;
}

void bundler_forget(struct bundler *b, uint64_t ticket)
{
	forget_in(b->queue, ticket);
	if (b->flight.job && b->flight.job->ticket == ticket)
		b->flight.job->done = NULL;
}

const char *bundler_waiting(const struct bundler *b)
{
	return b->waiting[0] ? b->waiting : NULL;
}

const char *bundler_blocked(const struct bundler *b)
{
	return b->blocked[0] ? b->blocked : NULL;
}

uint64_t bundler_operations_sent(const struct bundler *b)
{
	return b->sent;
}

size_t bundler_pending(const struct bundler *b)
{
	return b->queued + (b->flight.job != NULL);
}

static bool set_endpoints(struct bundler *b, struct http *h, const struct bundler_config *cfg)
{
	b->bundler = rpc_new(h, b->loop, "bundler", cfg->bundler_url);
	if (cfg->paymaster_url && *cfg->paymaster_url) {
		b->paymaster = rpc_new(h, b->loop, "paymaster", cfg->paymaster_url);
		if (!b->paymaster)
			return false;
	}
	if (cfg->gas_policy_id && *cfg->gas_policy_id) {
		b->policy_id = strdup(cfg->gas_policy_id);
		if (!b->policy_id)
			return false;
	}
	return b->bundler != NULL;
}

struct bundler *bundler_new(struct loop *loop, struct http *h, struct chain *chain,
			    struct keys *keys, const struct bundler_config *cfg)
{
	static const struct chain_listener listener = { .on_reorg = on_reorg };
	struct bundler *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct bundler){ .loop = loop, .chain = chain, .keys = keys,
			       .chain_id = cfg->chain_id,
			       .max_fee_wei = cfg->max_fee_wei ? cfg->max_fee_wei :
					      ANSWER_MAX_FEE_WEI };
	loop_timer_init(&b->timer, loop, on_timer, b);
	loop_timer_init(&b->recheck_timer, loop, on_recheck_timer, b);
	buf_init(&b->flight.call_data, BUNDLER_CALL_MAX_BYTES + 256);
	if (set_endpoints(b, h, cfg) && !chain_listen(chain, &listener, b))
		return b;
	bundler_free(b);
	return NULL;
}

static void cancel_list(struct job *j)
{
	while (j) {
		struct job *next = j->next;

		report(j, BUNDLER_CANCELLED, "", "the agent is going down", NULL);
		job_free(j);
		j = next;
	}
}

void bundler_free(struct bundler *b)
{
	if (!b)
		return;
	loop_timer_cancel(&b->timer);
	loop_timer_cancel(&b->recheck_timer);
	flight_clear(b);
	chain_cancel(b->chain, &b->recheck);
	cancel_list(b->flight.job);
	cancel_list(b->queue);
	cancel_list(b->settled);
	rpc_free(b->bundler);
	rpc_free(b->paymaster);
	free(b->policy_id);
	free(b);
}
