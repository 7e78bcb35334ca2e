// SPDX-License-Identifier: Apache-2.0
/*
 * The surfaces of a node wired to its parts: the application's RPCs, the peer
 * service, the CSK. Each function here translates one part's question into
 * another part's answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "log.h"
#include "node_priv.h"
#include "secret.h"

enum { NODE_ANSWER_MS = 110000 };

static bool is_member(const struct node *n)
{
	return n->reg && reg_registered(n->reg) && chain_now(n->chain) &&
	       chain_now(n->chain)->self;
}

/* ---- application: status and lists ---- */

static enum grpc_status gate(enum rpc_app_call call, const char **why, void *arg)
{
	struct node *n = arg;

	if (n->reg && !reg_registered(n->reg) && reg_blocked(n->reg) &&
	    !strcmp(reg_blocked(n->reg), "removed")) {
		*why = "this node was removed from the cluster; the cluster owner can readmit it";
		return GRPC_FAILED_PRECONDITION;
	}
	if (call == RPC_APP_EVENTS)
		return GRPC_OK;
	if (!is_member(n)) {
		*why = "this node is not registered yet; watch GetMeshStatus";
		return GRPC_UNAVAILABLE;
	}
	if (call == RPC_APP_CSK && n->phases.now != PHASE_HEALTHY) {
		*why = "this node is not healthy yet; watch GetMeshStatus";
		return GRPC_UNAVAILABLE;
	}
	return GRPC_OK;
}

static void get_status(struct rpc_app_status *out, void *arg)
{
	struct node *n = arg;

	*out = (struct rpc_app_status){
		.phase = health_phase_names[n->phases.now],
		.first_converged = n->has_kernel_mesh && n->kernel_mesh.first_converged,
		.csk_acquired = n->csk && csk_acquired(n->csk),
		.live_peers = (uint32_t)peers_live(&n->peers),
	};
}

static void list_peers(void (*each)(const struct rpc_app_peer *peer, void *each_arg),
		       void *each_arg, void *arg)
{
	struct node *n = arg;

	for (size_t i = 0; i < n->peers.count; i++) {
		const struct peer *p = &n->peers.at[i];
		struct rpc_app_peer out = { .mesh_ip = p->mesh_ip, .live = peer_live(p) };

		memcpy(out.member_id, p->id, sizeof(out.member_id));
		each(&out, each_arg);
	}
}

static void get_self(struct rpc_app_self *out, void *arg)
{
	struct node *n = arg;
	const struct member *self = chain_now(n->chain)->self;

	memcpy(out->member_id, self->id, sizeof(out->member_id));
	memcpy(out->member_contract, self->contract, sizeof(out->member_contract));
	out->mesh_ip = self->mesh_ip;
}

static bool get_app_csk(uint8_t key[32], void *arg)
{
	struct node *n = arg;

	return n->csk && csk_acquired(n->csk) && csk_get(n->csk, 0, key);
}

static void tell_liveness(const struct peer *p, bool up, void *arg)
{
	rpc_app_liveness(((struct node *)arg)->app, p->id, up);
}

static void tell_joined(const struct peer *p, void *arg)
{
	rpc_app_joined(((struct node *)arg)->app, p->id, p->mesh_ip);
}

const struct peers_events node_peer_events = {
	.liveness = tell_liveness, .joined = tell_joined,
};

/* ---- application: messages ---- */

struct pending_send {
	struct node *node;
	uint64_t token;
};

static enum grpc_status status_of(enum message_outcome outcome)
{
	switch (outcome) {
	case MESSAGE_SENT:
		return GRPC_OK;
	case MESSAGE_OPEN:
		return GRPC_UNKNOWN;
	case MESSAGE_INVALID:
		return GRPC_INVALID_ARGUMENT;
	case MESSAGE_UNKNOWN_PEER:
		return GRPC_NOT_FOUND;
	case MESSAGE_NOT_MEMBER:
		return GRPC_FAILED_PRECONDITION;
	case MESSAGE_LIMITED:
		return GRPC_RESOURCE_EXHAUSTED;
	case MESSAGE_DUPLICATE:
		return GRPC_ALREADY_EXISTS;
	case MESSAGE_REFUSED:
		return GRPC_ABORTED;
	}
	return GRPC_UNKNOWN;
}

static void on_sent(const struct message_sent *s, void *arg)
{
	struct pending_send *p = arg;

	rpc_app_send_done(p->node->app, p->token, status_of(s->outcome), s->text, s->tx_hash);
	free(p);
}

