/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses without holding up the loop: the C library's
 * resolver on a few threads. It keeps nothing; callers cache what they need.
 */
#ifndef BRIDGE_RESOLVE_H
#define BRIDGE_RESOLVE_H

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

#include "loop.h"

enum {
	RESOLVE_THREADS = 4,
	RESOLVE_ADDRESSES_MAX = 8,
};

struct resolver;
struct resolve_request;

struct resolve_address {
	struct sockaddr_storage at;
	socklen_t len;
};

/* error: 0 or an EAI_ code of getaddrinfo(). The request is gone after it. */
typedef void (*resolve_fn)(void *arg, int error,
			   const struct resolve_address *addresses, size_t count);

/* Starts the threads. NULL when the system refuses. */
struct resolver *resolver_new(struct loop *loop);
/* Before the loop ends; the threads, which may be deep in a query, end with the
 * process. */
void resolver_stop(struct resolver *r);
/* Asks; NULL when memory is short. */
struct resolve_request *resolve_start(struct resolver *r, const char *host,
				      uint16_t port, resolve_fn fn, void *arg);
/* fn will not be called; NULL is fine. */
void resolve_cancel(struct resolve_request *request);

#endif
