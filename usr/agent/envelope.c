// SPDX-License-Identifier: Apache-2.0
/*
 * Envelopes at work: one state per peer, one log search at a time for those
 * still missing, one send per peer. Everything that is told goes out from a
 * timer, so that a listener may call back.
 */
#include "envelope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "bytes.h"
#include "calls.h"
#include "log.h"
#include "secret.h"

enum { ENVELOPE_TICK_MS = 1000, ENVELOPE_TEXT_MAX = 200 };

enum sending { SEND_NOT_YET, SEND_ON_ITS_WAY, SEND_DONE, SEND_GIVEN_UP };

struct peer {
	struct peer *next;
	struct envelopes *owner;
	struct member member;         /* as the chain has it now */
	bool present;                 /* seen in the snapshot being taken in */
	bool searched;                /* the logs up to some snapshot were read */
	bool searching;
	int64_t wanted_ms;
	struct envelope envelope;     /* the latest valid one */
	bool received;
	uint64_t block, log_index;    /* of it */
	enum sending sending;
	unsigned int counter;         /* squatted ids passed over */
	uint8_t sent_plain_hash[32];  /* what the send state is about */
	uint64_t ticket;
	struct envelope_peer known;
	bool is_known, told;
};

struct envelopes {
	struct loop *loop;
	struct chain *chain;
	struct bundler *bundler;
	struct keys *keys;
	uint64_t chain_id;
	char *domain, *peer_domains;
	uint16_t wg_tcp_port;
	struct envelope_events events;
	void *arg;
	struct peer *peers;
	size_t live;                  /* members, this node included */
	struct member self;
	bool has_self, beat_published;
	struct chain_search *search;
	struct loop_timer timer;
	uint8_t *plain;               /* locked: opened plaintexts */
	uint64_t sent, received, rejected;
	char progress[ENVELOPE_TEXT_MAX];
};

enum { OPENED_MAX_BYTES = 64 << 10 };

/* ---- peers ---- */

static struct peer *find(const struct envelopes *e, const uint8_t id[32])
{
	struct peer *p = e->peers;

	while (p && memcmp(p->member.id, id, 32))
		p = p->next;
	return p;
}

static void drop(struct envelopes *e, struct peer **at)
{
	struct peer *p = *at;

	if (p->ticket)
		bundler_forget(e->bundler, p->ticket);
	*at = p->next;
	free(p);
}

static void wake(struct envelopes *e)
{
	loop_timer_set(&e->timer, 0);
}

/* What is taken for this peer right now. */
static void set_known(struct peer *p, const char *host, uint16_t port, const uint8_t ed[32],
		      enum envelope_source source)
{
	struct envelope_peer k = { .index = p->member.index, .port = port, .source = source };

	memcpy(k.member_id, p->member.id, 32);
	memcpy(k.ed25519_pub, ed, 32);
	snprintf(k.host, sizeof(k.host), "%s", host);
	if (p->is_known && !strcmp(p->known.host, k.host) && p->known.port == k.port &&
	    p->known.source == k.source && !memcmp(p->known.ed25519_pub, ed, 32))
		return;
	p->known = k;
	p->is_known = true;
	p->told = false;
}

static bool may_fall_back(const struct envelopes *e, const struct peer *p)
{
	if (p->received || bytes_are_zero(p->member.ed25519_pub, 32))
		return false;
	if (e->live > ENVELOPE_PEERS_MAX)
		return p->searched;
	return p->searched && loop_now_ms(e->loop) - p->wanted_ms >= ENVELOPE_FALLBACK_MS;
}

static void settle_peer(struct envelopes *e, struct peer *p)
{
	char host[ENVELOPE_HOST_MAX + 1];

	if (p->received)
		set_known(p, p->envelope.host, p->envelope.port, p->envelope.ed25519_pub,
			  ENVELOPE_RECEIVED);
	else if (may_fall_back(e, p) &&
		 envelope_host(host, p->member.contract, e->wg_tcp_port, e->domain))
		set_known(p, host, ENVELOPE_PORT, p->member.ed25519_pub, ENVELOPE_FROM_CHAIN);
}

/* ---- receiving ---- */

static bool newer(const struct peer *p, const struct chain_message *m)
{
	if (!p->received)
		return true;
	return m->block != p->block ? m->block > p->block : m->log_index >= p->log_index;
}