static enum grpc_status send_message(const struct rpc_app_send *send, const char **why,
				     void *arg)
{
	struct node *n = arg;
	struct pending_send *p = malloc(sizeof(*p));

	if (!p) {
		*why = "out of memory";
		return GRPC_RESOURCE_EXHAUSTED;
	}
	*p = (struct pending_send){ n, send->token };
	messages_send(n->messages, send->recipient, send->payload, send->payload_len,
		      send->envelope_id, send->own_id, NODE_ANSWER_MS, on_sent, p);
	return GRPC_OK;
}

static void to_app(struct rpc_app_message *out, const struct message *m)
{
	*out = (struct rpc_app_message){ .at = { m->block, m->log_index },
					 .payload = m->payload, .payload_len = m->len };
	memcpy(out->sender, m->sender, sizeof(out->sender));
	memcpy(out->envelope_id, m->envelope_id, sizeof(out->envelope_id));
}

static void on_page(int error, const struct message *messages, size_t count,
		    uint64_t next_block, uint64_t next_log_index, bool more, void *arg)
{
	struct pending_send *p = arg;
	struct rpc_app_cursor next = { next_block, next_log_index };
	struct rpc_app_message *page = NULL;

	if (!error && count) {
		page = calloc(count, sizeof(*page));
		error = page ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !error && i < count; i++)
		to_app(&page[i], &messages[i]);
	rpc_app_read_done(p->node->app, p->token, error ? GRPC_UNAVAILABLE : GRPC_OK,
			  error ? strerror(-error) : "", page, error ? 0 : count, next, more);
	free(page);
	free(p);
}

static void read_messages(uint64_t token, struct rpc_app_cursor from, size_t max_bytes,
			  void *arg)
{
	struct node *n = arg;
	struct pending_send *p = malloc(sizeof(*p));

	if (p)
		*p = (struct pending_send){ n, token };
	if (p && messages_read(n->messages, from.block, from.log_index, max_bytes, on_page, p))
		return;
	free(p);
	rpc_app_read_done(n->app, token, GRPC_UNAVAILABLE, "out of memory", NULL, 0, from, true);
}

void node_app_message(struct node *n, const struct chain_message *m)
{
	struct rpc_app_message out;
	struct message plain;

	if (!messages_open(n->messages, m, &plain))
		return;
	to_app(&out, &plain);
	rpc_app_message(n->app, &out);
}

static bool reserved(const uint8_t *payload, size_t len, void *arg)
{
	(void)arg;
	return envelope_reserved(payload, len);
}

/* ---- the CSK ---- */

static int derive_csk(uint32_t generation, uint8_t key[CSK_BYTES], void *arg)
{
	return keys_csk(((struct node *)arg)->keys, generation, key) ? 0 : -EIO;
}

static bool open_csk(const uint8_t sealed[CSK_SEALED_BYTES], uint8_t key[CSK_BYTES], void *arg)
{
	return keys_box_open(((struct node *)arg)->keys, key, sealed, CSK_SEALED_BYTES);
}

struct pending_commit {
	struct node *node;
	uint32_t generation;
};

static void on_committed(const struct bundler_outcome *o, void *arg)
{
	struct pending_commit *p = arg;

	if (o->result == BUNDLER_REFUSED)
		log_warn("CSK generation %u was not committed by this node: %s", p->generation,
			 o->reason);
	if (o->result != BUNDLER_CANCELLED) {
		csk_commit_done(p->node->csk, p->generation, o->result == BUNDLER_DONE);
		chain_wake(p->node->chain);
		node_changed(p->node);
	}
	free(p);
}

static void commit_csk(uint32_t generation, const uint8_t commitment[32], void *arg)
{
	struct node *n = arg;
	struct call call = call_commit_csk(generation, commitment);
	struct call check = call_u64("cskCommitmentAt(uint32)", generation);
	struct pending_commit *p = malloc(sizeof(*p));
	struct bundler_job job = {
		.name = "commit_csk", .own = true, .call = call.data, .call_len = call.len,
		.check = { .call = check.data, .call_len = check.len },
		.done = on_committed, .arg = p,
	};

	/* Done is what the chain shows: this very commitment, not somebody's. */
	memcpy(job.check.expected, commitment, 32);
	if (p)
		*p = (struct pending_commit){ n, generation };
	if (p && !bundler_submit(n->bundler, &job, NULL))
		return;
	free(p);
	csk_commit_done(n->csk, generation, false);
}

