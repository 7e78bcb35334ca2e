/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC 2.0 client for one endpoint: ids, bounds, error classes, and
 * restraint (429, -32005 and Retry-After halve the concurrency and pause the
 * queue). It does not retry: the caller knows whether that is safe.
 */
#ifndef ETH_JSONRPC_H
#define ETH_JSONRPC_H

#include <jansson.h>
#include <stdint.h>

#include "http.h"

enum {
	RPC_ANSWER_MAX_BYTES = 8 << 20, /* a window of logs; jansson multiplies it */
	RPC_CONCURRENT_MAX = 8,
	RPC_QUEUE_MAX = 256,
	RPC_CONNECT_MS = 3000,
	RPC_TOTAL_MS = 6000,       /* a call that hangs is soon asked again */
	RPC_LOGS_TOTAL_MS = 20000, /* large windows take their time */
	RPC_OPERATION_TOTAL_MS = 15000, /* estimates and sponsorships simulate */
	RPC_PAUSE_MAX_MS = 60000,
	RPC_TEXT_MAX = 400,
	RPC_JSON_DEPTH_MAX = 32,
};

enum rpc_class {
	RPC_OK,
	RPC_UNREACHABLE,  /* no connection */
	RPC_TIMEOUT,      /* connected, no answer in time */
	RPC_HTTP,         /* an HTTP status that is not 200 */
	RPC_RATE,         /* asked to slow down */
	RPC_TOO_LARGE,    /* answer above the bound */
	RPC_CLOCK,        /* certificate dates do not fit our clock */
	RPC_FORMAT,       /* not the JSON-RPC that was asked for */
	RPC_ERROR,        /* the endpoint answered with an error object */
	RPC_BUSY,         /* our own queue is full */
};

struct rpc_reply {
	enum rpc_class class;
	json_t *result;        /* borrowed; valid with RPC_OK, may be JSON null */
	int64_t code;          /* of the error object, or the HTTP status */
	const char *message;   /* foreign text made harmless; "" if none */
	json_t *data;          /* of the error object, borrowed, or NULL */
	char text[RPC_TEXT_MAX + 1]; /* one line for people: who and what */
};

typedef void (*rpc_fn)(const struct rpc_reply *reply, void *arg);

struct rpc;

/* name: "rpc", "bundler", "paymaster", for texts. url is copied. NULL: memory. */
struct rpc *rpc_new(struct http *h, struct loop *loop, const char *name, const char *url);
/* Drops every call without its callback. NULL is fine. */
void rpc_free(struct rpc *r);
/* Takes over params (NULL: []). method is static text. Always answers once by
 * fn, later, unless cancelled. owner groups calls for rpc_cancel(). */
void rpc_call(struct rpc *r, void *owner, const char *method, json_t *params,
	      rpc_fn fn, void *arg);
/* Drops all calls of this owner without their callbacks. */
void rpc_cancel(struct rpc *r, const void *owner);
/* Milliseconds the endpoint asked us to leave it alone from now; 0: none. */
int64_t rpc_pause_ms(const struct rpc *r);
/* How many times the caller should stretch its polling interval: 1, 2, 4 … */
unsigned int rpc_slowdown(const struct rpc *r);
/* Requests sent since the start. */
uint64_t rpc_count(const struct rpc *r);
/* scheme://host:port. */
const char *rpc_public_url(const struct rpc *r);
/* True if the class is one that waiting may cure. */
bool rpc_transient(enum rpc_class class);

/* The request body, {"jsonrpc":"2.0","id":…}, as rpc_call() sends it; for
 * tests. Takes over params. Returns malloc()ed text or NULL. */
char *rpc_encode(uint64_t id, const char *method, json_t *params);
/* Judges an answer to request id. *root owns what reply borrows: json_decref()
 * it after use. Pure. */
void rpc_decode(struct rpc_reply *reply, json_t **root, uint64_t id, long status,
		const void *body, size_t len);

/* Hex quantities and data in JSON, as Ethereum writes them. */
bool rpc_get_u64(const json_t *v, uint64_t *out);
bool rpc_get_u256(const json_t *v, uint8_t out[32]);
/* Exactly len bytes of 0x data. */
bool rpc_get_bytes(const json_t *v, void *out, size_t len);
json_t *rpc_u64(uint64_t v);
json_t *rpc_u256(const uint8_t v[32]);
json_t *rpc_bytes(const void *p, size_t len);

#endif
