/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the surface tests: raw TCP conversations and unary gRPC calls
 * that are run to their end on a loop shared with what they talk to.
 */
#ifndef TEST_DIAL_H
#define TEST_DIAL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "grpc/client.h"
#include "loop.h"

enum { DIAL_WAIT_MS = 60000, DIAL_BYTES = 1 << 20 };

/* Runs the loop until the condition holds; fails the test after a long while. */
#define DIAL_UNTIL(loop, condition) do { \
	int64_t end_ = clock_boot_ms() + DIAL_WAIT_MS; \
	while (!(condition)) { \
		if (clock_boot_ms() > end_) \
			fail_msg("still waiting for: %s", #condition); \
		loop_run_once(loop, 5); \
	} \
} while (0)

/* A connection to 127.0.0.1:port, from source (NULL: any). */
int dial(const char *source, uint16_t port);
/* Reads what is there; -1 once the other end has hung up. */
ssize_t dial_read(int fd, char *out, size_t size);
/* Sends a request and collects the whole answer, terminated. Static memory. */
char *dial_ask(struct loop *loop, uint16_t port, const char *request);

struct dialled {
	bool done;
	enum grpc_status status;
	char message[512];
	char envelope_id[192];
	uint8_t answer[8192];    /* packed again */
	size_t answer_len;
};

/* Starts a unary call whose end fills *d. */
struct grpc_client_call *dial_unary(struct loop *loop, const struct sockaddr *addr,
				    socklen_t len, const char *path,
				    const ProtobufCMessage *request,
				    const ProtobufCMessageDescriptor *response,
				    uint32_t answer_ms, struct dialled *d);

#endif
