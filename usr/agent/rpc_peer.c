// SPDX-License-Identifier: Apache-2.0
/*
 * The peer service. The mesh tells who asks: WireGuard lets only the member
 * with a mesh address send from it. What is handed out is sealed to the key
 * that the chain holds for that member, so even a broken tunnel gains nothing.
 */
#include "rpc_peer.h"

#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "clock.h"
#include "grpc/peer.pb-c.h"
#include "secret.h"

enum { KEY_BYTES = 32, CONNECTIONS = 256, STREAMS = 8, IDLE_MS = 10000 };

/* A request that waits for the chain to be read again. */
struct waiting {
	struct waiting *next, **at;
	struct rpc_peer *peer;
	struct grpc_call *call;
	uint32_t generation;
	uint8_t requester[32];
};

struct rpc_peer {
	struct loop *loop;
	const struct rpc_peer_ops *ops;
	void *arg;
	struct grpc_server *server;
	struct waiting *waiting;
	size_t waiting_count;
	bool refreshing, refreshed_before;
	int64_t refreshed_ms;
	struct { uint8_t id[32]; int64_t at_ms; } recent[RPC_PEER_RECENT_MAX];
	size_t recent_at, recent_count;
	struct rpc_peer_counts counts;
};

static void refuse(struct rpc_peer *p, struct grpc_call *call, enum grpc_status status,
		   const char *text)
{
	p->counts.refused++;
	grpc_call_finish(call, status, "%s", text);
}

/* Who asks, if it is who it says it is. */
static bool identify(struct rpc_peer *p, struct grpc_call *call, const uint8_t *claimed,
		     size_t len, struct rpc_peer_member *member)
{
	if (!p->ops->member_at(grpc_call_peer(call), member, p->arg)) {
		refuse(p, call, GRPC_PERMISSION_DENIED,
		       "your address is no current member's");
		return false;
	}
	if (len != 32 || memcmp(claimed, member->member_id, 32)) {
		refuse(p, call, GRPC_PERMISSION_DENIED,
		       "the request names another member than its address does");
		return false;
	}
	return true;
}

static bool answered_lately(const struct rpc_peer *p, const uint8_t id[32], int64_t now_ms)
{
	for (size_t i = 0; i < p->recent_count; i++)
		if (now_ms - p->recent[i].at_ms < RPC_PEER_ANSWER_EVERY_MS &&
		    !memcmp(p->recent[i].id, id, 32))
			return true;
	return false;
}

/* False when more were answered within a second than can be remembered. */
static bool note_answer(struct rpc_peer *p, const uint8_t id[32], int64_t now_ms)
{
	if (p->recent_count == RPC_PEER_RECENT_MAX &&
	    now_ms - p->recent[p->recent_at].at_ms < RPC_PEER_ANSWER_EVERY_MS)
		return false;
	memcpy(p->recent[p->recent_at].id, id, 32);
	p->recent[p->recent_at].at_ms = now_ms;
	p->recent_at = (p->recent_at + 1) % RPC_PEER_RECENT_MAX;
	if (p->recent_count < RPC_PEER_RECENT_MAX)
		p->recent_count++;
	return true;
}

static bool fresh(const struct rpc_peer *p, uint32_t generation)
{
	uint64_t committed = p->ops->committed_block(generation, p->arg);

	return committed != UINT64_MAX && p->ops->snapshot_block(p->arg) >= committed;
}

static void seal(struct rpc_peer *p, struct grpc_call *call,
		 const struct rpc_peer_member *member, uint32_t generation, uint8_t *key)
{
	Attestmesh__Peer__V1__SealedCsk answer = ATTESTMESH__PEER__V1__SEALED_CSK__INIT;
	uint8_t sealed[KEY_BYTES + BOX_SEAL_BYTES];

	if (!p->ops->get_csk(&generation, key, p->arg)) {
		refuse(p, call, GRPC_NOT_FOUND, "that generation is not held here");
		return;
	}
	if (!note_answer(p, member->member_id, clock_boot_ms())) {
		refuse(p, call, GRPC_RESOURCE_EXHAUSTED, "too many are asking; ask later");
		return;
	}
	if (!box_seal(sealed, key, KEY_BYTES, member->x_pub)) {
		refuse(p, call, GRPC_FAILED_PRECONDITION,
		       "your x25519 key on chain cannot be sealed to");
		return;
	}
	answer.sealed_csk.data = sealed;
	answer.sealed_csk.len = sizeof(sealed);
	answer.generation = generation;
	p->counts.served++;
	grpc_call_answer(call, &answer.base);
}

static void answer(struct rpc_peer *p, struct grpc_call *call,
		   const struct rpc_peer_member *member, uint32_t generation)
{
	uint8_t *key;

	if (answered_lately(p, member->member_id, clock_boot_ms())) {
		refuse(p, call, GRPC_RESOURCE_EXHAUSTED, "one answer a second; ask later");
		return;
	}
	key = secret_alloc(KEY_BYTES);
	if (key)
		seal(p, call, member, generation, key);
	else
		refuse(p, call, GRPC_RESOURCE_EXHAUSTED, "out of memory; ask later");
	secret_free(key);
}

static void unwait(struct waiting *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->peer->waiting_count--;
	free(w);
}

static void on_close(struct grpc_call *call, void *arg)
{
	(void)call;
	unwait(arg);
}

