// SPDX-License-Identifier: Apache-2.0
/*
 * Reading: meshes, peers, views. Each kind has one parser, used for single
 * answers and for dumps.
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <string.h>

#include "am.h"
#include "attr.h"

/* A walk over a dump, or one answer copied to *one. */
struct walk {
	union {
		am_mesh_fn mesh;
		am_peer_fn peer;
		am_view_fn view;
	} fn;
	void *arg;
	void *one;
};

static void parse_drops(const struct nlattr *a, struct am_drops *d)
{
	struct nlattr *tb[ATTESTMESH_A_DROPS_MAX + 1];

	if (!a || nla_parse_nested(tb, ATTESTMESH_A_DROPS_MAX, (struct nlattr *)(uintptr_t)a, NULL))
		return;
	d->wrong_iif = attr_u64(tb[ATTESTMESH_A_DROPS_WRONG_IIF]);
	d->too_short = attr_u64(tb[ATTESTMESH_A_DROPS_SHORT]);
	d->magic = attr_u64(tb[ATTESTMESH_A_DROPS_MAGIC]);
	d->version = attr_u64(tb[ATTESTMESH_A_DROPS_VERSION]);
	d->length = attr_u64(tb[ATTESTMESH_A_DROPS_LENGTH]);
	d->unknown_source = attr_u64(tb[ATTESTMESH_A_DROPS_UNKNOWN_SOURCE]);
	d->member_id = attr_u64(tb[ATTESTMESH_A_DROPS_MEMBER_ID]);
	d->no_key = attr_u64(tb[ATTESTMESH_A_DROPS_NO_KEY]);
	d->replay = attr_u64(tb[ATTESTMESH_A_DROPS_REPLAY]);
	d->rate = attr_u64(tb[ATTESTMESH_A_DROPS_RATE]);
	d->queue_full = attr_u64(tb[ATTESTMESH_A_DROPS_QUEUE_FULL]);
	d->bad_signature = attr_u64(tb[ATTESTMESH_A_DROPS_BAD_SIGNATURE]);
	d->stale_key = attr_u64(tb[ATTESTMESH_A_DROPS_STALE_KEY]);
}

static void parse_counters(const struct nlattr *a, struct am_counters *c)
{
	struct nlattr *tb[ATTESTMESH_A_COUNTERS_MAX + 1];

	if (!a || nla_parse_nested(tb, ATTESTMESH_A_COUNTERS_MAX, (struct nlattr *)(uintptr_t)a,
				   NULL))
		return;
	c->beats = attr_u64(tb[ATTESTMESH_A_COUNTERS_BEATS]);
	c->early_beats = attr_u64(tb[ATTESTMESH_A_COUNTERS_EARLY_BEATS]);
	c->datagrams = attr_u64(tb[ATTESTMESH_A_COUNTERS_DATAGRAMS]);
	c->tx_again = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_AGAIN]);
	c->tx_late = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_LATE]);
	c->tx_no_endpoint = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_NO_ENDPOINT]);
	c->tx_error = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_ERROR]);
	c->tx_icmp = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_ICMP]);
	c->tx_spared = attr_u64(tb[ATTESTMESH_A_COUNTERS_TX_SPARED]);
	c->sign_errors = attr_u64(tb[ATTESTMESH_A_COUNTERS_SIGN_ERRORS]);
	c->accepted = attr_u64(tb[ATTESTMESH_A_COUNTERS_ACCEPTED]);
	c->stalls = attr_u64(tb[ATTESTMESH_A_COUNTERS_STALLS]);
	c->raises = attr_u64(tb[ATTESTMESH_A_COUNTERS_RAISES]);
	c->events_lost = attr_u64(tb[ATTESTMESH_A_COUNTERS_EVENTS_LOST]);
}

