/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server for strangers: GET only, no bodies, no keep-alive,
 * one request per connection within a deadline. When all places are taken the
 * oldest connection from outside is closed; a few places are kept for
 * loopback, so that the machine's own health check always gets in.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "http/parse.h"
#include "loop.h"

enum {
	HTTP_CONNECTIONS = 64,
	HTTP_LOOPBACK_KEPT = 4,        /* places that outside ones never take */
	HTTP_REQUEST_MS = 5000,        /* from accept to the last byte */
	HTTP_ANSWER_MAX_BYTES = 1 << 20,
};

struct http_server;
struct http_call;

/* Must answer by http_answer(), at once or later. A call that the client or
 * the deadline ended before is forgotten: see http_call_id(). */
typedef void (*http_handler)(struct http_call *call, const struct http_request *request,
			     void *arg);

/* NULL when memory is short. */
struct http_server *http_server_new(struct loop *loop, http_handler handler, void *arg);
/* Listens on an IPv4 or IPv6 address in text form. 0 or a negative errno. */
int http_server_listen(struct http_server *s, const char *host, uint16_t port);
uint16_t http_server_port(const struct http_server *s);
void http_server_free(struct http_server *s);

/* Answers a call; the body is copied. The call is dead afterwards. type is a
 * media type or NULL for text/plain. */
void http_answer(struct http_call *call, int status, const char *type, const void *body,
		 size_t len);
/* A number that finds the call again for a late answer, or NULL if it ended. */
uint64_t http_call_id(const struct http_call *call);
struct http_call *http_call_find(struct http_server *s, uint64_t id);

struct http_counts {
	size_t connections;
	uint64_t requests, evicted, refused, timed_out;
};
struct http_counts http_server_counts(const struct http_server *s);

#endif
