// SPDX-License-Identifier: Apache-2.0
/*
 * A node's agent socket with a make-believe node behind it, for clients that
 * are not ours to talk to: what is sent to it comes back to its subscribers.
 * Payloads steer it: "healthy" lets the key out, "hold" is answered only when
 * "release" is sent, "peer" makes a peer join and come up.
 *
 * Usage: stand_in SOCKET; ends in order on SIGTERM.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/services.h"
#include "log.h"
#include "rpc_app.h"

enum { LOG_MAX = 256, PAYLOAD_MAX = 256, FIRST_BLOCK = 100 };

static struct loop *loop;
static struct grpc_server *server;
static struct grpc_health *health;
static struct rpc_app *app;

static struct {
	struct rpc_app_message message[LOG_MAX];
	uint8_t payload[LOG_MAX][PAYLOAD_MAX];
	size_t count;
	bool healthy;
	uint64_t held_token;
} node;

static enum grpc_status gate(enum rpc_app_call call, const char **why, void *arg)
{
	(void)arg;
	if (call != RPC_APP_CSK || node.healthy)
		return GRPC_OK;
	*why = "this node is not healthy yet; watch GetMeshStatus";
	return GRPC_UNAVAILABLE;
}

static void get_status(struct rpc_app_status *out, void *arg)
{
	(void)arg;
	*out = (struct rpc_app_status){
		.phase = node.healthy ? "healthy" : "heartbeating",
		.csk_acquired = true, .live_peers = 1, .indexer_cursor_block = 1ull << 60 };
}

static void list_peers(void (*each)(const struct rpc_app_peer *peer, void *each_arg),
		       void *each_arg, void *arg)
{
	struct rpc_app_peer p = { .mesh_ip = 0x0a000002, .live = true };

	(void)arg;
	memset(p.member_id, 0x11, 32);
	each(&p, each_arg);
}

static void get_self(struct rpc_app_self *out, void *arg)
{
	(void)arg;
	memset(out->member_id, 0xaa, 32);
	memset(out->member_contract, 0xbb, 20);
	out->mesh_ip = 0x0a000001;
}

static bool get_csk(uint8_t key[32], void *arg)
{
	(void)arg;
	memset(key, 0x77, 32);
	return true;
}

static bool reserved(const uint8_t *payload, size_t len, void *arg)
{
	(void)arg;
	return len == 8 && !memcmp(payload, "reserved", 8);
}

static bool is(const struct rpc_app_send *send, const char *text)
{
	return send->payload_len == strlen(text) &&
	       !memcmp(send->payload, text, send->payload_len);
}

static void make_event(void)
{
	uint8_t id[32];

	memset(id, 0x11, 32);
	rpc_app_joined(app, id, 0x0a000002);
	rpc_app_liveness(app, id, true);
}

static void steer(const struct rpc_app_send *send)
{
	if (is(send, "healthy")) {
		node.healthy = true;
		grpc_health_set(health, true);
	}
	if (is(send, "peer"))
		make_event();
	if (is(send, "release") && node.held_token) {
		rpc_app_send_done(app, node.held_token, GRPC_OK, "", NULL);
		node.held_token = 0;
	}
}

static enum grpc_status send_message(const struct rpc_app_send *send, const char **why,
				     void *arg)
{
	static const uint8_t tx[32] = { 0xee };
	struct rpc_app_message *m = &node.message[node.count];

	(void)arg;
	if (node.count == LOG_MAX || send->payload_len > PAYLOAD_MAX) {
		*why = "the stand-in takes no more";
		return GRPC_RESOURCE_EXHAUSTED;
	}
	memcpy(m->sender, send->recipient, 32);
	memcpy(m->envelope_id, send->envelope_id, 32);
	memcpy(node.payload[node.count], send->payload, send->payload_len);
	m->payload = node.payload[node.count];
	m->payload_len = send->payload_len;
	m->at = (struct rpc_app_cursor){ FIRST_BLOCK + node.count, 3 };
	node.count++;
	rpc_app_message(app, m);
	if (is(send, "hold")) {
		node.held_token = send->token;
		return GRPC_OK;
	}
	steer(send);
	rpc_app_send_done(app, send->token, GRPC_OK, "", tx);
	return GRPC_OK;
}

/* Two messages a page; from the loop, as reads always are. */
static struct { struct loop_defer defer; uint64_t token; struct rpc_app_cursor from; } pending;

static void serve_read(void *arg)
{
	struct rpc_app_cursor next = { FIRST_BLOCK + node.count, 0 };
	size_t first = pending.from.block > FIRST_BLOCK ? pending.from.block - FIRST_BLOCK : 0;
	size_t n;

	(void)arg;
	if (pending.from.block >= FIRST_BLOCK && pending.from.log_index > 3)
		first++;
	if (first > node.count)
		first = node.count;
	n = node.count - first > 2 ? 2 : node.count - first;
	if (first + n < node.count)
		next.block = FIRST_BLOCK + first + n;
	rpc_app_read_done(app, pending.token, GRPC_OK, "", node.message + first, n, next,
			  first + n < node.count);
}

static void read_messages(uint64_t token, struct rpc_app_cursor from, size_t max_bytes,
			  void *arg)
{
	(void)max_bytes, (void)arg;
	pending.token = token;
	pending.from = from;
	loop_defer(loop, &pending.defer, serve_read, NULL);
}

static const struct rpc_app_ops ops = {
	gate, get_status, list_peers, get_self, get_csk, reserved, send_message,
	read_messages,
};

static void on_drained(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void on_term(int signal, void *arg)
{
	(void)signal, (void)arg;
	grpc_server_drain(server, 500, on_drained, NULL);
}

int main(int argc, char **argv)
{
	struct grpc_limits limits = rpc_app_limits();
	int ret;

	/* Not secret_init(): the leak checker must be able to attach. */
	if (argc != 2 || sodium_init() < 0)
		return 2;
	log_set(LOG_INFO, false, "stand_in");
	loop = loop_new();
	server = grpc_server_new(loop, &limits);
	app = rpc_app_new(loop, server, &ops, NULL, 100);
	health = grpc_health_new(server);
	if (!app || !health || grpc_reflection_add(server) ||
	    loop_signal(loop, SIGTERM, on_term, NULL))
		return 1;
	ret = grpc_server_listen_unix(server, argv[1], 0600);
	if (ret) {
		log_error("%s: %s", argv[1], strerror(-ret));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	ret = loop_run(loop);
	grpc_server_free(server);
	rpc_app_free(app);
	grpc_health_free(health);
	loop_free(loop);
	return ret ? 1 : 0;
}
