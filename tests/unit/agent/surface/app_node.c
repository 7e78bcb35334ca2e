// SPDX-License-Identifier: Apache-2.0
/* The node behind the application's RPCs in their tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "app_node.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "clock.h"

struct bench b;
struct rpc_app *app;
struct app_node node;

static enum grpc_status gate(enum rpc_app_call call, const char **why, void *arg)
{
	(void)arg;
	if (node.gate == GRPC_OK || node.gated != call)
		return GRPC_OK;
	*why = "not now";
	return node.gate;
}

static void get_status(struct rpc_app_status *out, void *arg)
{
	(void)arg;
	*out = (struct rpc_app_status){ .phase = "healthy", .first_converged = true,
		.csk_acquired = true, .live_peers = 2, .indexer_cursor_block = 1ull << 40 };
}

static void list_peers(void (*each)(const struct rpc_app_peer *peer, void *each_arg),
		       void *each_arg, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 100; i++) {
		struct rpc_app_peer p = { .mesh_ip = 0x0a000001 + i, .live = i % 2 };

		memset(p.member_id, (int)i, 32);
		each(&p, each_arg);
	}
}

static void get_self(struct rpc_app_self *out, void *arg)
{
	(void)arg;
	memset(out->member_id, 0xaa, 32);
	memset(out->member_contract, 0xbb, 20);
	out->mesh_ip = 0x0a000009;
}

static bool get_csk(uint8_t key[32], void *arg)
{
	(void)arg;
	memset(key, 0x77, 32);
	return node.has_csk;
}

static bool reserved(const uint8_t *payload, size_t len, void *arg)
{
	(void)payload, (void)len, (void)arg;
	return node.reserved;
}

static enum grpc_status send_message(const struct rpc_app_send *send, const char **why,
				     void *arg)
{
	static const uint8_t tx[32] = { 0xee };

	(void)arg;
	node.sent = *send;
	node.sends++;
	memcpy(node.payload, send->payload, send->payload_len < 64 ? send->payload_len : 64);
	*why = "no such member";
	if (node.answer_at_once)
		rpc_app_send_done(app, send->token, GRPC_OK, "", tx);
	return node.send_status;
}

static void read_messages(uint64_t token, struct rpc_app_cursor from, size_t max_bytes,
			  void *arg)
{
	(void)arg, (void)max_bytes;
	node.read_token = token;
	node.read_from = from;
	node.reads++;
}

static const struct rpc_app_ops ops = {
	gate, get_status, list_peers, get_self, get_csk, reserved, send_message,
	read_messages,
};

int app_node_open(void **state)
{
	struct grpc_limits limits = rpc_app_limits();

	(void)state;
	memset(&node, 0, sizeof(node));
	node.page = 8;
	bench_open(&b, &limits);
	app = rpc_app_new(b.loop, b.server, &ops, NULL, 3);
	assert_non_null(app);
	bench_listen(&b);
	return 0;
}

int app_node_close(void **state)
{
	(void)state;
	bench_close(&b);
	rpc_app_free(app);
	return 0;
}

struct grpc_client_call *call(const char *path, const ProtobufCMessage *request,
			      const ProtobufCMessageDescriptor *response,
			      uint32_t answer_ms, struct dialled *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b.path);
	return dial_unary(b.loop, (struct sockaddr *)&addr, sizeof(addr), path, request,
			  response, answer_ms, d);
}

struct dialled *ask(const char *path, const ProtobufCMessageDescriptor *response)
{
	static struct dialled d;
	Attestmesh__Agent__V1__Empty empty = ATTESTMESH__AGENT__V1__EMPTY__INIT;

	call(path, &empty.base, response, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	return &d;
}
