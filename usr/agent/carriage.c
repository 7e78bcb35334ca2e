// SPDX-License-Identifier: Apache-2.0
/*
 * The comparison of wanted peers with WireGuard and the bridge. One round: read
 * WireGuard, make its peers right, ask the bridge for its links and legs, and
 * when they are there decide leg by leg. A round begins by the clock and
 * whenever something changes; it never overlaps with itself.
 */
#include "carriage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "reconcile.h"

enum {
	QUICK_FOR_MS = 60 * 1000,      /* quick rounds so long after a change */
	STRAY_INTERVALS = 2,           /* a stray that came so recently still arrives */
	DIALLED_NET = 0x7f400000 >> 21, /* the bridge's addresses of dialled links */
};

struct entry {
	struct carriage_peer peer;
	struct reconcile_leg leg;
	struct bridge_link link;
	bool has_link;
	size_t wg;                     /* place in `present` + 1; 0 = not there */
};

struct carriage {
	struct loop *loop;
	struct mesh *mesh;
	uint32_t interval_ms;
	const struct carriage_callbacks *callbacks;
	void *arg;
	struct bridgectl *bridge;
	struct loop_timer timer;

	bool started, have_peers, listening, refused_listen;
	uint32_t own_index;
	int64_t quick_until_ms;

	struct entry *entries;         /* ordered by member id */
	size_t count;
	struct mesh_peer_state *present;
	size_t present_count;
	bool wg_right;                 /* every wanted peer is in WireGuard */
	char wg_text[CARRIAGE_TEXT_CHARS], bridge_text[CARRIAGE_TEXT_CHARS];
	char waiting_for[CARRIAGE_TEXT_CHARS], warning[CARRIAGE_TEXT_CHARS];
};

static int order_id(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->peer.id, ((const struct entry *)b)->peer.id,
		      BRIDGE_PEER_ID_BYTES);
}

static struct entry *find(const struct carriage *c, const uint8_t *id)
{
	struct entry key;

	memcpy(key.peer.id, id, BRIDGE_PEER_ID_BYTES);
	return c->count ? bsearch(&key, c->entries, c->count, sizeof(key), order_id) : NULL;
}

static void again_in(struct carriage *c, int64_t delay_ms)
{
	loop_timer_set(&c->timer, delay_ms);
}

static void again_soon(struct carriage *c)
{
	c->quick_until_ms = loop_now_ms(c->loop) + QUICK_FOR_MS;
	if (c->started)
		again_in(c, 0);
}

/* Works out waiting_for and tells of a change. */
static void settle(struct carriage *c)
{
	char text[CARRIAGE_TEXT_CHARS] = "";

	if (*c->wg_text)
		snprintf(text, sizeof(text), "%s", c->wg_text);
	else if (*c->bridge_text)
		snprintf(text, sizeof(text), "%s", c->bridge_text);
	if (!strcmp(text, c->waiting_for))
		return;
	memcpy(c->waiting_for, text, sizeof(text));
	if (*text)
		log_warn("waiting for %s", text);
	c->callbacks->change(c->arg);
}

/* ---- WireGuard ---- */

static int read_present(struct carriage *c)
{
	char error[MESH_ERROR_CHARS];
	int ret;

	free(c->present);
	c->present = NULL;
	c->present_count = 0;
	ret = mesh_peers(c->mesh, &c->present, &c->present_count, error);
	snprintf(c->wg_text, sizeof(c->wg_text), "%s%.240s", ret ? "wireguard: " : "",
		 ret ? error : "");
	return ret;
}

/* The leg over which a peer that goes was heard. */
static void close_leg_of(struct carriage *c, const struct mesh_peer_state *p)
{
	if (p->endpoint4 >> 21 == DIALLED_NET + 1)
		bridgectl_leg_del(c->bridge, p->endpoint4, p->endpoint_port);
}

static int take_step(struct carriage *c, const struct reconcile_step *step,
		     const struct mesh_peer *wanted)
{
	char error[MESH_ERROR_CHARS];
	int ret;

	if (step->action == RECONCILE_DEL) {
		ret = mesh_peer_del(c->mesh, c->present[step->at].peer.key, error);
		if (!ret)
			close_leg_of(c, &c->present[step->at]);
	} else {
		ret = mesh_peer_set(c->mesh, &wanted[step->at], error);
	}
	if (ret)
		snprintf(c->wg_text, sizeof(c->wg_text), "wireguard: %.240s", error);
	return ret;
}