static void reject(struct envelopes *e, const struct chain_message *m, const char *why)
{
	char hex[HEX_SIZE(8)];

	e->rejected++;
	log_warn("envelope of member %s… not taken: %s", hex_encode(hex, m->sender, 8), why);
}

static void take(struct envelopes *e, const struct chain_message *m, const struct envelope *env)
{
	struct peer *p = find(e, m->sender);
	const char *why = envelope_refusal(env, p ? &p->member : NULL, e->peer_domains);

	if (why) {
		reject(e, m, why);
		return;
	}
	if (!newer(p, m))
		return;
	if (!p->received || p->block != m->block || p->log_index != m->log_index)
		e->received++;
	p->envelope = *env;
	p->block = m->block;
	p->log_index = m->log_index;
	p->received = true;
	settle_peer(e, p);
	wake(e);
}

bool envelopes_message(struct envelopes *e, const struct chain_message *m)
{
	enum envelope_parse parsed = ENVELOPE_OTHER_KIND;
	size_t len = m->len >= BOX_SEAL_BYTES ? m->len - BOX_SEAL_BYTES : 0;
	struct envelope env;

	/* An application's message may be longer than any envelope. */
	if (!len || len > OPENED_MAX_BYTES || !keys_box_open(e->keys, e->plain, m->ciphertext, m->len))
		return false;
	parsed = envelope_decode(&env, e->plain, len);
	secret_wipe(e->plain, len);
	if (parsed == ENVELOPE_OTHER_KIND)
		return false;
	if (parsed == ENVELOPE_MALFORMED)
		reject(e, m, "malformed");
	else
		take(e, m, &env);
	return true;
}

/* ---- searching ---- */

static void on_found(const struct chain_message *m, void *arg)
{
	envelopes_message(arg, m);
}

static void on_search_done(int error, uint64_t reached, void *arg)
{
	struct envelopes *e = arg;

	(void)error;
	(void)reached;
	chain_search_free(e->search);
	e->search = NULL;
	for (struct peer *p = e->peers; p; p = p->next) {
		p->searched |= p->searching;
		p->searching = false;
		settle_peer(e, p);
	}
	wake(e);
}

/* No envelope can be older than the later registration of the two. */
static uint64_t first_block(const struct envelopes *e, const struct peer *p)
{
	uint64_t theirs = p->member.registered_block, ours = e->self.registered_block;

	return theirs > ours ? theirs : ours;
}

static void start_search(struct envelopes *e)
{
	const struct chain_snapshot *now = chain_now(e->chain);
	struct chain_search_spec spec = {
		.from = UINT64_MAX, .on_message = on_found, .on_done = on_search_done, .arg = e,
	};
	uint8_t (*senders)[32] = calloc(e->live ? e->live : 1, 32);

	for (struct peer *p = e->peers; senders && p && spec.sender_count < e->live; p = p->next) {
		if (p->searched)
			continue;
		p->searching = true;
		memcpy(senders[spec.sender_count++], p->member.id, 32);
		if (first_block(e, p) < spec.from)
			spec.from = first_block(e, p);
	}
	if (spec.sender_count && now) {
		spec.senders = (const uint8_t (*)[32])senders;
		spec.to = now->block;
		e->search = chain_search_new(e->chain, &spec);
	}
	free(senders);
	if (!e->search)
		for (struct peer *p = e->peers; p; p = p->next)
			p->searching = false;
}

/* ---- sending ---- */

static size_t own_plain(const struct envelopes *e, uint8_t out[ENVELOPE_PLAIN_MAX_BYTES])
{
	struct envelope mine = { .port = ENVELOPE_PORT };

	memcpy(mine.member_id, e->self.id, 32);
	memcpy(mine.wg_pub, e->self.wg_pub, 32);
	memcpy(mine.ed25519_pub, keys_beat_public(e->keys), 32);
	if (!envelope_host(mine.host, e->self.contract, e->wg_tcp_port, e->domain))
		return 0;
	return envelope_encode(&mine, out);
}

