// SPDX-License-Identifier: Apache-2.0
/*
 * The application service: its table of methods and the calls that are
 * answered at once. Sends and subscriptions have files of their own.
 */
#include "rpc_app.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/agent.pb-c.h"
#include "rpc_app_priv.h"
#include "secret.h"

struct grpc_limits rpc_app_limits(void)
{
	struct grpc_limits limits = grpc_limits_default();

	/* What one stream holds: the high water, one message, its head. */
	limits.call_high_bytes = RPC_APP_STREAM_BYTES - RPC_APP_PAYLOAD_MAX_BYTES - 256;
	limits.call_low_bytes = RPC_APP_STREAM_BYTES / 4;
	limits.connection_high_bytes = 4 * RPC_APP_STREAM_BYTES;
	limits.connection_low_bytes = 2 * RPC_APP_STREAM_BYTES;
	limits.request_bytes = RPC_APP_PAYLOAD_MAX_BYTES + 1024;
	return limits;
}

bool app_gate(struct rpc_app *app, struct grpc_call *call, enum rpc_app_call which)
{
	const char *why = "ask again later";
	enum grpc_status status = app->ops->gate(which, &why, app->arg);

	if (status == GRPC_OK)
		return true;
	grpc_call_finish(call, status, "%s", why);
	return false;
}

static void get_mesh_status(struct grpc_call *call, const ProtobufCMessage *message,
			    void *arg)
{
	Attestmesh__Agent__V1__MeshStatus answer = ATTESTMESH__AGENT__V1__MESH_STATUS__INIT;
	struct rpc_app_status status = { 0 };
	struct rpc_app *app = arg;

	(void)message;
	app->ops->get_status(&status, app->arg);
	answer.phase = (char *)(status.phase ? status.phase : "booting");
	answer.first_converged = status.first_converged;
	answer.csk_acquired = status.csk_acquired;
	answer.live_peer_count = status.live_peers;
	answer.indexer_connected = status.indexer_connected;
	answer.indexer_caught_up = status.indexer_caught_up;
	answer.indexer_cursor_block = status.indexer_cursor_block;
	grpc_call_answer(call, &answer.base);
}

struct peer_list {
	struct rpc_app_peer *peer;
	size_t count, size;
	bool failed;
};

static void add_peer(const struct rpc_app_peer *peer, void *arg)
{
	struct peer_list *list = arg;

	if (list->count == RPC_APP_PEERS_MAX || list->failed) {
		list->failed = true;
		return;
	}
	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 64;
		struct rpc_app_peer *grown = reallocarray(list->peer, size, sizeof(*grown));

		if (!grown) {
			list->failed = true;
			return;
		}
		list->peer = grown;
		list->size = size;
	}
	list->peer[list->count++] = *peer;
}

static void answer_peers(struct grpc_call *call, const struct peer_list *list)
{
	Attestmesh__Agent__V1__PeerList answer = ATTESTMESH__AGENT__V1__PEER_LIST__INIT;
	Attestmesh__Agent__V1__PeerInfo *info = calloc(list->count + 1, sizeof(*info));
	Attestmesh__Agent__V1__PeerInfo **at = calloc(list->count + 1, sizeof(*at));

	if (!info || !at) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later");
	} else {
		for (size_t i = 0; i < list->count; i++) {
			attestmesh__agent__v1__peer_info__init(&info[i]);
			info[i].member_id.data = list->peer[i].member_id;
			info[i].member_id.len = 32;
			info[i].mesh_ip = list->peer[i].mesh_ip;
			info[i].live = list->peer[i].live;
			at[i] = &info[i];
		}
		answer.n_peers = list->count;
		answer.peers = at;
		grpc_call_answer(call, &answer.base);
	}
	free(info);
	free(at);
}

static void list_peers(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	struct peer_list list = { 0 };
	struct rpc_app *app = arg;

	(void)message;
	if (!app_gate(app, call, RPC_APP_LIST_PEERS))
		return;
	app->ops->list_peers(add_peer, &list, app->arg);
	if (list.failed)
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "the list of peers cannot be made; try later");
	else
		answer_peers(call, &list);
	free(list.peer);
}

static void get_csk(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	Attestmesh__Agent__V1__ClusterSharedKey answer =
		ATTESTMESH__AGENT__V1__CLUSTER_SHARED_KEY__INIT;
	struct rpc_app *app = arg;
	uint8_t *key;

	(void)message;
	if (!app_gate(app, call, RPC_APP_CSK))
		return;
	key = secret_alloc(32);
	if (!key) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "out of locked memory; raise RLIMIT_MEMLOCK");
		return;
	}
	grpc_call_mark_secret(call);
	if (app->ops->get_csk(key, app->arg)) {
		answer.key.data = key;
		answer.key.len = 32;
		grpc_call_answer(call, &answer.base);
	} else {
		grpc_call_finish(call, GRPC_UNAVAILABLE,
				 "the key is not held yet; watch GetMeshStatus");
	}
	secret_free(key);
}

static void get_self(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	Attestmesh__Agent__V1__SelfInfo answer = ATTESTMESH__AGENT__V1__SELF_INFO__INIT;
	struct rpc_app_self self = { 0 };
	struct rpc_app *app = arg;

	(void)message;
	if (!app_gate(app, call, RPC_APP_SELF))
		return;
	app->ops->get_self(&self, app->arg);
	answer.member_id.data = self.member_id;
	answer.member_id.len = sizeof(self.member_id);
	answer.member_contract.data = self.member_contract;
	answer.member_contract.len = sizeof(self.member_contract);
	answer.mesh_ip = self.mesh_ip;
	grpc_call_answer(call, &answer.base);
}

#define METHOD(name, type, fn) { \
	.path = "/attestmesh.agent.v1.Agent/" name, \
	.request = &attestmesh__agent__v1__##type##__descriptor, .on_request = fn }

static const struct grpc_method methods[] = {
	METHOD("GetMeshStatus", empty, get_mesh_status),
	METHOD("ListPeers", empty, list_peers),
	METHOD("SendMessage", send_request, app_send_call),
	METHOD("SubscribeMessages", subscribe_request, app_messages_call),
	METHOD("SubscribePeerEvents", empty, app_events_call),
	METHOD("GetClusterSharedKey", empty, get_csk),
	METHOD("GetSelf", empty, get_self),
};

struct rpc_app *rpc_app_new(struct loop *loop, struct grpc_server *server,
			    const struct rpc_app_ops *ops, void *arg,
			    uint32_t sends_per_hour)
{
	struct rpc_app *app = calloc(1, sizeof(*app));

	if (!app)
		return NULL;
	app->loop = loop;
	app->ops = ops;
	app->arg = arg;
	app->sends_per_hour = sends_per_hour;
	app->sent_ms = calloc(sends_per_hour ? sends_per_hour : 1, sizeof(*app->sent_ms));
	if (!app->sent_ms || grpc_server_add(server, methods,
					     sizeof(methods) / sizeof(methods[0]), app)) {
		free(app->sent_ms);
		free(app);
		return NULL;
	}
	return app;
}

void rpc_app_free(struct rpc_app *app)
{
	if (!app)
		return;
	/* The server went first and took every call along. */
	app_send_free(app);
	free(app->sent_ms);
	free(app);
}

struct rpc_app_counts rpc_app_counts(const struct rpc_app *app)
{
	return app->counts;
}