/* Makes WireGuard's peers those that are wanted; what was done is read again. */
static int make_right(struct carriage *c)
{
	size_t room = c->count + c->present_count;
	struct reconcile_step *steps = calloc(room + 1, sizeof(*steps));
	struct mesh_peer *wanted = calloc(c->count + 1, sizeof(*wanted));
	size_t count = 0;
	int ret = steps && wanted ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < c->count; i++)
		wanted[i] = c->entries[i].peer.wg;
	if (!ret)
		count = reconcile_peers(wanted, c->count, c->present, c->present_count, steps);
	for (size_t i = 0; !ret && i < count; i++)
		ret = take_step(c, &steps[i], wanted);
	free(steps);
	free(wanted);
	if (!ret && count)
		ret = read_present(c);
	c->wg_right = !ret;
	return ret;
}

static int order_present(const void *a, const void *b)
{
	return memcmp(((const struct mesh_peer_state *)a)->peer.key,
		      ((const struct mesh_peer_state *)b)->peer.key, MESH_KEY_BYTES);
}

/* Joins each wanted peer with what WireGuard has of it. */
static void join(struct carriage *c)
{
	if (!c->present_count)
		return;
	qsort(c->present, c->present_count, sizeof(c->present[0]), order_present);
	for (size_t i = 0; i < c->count; i++) {
		struct mesh_peer_state key, *found;

		memcpy(key.peer.key, c->entries[i].peer.wg.key, MESH_KEY_BYTES);
		found = bsearch(&key, c->present, c->present_count, sizeof(key), order_present);
		c->entries[i].wg = found ? (size_t)(found - c->present) + 1 : 0;
	}
}

static void on_round(void *arg)
{
	struct carriage *c = arg;
	bool quick = loop_now_ms(c->loop) < c->quick_until_ms;

	again_in(c, quick ? CARRIAGE_TICK_MS : CARRIAGE_IDLE_TICK_MS);
	for (size_t i = 0; i < c->count; i++)
		c->entries[i].wg = 0;
	c->wg_right = false;
	if (!read_present(c) && c->have_peers && !make_right(c))
		join(c);
	if (bridgectl_is_up(c->bridge) && c->wg_right) {
		/* Only now: before, a peer that dials would find nobody. */
		if (!c->listening)
			bridgectl_listen(c->bridge, true);
		bridgectl_list(c->bridge);
	}
	settle(c);
}

/* ---- the bridge ---- */

static bool is_leg(const struct bridge_leg *legs, size_t count, uint32_t ipv4, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (legs[i].local_ipv4 == ipv4 && legs[i].local_port == port)
			return true;
	return false;
}

static bool is_endpoint(const struct carriage *c, const struct bridge_leg *leg)
{
	for (size_t i = 0; i < c->present_count; i++)
		if (c->present[i].endpoint4 == leg->local_ipv4 &&
		    c->present[i].endpoint_port == leg->local_port)
			return true;
	return false;
}

/* Whether datagrams arrive on a leg that WireGuard answers to nobody on. */
static bool strays_arrive(const struct carriage *c, const struct bridge_leg *legs, size_t count)
{
	int64_t recent_ms = STRAY_INTERVALS * (int64_t)c->interval_ms;

	for (size_t i = 0; i < count; i++)
		if (legs[i].rx_age_ms >= 0 && legs[i].rx_age_ms < recent_ms &&
		    !is_endpoint(c, &legs[i]))
			return true;
	return false;
}

static void dial(struct carriage *c, const struct entry *e)
{
	const struct mesh_peer_state *wg = e->wg ? &c->present[e->wg - 1] : NULL;
	struct bridge_link_set set = { .port = e->peer.port, .interval_ms = c->interval_ms };

	memcpy(set.peer, e->peer.id, sizeof(set.peer));
	memcpy(set.host, e->peer.host, sizeof(set.host));
	/* After a restart of the bridge WireGuard still sends to the old port. */
	if (wg && wg->endpoint4 >> 21 == DIALLED_NET) {
		set.want_ipv4 = wg->endpoint4;
		set.want_port = wg->endpoint_port;
	}
	bridgectl_link_set(c->bridge, &set);
}

