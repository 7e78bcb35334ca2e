// SPDX-License-Identifier: Apache-2.0
/*
 * Application messages. A send is one operation under one id, and any number of
 * calls may wait for its outcome; a call that has waited long enough is told
 * that the outcome is open while the operation goes on.
 */
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "bytes.h"
#include "calls.h"
#include "envelope.h"
#include "log.h"
#include "secret.h"

enum { SEALED_MAX_BYTES = 64 << 10 };

struct sending {
	struct sending *next;
	struct messages *owner;
	uint8_t recipient[32], id[32];
	struct message_waiter *waiters;
	uint64_t ticket;
};

struct message_waiter {
	struct message_waiter *next;
	struct sending *sending;
	struct loop_timer deadline;
	message_sent_fn fn;
	void *arg;
};

struct message_read {
	struct message_read *next;
	struct messages *owner;
	struct chain_search *search;
	uint64_t from_block, from_index, to;
	size_t max_bytes, used;
	struct message *page;     /* MESSAGE_PAGE_MAX of them */
	size_t count;
	uint8_t *bytes;           /* locked; their payloads */
	size_t room;
	uint64_t next_block, next_index;
	bool full;
	struct loop_timer finish; /* when full: not from inside the search */
	message_page_fn fn;
	void *arg;
};

struct messages {
	struct loop *loop;
	struct chain *chain;
	struct bundler *bundler;
	struct keys *keys;
	struct sending *sendings;
	struct message_read *reads;
	unsigned int waiters;
	uint8_t *opened;          /* locked, for messages_open() */
	uint64_t sent, received, unreadable;
};

/* ---- sending ---- */

static void answer(message_sent_fn fn, void *arg, const uint8_t id[32],
		   enum message_outcome outcome, const uint8_t *tx_hash, const char *text)
{
	static const uint8_t none[32];
	const struct message_sent s = { .outcome = outcome, .envelope_id = id,
					.tx_hash = tx_hash ? tx_hash : none, .text = text };

	fn(&s, arg);
}

static void waiter_free(struct message_waiter *w)
{
	struct message_waiter **at = &w->sending->waiters;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->sending->owner->waiters--;
	loop_timer_cancel(&w->deadline);
	free(w);
}

void messages_abandon(struct message_waiter *w)
{
	waiter_free(w);
}

static void answer_waiter(struct message_waiter *w, enum message_outcome outcome,
			  const uint8_t *tx_hash, const char *text)
{
	message_sent_fn fn = w->fn;
	void *arg = w->arg;
	uint8_t id[32];

	memcpy(id, w->sending->id, 32);
	waiter_free(w);
	answer(fn, arg, id, outcome, tx_hash, text);
}

static void on_deadline(void *arg)
{
	answer_waiter(arg, MESSAGE_OPEN, NULL,
		      "no outcome yet: the message is still on its way; call again with the same "
		      "envelope id to learn it");
}

static void sending_free(struct sending *s)
{
	struct sending **at = &s->owner->sendings;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	while (s->waiters)
		waiter_free(s->waiters);
	free(s);
}

static enum message_outcome outcome_of(const struct bundler_outcome *o)
{
	switch (o->result) {
	case BUNDLER_DONE:
		return MESSAGE_SENT;
	case BUNDLER_CANCELLED:
		return MESSAGE_OPEN;
	case BUNDLER_REFUSED:
		break;
	}
	if (!strcmp(o->error_name, "DuplicateEnvelope"))
		return MESSAGE_DUPLICATE;
	if (!strcmp(o->error_name, "RecipientNotMember"))
		return MESSAGE_UNKNOWN_PEER;
	return MESSAGE_REFUSED;
}

static void on_outcome(const struct bundler_outcome *o, void *arg)
{
	struct sending *s = arg;
	enum message_outcome outcome = outcome_of(o);
	const char *text = outcome == MESSAGE_DUPLICATE ?
			   "this envelope id was used by another member; take a fresh one" : o->reason;

	s->owner->sent += outcome == MESSAGE_SENT;
	while (s->waiters)
		answer_waiter(s->waiters, outcome, o->tx_hash, text);
	sending_free(s);
}

static struct sending *find_sending(const struct messages *m, const uint8_t recipient[32],
				    const uint8_t id[32])
{
	struct sending *s = m->sendings;

	while (s && (memcmp(s->id, id, 32) || memcmp(s->recipient, recipient, 32)))
		s = s->next;
	return s;
}

