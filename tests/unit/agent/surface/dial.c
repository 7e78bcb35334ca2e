// SPDX-License-Identifier: Apache-2.0
/* Conversations for the surface tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

int dial(const char *source, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (source) {
		assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	}
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

ssize_t dial_read(int fd, char *out, size_t size)
{
	ssize_t n = recv(fd, out, size, 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	return n <= 0 ? -1 : n;
}

char *dial_ask(struct loop *loop, uint16_t port, const char *request)
{
	static char answer[DIAL_BYTES];
	int fd = dial(NULL, port);
	size_t len = 0;
	ssize_t n = 0;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
			 strlen(request));
	DIAL_UNTIL(loop, (n = dial_read(fd, answer + len, sizeof(answer) - 1 - len)) < 0 ||
		   (len += (size_t)n, false));
	close(fd);
	answer[len] = '\0';
	return answer;
}

static void on_done(const struct grpc_result *result, void *arg)
{
	struct dialled *d = arg;
	const char *id = grpc_result_trailer(result, "attestmesh-envelope-id");

	assert_false(d->done);
	d->done = true;
	d->status = result->status;
	snprintf(d->message, sizeof(d->message), "%s", result->message);
	snprintf(d->envelope_id, sizeof(d->envelope_id), "%s", id ? id : "");
	if (!result->response)
		return;
	assert_true(protobuf_c_message_get_packed_size(result->response) <=
		    sizeof(d->answer));
	d->answer_len = protobuf_c_message_pack(result->response, d->answer);
}

struct grpc_client_call *dial_unary(struct loop *loop, const struct sockaddr *addr,
				    socklen_t len, const char *path,
				    const ProtobufCMessage *request,
				    const ProtobufCMessageDescriptor *response,
				    uint32_t answer_ms, struct dialled *d)
{
	struct grpc_unary u = {
		.addr = addr, .addr_len = len, .path = path, .request = request,
		.response = response, .connect_ms = DIAL_WAIT_MS, .answer_ms = answer_ms,
		.response_bytes = 1 << 20,
	};
	struct grpc_client_call *call;

	memset(d, 0, sizeof(*d));
	call = grpc_unary_start(loop, &u, on_done, d);
	assert_non_null(call);
	assert_false(d->done);
	return call;
}