static void parse_mesh_config(struct nlattr **tb, struct am_mesh *m)
{
	m->ifindex = attr_u32(tb[ATTESTMESH_A_MESH_IFINDEX]);
	attr_text(tb[ATTESTMESH_A_MESH_IFNAME], m->ifname, sizeof(m->ifname));
	attr_bytes(tb[ATTESTMESH_A_MESH_DOMAIN], m->domain, sizeof(m->domain));
	attr_bytes(tb[ATTESTMESH_A_MESH_MEMBER_ID], m->member_id, sizeof(m->member_id));
	m->index = attr_u32(tb[ATTESTMESH_A_MESH_INDEX]);
	m->addr4 = attr_u32(tb[ATTESTMESH_A_MESH_ADDR4]);
	m->has_addr6 = attr_bytes(tb[ATTESTMESH_A_MESH_ADDR6], m->addr6, sizeof(m->addr6));
	m->incarnation_floor = attr_u64(tb[ATTESTMESH_A_MESH_INCARNATION_FLOOR]);
	m->port = attr_u16(tb[ATTESTMESH_A_MESH_PORT]);
	m->interval_ms = attr_u32(tb[ATTESTMESH_A_MESH_INTERVAL_MS]);
	m->miss = attr_u32(tb[ATTESTMESH_A_MESH_MISS]);
	m->convict = attr_u32(tb[ATTESTMESH_A_MESH_CONVICT]);
	m->min_peers = attr_u32(tb[ATTESTMESH_A_MESH_MIN_PEERS]);
	m->linger_ms = attr_u32(tb[ATTESTMESH_A_MESH_LINGER_MS]);
	attr_bytes(tb[ATTESTMESH_A_MESH_PUBLIC_KEY], m->public_key, sizeof(m->public_key));
}

static void parse_mesh_state(struct nlattr **tb, struct am_mesh *m)
{
	m->incarnation = attr_u64(tb[ATTESTMESH_A_MESH_INCARNATION]);
	m->sequence = attr_u64(tb[ATTESTMESH_A_MESH_SEQUENCE]);
	m->flags = attr_u32(tb[ATTESTMESH_A_MESH_FLAGS]);
	m->known = attr_u32(tb[ATTESTMESH_A_MESH_KNOWN]);
	m->live = attr_u32(tb[ATTESTMESH_A_MESH_LIVE]);
	m->peers_unknown = attr_u32(tb[ATTESTMESH_A_MESH_PEERS_UNKNOWN]);
	m->peers_silent = attr_u32(tb[ATTESTMESH_A_MESH_PEERS_SILENT]);
	m->peers_up = attr_u32(tb[ATTESTMESH_A_MESH_PEERS_UP]);
	m->peers_suspect = attr_u32(tb[ATTESTMESH_A_MESH_PEERS_SUSPECT]);
	m->peers_down = attr_u32(tb[ATTESTMESH_A_MESH_PEERS_DOWN]);
	attr_bytes(tb[ATTESTMESH_A_MESH_DIGEST], m->digest, sizeof(m->digest));
	m->converged = attr_u8(tb[ATTESTMESH_A_MESH_CONVERGED]);
	m->first_converged = attr_u8(tb[ATTESTMESH_A_MESH_FIRST_CONVERGED]);
	m->blockers = attr_u32(tb[ATTESTMESH_A_MESH_BLOCKERS]);
	m->epoch = attr_u64(tb[ATTESTMESH_A_MESH_EPOCH]);
	m->event_seq = attr_u64(tb[ATTESTMESH_A_MESH_EVENT_SEQ]);
	parse_counters(tb[ATTESTMESH_A_MESH_COUNTERS], &m->counters);
	parse_drops(tb[ATTESTMESH_A_MESH_DROPS], &m->drops);
}

/* The attribute that comes several times, which a table cannot hold. */
static void parse_blockers(struct nlmsghdr *h, struct am_mesh *m)
{
	struct nlattr *a;
	int rest;

	nlmsg_for_each_attr(a, h, GENL_HDRLEN, rest)
		if (nla_type(a) == ATTESTMESH_A_MESH_BLOCKER &&
		    m->blocker_count < AM_BLOCKERS_MAX &&
		    attr_bytes(a, m->blocker[m->blocker_count], AM_ID_LEN))
			m->blocker_count++;
}

