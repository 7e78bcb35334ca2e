/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application messages: sealed to the recipient's key and sent through the
 * cluster contract once, however often the call is repeated; received ones
 * opened and attributed to the sender the chain names, from the logs in pages
 * or one by one as they come. Streams, cursors and limits are rpc_app's.
 */
#ifndef AGENT_MESSAGE_H
#define AGENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bundler.h"
#include "chain.h"
#include "keys.h"

enum {
	MESSAGE_PAYLOAD_MAX_BYTES = (64 << 10) - 48, /* the contract's bound, sealed */
	MESSAGE_SEND_DEADLINE_MS = 120000,  /* then the outcome is open */
	MESSAGE_WAITERS_MAX = 64,           /* calls waiting for an outcome */
	MESSAGE_PAGE_MAX = 256,             /* messages of one page */
	MESSAGE_PAGE_MAX_BYTES = 1 << 20,
};

enum message_outcome {
	MESSAGE_SENT,          /* OK: the chain shows it */
	MESSAGE_OPEN,          /* DEADLINE_EXCEEDED: not known; repeat with the id */
	MESSAGE_INVALID,       /* INVALID_ARGUMENT */
	MESSAGE_UNKNOWN_PEER,  /* NOT_FOUND: recipient is no member */
	MESSAGE_NOT_MEMBER,    /* FAILED_PRECONDITION: this node is none (yet) */
	MESSAGE_LIMITED,       /* RESOURCE_EXHAUSTED: no room in a queue */
	MESSAGE_DUPLICATE,     /* ALREADY_EXISTS: the id is another sender's */
	MESSAGE_REFUSED,       /* ABORTED: the chain refused it for good */
};

struct message_sent {
	enum message_outcome outcome;
	const uint8_t *envelope_id;  /* 32 bytes, always */
	const uint8_t *tx_hash;      /* 32 bytes, zero if not known */
	const char *text;            /* for people; "" if sent */
};
typedef void (*message_sent_fn)(const struct message_sent *s, void *arg);

struct message {
	uint8_t sender[32];          /* member id */
	const uint8_t *payload;      /* locked memory */
	size_t len;
	uint64_t block, log_index;
	uint8_t envelope_id[32];
};

struct messages;
struct message_waiter;
struct message_read;

struct messages *messages_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
			      struct keys *keys);
/* Open sends answer MESSAGE_OPEN, open reads -ESHUTDOWN. NULL is fine. */
void messages_free(struct messages *m);

/*
 * Sends under this id. own_id: freshly drawn, so nobody can have used it. fn
 * runs once, possibly before this returns; deadline_ms 0: the default. Returns
 * a handle while fn is still to come, for messages_abandon(), else NULL. An id
 * that is on its way already joins it.
 */
struct message_waiter *messages_send(struct messages *m, const uint8_t recipient[32],
				     const void *payload, size_t len, const uint8_t id[32],
				     bool own_id, unsigned int deadline_ms,
				     message_sent_fn fn, void *arg);
/* The caller went away: fn is not called, the message goes on. */
void messages_abandon(struct message_waiter *w);

/* One page, oldest first, without what is not for applications. next_*: the
 * cursor after it. more: there may be another page now. messages live for the
 * call. error: 0 or a negative errno. */
typedef void (*message_page_fn)(int error, const struct message *messages, size_t count,
				uint64_t next_block, uint64_t next_log_index, bool more,
				void *arg);
/* Everything at or after the cursor, up to a page. fn once, later. NULL:
 * memory, or nothing was read from the chain yet. */
struct message_read *messages_read(struct messages *m, uint64_t from_block,
				   uint64_t from_log_index, size_t max_bytes,
				   message_page_fn fn, void *arg);
/* Before its callback only. */
void messages_read_cancel(struct message_read *r);

/* The live path. out->payload is valid until the next messages_open(). False:
 * of the reserved kind, or it does not open with our key. */
bool messages_open(struct messages *m, const struct chain_message *cm, struct message *out);

uint64_t messages_sent(const struct messages *m);
uint64_t messages_received(const struct messages *m);
/* Ciphertexts to us that did not open. */
uint64_t messages_unreadable(const struct messages *m);

#endif