static void csk_changed(void *arg)
{
	node_changed(arg);
}

static void update_csk(struct node *n)
{
	const struct chain_snapshot *s = chain_now(n->chain);
	struct csk_peer *peers = calloc(n->peers.count + 1, sizeof(*peers));
	struct csk_view view = { .peers = peers, .peer_count = n->peers.count };

	if (!peers)
		return;
	if (is_member(n)) {
		view.member = true;
		memcpy(view.self_id, s->self->id, sizeof(view.self_id));
		view.self_index = s->self->index;
		view.committed = s->csk.generation;
		view.requested = s->csk.requested;
		memcpy(view.commitment, s->csk.commitment, sizeof(view.commitment));
		memcpy(view.committer, s->csk.committer, sizeof(view.committer));
		view.originator = true;
		view.reachable = n->device_ready;
	}
	for (size_t i = 0; i < n->peers.count; i++) {
		const struct peer *p = &n->peers.at[i];

		memcpy(peers[i].member_id, p->id, sizeof(peers[i].member_id));
		peers[i].index = p->index;
		peers[i].mesh_ip = p->mesh_ip;
		peers[i].live = peer_live(p);
		if (view.member && p->index < view.self_index)
			view.originator = false;
	}
	csk_update(n->csk, &view);
	free(peers);
}

static int make_csk(struct node *n)
{
	static const struct csk_ops ops = {
		.derive = derive_csk, .open = open_csk, .commit = commit_csk,
		.changed = csk_changed,
	};
	char path[CONFIG_PATH_MAX_CHARS + 32];
	struct csk_config config = {
		.device = n->config->ifname, .port = n->config->peer_grpc_port,
		.scope = { .chain_id = n->config->chain_id },
	};

	if (n->config->state_dir) {
		snprintf(path, sizeof(path), "%s/csk", n->config->state_dir);
		config.state_path = path;
		config.wrap_key = keys_wrap_csk(n->keys);
	}
	memcpy(config.scope.cluster, chain_cluster(n->chain), 20);
	memcpy(config.scope.member_contract, chain_member_contract(n->chain), 20);
	n->csk = csk_new(n->loop, &config, &ops, n);
	return n->csk ? 0 : -ENOMEM;
}

/* ---- the peer service ---- */

static const struct member *member_by_ip6(const struct members *all, const uint8_t ip6[16])
{
	for (size_t i = 0; i < all->count; i++)
		if (member_live(&all->at[i]) && !memcmp(all->at[i].mesh_ip6, ip6, 16))
			return &all->at[i];
	return NULL;
}

static bool member_at(const struct sockaddr *source, struct rpc_peer_member *out, void *arg)
{
	struct node *n = arg;
	const struct chain_snapshot *s = chain_now(n->chain);
	const struct member *m = NULL;

	if (!s)
		return false;
	if (source->sa_family == AF_INET)
		m = members_by_ip(&s->members,
				  ntohl(((const struct sockaddr_in *)source)->sin_addr.s_addr));
	else if (source->sa_family == AF_INET6)
		m = member_by_ip6(&s->members,
				  ((const struct sockaddr_in6 *)source)->sin6_addr.s6_addr);
	if (!m || !member_live(m))
		return false;
	memcpy(out->member_id, m->id, sizeof(out->member_id));
	memcpy(out->x_pub, m->x_pub, sizeof(out->x_pub));
	return true;
}

static uint64_t snapshot_block(void *arg)
{
	const struct chain_snapshot *s = chain_now(((struct node *)arg)->chain);

	return s ? s->block : 0;
}

/* A snapshot that shows the generation is no older than its commitment. */
static uint64_t committed_block(uint32_t generation, void *arg)
{
	const struct chain_snapshot *s = chain_now(((struct node *)arg)->chain);

	return s && s->csk.generation && s->csk.generation >= generation ? 0 : UINT64_MAX;
}

static void on_refresh_timer(void *arg)
{
	struct node *n = arg;
	bool newer = chain_now(n->chain) && chain_now(n->chain)->block > n->refresh_from_block;
	bool late = loop_now_ms(n->loop) - n->refresh_from_ms >= NODE_REFRESH_MS;

	if (newer || late)
		rpc_peer_refreshed(n->rpc_peer, newer);
	else
		loop_timer_set(&n->refresh_timer, NODE_REFRESH_STEP_MS);
}

