// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: the bytes of one connection to the gRPC server, with the
 * services of the unit tests, health and reflection behind it. After each
 * input nothing of the connection may be left.
 *
 * Input: one byte of options (bit 0: say hello first; bits 1..7: how many
 * bytes at a time), then what the client sends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc/internal.h"
#include "grpc/services.h"
#include "log.h"
#include "../../unit/grpc/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct loop *loop;
static struct grpc_server *server;
static struct service sv;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_server: %s\n", what);
	abort();
}

static void start(void)
{
	struct grpc_limits limits = grpc_limits_default();
	struct grpc_health *health;

	log_set(LOG_ERROR, false, "fuzz");
	limits.request_bytes = 4096;
	limits.control_burst = 30;
	limits.control_per_second = 0;
	limits.call_high_bytes = 8192;
	limits.call_low_bytes = 1024;
	loop = loop_new();
	must(loop != NULL, "no loop");
	server = grpc_server_new(loop, &limits);
	must(server != NULL, "no server");
	service_add(server, &sv);
	health = grpc_health_new(server);
	must(health != NULL, "no health");
	grpc_health_set(health, true);
	must(!grpc_reflection_add(server), "no reflection");
}

static void drink(int fd)
{
	char bytes[65536];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void feed(int fd, const uint8_t *data, size_t len, size_t step)
{
	while (len) {
		size_t n = len < step ? len : step;
		ssize_t sent = send(fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
		loop_run_once(loop, 0);
		drink(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct sockaddr_storage peer = { .ss_family = AF_UNIX };
	struct grpc_server_counts counts;
	int fd[2];

	if (!server)
		start();
	if (!len)
		return 0;
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd),
	     "no sockets");
	grpc_conn_open(server, fd[0], &peer);
	loop_run_once(loop, 0);
	if (data[0] & 1)
		feed(fd[1], (const uint8_t *)hello, sizeof(hello) - 1, sizeof(hello));
	feed(fd[1], data + 1, len - 1, data[0] >> 1 ? (size_t)(data[0] >> 1) * 16 : 1);
	for (int i = 0; i < 4; i++) {
		loop_run_once(loop, 0);
		drink(fd[1]);
	}
	close(fd[1]);
	for (int i = 0; i < 4; i++)
		loop_run_once(loop, 0);
	counts = grpc_server_counts(server);
	must(!counts.connections, "a connection is left");
	must(!counts.calls, "a call is left");
	must(!counts.request_bytes, "request bytes are left in the books");
	must(!counts.queued_bytes, "queued bytes are left in the books");
	return 0;
}
