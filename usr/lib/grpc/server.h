/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC server on the event loop: HTTP/2 in clear on unix and TCP sockets,
 * unary and streaming methods, every queue and count bounded. It knows no
 * service; methods are tables of callbacks over protobuf-c messages.
 *
 * One thread. Callbacks may call anything here, on their own call or another,
 * and may free the server only from outside of its callbacks.
 */
#ifndef GRPC_SERVER_H
#define GRPC_SERVER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "grpc/status.h"
#include "loop.h"

struct grpc_server;
struct grpc_call;

/* All bounds of one server; grpc_limits_default() fills in sane ones. */
struct grpc_limits {
	uint32_t connections;             /* open at once */
	uint32_t connections_per_source;  /* per TCP source address; 0 = no bound */
	uint32_t streams;                 /* open calls per connection */
	uint32_t request_bytes;           /* one request message */
	uint32_t response_bytes;          /* one response message */
	uint32_t header_list_bytes;       /* request headers, 32 per field added */
	uint32_t connection_request_bytes;/* requests arriving at once, connection */
	uint32_t server_request_bytes;    /* the same over all connections */
	uint32_t call_high_bytes;         /* queued output: sends refused above, */
	uint32_t call_low_bytes;          /* on_room told below */
	uint32_t connection_high_bytes;   /* the same summed over a connection */
	uint32_t connection_low_bytes;
	uint32_t handshake_ms;            /* preface and SETTINGS */
	uint32_t idle_ms;                 /* a connection without calls */
	uint32_t request_ms;              /* from a call's headers to its request's end */
	uint32_t call_ms;                 /* any call, whatever it asks; 0 = no bound */
	uint32_t linger_ms;               /* a finished call whose reader does not read */
	uint32_t control_burst;           /* control frames: size of the bucket, */
	uint32_t control_per_second;      /* and what flows back into it */
};

struct grpc_limits grpc_limits_default(void);

/* What a call's owner wants to hear. Either may be NULL. */
struct grpc_call_events {
	/* Output fell below the low water after a send was refused. */
	void (*on_room)(struct grpc_call *call, void *arg);
	/* The call is over (answered, cancelled, past its deadline, connection
	 * gone): the last word, exactly once; the pointer is dead afterwards. */
	void (*on_close)(struct grpc_call *call, void *arg);
};

struct grpc_method {
	const char *path;  /* "/package.Service/Method", static */
	const ProtobufCMessageDescriptor *request;
	/* False: exactly one request, given once it is complete. True: each
	 * request as it arrives, then on_requests_end. */
	bool many_requests;
	/* The message is valid during the callback only. */
	void (*on_request)(struct grpc_call *call, const ProtobufCMessage *request,
			   void *arg);
	/* With many_requests only: the client has sent its last one. */
	void (*on_requests_end)(struct grpc_call *call, void *arg);
};

/* NULL when memory is short. The loop must outlive the server. */
struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_limits *limits);
/* Closes everything at once, without notice; on_close is called for each open
 * call. Removes the unix sockets it made. NULL is fine. */
void grpc_server_free(struct grpc_server *s);

/* Registers methods; the table must outlive the server. arg goes to their
 * callbacks. 0, -EEXIST for a path taken, -ENOMEM. */
int grpc_server_add(struct grpc_server *s, const struct grpc_method *methods,
		    size_t count, void *arg);
/* True if any method of "package.Service" is registered. */
bool grpc_server_has_service(const struct grpc_server *s, const char *service);
/* Calls fn for each registered service name once, in order of registration. */
void grpc_server_each_service(const struct grpc_server *s,
			      void (*fn)(const char *service, size_t len, void *arg),
			      void *arg);

/*
 * Listens on a unix socket at path with the given mode. It appears there in
 * one step, ready; a leftover socket is replaced, anything else at that path
 * is refused (-EEXIST). -ENAMETOOLONG, or a negative errno.
 */
int grpc_server_listen_unix(struct grpc_server *s, const char *path, unsigned int mode);
/* Listens on a TCP address; device, if not NULL, binds the socket to that
 * network interface. 0 or a negative errno. */
int grpc_server_listen_tcp(struct grpc_server *s, const struct sockaddr *addr,
			   socklen_t len, const char *device);
/* Ends all listeners; open connections stay. */
void grpc_server_unlisten(struct grpc_server *s);
/* Closes every connection at once, without notice. Not from its callbacks. */
void grpc_server_hang_up(struct grpc_server *s);
/* The TCP port of the newest TCP listener (for port 0), host order; 0 if none. */
uint16_t grpc_server_port(const struct grpc_server *s);

/*
 * Ends the service in order: no new connections, a first GOAWAY at once, the
 * final one a round trip later, calls may finish for grace_ms, leftovers get
 * UNAVAILABLE. done is called once, when the last connection is gone.
 */
void grpc_server_drain(struct grpc_server *s, uint32_t grace_ms, loop_fn done, void *arg);

struct grpc_server_counts {
	size_t connections, calls;
	size_t request_bytes;    /* held in incomplete requests */
	size_t queued_bytes;     /* held in unsent responses */
	uint64_t calls_total, refused_connections, calmed_connections;
};
struct grpc_server_counts grpc_server_counts(const struct grpc_server *s);

void grpc_call_set_events(struct grpc_call *call, const struct grpc_call_events *events,
			  void *arg);
/* Sends the response headers now, before any response: a subscriber learns
 * that it is heard. */
void grpc_call_open_response(struct grpc_call *call);
/*
 * Queues one response. 0; -EAGAIN above the high water (nothing was queued;
 * on_room follows); -EMSGSIZE over the bound; -EPIPE if the call is finished;
 * -ENOMEM.
 */
int grpc_call_send(struct grpc_call *call, const ProtobufCMessage *response);
/* Ends the call. With a code other than OK the printf-like text (may be NULL)
 * says what to do. A second finish does nothing. */
void grpc_call_finish(struct grpc_call *call, enum grpc_status status,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sends one response and finishes with OK; a failure to send it finishes the
 * call with INTERNAL or RESOURCE_EXHAUSTED. */
void grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response);
/* A custom trailer, sent when the call ends, whatever ends it (a deadline
 * too). name is lowercase and static, the value printable ASCII of at most 128
 * characters. Setting a name again replaces it; at most four. 0, -EINVAL,
 * -ENOSPC. */
int grpc_call_trailer(struct grpc_call *call, const char *name, const char *value);
/* From now on buffers that carry this call's responses are wiped. */
void grpc_call_mark_secret(struct grpc_call *call);
bool grpc_call_finished(const struct grpc_call *call);
size_t grpc_call_queued(const struct grpc_call *call);
/* The other end's address; family AF_UNIX for unix sockets. */
const struct sockaddr *grpc_call_peer(const struct grpc_call *call);
struct grpc_server *grpc_call_server(const struct grpc_call *call);

#endif
