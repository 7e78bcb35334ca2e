/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that speaks HTTP/2 by hand, so that tests can say what no proper
 * client would. It shares no code with what it tests but nghttp2's header
 * decoder. It also makes the loop, server and socket for one test.
 */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/server.h"
#include "loop.h"

enum { RAW_STREAMS = 64, RAW_WAIT_MS = 60000 };
enum { RAW_DATA, RAW_HEADERS, RAW_PRIORITY, RAW_RST, RAW_SETTINGS, RAW_PUSH, RAW_PING,
       RAW_GOAWAY, RAW_WINDOW, RAW_CONTINUATION };
enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4, RAW_PADDED = 8 };

struct raw_stream {
	int http_status;         /* 0: none yet */
	int grpc_status;         /* -1: none yet */
	int header_frames;
	char message[1024];
	char envelope_id[160];   /* the custom trailer */
	uint8_t *data;
	size_t data_len, data_size;
	bool ended, reset;
	uint32_t reset_code;
};

struct raw {
	struct loop *loop;
	int fd;
	bool eof, paused;        /* paused: reads nothing */
	void *inflater;
	uint8_t *in;
	size_t in_len, in_size;
	struct raw_stream stream[RAW_STREAMS];  /* by (id - 1) / 2 */
	int goaways, ping_acks, setting_acks;
	uint32_t goaway_code, goaway_last;
	size_t received;
};

struct bench {
	struct loop *loop;
	struct grpc_server *server;
	char dir[64], path[96];
};

/* A loop and a server that listens at bench.path once bench_listen() is called. */
void bench_open(struct bench *b, const struct grpc_limits *limits);
void bench_listen(struct bench *b);
void bench_close(struct bench *b);

/* Connects; with hello also sends preface and SETTINGS. */
struct raw *raw_open(struct bench *b, bool hello);
void raw_close(struct raw *r);
struct raw_stream *raw_stream(struct raw *r, uint32_t id);

/* Bytes go out at once, the loop running meanwhile if the socket is full. */
void raw_bytes(struct raw *r, const void *bytes, size_t len);
void raw_frame(struct raw *r, uint8_t type, uint8_t flags, uint32_t stream,
	       const void *payload, size_t len);
/* A header block of literals; fields end with NULL. */
size_t raw_block(uint8_t *out, size_t size, const char *const *fields);
/* The usual request headers for a path, with up to three more pairs. */
void raw_request(struct raw *r, uint32_t stream, const char *path,
		 const char *const *more);
/* One framed message in one DATA frame. */
void raw_message(struct raw *r, uint32_t stream, const void *bytes, size_t len, bool end);
/* Opens the receive windows of stream (0: connection). */
void raw_window(struct raw *r, uint32_t stream, uint32_t more);

/* Runs the loop until the condition holds; fails the test after a long while. */
#define RAW_UNTIL(r, condition) do { \
	int64_t end_ = clock_boot_ms() + RAW_WAIT_MS; \
	while (!(condition)) { \
		if (clock_boot_ms() > end_) \
			fail_msg("still waiting for: %s", #condition); \
		raw_turn(r); \
	} \
} while (0)
/* One batch of the loop, then whatever the server sent. */
void raw_turn(struct raw *r);

#endif
