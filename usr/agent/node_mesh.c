// SPDX-License-Identifier: Apache-2.0
/*
 * From the chain to the kernel: routes, device, this node's beats, the peers of
 * kernel and WireGuard; and from the kernel's events back to the picture of the
 * peers. Every step is repeated until it holds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "bytes.h"
#include "clock.h"
#include "keccak.h"
#include "log.h"
#include "node_priv.h"
#include "secret.h"

static void note(struct node *n, const char *what, const char *why)
{
	char text[NODE_TEXT_CHARS];

	snprintf(text, sizeof(text), "%s: %.220s", what, why);
	if (strcmp(text, n->mesh_waiting))
		log_warn("%s", text);
	memcpy(n->mesh_waiting, text, sizeof(text));
	loop_timer_set(&n->mesh_timer, NODE_MESH_RETRY_MS);
	node_changed(n);
}

static struct mesh_net net_of(const struct chain_snapshot *s)
{
	uint32_t mask = s->cidr_prefix ? ~0U << (32 - s->cidr_prefix) : 0;
	struct mesh_net net = {
		.net4 = htonl(s->cidr_ip & mask), .prefix4 = s->cidr_prefix,
		.own4 = htonl(s->self->mesh_ip),
	};

	/* The /48 is the first six bytes of every member's address. */
	memcpy(net.net6, s->self->mesh_ip6, 6);
	memcpy(net.own6, s->self->mesh_ip6, 16);
	return net;
}

/* Before this node is a member its own address is unknown; the routes need
 * only the networks, which the contract's rules give. */
static struct mesh_net net_without_self(const struct chain_snapshot *s)
{
	uint32_t mask = s->cidr_prefix ? ~0U << (32 - s->cidr_prefix) : 0;
	struct mesh_net net = { .net4 = htonl(s->cidr_ip & mask), .prefix4 = s->cidr_prefix };
	uint8_t hash[32];

	keccak256(hash, s->cluster, sizeof(s->cluster));
	net.net6[0] = 0xfd;
	memcpy(net.net6 + 1, hash, 5);
	return net;
}

/* keccak256(abi.encode(uint256 chainId, address cluster)): what beats are
 * bound to. */
static void beat_domain(const struct node *n, uint8_t domain[32])
{
	uint8_t words[64] = { 0 };

	store_be64(words + 24, n->config->chain_id);
	memcpy(words + 44, chain_cluster(n->chain), 20);
	keccak256(domain, words, sizeof(words));
}

static int fence(struct node *n, const struct chain_snapshot *s)
{
	char error[MESH_ERROR_CHARS];
	struct mesh_net net = net_without_self(s);
	int ret;

	if (n->fenced)
		return 0;
	ret = mesh_fence(n->mesh, &net, &n->ipv6, error);
	if (ret) {
		note(n, "routes", error);
		return ret;
	}
	n->fenced = true;
	return 0;
}

static void set_kernel_mesh(struct node *n, const struct chain_snapshot *s)
{
	struct kern_identity id = {
		.index = s->self->index, .addr4 = htonl(s->self->mesh_ip),
		.has_addr6 = n->ipv6, .seed = keys_beat_seed(n->keys),
	};

	beat_domain(n, id.domain);
	memcpy(id.member_id, s->self->id, sizeof(id.member_id));
	memcpy(id.addr6, s->self->mesh_ip6, sizeof(id.addr6));
	kern_mesh_set(n->kern, &id, s->block_time_s);
	n->floor_ms = loop_now_ms(n->loop);
}