static void refresh(void *arg)
{
	struct node *n = arg;

	n->refresh_from_ms = loop_now_ms(n->loop);
	n->refresh_from_block = snapshot_block(n);
	chain_wake(n->chain);
	loop_timer_set(&n->refresh_timer, NODE_REFRESH_STEP_MS);
}

static bool get_peer_csk(uint32_t *generation, uint8_t key[32], void *arg)
{
	struct node *n = arg;

	if (!csk_acquired(n->csk) && !*generation)
		return false;
	if (!*generation)
		*generation = csk_held(n->csk);
	return csk_get(n->csk, *generation, key);
}

/* The mesh address exists once the device does; asked again at every change. */
static void update_peer_service(struct node *n)
{
	const struct member *self;
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	int ret;

	if (!n->device_ready) {
		if (rpc_peer_port(n->rpc_peer))
			rpc_peer_unlisten(n->rpc_peer);
		return;
	}
	if (rpc_peer_port(n->rpc_peer) || !is_member(n))
		return;
	self = chain_now(n->chain)->self;
	a4.sin_port = a6.sin6_port = htons(n->config->peer_grpc_port);
	a4.sin_addr.s_addr = htonl(self->mesh_ip);
	memcpy(a6.sin6_addr.s6_addr, self->mesh_ip6, 16);
	ret = rpc_peer_listen(n->rpc_peer, (struct sockaddr *)&a4, sizeof(a4),
			      n->config->ifname);
	if (!ret && n->ipv6)
		ret = rpc_peer_listen(n->rpc_peer, (struct sockaddr *)&a6, sizeof(a6),
				      n->config->ifname);
	if (ret)
		snprintf(n->rpc_waiting, sizeof(n->rpc_waiting),
			 "peer service: port %u on %s: %s; free the port or set PEER_GRPC_PORT",
			 n->config->peer_grpc_port, n->config->ifname, strerror(-ret));
	else
		n->rpc_waiting[0] = '\0';
	if (ret && rpc_peer_port(n->rpc_peer))
		rpc_peer_unlisten(n->rpc_peer);
}

/* ---- life ---- */

int node_app_init(struct node *n, char error[CONFIG_ERROR_CHARS])
{
	static const struct rpc_app_ops ops = {
		.gate = gate, .get_status = get_status, .list_peers = list_peers,
		.get_self = get_self, .get_csk = get_app_csk, .reserved = reserved,
		.send = send_message, .read = read_messages,
	};
	struct grpc_limits limits = grpc_limits_default();
	int ret = -ENOMEM;

	loop_timer_init(&n->refresh_timer, n->loop, on_refresh_timer, n);
	n->server = grpc_server_new(n->loop, &limits);
	if (n->server)
		n->app = rpc_app_new(n->loop, n->server, &ops, n, n->config->send_per_hour);
	if (n->app)
		n->grpc_health = grpc_health_new(n->server);
	if (n->grpc_health)
		ret = grpc_reflection_add(n->server);
	if (!ret)
		ret = grpc_server_listen_unix(n->server, n->config->agent_socket,
					      n->config->agent_socket_mode);
	if (ret)
		snprintf(error, CONFIG_ERROR_CHARS,
			 "AGENT_GRPC_SOCKET: cannot listen on %s: %s; make its directory or give another path",
			 n->config->agent_socket, strerror(-ret));
	return ret;
}

int node_app_bound(struct node *n)
{
	static const struct rpc_peer_ops ops = {
		.member_at = member_at, .snapshot_block = snapshot_block,
		.committed_block = committed_block, .refresh = refresh,
		.get_csk = get_peer_csk,
	};

	n->messages = messages_new(n->loop, n->chain, n->bundler, n->keys);
	n->rpc_peer = rpc_peer_new(n->loop, &ops, n);
	if (!n->messages || !n->rpc_peer)
		return -ENOMEM;
	return make_csk(n);
}

void node_app_update(struct node *n)
{
	if (!n->identified)
		return;
	update_csk(n);
	update_peer_service(n);
}

void node_app_removed(struct node *n)
{
	node_app_update(n);
	rpc_app_end_streams(n->app, GRPC_FAILED_PRECONDITION,
			    "this node was removed from the cluster");
}

void node_app_free(struct node *n)
{
	loop_timer_cancel(&n->refresh_timer);
	rpc_peer_free(n->rpc_peer);
	/* Open sends end as UNKNOWN while their calls can still be answered. */
	messages_free(n->messages);
	csk_free(n->csk);
	grpc_server_free(n->server);
	rpc_app_free(n->app);
	grpc_health_free(n->grpc_health);
}
