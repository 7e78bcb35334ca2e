// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh health: asks the agent on its socket; the exit code is a
 * container's health check.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "cli.h"
#include "grpc/agent.pb-c.h"
#include "grpc/client.h"
#include "loop.h"
#include "out.h"

enum { CONNECT_MS = 1000, ANSWER_MS = 2000, ANSWER_MAX_BYTES = 4096 };

struct question {
	const struct cli *cli;
	struct loop *loop;
	int code;
};

static int print(const struct cli *c, const Attestmesh__Agent__V1__MeshStatus *s)
{
	bool healthy = !strcmp(s->phase, "healthy") && s->csk_acquired && s->first_converged;
	struct out_record r = { 0 };

	out_text(&r, "phase", s->phase);
	out_bool(&r, "first_converged", s->first_converged);
	out_bool(&r, "csk_acquired", s->csk_acquired);
	out_number(&r, "live_peers", s->live_peer_count);
	if (c->format == CLI_JSON) {
		out_json_open(&r);
		printf("}\n");
	} else if (c->format == CLI_TAB) {
		out_tab(&r);
	} else {
		printf("%s\n", s->phase);
	}
	return healthy ? CLI_OK : CLI_FAILED;
}

static void on_done(const struct grpc_result *result, void *arg)
{
	struct question *q = arg;

	if (result->status == GRPC_OK)
		q->code = print(q->cli, (const void *)result->response);
	else
		q->code = cli_fail("the agent at %s does not answer (%.100s); is it running, and is "
				   "this its AGENT_GRPC_SOCKET?", q->cli->socket, result->message);
	loop_stop(q->loop);
}

int cli_health(const struct cli *c)
{
	Attestmesh__Agent__V1__Empty empty = ATTESTMESH__AGENT__V1__EMPTY__INIT;
	struct question q = { .cli = c, .code = CLI_FAILED };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct grpc_unary u = {
		.addr = (struct sockaddr *)&at, .addr_len = sizeof(at),
		.path = "/attestmesh.agent.v1.Agent/GetMeshStatus", .request = &empty.base,
		.response = &attestmesh__agent__v1__mesh_status__descriptor,
		.connect_ms = CONNECT_MS, .answer_ms = ANSWER_MS,
		.response_bytes = ANSWER_MAX_BYTES,
	};

	if (strlen(c->socket) >= sizeof(at.sun_path))
		return cli_fail("--socket: at most %zu characters", sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, c->socket);
	q.loop = loop_new();
	if (!q.loop || !grpc_unary_start(q.loop, &u, on_done, &q))
		return cli_fail("out of memory");
	loop_run(q.loop);
	loop_free(q.loop);
	return q.code;
}