static int keep_key(const struct am_peer *p, void *arg)
{
	struct node *n = arg;
	struct kept_key *grown;

	if (!p->has_key || p->key_status != ATTESTMESH_KEY_VALID)
		return 0;
	grown = reallocarray(n->kept, n->kept_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	n->kept = grown;
	memcpy(n->kept[n->kept_count].id, p->id, 32);
	memcpy(n->kept[n->kept_count++].key, p->key, 32);
	return 0;
}

/* An adopted interface may have a mesh whose peers are known to the kernel.
 * Without them nothing is lost but the verdicts of the next seconds. */
static void keep_keys(struct node *n)
{
	uint32_t ifindex = mesh_ifindex(n->mesh);
	struct am *am;

	if (n->kept_count || am_open(&am))
		return;
	if (am_peer_each(am, ifindex, keep_key, n))
		log_debug("keys of the kernel's peers: %s", am_error(am));
	am_close(am);
}

static const uint8_t *kept_key(const struct node *n, const uint8_t id[32])
{
	for (size_t i = 0; i < n->kept_count; i++)
		if (!memcmp(n->kept[i].id, id, 32))
			return n->kept[i].key;
	return NULL;
}

static int device(struct node *n, const struct chain_snapshot *s)
{
	struct mesh_net net = net_of(s);
	uint8_t *secret = secret_alloc(32);
	char error[MESH_ERROR_CHARS];
	bool created = false;
	uint8_t pub[32];
	int ret;

	if (!secret)
		return -ENOMEM;
	n->wg_epoch = keys_wg_epoch(n->keys);
	ret = keys_wg(n->keys, n->wg_epoch, secret, pub) ? 0 : -EIO;
	if (ret)
		snprintf(error, sizeof(error), "no WireGuard key for epoch %u", n->wg_epoch);
	else
		ret = mesh_device(n->mesh, &net, secret, &created, &n->ipv6, error);
	secret_free(secret);
	if (ret) {
		note(n, "device", error);
		return ret;
	}
	if (!n->device_ready || created)
		log_info("%s is up (%s)", n->config->ifname, created ? "made" : "adopted");
	if (!n->device_ready && !created)
		keep_keys(n);
	n->device_ready = true;
	n->mesh_waiting[0] = '\0';
	memcpy(n->wg_secret_pub, pub, sizeof(pub));
	set_kernel_mesh(n, s);
	carriage_start(n->carriage, s->self->index, created);
	return 0;
}

static bool device_is_current(const struct node *n, const struct chain_snapshot *s)
{
	return n->device_ready && mesh_ifindex(n->mesh) &&
	       !memcmp(n->wg_secret_pub, s->self->wg_pub, 32) &&
	       n->wg_epoch == keys_wg_epoch(n->keys);
}

static void fill_peer(struct node *n, const struct member *m, struct am_peer_config *kernel,
		      struct carriage_peer *carried)
{
	const struct envelope_peer *e = envelopes_peer(n->envelopes, m->id);
	const uint8_t *key = e ? e->ed25519_pub : kept_key(n, m->id);

	*kernel = (struct am_peer_config){ .index = m->index, .addr4 = htonl(m->mesh_ip),
					   .has_addr6 = n->ipv6, .has_key = key != NULL };
	memcpy(kernel->id, m->id, sizeof(kernel->id));
	memcpy(kernel->addr6, m->mesh_ip6, sizeof(kernel->addr6));
	if (key)
		memcpy(kernel->key, key, sizeof(kernel->key));

	*carried = (struct carriage_peer){ .index = m->index, .port = ENVELOPE_PORT };
	memcpy(carried->id, m->id, sizeof(carried->id));
	memcpy(carried->wg.key, m->wg_pub, sizeof(carried->wg.key));
	carried->wg.addr4 = htonl(m->mesh_ip);
	carried->wg.has_addr6 = n->ipv6;
	memcpy(carried->wg.addr6, m->mesh_ip6, sizeof(carried->wg.addr6));
	if (e) {
		snprintf(carried->host, sizeof(carried->host), "%s", e->host);
		carried->port = e->port;
	} else if (!envelope_host(carried->host, m->contract, n->config->wg_tcp_port,
				  n->config->gateway_domain)) {
		carried->host[0] = '\0';
	}
}

static int push_peers(struct node *n, const struct chain_snapshot *s)
{
	struct am_peer_config *kernel = calloc(s->members.count, sizeof(*kernel));
	struct carriage_peer *carried = calloc(s->members.count, sizeof(*carried));
	size_t count = 0, carried_count = 0;
	int ret = -ENOMEM;

	if (!kernel || !carried)
		goto out;
	for (size_t i = 0; i < s->members.count; i++) {
		const struct member *m = &s->members.at[i];

		if (!member_live(m) || m == s->self)
			continue;
		fill_peer(n, m, &kernel[count++], &carried[carried_count]);
		/* A key taken back by another's registration: no WireGuard peer. */
		if (!bytes_are_zero(m->wg_pub, 32))
			carried_count++;
	}
	ret = kern_peers_set(n->kern, kernel, count);
	if (!ret)
		ret = carriage_peers(n->carriage, carried, carried_count);
out:
	free(kernel);
	free(carried);
	return ret;
}

void node_mesh_update(struct node *n)
{
	const struct chain_snapshot *s = n->chain ? chain_now(n->chain) : NULL;

	if (!s || !n->mesh || fence(n, s))
		return;
	if (!n->identified || !reg_registered(n->reg) || !s->self || !member_live(s->self))
		return;
	if (peers_members(&n->peers, &s->members, s->self->id, !n->peers_known,
			  &node_peer_events, n))
		return note(n, "peers", "out of memory");
	n->peers_known = true;
	envelopes_snapshot(n->envelopes, s, reg_beat_published(n->reg));
	if (!device_is_current(n, s) && device(n, s))
		return;
	if (push_peers(n, s))
		note(n, "peers", "out of memory");
}

void node_mesh_clear(struct node *n)
{
	char error[MESH_ERROR_CHARS];

	n->kept_count = 0;
	kern_clear(n->kern);
	carriage_clear(n->carriage);
	if (n->device_ready && mesh_peers_clear(n->mesh, error))
		log_warn("removed, but WireGuard kept its peers: %s", error);
	n->device_ready = false;
	n->has_kernel_mesh = false;
	n->peers_known = false;
	peers_free(&n->peers);
}

bool node_mesh_up(const struct node *n)
{
	struct carriage_status status;

	if (!n->device_ready || !n->kern_ready || !carriage_ready(n->carriage))
		return false;
	if (!n->peers.count || peers_live(&n->peers))
		return true;
	for (size_t i = 0; i < n->peers.count; i++)
		if (carriage_peer_status(n->carriage, n->peers.at[i].id, &status) &&
		    status.handshake)
			return true;
	return false;
}

/* ---- what the kernel says ---- */

static int on_kernel_peer(const struct am_peer *p, void *arg)
{
	struct node *n = arg;

	peers_state(&n->peers, p->id, p->state, p->has_beat ? p->beat_flags : 0,
		    loop_now_ms(n->loop), &node_peer_events, n);
	return 0;
}

void node_mesh_read(struct node *n)
{
	n->has_kernel_mesh = n->kern_ready && !kern_mesh(n->kern, &n->kernel_mesh);
	/* -EINTR (the set changed while it was read) is cured by the next tick. */
	if (n->has_kernel_mesh)
		kern_peers(n->kern, on_kernel_peer, n);
	if (n->chain && chain_now(n->chain) && n->device_ready &&
	    loop_now_ms(n->loop) - n->floor_ms >= NODE_FLOOR_EVERY_MS) {
		n->floor_ms = loop_now_ms(n->loop);
		kern_block_time(n->kern, chain_now(n->chain)->block_time_s);
	}
}

static void on_kern_ready(void *arg, bool ready, const char *waiting_for)
{
	struct node *n = arg;

	(void)waiting_for;
	n->kern_ready = ready;
	node_mesh_read(n);
	node_changed(n);
}

static void on_kern_event(void *arg, const struct am_event *event)
{
	struct node *n = arg;

	switch (event->type) {
	case AM_EVENT_PEER:
		log_info("peer %u: %s -> %s (%s)", event->index, am_state_name(event->old_state),
			 am_state_name(event->new_state), am_reason_name(event->reason));
		peers_state(&n->peers, event->id, event->new_state, event->beat_flags,
			    loop_now_ms(n->loop), &node_peer_events, n);
		if (event->new_state == ATTESTMESH_STATE_UP)
			carriage_heard(n->carriage, event->id);
		break;
	case AM_EVENT_CONVERGED:
		log_info("%sconverged, %u live", event->converged ? "" : "no longer ",
			 event->live);
		break;
	case AM_EVENT_GONE:
		log_warn("the kernel's mesh is gone: %s", am_gone_name(event->gone));
		n->device_ready = false;
		loop_timer_set(&n->mesh_timer, 0);
		break;
	case AM_EVENT_TWIN:
		log_error("another instance of this member is running; stop one");
		n->twin_ms = loop_now_ms(n->loop);
		break;
	case AM_EVENT_RAISE_STOPPED:
		log_warn("peer %u holds a higher incarnation than this node may take",
			 event->index);
		if (n->chain && chain_now(n->chain))
			kern_block_time(n->kern, chain_now(n->chain)->block_time_s);
		break;
	}
	node_mesh_read(n);
	node_changed(n);
}

static void on_kern_resync(void *arg)
{
	node_mesh_read(arg);
	node_changed(arg);
}

static void on_carriage_change(void *arg)
{
	node_changed(arg);
}

static void on_mesh_timer(void *arg)
{
	node_mesh_update(arg);
	node_changed(arg);
}

int node_mesh_init(struct node *n)
{
	static const struct kern_callbacks kern_callbacks = {
		.ready = on_kern_ready, .event = on_kern_event, .resync = on_kern_resync,
	};
	static const struct carriage_callbacks carriage_callbacks = {
		.change = on_carriage_change,
	};
	const struct config *c = n->config;
	struct mesh_config mesh = { .ifname = c->ifname, .listen_port = c->wg_listen_port };
	struct kern_config kern = {
		.ifname = c->ifname, .port = c->heartbeat_port,
		.interval_ms = c->beat_interval_ms, .miss = c->beat_miss,
		.convict = c->beat_convict, .min_peers = c->min_peers,
	};
	struct carriage_config carriage = {
		.runtime_dir = c->runtime_dir, .ifname = c->ifname,
		.interval_ms = c->beat_interval_ms,
	};
	char error[MESH_ERROR_CHARS];

	loop_timer_init(&n->mesh_timer, n->loop, on_mesh_timer, n);
	n->ipv6 = true;
	n->kern = kern_new(n->loop, &kern, &kern_callbacks, n);
	if (!n->kern)
		return -ENOMEM;
	if (mesh_new(&n->mesh, &mesh, error)) {
		log_error("netlink: %s", error);
		return -EIO;
	}
	carriage.mesh = n->mesh;
	n->carriage = carriage_new(n->loop, &carriage, &carriage_callbacks, n);
	return n->carriage ? 0 : -ENOMEM;
}

void node_mesh_free(struct node *n)
{
	loop_timer_cancel(&n->mesh_timer);
	carriage_free(n->carriage);
	mesh_free(n->mesh);
	if (n->kern)
		kern_free(n->kern);
	free(n->kept);
}
