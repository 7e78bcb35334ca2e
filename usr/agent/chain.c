// SPDX-License-Identifier: Apache-2.0
/*
 * The chain reader's outside: making and ending it, its listeners, the topics
 * it watches and what others may see. The poll itself is chain_poll.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_priv.h"
#include "log.h"

enum {
	CHAIN_RETRY_FIRST_MS = 500,
	CHAIN_RETRY_MAX_MS = 5000,
};

/* ---- listeners ---- */

void chain_tell_status(struct chain *c)
{
	char now[sizeof(c->told)];

	snprintf(now, sizeof(now), "%.250s|%.250s", c->waiting, c->warning);
	if (!strcmp(now, c->told))
		return;
	memcpy(c->told, now, sizeof(now));
	for (size_t i = 0; i < c->listeners; i++)
		if (c->listener[i].l.on_status)
			c->listener[i].l.on_status(c->listener[i].arg);
}

void chain_set_waiting(struct chain *c, const char *text)
{
	if (*text && strcmp(c->waiting, text))
		log_warn("chain: %s", text);
	else if (!*text && c->waiting[0])
		log_info("chain: answers again");
	snprintf(c->waiting, sizeof(c->waiting), "%s", text);
	chain_tell_status(c);
}

/* ---- topics ---- */

const uint8_t (*chain_topics(void))[32]
{
	static const char *const names[TOPICS_WATCHED] = {
		"MessageSent(bytes32,bytes32,bytes32,bytes)",
		"MemberRegistered(bytes32,address,bytes32,bytes32,bytes32)",
		"MemberRemoved(bytes32,address)",
		"MemberReadmitted(bytes32,address)",
		"WgKeyPublished(bytes32,bytes32)",
		"Ed25519KeyPublished(bytes32,bytes32)",
		"CskCommitmentSet(bytes32)",
		"CskRotationRequested(uint32)",
		"CskCommitted(uint32,bytes32,bytes32)",
		"ClusterOwnershipTransferAccepted(address)",
		"BothOwnersTransferAccepted(address)",
	};
	static uint8_t topics[TOPICS_WATCHED][32];
	static bool filled;

	for (size_t i = 0; !filled && i < TOPICS_WATCHED; i++)
		abi_topic(topics[i], names[i]);
	filled = true;
	return (const uint8_t (*)[32])topics;
}

bool chain_log_message(struct chain_message *out, const struct eth_log *log)
{
	struct abi_dec d = { log->data, log->data_len };

	if (log->topics != 4 || memcmp(log->topic[0], chain_topics()[TOPIC_MESSAGE_SENT], 32) ||
	    !abi_get_bytes(&d, 0, &out->ciphertext, &out->len))
		return false;
	memcpy(out->sender, log->topic[1], 32);
	memcpy(out->recipient, log->topic[2], 32);
	memcpy(out->envelope_id, log->topic[3], 32);
	memcpy(out->block_hash, log->block_hash, 32);
	out->block = log->block;
	out->log_index = log->index;
	return true;
}

const uint8_t *chain_self_id(const struct chain *c)
{
	return c->now && c->now->self ? c->now->self->id : NULL;
}

bool chain_window_refused(const struct rpc_reply *reply)
{
	return reply->class == RPC_TOO_LARGE ||
	       (reply->class == RPC_ERROR && (strstr(reply->message, "range") ||
					      strstr(reply->message, "limit") ||
					      strstr(reply->message, "too many")));
}

void chain_start(struct chain *c)
{
	c->started = true;
	c->progress_ms = loop_now_ms(c->loop);
	loop_timer_set(&c->timer, 0);
}

void chain_wake(struct chain *c)
{
	int64_t since = loop_now_ms(c->loop) - c->poll_started_ms;

	if (!c->started)
		return;
	if (c->polling) {
		c->wake_wanted = true;
		return;
	}
	loop_timer_set(&c->timer, since < CHAIN_WAKE_COALESCE_MS ? CHAIN_WAKE_COALESCE_MS - since : 0);
}

void chain_set_poll(struct chain *c, unsigned int poll_ms)
{
	if (c->steady && c->poll_ms == poll_ms)
		return;
	c->poll_ms = poll_ms;
	c->steady = true;
	if (!c->polling && c->now)
		loop_timer_set(&c->timer, chain_interval_ms(c));
}

int chain_listen(struct chain *c, const struct chain_listener *l, void *arg)
{
	if (c->listeners == CHAIN_LISTENERS_MAX)
		return -ENOSPC;
	c->listener[c->listeners].l = *l;
	c->listener[c->listeners++].arg = arg;
	return 0;
}

static bool is_loopback_http(const char *url)
{
	return !strncmp(url, "http://127.", 11) || !strncmp(url, "http://localhost", 16) ||
	       !strncmp(url, "http://[::1]", 12);
}

struct chain *chain_new(struct loop *loop, struct http *h, const struct chain_config *cfg)
{
	struct chain *c = calloc(1, sizeof(*c));
	bool plain = false;

	if (!c)
		return NULL;
	*c = (struct chain){ .loop = loop, .id = cfg->chain_id, .poll_ms = cfg->poll_ms,
			     .window = CHAIN_WINDOW_MAX_BLOCKS, .reorg_first = UINT64_MAX };
	memcpy(c->member, cfg->member_contract, 20);
	http_url_ok(cfg->rpc_url, &plain);
	c->plain_http = plain && !is_loopback_http(cfg->rpc_url);
	loop_timer_init(&c->timer, loop, chain_on_timer, c);
	backoff_init(&c->backoff, CHAIN_RETRY_FIRST_MS, CHAIN_RETRY_MAX_MS);
	c->rpc = rpc_new(h, loop, "rpc", cfg->rpc_url);
	if (c->rpc)
		return c;
	free(c);
	return NULL;
}

void chain_free(struct chain *c)
{
	if (!c)
		return;
	snapshot_abort(c);
	chain_search_free(c->gap);
	while (c->searches)
		chain_search_free(c->searches);
	while (c->asked)
		chain_cancel(c, c->asked->owner);
	loop_timer_cancel(&c->timer);
	rpc_free(c->rpc);
	logs_free(&c->logs);
	snapshot_free(c->now);
	free(c);
}

/* ---- what others see ---- */

const struct chain_snapshot *chain_now(const struct chain *c)
{
	return c->now;
}

const uint8_t *chain_cluster(const struct chain *c)
{
	return c->has_cluster ? c->cluster : NULL;
}

const uint8_t *chain_member_contract(const struct chain *c)
{
	return c->member;
}

uint64_t chain_id(const struct chain *c)
{
	return c->id;
}

const char *chain_waiting(const struct chain *c)
{
	return c->waiting[0] ? c->waiting : NULL;
}

const char *chain_warning(const struct chain *c)
{
	return c->warning[0] ? c->warning : NULL;
}

const char *chain_fatal(const struct chain *c)
{
	return c->fatal[0] ? c->fatal : NULL;
}

uint64_t chain_requests(const struct chain *c)
{
	return rpc_count(c->rpc);
}

uint64_t chain_head(const struct chain *c)
{
	return c->head.number;
}

struct rpc *chain_rpc(struct chain *c)
{
	return c->rpc;
}

uint64_t chain_search_skipped(const struct chain *c)
{
	return c->skipped;
}