static int on_mesh(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[ATTESTMESH_A_MESH_MAX + 1];
	struct am_mesh mesh = { 0 };
	struct walk *w = arg;

	if (genlmsg_parse(h, 0, tb, ATTESTMESH_A_MESH_MAX, NULL) ||
	    !tb[ATTESTMESH_A_MESH_IFINDEX])
		return -EPROTO;
	parse_mesh_config(tb, &mesh);
	parse_mesh_state(tb, &mesh);
	parse_blockers(h, &mesh);
	if (w->one) {
		memcpy(w->one, &mesh, sizeof(mesh));
		return 0;
	}
	return w->fn.mesh(&mesh, w->arg);
}

static void parse_peer_beat(struct nlattr **tb, struct am_peer *p)
{
	p->has_beat = tb[ATTESTMESH_A_PEER_BEAT_AGE_MS] != NULL;
	p->beat_age_ms = attr_u64(tb[ATTESTMESH_A_PEER_BEAT_AGE_MS]);
	p->beat_flags = attr_u32(tb[ATTESTMESH_A_PEER_BEAT_FLAGS]);
	p->beat_interval_ms = attr_u32(tb[ATTESTMESH_A_PEER_BEAT_INTERVAL_MS]);
	p->beat_wall_ms = attr_u64(tb[ATTESTMESH_A_PEER_BEAT_WALL_MS]);
	p->beat_version_max = attr_u8(tb[ATTESTMESH_A_PEER_BEAT_VERSION_MAX]);
	p->incarnation = attr_u64(tb[ATTESTMESH_A_PEER_INCARNATION]);
	p->sequence = attr_u64(tb[ATTESTMESH_A_PEER_SEQUENCE]);
	p->has_rtt = tb[ATTESTMESH_A_PEER_RTT_US] != NULL;
	p->rtt_us = attr_u32(tb[ATTESTMESH_A_PEER_RTT_US]);
	p->rtt_min_us = attr_u32(tb[ATTESTMESH_A_PEER_RTT_MIN_US]);
	p->loss_permille = attr_u32(tb[ATTESTMESH_A_PEER_LOSS_PERMILLE]);
	p->link = attr_u32(tb[ATTESTMESH_A_PEER_LINK]);
	p->agrees = attr_u8(tb[ATTESTMESH_A_PEER_AGREES]);
	attr_bytes(tb[ATTESTMESH_A_PEER_DIGEST], p->digest, sizeof(p->digest));
	p->live = attr_u32(tb[ATTESTMESH_A_PEER_LIVE]);
	p->known = attr_u32(tb[ATTESTMESH_A_PEER_KNOWN]);
}

static void parse_peer(struct nlattr **tb, struct am_peer *p)
{
	attr_bytes(tb[ATTESTMESH_A_PEER_ID], p->id, sizeof(p->id));
	p->index = attr_u32(tb[ATTESTMESH_A_PEER_INDEX]);
	p->addr4 = attr_u32(tb[ATTESTMESH_A_PEER_ADDR4]);
	p->has_addr6 = attr_bytes(tb[ATTESTMESH_A_PEER_ADDR6], p->addr6, sizeof(p->addr6));
	p->has_key = attr_bytes(tb[ATTESTMESH_A_PEER_KEY], p->key, sizeof(p->key));
	p->epoch = attr_u64(tb[ATTESTMESH_A_PEER_EPOCH]);
	p->key_status = attr_u32(tb[ATTESTMESH_A_PEER_KEY_STATUS]);
	p->state = attr_u32(tb[ATTESTMESH_A_PEER_STATE]);
	p->reason = attr_u32(tb[ATTESTMESH_A_PEER_REASON]);
	p->state_age_ms = attr_u64(tb[ATTESTMESH_A_PEER_STATE_AGE_MS]);
	p->accepted = attr_u64(tb[ATTESTMESH_A_PEER_ACCEPTED]);
	p->datagrams = attr_u64(tb[ATTESTMESH_A_PEER_DATAGRAMS]);
	parse_drops(tb[ATTESTMESH_A_PEER_DROPS], &p->drops);
	parse_peer_beat(tb, p);
}

