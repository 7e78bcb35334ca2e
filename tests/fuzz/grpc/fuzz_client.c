// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: what a server may answer to the unary client. The call
 * must end, once, and never with OK unless an answer came with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "grpc/agent.pb-c.h"
#include "grpc/client.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct loop *loop;
static int listener, dones;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static socklen_t addr_len;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_client: %s\n", what);
	abort();
}

static void start(void)
{
	log_set(LOG_ERROR, false, "fuzz");
	loop = loop_new();
	must(loop != NULL, "no loop");
	/* An abstract name: nothing to remove. */
	addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		(size_t)snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
				 "attestmesh-fuzz-%d", (int)getpid()));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(listener, (struct sockaddr *)&addr, addr_len), "no address");
	must(!listen(listener, 8), "no listener");
}

static void on_done(const struct grpc_result *result, void *arg)
{
	(void)arg;
	dones++;
	must((result->status == GRPC_OK) == (result->response != NULL),
	     "an answer that does not go with its status");
	must(strlen(result->message) < 1024, "a message without end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	Attestmesh__Agent__V1__Empty empty = ATTESTMESH__AGENT__V1__EMPTY__INIT;
	struct grpc_unary u = {
		.path = "/a.B/C", .request = &empty.base,
		.response = &attestmesh__agent__v1__peer_list__descriptor,
		.connect_ms = 60000, .answer_ms = 60000, .response_bytes = 4096,
	};
	int fd;

	if (!loop)
		start();
	u.addr = (struct sockaddr *)&addr;
	u.addr_len = addr_len;
	dones = 0;
	must(grpc_unary_start(loop, &u, on_done, NULL) != NULL, "no call");
	fd = accept(listener, NULL, NULL);
	must(fd >= 0, "no connection");
	loop_run_once(loop, 0);
	if (len && send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		must(dones > 0, "the client hung up without a word");
	loop_run_once(loop, 0);
	close(fd);
	for (int i = 0; i < 8 && !dones; i++)
		loop_run_once(loop, 0);
	must(dones == 1, "the call did not end once");
	return 0;
}
