/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the event loop, over libcurl's multi interface: bounded in
 * size and time, no proxy from the environment, no redirects, no netrc, name
 * resolution in libcurl's own thread. It knows nothing of what is carried.
 */
#ifndef ETH_HTTP_H
#define ETH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

enum http_error {
	HTTP_OK,          /* an answer came; look at its status */
	HTTP_CONNECT,     /* name not found, refused, unreachable */
	HTTP_NO_SOCKET,   /* unix socket path does not exist */
	HTTP_STALE,       /* unix socket exists, nobody listens behind it */
	HTTP_TIMEOUT,
	HTTP_TLS,         /* handshake or certificate */
	HTTP_TLS_CLOCK,   /* certificate not yet or no longer valid */
	HTTP_TOO_LARGE,   /* the body passed max_body_bytes */
	HTTP_BROKEN,      /* cut short or not HTTP */
};

struct http_request {
	const char *url;
	const char *unix_socket;   /* NULL: TCP */
	const char *header;        /* one extra header line, or NULL */
	const void *body;          /* NULL: GET; else POST of JSON; copied */
	size_t body_len;
	size_t max_body_bytes;     /* bound of the answer */
	unsigned int connect_ms, total_ms;
	bool secret;               /* answer collected in locked memory */
};

struct http_reply {
	enum http_error error;
	long status;               /* HTTP status, valid with HTTP_OK */
	const uint8_t *body;       /* NUL-terminated past len; lives for the call */
	size_t len;
	int64_t retry_after_ms;    /* 0: not given */
	const char *detail;        /* short text of ours or libcurl's, no URL */
};

typedef void (*http_fn)(const struct http_reply *reply, void *arg);

struct http;
struct http_call;

/*
 * Installs allocators that wipe memory when it is freed, for libcurl and
 * jansson, and initialises libcurl. Once per process, before any other use of
 * either and before threads. 0 or a negative errno.
 */
int http_global_init(void);
struct http *http_new(struct loop *loop);
/* Drops every request; their callbacks are not called. NULL is fine. */
void http_free(struct http *h);
/* Starts a request. The callback runs later, never from inside this call. The
 * handle is good for http_cancel() until then. NULL: out of memory. */
struct http_call *http_start(struct http *h, const struct http_request *req,
			     http_fn fn, void *arg);
/* Ends a request without its callback. */
void http_cancel(struct http_call *call);

/* The URL as scheme://host:port, for people: paths and queries hold tokens.
 * Writes at most size bytes, terminated. Returns out. */
char *http_url_public(char *out, size_t size, const char *url);
/* True for http://, https:// URLs of sane length; *plain tells http. */
bool http_url_ok(const char *url, bool *plain);

#endif