static int on_peer(struct nlmsghdr *h, void *arg)
{
	struct nlattr *top[ATTESTMESH_A_PEERS_MAX + 1], *tb[ATTESTMESH_A_PEER_MAX + 1];
	struct am_peer peer = { 0 };
	struct walk *w = arg;

	if (genlmsg_parse(h, 0, top, ATTESTMESH_A_PEERS_MAX, NULL) ||
	    !top[ATTESTMESH_A_PEERS_PEER] ||
	    nla_parse_nested(tb, ATTESTMESH_A_PEER_MAX, top[ATTESTMESH_A_PEERS_PEER], NULL) ||
	    !tb[ATTESTMESH_A_PEER_ID])
		return -EPROTO;
	parse_peer(tb, &peer);
	if (w->one) {
		memcpy(w->one, &peer, sizeof(peer));
		return 0;
	}
	return w->fn.peer(&peer, w->arg);
}

static int on_view(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[ATTESTMESH_A_VIEW_MAX + 1];
	struct am_view view = { 0 };
	struct walk *w = arg;

	if (genlmsg_parse(h, 0, tb, ATTESTMESH_A_VIEW_MAX, NULL) ||
	    !attr_bytes(tb[ATTESTMESH_A_VIEW_ID], view.id, sizeof(view.id)))
		return -EPROTO;
	view.index = attr_u32(tb[ATTESTMESH_A_VIEW_INDEX]);
	view.self = tb[ATTESTMESH_A_VIEW_SELF] != NULL;
	view.windows = attr_u64(tb[ATTESTMESH_A_VIEW_WINDOWS]);
	if (tb[ATTESTMESH_A_VIEW_BITMAP]) {
		view.bitmap = nla_data(tb[ATTESTMESH_A_VIEW_BITMAP]);
		view.bitmap_len = (size_t)nla_len(tb[ATTESTMESH_A_VIEW_BITMAP]);
		if (view.bitmap_len > AM_BITMAP_MAX)
			return -EPROTO;
	}
	return w->fn.view(&view, w->arg);
}

/* A request that names an interface (0: none). */
static struct nl_msg *request(struct am *am, uint8_t command, uint16_t flags,
			      int attribute, uint32_t ifindex)
{
	struct nl_msg *m = am_request(am, command, flags);

	if (m && ifindex && nla_put_u32(m, attribute, ifindex)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

int am_mesh_get(struct am *am, uint32_t ifindex, struct am_mesh *out)
{
	struct walk w = { .one = out };

	memset(out, 0, sizeof(*out));
	return am_run(am, request(am, ATTESTMESH_CMD_MESH_GET, 0,
				  ATTESTMESH_A_MESH_IFINDEX, ifindex), on_mesh, &w);
}

int am_mesh_each(struct am *am, am_mesh_fn fn, void *arg)
{
	struct walk w = { .fn.mesh = fn, .arg = arg };

	return am_run(am, am_request(am, ATTESTMESH_CMD_MESH_GET, NLM_F_DUMP), on_mesh, &w);
}

int am_peer_get(struct am *am, uint32_t ifindex, const uint8_t id[AM_ID_LEN],
		struct am_peer *out)
{
	struct nl_msg *m = request(am, ATTESTMESH_CMD_PEER_GET, 0,
				   ATTESTMESH_A_PEERS_IFINDEX, ifindex);
	struct walk w = { .one = out };

	memset(out, 0, sizeof(*out));
	if (m && nla_put(m, ATTESTMESH_A_PEERS_ID, AM_ID_LEN, id)) {
		nlmsg_free(m);
		m = NULL;
	}
	return am_run(am, m, on_peer, &w);
}

int am_peer_each(struct am *am, uint32_t ifindex, am_peer_fn fn, void *arg)
{
	struct walk w = { .fn.peer = fn, .arg = arg };

	return am_run(am, request(am, ATTESTMESH_CMD_PEER_GET, NLM_F_DUMP,
				  ATTESTMESH_A_PEERS_IFINDEX, ifindex), on_peer, &w);
}

int am_view_each(struct am *am, uint32_t ifindex, am_view_fn fn, void *arg)
{
	struct walk w = { .fn.view = fn, .arg = arg };

	return am_run(am, request(am, ATTESTMESH_CMD_VIEW_GET, NLM_F_DUMP,
				  ATTESTMESH_A_VIEW_IFINDEX, ifindex), on_view, &w);
}
