/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's own structures, shared by server.c (listeners, life, drain),
 * conn.c (one connection: bytes in and out, HTTP/2 events) and call.c (one
 * call: requests in, responses out). Nothing outside this folder includes it.
 */
#ifndef GRPC_INTERNAL_H
#define GRPC_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "grpc/bucket.h"
#include "grpc/frame.h"
#include "grpc/server.h"

enum {
	GRPC_TRAILERS_MAX = 4,
	GRPC_TRAILER_CHARS = 128,
	GRPC_IO_BYTES = 65536,
	GRPC_DATA_FRAME_BYTES = 16384,     /* nghttp2's DATA payload at most */
	GRPC_FRAME_ROOM_BYTES = GRPC_DATA_FRAME_BYTES + 4096,
	GRPC_FLUSH_BYTES = 4 * GRPC_IO_BYTES,  /* per connection and batch */
	GRPC_READS_PER_BATCH = 4,
	GRPC_CLOSING_MS = 1000,            /* for the last bytes to leave */
	GRPC_ACCEPTS_PER_BATCH = 64,
	GRPC_ACCEPT_PAUSE_MS = 100,        /* when out of descriptors */
	GRPC_CALM_GIVE_BYTES = 4096,       /* sent data that earns one token */
	GRPC_DEADLINE_LEAD_MS = 250,       /* at most; a tenth of short ones */
	GRPC_HEADER_FLOOD = 4,             /* times the header bound: hang up */
};

struct grpc_chunk {
	struct grpc_chunk *next;
	size_t len, off;
	bool secret;
	uint8_t bytes[];
};

struct grpc_entry {                        /* a registered method */
	const struct grpc_method *method;
	void *arg;
};

struct grpc_conn;

struct grpc_call {
	struct grpc_conn *conn;            /* NULL once closed */
	struct grpc_server *server;
	struct grpc_call *next, **at;      /* the connection's list, then the dead */
	int32_t stream;
	const struct grpc_entry *entry;    /* NULL: no such method */
	struct grpc_call_events events;
	void *events_arg;

	/* Headers. */
	size_t header_bytes;
	bool post, content_type_bad, content_type_seen, timeout_bad;
	int64_t timeout_ms;                /* -1: none given */

	/* Requests. */
	struct grpc_frame frame;
	size_t held;                       /* counted in the request budgets */
	bool whole;                        /* frame holds the one request */
	bool requests_ended;

	/* Responses. */
	struct grpc_chunk *head, **tail;
	size_t queued;
	bool started;                      /* response headers submitted */
	bool waiting;                      /* nghttp2 waits for resume */
	bool wants_room, finished, secret;
	enum grpc_status status;
	char *message;
	struct { const char *name; char value[GRPC_TRAILER_CHARS + 1]; }
		trailers[GRPC_TRAILERS_MAX];
	size_t trailer_count;

	struct loop_timer timer;
	int64_t request_due_ms, deadline_ms;   /* boottime; 0 = none */
};

enum grpc_drain { GRPC_SERVING, GRPC_NOTICED, GRPC_FINAL };

struct grpc_conn {
	struct grpc_server *server;
	struct grpc_conn *next, **at;
	int fd;
	struct loop_fd *watch;
	nghttp2_session *session;
	struct sockaddr_storage peer;
	struct grpc_call *calls;
	size_t call_count;
	uint8_t *out;                      /* what the socket did not take */
	size_t out_len, out_off;
	bool want_out, established, secret;
	bool failed;                       /* close when nghttp2 is off the stack */
	bool closing;                      /* GOAWAY is the last word */
	bool in_flush;
	enum grpc_drain drain;
	struct bucket calm;
	size_t request_bytes, queued;
	struct loop_timer timer;           /* handshake, idle, closing */
	struct loop_defer flush;
};

struct grpc_listener {
	struct grpc_listener *next;
	struct grpc_server *server;
	int fd;
	struct loop_fd *watch;
	struct loop_timer pause;
	char *path;                        /* unix: to remove at the end */
	uint64_t dev, ino;
};

struct grpc_server {
	struct loop *loop;
	struct grpc_limits limits;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	struct grpc_entry *entries;
	size_t entry_count;
	struct grpc_listener *listeners;
	struct grpc_conn *conns, *dead_conns;
	struct grpc_call *dead_calls;
	struct loop_defer reap;
	struct grpc_server_counts counts;
	uint16_t port;

	bool draining;
	struct loop_timer drain_final, drain_end;
	loop_fn drained;
	void *drained_arg;

	uint8_t in[GRPC_IO_BYTES];
	uint8_t out[GRPC_IO_BYTES];        /* being filled for one connection */
	size_t out_len;
};

/* call.c */
struct grpc_call *grpc_call_open(struct grpc_conn *c, int32_t stream);
/* The stream is gone: tells the owner, leaves the lists, frees later. */
void grpc_call_closed(struct grpc_call *call);
void grpc_call_header(struct grpc_call *call, const uint8_t *name, size_t name_len,
		      const uint8_t *value, size_t value_len);
void grpc_call_headers_end(struct grpc_call *call);
void grpc_call_data(struct grpc_call *call, const uint8_t *data, size_t len);
void grpc_call_requests_end(struct grpc_call *call);
/* Copies len bytes of queued output and releases them. */
void grpc_call_take(struct grpc_call *call, uint8_t *out, size_t len);
/* Tells the owner if output has fallen below the low water. */
void grpc_call_room(struct grpc_call *call);
void grpc_call_free(struct grpc_call *call);

/* conn.c */
int grpc_conn_setup(struct grpc_server *s);
void grpc_conn_open(struct grpc_server *s, int fd, const struct sockaddr_storage *peer);
/* Hangs up at once; memory goes at the end of the batch. */
void grpc_conn_close(struct grpc_conn *c);
/* Sends GOAWAY with this code as the last word, then hangs up. */
void grpc_conn_end(struct grpc_conn *c, uint32_t http2_error);
/* Lets what is queued leave for a moment, then hangs up. */
void grpc_conn_last_words(struct grpc_conn *c);
void grpc_conn_flush_later(struct grpc_conn *c);
void grpc_conn_drain_notice(struct grpc_conn *c);
void grpc_conn_drain_final(struct grpc_conn *c);
/* The number of calls changed. */
void grpc_conn_calls_changed(struct grpc_conn *c);

/* server.c */
const struct grpc_entry *grpc_server_find(const struct grpc_server *s,
					  const uint8_t *path, size_t len);
void grpc_server_reap_later(struct grpc_server *s);
/* A connection is gone. */
void grpc_server_conn_gone(struct grpc_server *s);

#endif