static void on_sent(const struct bundler_outcome *o, void *arg)
{
	struct peer *p = arg;
	struct envelopes *e = p->owner;

	p->ticket = 0;
	switch (o->result) {
	case BUNDLER_DONE:
		p->sending = SEND_DONE;
		e->sent += o->sent;
		break;
	case BUNDLER_REFUSED:
		/* Somebody used this id before us: pass it over. */
		p->sending = SEND_NOT_YET;
		if (!strcmp(o->error_name, "DuplicateEnvelope") &&
		    ++p->counter <= ENVELOPE_SQUAT_MAX)
			break;
		log_warn("envelope to member %u not sent: %s", p->member.index, o->reason);
		p->sending = SEND_GIVEN_UP;
		break;
	case BUNDLER_CANCELLED:
		return;
	}
	wake(e);
}

/* 0, or -ENOSPC when the queue is full. */
static int submit(struct envelopes *e, struct peer *p, const uint8_t *plain, size_t len)
{
	uint8_t id[32], sealed[ENVELOPE_PLAIN_MAX_BYTES + BOX_SEAL_BYTES];
	struct bundler_job job = { .name = "send (endpoint envelope)", .own = true,
				   .done = on_sent, .arg = p };
	struct call check;
	struct buf call;
	int ret = -ENOMEM;

	envelope_id(id, e->self.id, p->member.id, plain, len, keys_envelope_id_secret(e->keys),
		    p->counter);
	check = call_two_words("envelopeSenderOf(bytes32,bytes32)", p->member.id, id);
	buf_init(&call, BUNDLER_CALL_MAX_BYTES);
	if (box_seal(sealed, plain, len, p->member.x_pub) &&
	    call_send(&call, p->member.id, id, sealed, len + BOX_SEAL_BYTES)) {
		job.call = call.data;
		job.call_len = call.len;
		job.check = (struct bundler_check){ .call = check.data, .call_len = check.len };
		memcpy(job.check.expected, e->self.id, 32);
		ret = bundler_submit(e->bundler, &job, &p->ticket);
	}
	buf_free(&call);
	if (!ret)
		p->sending = SEND_ON_ITS_WAY;
	return ret;
}

/* A new key, host or port is a new envelope; the same one is sent once. */
static void note_plain(struct peer *p, const uint8_t hash[32])
{
	if (!memcmp(p->sent_plain_hash, hash, 32))
		return;
	memcpy(p->sent_plain_hash, hash, 32);
	if (p->ticket)
		bundler_forget(p->owner->bundler, p->ticket);
	p->ticket = 0;
	p->sending = SEND_NOT_YET;
	p->counter = 0;
}

static void send_missing(struct envelopes *e)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES], hash[32];
	size_t len;

	if (!e->has_self || !e->beat_published || e->live > ENVELOPE_PEERS_MAX)
		return;
	len = own_plain(e, plain);
	if (!len) {
		log_error("the own gateway name does not fit: shorten GATEWAY_DOMAIN");
		return;
	}
	/* The secret plays no part here: only whether the text is the same. */
	envelope_id(hash, e->self.id, e->self.id, plain, len, e->self.id, 0);
	for (struct peer *p = e->peers; p; p = p->next) {
		note_plain(p, hash);
		if (p->sending == SEND_NOT_YET && submit(e, p, plain, len))
			return; /* the timer tries again */
	}
}

/* ---- telling ---- */

static void set_progress(struct envelopes *e)
{
	size_t all = 0, found = 0, unsent = 0;
	char text[ENVELOPE_TEXT_MAX] = "", search[32] = "";

	for (struct peer *p = e->peers; p; p = p->next) {
		all++;
		found += p->is_known;
		unsent += p->sending == SEND_ON_ITS_WAY || p->sending == SEND_NOT_YET;
	}
	if (e->search)
		snprintf(search, sizeof(search), ", search %u %%", chain_search_percent(e->search));
	if (e->live > ENVELOPE_PEERS_MAX)
		unsent = 0;
	if (found < all || unsent)
		snprintf(text, sizeof(text), "envelopes: %zu of %zu peers known, %zu to be sent%s",
			 found, all, unsent, search);
	if (!strcmp(text, e->progress))
		return;
	memcpy(e->progress, text, sizeof(text));
	if (e->events.on_status)
		e->events.on_status(e->arg);
}

static void tell_peers(struct envelopes *e)
{
	struct peer *p = e->peers;

	while (p) {
		if (p->is_known && !p->told) {
			const struct envelope_peer k = p->known;

			p->told = true;
			if (e->events.on_peer)
				e->events.on_peer(&k, e->arg);
			p = e->peers; /* the list may have changed */
			continue;
		}
		p = p->next;
	}
}