static const struct grpc_call_events waiting_events = { .on_close = on_close };
static const struct grpc_call_events no_events;

static bool may_refresh(const struct rpc_peer *p)
{
	return p->refreshing || !p->refreshed_before ||
	       clock_boot_ms() - p->refreshed_ms >= RPC_PEER_REFRESH_EVERY_MS;
}

static void wait_for_refresh(struct rpc_peer *p, struct grpc_call *call,
			     const struct rpc_peer_member *member, uint32_t generation)
{
	struct waiting *w = NULL;

	if (may_refresh(p) && p->waiting_count < RPC_PEER_WAITING_MAX)
		w = calloc(1, sizeof(*w));
	if (!w) {
		refuse(p, call, GRPC_UNAVAILABLE,
		       "membership was read before that generation; ask later");
		return;
	}
	w->peer = p;
	w->call = call;
	w->generation = generation;
	memcpy(w->requester, member->member_id, 32);
	w->next = p->waiting;
	if (w->next)
		w->next->at = &w->next;
	w->at = &p->waiting;
	p->waiting = w;
	p->waiting_count++;
	grpc_call_set_events(call, &waiting_events, w);
	if (p->refreshing)
		return;
	p->refreshing = p->refreshed_before = true;
	p->refreshed_ms = clock_boot_ms();
	p->ops->refresh(p->arg);
}

static void request_csk(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	const Attestmesh__Peer__V1__CskRequest *request =
		(const Attestmesh__Peer__V1__CskRequest *)message;
	struct rpc_peer_member member;
	struct rpc_peer *p = arg;

	if (!identify(p, call, request->requester_member_id.data,
		      request->requester_member_id.len, &member))
		return;
	if (fresh(p, request->generation))
		answer(p, call, &member, request->generation);
	else
		wait_for_refresh(p, call, &member, request->generation);
}

void rpc_peer_refreshed(struct rpc_peer *p, bool ok)
{
	struct waiting *w;

	p->refreshing = false;
	while ((w = p->waiting)) {
		struct grpc_call *call = w->call;
		uint32_t generation = w->generation;
		struct rpc_peer_member member;
		uint8_t requester[32];

		memcpy(requester, w->requester, 32);
		grpc_call_set_events(call, &no_events, NULL);
		unwait(w);
		if (!ok)
			refuse(p, call, GRPC_UNAVAILABLE, "the chain cannot be read; ask later");
		else if (identify(p, call, requester, 32, &member))
			answer(p, call, &member, generation);
	}
}

static void punch(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	(void)message;
	refuse(arg, call, GRPC_UNIMPLEMENTED, "this node has no direct path; stay on TCP");
}

#define METHOD(name, type, fn) { \
	.path = "/attestmesh.peer.v1.PeerControl/" name, \
	.request = &attestmesh__peer__v1__##type##__descriptor, .on_request = fn }

static const struct grpc_method methods[] = {
	METHOD("RequestClusterSharedKey", csk_request, request_csk),
	METHOD("NegotiatePunch", punch_offer, punch),
	METHOD("ReportPunch", punch_report, punch),
};

static struct grpc_limits limits(void)
{
	struct grpc_limits l = grpc_limits_default();

	l.connections = CONNECTIONS;
	l.connections_per_source = RPC_PEER_CONNECTIONS_PER_SOURCE;
	l.streams = STREAMS;
	l.request_bytes = RPC_PEER_REQUEST_BYTES;
	l.response_bytes = RPC_PEER_REQUEST_BYTES;
	l.connection_request_bytes = STREAMS * RPC_PEER_REQUEST_BYTES;
	l.server_request_bytes = 1 << 20;
	l.idle_ms = IDLE_MS;
	l.call_ms = RPC_PEER_CALL_MS;
	l.request_ms = RPC_PEER_CALL_MS;
	l.linger_ms = RPC_PEER_CALL_MS;
	l.control_burst = 100;
	l.control_per_second = 20;
	return l;
}

struct rpc_peer *rpc_peer_new(struct loop *loop, const struct rpc_peer_ops *ops, void *arg)
{
	struct rpc_peer *p = calloc(1, sizeof(*p));
	struct grpc_limits l = limits();

	if (!p)
		return NULL;
	p->loop = loop;
	p->ops = ops;
	p->arg = arg;
	p->server = grpc_server_new(loop, &l);
	if (!p->server ||
	    grpc_server_add(p->server, methods, sizeof(methods) / sizeof(methods[0]), p)) {
		rpc_peer_free(p);
		return NULL;
	}
	return p;
}

void rpc_peer_free(struct rpc_peer *p)
{
	if (!p)
		return;
	grpc_server_free(p->server);
	free(p);
}

int rpc_peer_listen(struct rpc_peer *p, const struct sockaddr *addr, socklen_t len,
		    const char *device)
{
	return grpc_server_listen_tcp(p->server, addr, len, device);
}

void rpc_peer_unlisten(struct rpc_peer *p)
{
	grpc_server_unlisten(p->server);
	grpc_server_hang_up(p->server);
}

uint16_t rpc_peer_port(const struct rpc_peer *p)
{
	return grpc_server_port(p->server);
}

struct rpc_peer_counts rpc_peer_counts(const struct rpc_peer *p)
{
	return p->counts;
}
