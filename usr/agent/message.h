/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application messages: sealed to the recipient's key and sent through the
 * cluster contract once, however often the call is repeated; received ones
 * opened, attributed to the sender the chain names, and replayed from a cursor.
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
	MESSAGE_SUBSCRIBERS_MAX = 64,
	MESSAGE_WAITERS_MAX = 64,           /* calls waiting for an outcome */
};

enum message_outcome {
	MESSAGE_SENT,          /* OK: the chain shows it */
	MESSAGE_OPEN,          /* DEADLINE_EXCEEDED: not known; repeat with the id */
	MESSAGE_INVALID,       /* INVALID_ARGUMENT */
	MESSAGE_UNKNOWN_PEER,  /* NOT_FOUND: recipient is no member */
	MESSAGE_NOT_MEMBER,    /* FAILED_PRECONDITION: this node is none (yet) */
	MESSAGE_LIMITED,       /* RESOURCE_EXHAUSTED: SEND_PER_HOUR or queue */
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
	const uint8_t *sender;       /* member id */
	const uint8_t *payload;
	size_t len;
	uint64_t block, log_index;
	const uint8_t *envelope_id;
};
/* False: not taken, no room; call message_resume() once there is. */
typedef bool (*message_fn)(const struct message *m, void *arg);

struct messages;
struct message_sub;
struct message_waiter;

struct message_config {
	unsigned int send_per_hour;
};

struct messages *messages_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
			      struct keys *keys, const struct message_config *cfg);
/* Open sends answer MESSAGE_OPEN; subscriptions end silently. */
void messages_free(struct messages *m);
/* From main's chain listener, for what envelopes_message() did not claim. */
void messages_message(struct messages *m, const struct chain_message *cm);

/*
 * Sends. id: 32 bytes, or NULL for a fresh one. fn runs once, possibly before
 * this returns; deadline_ms 0: the default. Returns a handle while fn is still
 * to come, for messages_abandon(), else NULL.
 */
struct message_waiter *messages_send(struct messages *m, const uint8_t recipient[32],
				     const void *payload, size_t len, const uint8_t *id,
				     unsigned int deadline_ms, message_sent_fn fn, void *arg);
/* The caller went away: fn is not called, the message goes on. */
void messages_abandon(struct message_waiter *w);

/* from_block and from_log_index both 0: new messages only; else everything at
 * or after the cursor, in order, then live. NULL: too many or memory. */
struct message_sub *messages_subscribe(struct messages *m, uint64_t from_block,
				       uint64_t from_log_index, message_fn fn, void *arg);
void messages_unsubscribe(struct message_sub *s);
/* There is room again. */
void messages_resume(struct message_sub *s);
uint64_t messages_sent(const struct messages *m);
uint64_t messages_received(const struct messages *m);
/* Ciphertexts to us that did not open. */
uint64_t messages_unreadable(const struct messages *m);

#endif