static bool unfinished(const struct envelopes *e)
{
	for (const struct peer *p = e->peers; p; p = p->next)
		if (!p->is_known || p->sending == SEND_NOT_YET)
			return true;
	return false;
}

static void on_timer(void *arg)
{
	struct envelopes *e = arg;
	bool missing = false;

	for (struct peer *p = e->peers; p; p = p->next) {
		settle_peer(e, p);
		missing |= !p->searched;
	}
	if (missing && !e->search && e->has_self)
		start_search(e);
	send_missing(e);
	tell_peers(e);
	set_progress(e);
	if (unfinished(e))
		loop_timer_set(&e->timer, ENVELOPE_TICK_MS);
}

/* ---- members ---- */

/* An envelope with another WireGuard key than the chain's is void. */
static void refresh(struct envelopes *e, struct peer *p, const struct member *m)
{
	bool new_key = memcmp(p->member.wg_pub, m->wg_pub, 32) != 0;

	p->member = *m;
	p->known.index = m->index;
	if (new_key && p->received) {
		p->received = p->searched = false;
		p->wanted_ms = loop_now_ms(e->loop);
	}
	settle_peer(e, p);
}

static void add(struct envelopes *e, const struct member *m)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return; /* the next snapshot tries again */
	*p = (struct peer){ .next = e->peers, .owner = e, .member = *m, .present = true,
			    .wanted_ms = loop_now_ms(e->loop) };
	e->peers = p;
}

static void drop_absent(struct envelopes *e)
{
	struct peer **at = &e->peers;

	while (*at)
		if ((*at)->present)
			at = &(*at)->next;
		else
			drop(e, at);
}

void envelopes_snapshot(struct envelopes *e, const struct chain_snapshot *now,
			bool beat_published)
{
	e->has_self = now->self && member_live(now->self);
	if (e->has_self)
		e->self = *now->self;
	e->beat_published = beat_published;
	e->live = members_live(&now->members);
	for (struct peer *p = e->peers; p; p = p->next)
		p->present = false;
	for (size_t i = 0; e->has_self && i < now->members.count; i++) {
		const struct member *m = &now->members.at[i];
		struct peer *p = find(e, m->id);

		if (!member_live(m) || m == now->self)
			continue;
		if (p) {
			p->present = true;
			refresh(e, p, m);
		} else {
			add(e, m);
		}
	}
	drop_absent(e);
	wake(e);
}

/* ---- public ---- */

const struct envelope_peer *envelopes_peer(const struct envelopes *e, const uint8_t id[32])
{
	const struct peer *p = find(e, id);

	return p && p->is_known ? &p->known : NULL;
}

const char *envelopes_progress(const struct envelopes *e)
{
	return e->progress[0] ? e->progress : NULL;
}

uint64_t envelopes_sent(const struct envelopes *e)
{
	return e->sent;
}

uint64_t envelopes_received(const struct envelopes *e)
{
	return e->received;
}

uint64_t envelopes_rejected(const struct envelopes *e)
{
	return e->rejected;
}

struct envelopes *envelopes_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
				struct keys *keys, const struct envelope_config *cfg,
				const struct envelope_events *events, void *arg)
{
	struct envelopes *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	*e = (struct envelopes){ .loop = loop, .chain = chain, .bundler = bundler, .keys = keys,
				 .chain_id = cfg->chain_id, .wg_tcp_port = cfg->wg_tcp_port,
				 .events = *events, .arg = arg };
	loop_timer_init(&e->timer, loop, on_timer, e);
	e->domain = strdup(cfg->gateway_domain ? cfg->gateway_domain : "");
	e->peer_domains = strdup(cfg->peer_gateway_domains ? cfg->peer_gateway_domains : "");
	e->plain = secret_alloc(OPENED_MAX_BYTES);
	if (e->domain && e->peer_domains && e->plain)
		return e;
	envelopes_free(e);
	return NULL;
}

void envelopes_free(struct envelopes *e)
{
	if (!e)
		return;
	loop_timer_cancel(&e->timer);
	chain_search_free(e->search);
	while (e->peers)
		drop(e, &e->peers);
	secret_free(e->plain);
	free(e->domain);
	free(e->peer_domains);
	free(e);
}
