/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client of dstack's guest agent (v0 surface) over its unix socket: Info,
 * GetKey, GetQuote. One connection per request, answers read by their length,
 * bounded in size and time, key bodies kept in locked memory.
 */
#ifndef DSTACK_DSTACK_H
#define DSTACK_DSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "loop.h"

enum {
	DSTACK_KEY_BYTES = 32,
	DSTACK_LINK_BYTES = 65,
	DSTACK_APP_ID_BYTES = 20,
	DSTACK_REPORT_DATA_BYTES = 64,
	DSTACK_KEY_MS = 5000,
	DSTACK_INFO_MS = 15000,             /* makes a quote, one at a time */
	DSTACK_QUOTE_MS = 30000,
	DSTACK_KEY_ANSWER_MAX_BYTES = 4096,
	DSTACK_INFO_ANSWER_MAX_BYTES = 2 << 20, /* event log and compose inside */
};

enum dstack_error {
	DSTACK_OK,
	DSTACK_ABSENT,      /* no socket at any known path */
	DSTACK_STALE,       /* the socket file is there, nobody answers behind it */
	DSTACK_DENIED,      /* the socket may not be opened (permissions) */
	DSTACK_NO_ANSWER,   /* connected, no whole answer in time */
	DSTACK_REFUSED,     /* HTTP 400 with a reason */
	DSTACK_UNKNOWN,     /* HTTP 404: method not served */
	DSTACK_MALFORMED,   /* not the answer that was asked for */
	DSTACK_EMPTY,       /* Info without an app_id: the quote failed inside */
};

/* Why, in a sentence for people; detail is foreign text made harmless. */
struct dstack_failure {
	enum dstack_error error;
	char text[256];
};

struct dstack_info {
	uint8_t app_id[DSTACK_APP_ID_BYTES];
	uint8_t instance_id[20];
	bool has_instance_id;
	uint8_t compose_hash[32];
	bool has_compose_hash;
	const char *app_compose;     /* verbatim, or NULL; lives for the call */
	size_t app_compose_len;
	bool kms;                    /* keys come from a KMS, so chains exist */
	char app_name[64];           /* foreign text made harmless */
};

/* One derived key; lives in locked memory for the length of the callback. */
struct dstack_key {
	uint8_t key[DSTACK_KEY_BYTES];
	uint8_t link[2][DSTACK_LINK_BYTES];
	bool has_link[2];            /* an empty link cannot register */
};

typedef void (*dstack_info_fn)(const struct dstack_info *info,
			       const struct dstack_failure *why, void *arg);
typedef void (*dstack_key_fn)(const struct dstack_key *key,
			      const struct dstack_failure *why, void *arg);
/* quote: raw bytes; report_data as the agent echoed it. */
typedef void (*dstack_quote_fn)(const uint8_t *quote, size_t len,
				const struct dstack_failure *why, void *arg);

struct dstack;

/* socket_path: DSTACK_SOCKET, or NULL to search the four known places at each
 * request. Copied. NULL: memory. */
struct dstack *dstack_new(struct loop *loop, struct http *h, const char *socket_path);
/* Drops every request without its callback. NULL is fine. */
void dstack_free(struct dstack *d);
/* In each callback exactly one of the answer and *why is not NULL. -EBUSY: one
 * of the same kind is in flight; -ENOMEM. Info makes a quote: ask it once. */
int dstack_info(struct dstack *d, dstack_info_fn fn, void *arg);
int dstack_get_key(struct dstack *d, const char *path, const char *purpose,
		   dstack_key_fn fn, void *arg);
int dstack_get_quote(struct dstack *d, const uint8_t report_data[DSTACK_REPORT_DATA_BYTES],
		     dstack_quote_fn fn, void *arg);
/* The socket used last, or "" before the first request. */
const char *dstack_socket(const struct dstack *d);

/* Parsers of the bodies, pure; why->text is filled on failure. */
bool dstack_parse_key(struct dstack_key *out, const void *body, size_t len,
		      struct dstack_failure *why);

#endif