static void give_port(struct carriage *c, struct entry *e)
{
	char error[MESH_ERROR_CHARS];

	if (!mesh_peer_endpoint(c->mesh, e->peer.wg.key, e->link.local_ipv4, e->link.local_port,
				error))
		return;
	log_warn("peer %u: %s", e->peer.index, error);
	e->leg.tls_pending = true;
}

static void carry_out(struct carriage *c, struct entry *e, unsigned todo)
{
	bool differs = e->has_link && (e->link.port != e->peer.port ||
				       e->link.interval_ms != c->interval_ms ||
				       strcmp(e->link.host, e->peer.host));

	if (todo & RECONCILE_DROP) {
		bridgectl_link_del(c->bridge, e->peer.id);
		e->has_link = false;
		return;
	}
	if (todo & RECONCILE_DIAL || differs)
		dial(c, e);
	if (todo & RECONCILE_PORT)
		give_port(c, e);
	if (todo & RECONCILE_KICK)
		bridgectl_link_kick(c->bridge, e->peer.id);
}

static void decide(struct carriage *c, const struct bridge_leg *legs, size_t leg_count)
{
	bool strays = strays_arrive(c, legs, leg_count);
	bool changed = false;

	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = &c->entries[i];
		const struct mesh_peer_state *wg = e->wg ? &c->present[e->wg - 1] : NULL;
		struct reconcile_facts facts = {
			.now_ms = loop_now_ms(c->loop), .interval_ms = c->interval_ms,
			.we_dial = c->own_index < e->peer.index,
			.has_host = e->peer.host[0] != '\0', .wg = wg,
			.link = e->has_link ? &e->link : NULL,
			.endpoint_accepted = wg && is_leg(legs, leg_count, wg->endpoint4,
							  wg->endpoint_port),
			.strays = strays,
		};
		int64_t handshake_ms = e->leg.handshake_ms;

		carry_out(c, e, reconcile_leg(&e->leg, &facts));
		changed |= handshake_ms != e->leg.handshake_ms;
	}
	if (changed)
		c->callbacks->change(c->arg);
}

static void on_listed(void *arg, const struct bridge_link *links, size_t link_count,
		      const struct bridge_leg *legs, size_t leg_count)
{
	struct carriage *c = arg;

	for (size_t i = 0; i < c->count; i++)
		c->entries[i].has_link = false;
	for (size_t i = 0; i < link_count; i++) {
		struct entry *e = find(c, links[i].peer);

		if (e) {
			e->link = links[i];
			e->has_link = true;
		} else if (c->have_peers) {
			bridgectl_link_del(c->bridge, links[i].peer);
		}
	}
	if (c->started && c->wg_right)
		decide(c, legs, leg_count);
}

static void on_link(void *arg, const struct bridge_link *link)
{
	struct carriage *c = arg;
	struct entry *e = find(c, link->peer);
	bool opened;

	if (!e)
		return;
	opened = link->state >= BRIDGE_LINK_TLS &&
		 (!e->has_link || e->link.opened != link->opened);
	e->link = *link;
	e->has_link = true;
	if (opened && c->started)
		again_in(c, 0);
}

static void on_status(void *arg, const struct bridge_status *status)
{
	struct carriage *c = arg;

	c->listening = status->listening;
	if (!c->listening || !c->refused_listen)
		return;
	c->refused_listen = false;
	c->bridge_text[0] = '\0';
	settle(c);
}

static void on_up(void *arg, bool up, const char *text)
{
	struct carriage *c = arg;

	c->listening = c->refused_listen = false;
	snprintf(c->bridge_text, sizeof(c->bridge_text), "%s", up ? "" : text);
	snprintf(c->warning, sizeof(c->warning), "%s", up ? text : "");
	for (size_t i = 0; !up && i < c->count; i++)
		c->entries[i].has_link = false;
	settle(c);
	again_soon(c);
}

static void on_refused(void *arg, enum bridge_type request, int status, const char *text)
{
	struct carriage *c = arg;

	/* It went meanwhile: the next list shows it. */
	if (status == ENOENT)
		return;
	if (request == BRIDGE_LISTEN) {
		c->refused_listen = true;
		snprintf(c->bridge_text, sizeof(c->bridge_text), "bridge: %.200s", text);
		settle(c);
	} else if (status == EOPNOTSUPP) {
		snprintf(c->warning, sizeof(c->warning),
			 "bridge: it is older than this agent and knows no request %d", request);
	} else {
		log_warn("bridge: request %d: %s", request, text);
	}
}