/* 0 or a negative errno of bundler_submit(). */
static int submit(struct messages *m, struct sending *s, const struct member *to,
		  const uint8_t *self, const void *payload, size_t len)
{
	struct bundler_job job = { .name = "send", .done = on_outcome, .arg = s };
	struct call check = call_two_words("envelopeSenderOf(bytes32,bytes32)", to->id, s->id);
	uint8_t *sealed = malloc(len + BOX_SEAL_BYTES);
	struct buf call;
	int ret = -ENOMEM;

	buf_init(&call, BUNDLER_CALL_MAX_BYTES);
	if (sealed && box_seal(sealed, payload, len, to->x_pub) &&
	    call_send(&call, to->id, s->id, sealed, len + BOX_SEAL_BYTES)) {
		job.call = call.data;
		job.call_len = call.len;
		job.check = (struct bundler_check){ .call = check.data, .call_len = check.len };
		memcpy(job.check.expected, self, 32);
		ret = bundler_submit(m->bundler, &job, &s->ticket);
	}
	buf_free(&call);
	free(sealed);
	return ret;
}

static struct sending *begin(struct messages *m, const struct member *to, const uint8_t id[32],
			     const uint8_t *self, const void *payload, size_t len)
{
	struct sending *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct sending){ .next = m->sendings, .owner = m };
	memcpy(s->recipient, to->id, 32);
	memcpy(s->id, id, 32);
	m->sendings = s;
	if (!submit(m, s, to, self, payload, len))
		return s;
	sending_free(s);
	return NULL;
}

static struct message_waiter *wait_for(struct sending *s, unsigned int deadline_ms,
				       message_sent_fn fn, void *arg)
{
	struct message_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct message_waiter){ .next = s->waiters, .sending = s, .fn = fn, .arg = arg };
	loop_timer_init(&w->deadline, s->owner->loop, on_deadline, w);
	if (loop_timer_set(&w->deadline, deadline_ms ? deadline_ms : MESSAGE_SEND_DEADLINE_MS)) {
		free(w);
		return NULL;
	}
	s->waiters = w;
	s->owner->waiters++;
	return w;
}

/* Why not, or NULL with the recipient's record and this node's id. */
static const char *refusal(const struct messages *m, const uint8_t recipient[32],
			   const void *payload, size_t len, const struct member **to,
			   const uint8_t **self, enum message_outcome *outcome)
{
	const struct chain_snapshot *now = chain_now(m->chain);

	*outcome = MESSAGE_INVALID;
	if (len > MESSAGE_PAYLOAD_MAX_BYTES)
		return "the payload is too long";
	if (envelope_reserved(payload, len))
		return "the payload is of the kind reserved for endpoint envelopes";
	*outcome = MESSAGE_NOT_MEMBER;
	if (!now || !now->self || !member_live(now->self))
		return "this node is no member (yet)";
	*self = now->self->id;
	*outcome = MESSAGE_UNKNOWN_PEER;
	*to = members_by_id(&now->members, recipient);
	if (!*to || !member_live(*to))
		return "the recipient is no member of this cluster";
	*outcome = MESSAGE_LIMITED;
	return m->waiters >= MESSAGE_WAITERS_MAX ? "too many sends are waiting" : NULL;
}

struct message_waiter *messages_send(struct messages *m, const uint8_t recipient[32],
				     const void *payload, size_t len, const uint8_t id[32],
				     bool own_id, unsigned int deadline_ms,
				     message_sent_fn fn, void *arg)
{
	struct sending *s = own_id ? NULL : find_sending(m, recipient, id);
	enum message_outcome outcome = MESSAGE_LIMITED;
	struct message_waiter *w;
	const struct member *to;
	const uint8_t *self;
	const char *why = NULL;

	if (!s) {
		why = refusal(m, recipient, payload, len, &to, &self, &outcome);
		if (!why)
			s = begin(m, to, id, self, payload, len);
		if (!why && !s)
			why = "the queue of operations is full; try again later";
	}
	if (why) {
		answer(fn, arg, id, outcome, NULL, why);
		return NULL;
	}
	w = wait_for(s, deadline_ms, fn, arg);
	if (!w)
		answer(fn, arg, id, MESSAGE_OPEN, NULL, "out of memory while waiting");
	return w;
}

/* ---- reading ---- */

static void read_free(struct message_read *r)
{
	struct message_read **at = &r->owner->reads;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	loop_timer_cancel(&r->finish);
	chain_search_free(r->search);
	secret_free(r->bytes);
	free(r->page);
	free(r);
}

void messages_read_cancel(struct message_read *r)
{
	read_free(r);
}

static void finish_read(void *arg)
{
	struct message_read *r = arg;
	const struct chain_snapshot *now = chain_now(r->owner->chain);
	bool more = r->full || (now && now->block >= r->next_block);

	r->fn(0, r->page, r->count, r->next_block, r->next_index, more, r->arg);
	read_free(r);
}

static void stop_full(struct message_read *r, const struct chain_message *cm)
{
	r->full = true;
	r->next_block = cm->block;
	r->next_index = cm->log_index;
	loop_timer_set(&r->finish, 0);
}

static bool fits(const struct message_read *r, size_t len)
{
	if (r->count == MESSAGE_PAGE_MAX)
		return false;
	return r->count == 0 || (r->used + len <= r->max_bytes && r->used + len <= r->room);
}

