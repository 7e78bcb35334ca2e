/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC client for single unary calls: one connection per call, every wait
 * and every size bounded. Made for asking a peer or the agent one question;
 * it keeps no connections and retries nothing.
 */
#ifndef GRPC_CLIENT_H
#define GRPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "grpc/status.h"
#include "loop.h"

enum { GRPC_CLIENT_TRAILERS_MAX = 8 };

struct grpc_unary {
	const struct sockaddr *addr;  /* unix, IPv4 or IPv6 */
	socklen_t addr_len;
	const char *device;           /* network interface to bind to, or NULL */
	const char *path;             /* "/package.Service/Method" */
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *response;
	uint32_t connect_ms;          /* to be connected */
	uint32_t answer_ms;           /* from then to the end of the call; also
				       * told to the server as grpc-timeout */
	uint32_t response_bytes;      /* one message at most that long */
	bool secret;                  /* wipe buffers that carried the answer */
};

struct grpc_trailer {
	char name[64], value[192];
};

struct grpc_result {
	enum grpc_status status;
	const char *message;                 /* never NULL; foreign text */
	const ProtobufCMessage *response;    /* NULL unless status is OK */
	const struct grpc_trailer *trailers; /* custom ones, first few */
	size_t trailer_count;
};

struct grpc_client_call;
/* Everything in the result is valid during the callback only. */
typedef void (*grpc_done_fn)(const struct grpc_result *result, void *arg);

/*
 * Starts a call; everything in u is copied or used up before it returns. done
 * is called exactly once, later, from the loop, never from in here, unless the
 * call is cancelled first. NULL when memory is short.
 * Statuses of its own: UNAVAILABLE (not connected, connection lost before an
 * answer), DEADLINE_EXCEEDED, INTERNAL (an answer that is no valid gRPC),
 * RESOURCE_EXHAUSTED (answer over response_bytes), UNIMPLEMENTED (a compressed
 * answer), and what grpc_status_of_http() and grpc_status_of_reset() say.
 */
struct grpc_client_call *grpc_unary_start(struct loop *loop, const struct grpc_unary *u,
					  grpc_done_fn done, void *arg);
/* Ends the call; done is not called. Not after done; NULL is fine. */
void grpc_unary_cancel(struct grpc_client_call *call);
/* The trailer's value, or NULL. */
const char *grpc_result_trailer(const struct grpc_result *result, const char *name);

#endif