static const struct bridgectl_callbacks bridge_callbacks = {
	.up = on_up, .link = on_link, .listed = on_listed, .status = on_status,
	.refused = on_refused,
};

/* ---- the handle ---- */

struct carriage *carriage_new(struct loop *loop, const struct carriage_config *config,
			      const struct carriage_callbacks *callbacks, void *arg)
{
	struct carriage *c = calloc(1, sizeof(*c));
	char path[256];

	if (!c)
		return NULL;
	c->loop = loop;
	c->mesh = config->mesh;
	c->interval_ms = config->interval_ms;
	c->callbacks = callbacks;
	c->arg = arg;
	loop_timer_init(&c->timer, loop, on_round, c);
	snprintf(path, sizeof(path), "%s/bridge-%s.sock", config->runtime_dir, config->ifname);
	c->bridge = bridgectl_new(loop, path, &bridge_callbacks, c);
	if (c->bridge)
		return c;
	free(c);
	return NULL;
}

void carriage_free(struct carriage *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->timer);
	bridgectl_free(c->bridge);
	free(c->entries);
	free(c->present);
	free(c);
}

void carriage_start(struct carriage *c, uint32_t own_index, bool created)
{
	/* What is remembered of the legs of another device is over. */
	for (size_t i = 0; created && i < c->count; i++)
		memset(&c->entries[i].leg, 0, sizeof(c->entries[i].leg));
	c->own_index = own_index;
	c->started = true;
	again_soon(c);
}

static bool same_peers(const struct carriage *c, const struct entry *entries, size_t count)
{
	if (!c->have_peers || count != c->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (memcmp(&entries[i].peer, &c->entries[i].peer, sizeof(entries[i].peer)))
			return false;
	return true;
}

int carriage_peers(struct carriage *c, const struct carriage_peer *peers, size_t count)
{
	struct entry *entries = calloc(count + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		entries[i].peer = peers[i];
	qsort(entries, count, sizeof(*entries), order_id);
	if (same_peers(c, entries, count)) {
		free(entries);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct entry *old = find(c, entries[i].peer.id);

		if (!old)
			continue;
		entries[i].link = old->link;
		entries[i].has_link = old->has_link;
		/* Another key is another session: its legs start anew. */
		if (!memcmp(old->peer.wg.key, entries[i].peer.wg.key, MESH_KEY_BYTES))
			entries[i].leg = old->leg;
	}
	free(c->entries);
	c->entries = entries;
	c->count = count;
	c->have_peers = true;
	again_soon(c);
	return 0;
}

void carriage_heard(struct carriage *c, const uint8_t id[BRIDGE_PEER_ID_BYTES])
{
	const struct entry *e = find(c, id);

	if (e && e->has_link && e->link.state < BRIDGE_LINK_TLS)
		bridgectl_link_kick(c->bridge, id);
}

void carriage_clear(struct carriage *c)
{
	bridgectl_clear(c->bridge);
	loop_timer_cancel(&c->timer);
	free(c->entries);
	c->entries = NULL;
	c->count = 0;
	c->have_peers = c->started = c->wg_right = false;
}

bool carriage_ready(const struct carriage *c)
{
	return c->started && c->have_peers && c->wg_right && bridgectl_is_up(c->bridge) &&
	       c->listening;
}

const char *carriage_waiting_for(const struct carriage *c)
{
	return c->waiting_for;
}

const char *carriage_warning(const struct carriage *c)
{
	return c->warning;
}

bool carriage_peer_status(const struct carriage *c,
			  const uint8_t id[BRIDGE_PEER_ID_BYTES],
			  struct carriage_status *out)
{
	const struct entry *e = find(c, id);

	memset(out, 0, sizeof(*out));
	if (!e)
		return false;
	out->in_wireguard = e->wg != 0;
	out->dialled = e->has_link;
	out->link_state = e->has_link ? e->link.state : 0;
	out->handshake = e->leg.handshake_ms != 0;
	out->heard_age_ms = e->leg.heard_ms ? loop_now_ms(c->loop) - e->leg.heard_ms : -1;
	if (e->has_link)
		memcpy(out->error, e->link.error, sizeof(out->error));
	return true;
}