static void on_logged(const struct chain_message *cm, void *arg)
{
	struct message_read *r = arg;
	size_t len = cm->len >= BOX_SEAL_BYTES ? cm->len - BOX_SEAL_BYTES : 0;
	struct message *out = &r->page[r->count];
	uint8_t *plain = r->bytes + r->used;

	if (r->full || (cm->block == r->from_block && cm->log_index < r->from_index))
		return;
	if (cm->len < BOX_SEAL_BYTES || cm->len > SEALED_MAX_BYTES)
		return;
	if (!fits(r, len)) {
		stop_full(r, cm);
		return;
	}
	if (!keys_box_open(r->owner->keys, plain, cm->ciphertext, cm->len)) {
		r->owner->unreadable++;
		return;
	}
	if (envelope_reserved(plain, len))
		return;
	*out = (struct message){ .payload = plain, .len = len, .block = cm->block,
				 .log_index = cm->log_index };
	memcpy(out->sender, cm->sender, 32);
	memcpy(out->envelope_id, cm->envelope_id, 32);
	r->used += len;
	r->count++;
}

static void on_searched(int error, uint64_t reached, void *arg)
{
	struct message_read *r = arg;

	(void)error;
	(void)reached;
	if (r->full)
		return; /* the timer finishes it */
	r->next_block = r->to + 1 > r->from_block ? r->to + 1 : r->from_block;
	r->next_index = r->to + 1 > r->from_block ? 0 : r->from_index;
	finish_read(r);
}

static bool start_read(struct message_read *r, const struct chain_snapshot *now)
{
	uint64_t oldest = now->self ? now->self->registered_block : 0;
	struct chain_search_spec spec = {
		.from = r->from_block > oldest ? r->from_block : oldest, .to = now->block,
		.on_message = on_logged, .on_done = on_searched, .arg = r,
	};

	r->to = now->block;
	r->page = calloc(MESSAGE_PAGE_MAX + 1, sizeof(*r->page));
	r->bytes = secret_alloc(r->room + SEALED_MAX_BYTES);
	r->search = r->page && r->bytes ? chain_search_new(r->owner->chain, &spec) : NULL;
	return r->search != NULL;
}

struct message_read *messages_read(struct messages *m, uint64_t from_block,
				   uint64_t from_log_index, size_t max_bytes,
				   message_page_fn fn, void *arg)
{
	const struct chain_snapshot *now = chain_now(m->chain);
	struct message_read *r = now ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	*r = (struct message_read){ .next = m->reads, .owner = m, .from_block = from_block,
				    .from_index = from_log_index, .max_bytes = max_bytes,
				    .fn = fn, .arg = arg };
	r->room = max_bytes < MESSAGE_PAGE_MAX_BYTES ? max_bytes : MESSAGE_PAGE_MAX_BYTES;
	m->reads = r;
	loop_timer_init(&r->finish, m->loop, finish_read, r);
	if (start_read(r, now))
		return r;
	read_free(r);
	return NULL;
}

/* ---- live ---- */

bool messages_open(struct messages *m, const struct chain_message *cm, struct message *out)
{
	size_t len = cm->len >= BOX_SEAL_BYTES ? cm->len - BOX_SEAL_BYTES : 0;

	if (cm->len < BOX_SEAL_BYTES || cm->len > SEALED_MAX_BYTES ||
	    !keys_box_open(m->keys, m->opened, cm->ciphertext, cm->len)) {
		m->unreadable++;
		return false;
	}
	if (envelope_reserved(m->opened, len))
		return false;
	*out = (struct message){ .payload = m->opened, .len = len, .block = cm->block,
				 .log_index = cm->log_index };
	memcpy(out->sender, cm->sender, 32);
	memcpy(out->envelope_id, cm->envelope_id, 32);
	m->received++;
	return true;
}

/* ---- public ---- */

uint64_t messages_sent(const struct messages *m)
{
	return m->sent;
}

uint64_t messages_received(const struct messages *m)
{
	return m->received;
}

uint64_t messages_unreadable(const struct messages *m)
{
	return m->unreadable;
}

struct messages *messages_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
			      struct keys *keys)
{
	struct messages *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	*m = (struct messages){ .loop = loop, .chain = chain, .bundler = bundler, .keys = keys };
	m->opened = secret_alloc(SEALED_MAX_BYTES);
	if (m->opened)
		return m;
	free(m);
	return NULL;
}

void messages_free(struct messages *m)
{
	if (!m)
		return;
	while (m->reads) {
		struct message_read *r = m->reads;

		r->fn(-ESHUTDOWN, NULL, 0, r->next_block, r->next_index, false, r->arg);
		read_free(r);
	}
	while (m->sendings) {
		struct sending *s = m->sendings;

		bundler_forget(m->bundler, s->ticket);
		while (s->waiters)
			answer_waiter(s->waiters, MESSAGE_OPEN, NULL, "the agent is going down");
		sending_free(s);
	}
	secret_free(m->opened);
	free(m);
}
