// SPDX-License-Identifier: GPL-2.0-only
/*
 * MESH_GET: what a mesh is and how it does.
 */
#include <linux/netdevice.h>

#include "kcompat.h"
#include "net.h"
#include "nl.h"
#include "peer.h"

static int put_u64(struct sk_buff *msg, int attr, u64 v)
{
	return nla_put_u64_64bit(msg, attr, v, ATTESTMESH_A_MESH_PAD);
}

static int put_name(struct sk_buff *msg, const struct amesh_mesh *mesh)
{
	struct net_device *dev;
	int ret = 0;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(mesh->an->net, mesh->ifindex);
	if (dev)
		ret = nla_put_string(msg, ATTESTMESH_A_MESH_IFNAME, dev->name);
	rcu_read_unlock();
	return ret;
}

static int put_config(struct sk_buff *msg, const struct amesh_mesh *mesh)
{
	const struct amesh_mesh_config *cfg = &mesh->cfg;

	return nla_put_u32(msg, ATTESTMESH_A_MESH_IFINDEX, mesh->ifindex) ||
	       put_name(msg, mesh) ||
	       nla_put(msg, ATTESTMESH_A_MESH_DOMAIN, sizeof(cfg->domain),
		       cfg->domain) ||
	       nla_put(msg, ATTESTMESH_A_MESH_MEMBER_ID, sizeof(cfg->member_id),
		       cfg->member_id) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_INDEX, cfg->index) ||
	       nla_put_in_addr(msg, ATTESTMESH_A_MESH_ADDR4, cfg->addr4) ||
	       (cfg->has_addr6 &&
		nla_put_in6_addr(msg, ATTESTMESH_A_MESH_ADDR6, &cfg->addr6)) ||
	       put_u64(msg, ATTESTMESH_A_MESH_INCARNATION_FLOOR, cfg->floor) ||
	       nla_put_u16(msg, ATTESTMESH_A_MESH_PORT, cfg->port) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_INTERVAL_MS,
			   cfg->live.interval_ms) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_MISS, cfg->live.miss) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_CONVICT, cfg->live.convict) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_MIN_PEERS,
			   cfg->live.min_peers) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_LINGER_MS, cfg->linger_ms) ||
	       nla_put(msg, ATTESTMESH_A_MESH_PUBLIC_KEY,
		       sizeof(mesh->public_key), mesh->public_key) ||
	       put_u64(msg, ATTESTMESH_A_MESH_EPOCH, mesh->epoch);
}

static int put_states(struct sk_buff *msg, const struct amesh_live *live)
{
	static const int attr[AMESH_STATES] = {
		[AMESH_STATE_UNKNOWN] = ATTESTMESH_A_MESH_PEERS_UNKNOWN,
		[AMESH_STATE_SILENT] = ATTESTMESH_A_MESH_PEERS_SILENT,
		[AMESH_STATE_UP] = ATTESTMESH_A_MESH_PEERS_UP,
		[AMESH_STATE_SUSPECT] = ATTESTMESH_A_MESH_PEERS_SUSPECT,
		[AMESH_STATE_DOWN] = ATTESTMESH_A_MESH_PEERS_DOWN,
	};
	u32 i;

	for (i = 0; i < AMESH_STATES; i++) {
		if (nla_put_u32(msg, attr[i], live->state_count[i]))
			return -EMSGSIZE;
	}
	return 0;
}

static int put_blockers(struct sk_buff *msg, struct amesh_mesh *mesh)
{
	u16 index[ATTESTMESH_BLOCKERS_MAX];
	u32 n, i;

	n = amesh_live_blockers(&mesh->live, index, ARRAY_SIZE(index));
	if (nla_put_u32(msg, ATTESTMESH_A_MESH_BLOCKERS, n))
		return -EMSGSIZE;
	for (i = 0; i < min_t(u32, n, ARRAY_SIZE(index)); i++) {
		struct amesh_peer *peer = amesh_peer_by_index(mesh, index[i]);

		if (peer && nla_put(msg, ATTESTMESH_A_MESH_BLOCKER,
				    ATTESTMESH_ID_LEN, amesh_peer_id(peer)))
			return -EMSGSIZE;
	}
	return 0;
}

static u32 flags(const struct amesh_mesh *mesh)
{
	bool doubts = amesh_live_doubts(&mesh->live, ktime_get_boottime_ns());

	return (mesh->attached && READ_ONCE(mesh->owner) ?
		ATTESTMESH_BEAT_AGENT : 0) |
	       (doubts ? ATTESTMESH_BEAT_SELF_DOUBT : 0);
}

/* Under amesh_mesh.lock. The digest is up to date: whoever changes the live
 * set refreshes it before the lock is free.
 */
static int put_state(struct sk_buff *msg, struct amesh_mesh *mesh)
{
	const struct amesh_live *live = &mesh->live;

	return put_u64(msg, ATTESTMESH_A_MESH_INCARNATION,
		       mesh->own.incarnation) ||
	       put_u64(msg, ATTESTMESH_A_MESH_SEQUENCE, mesh->own.sequence) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_FLAGS, flags(mesh)) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_KNOWN, live->peers + 1) ||
	       nla_put_u32(msg, ATTESTMESH_A_MESH_LIVE,
			   amesh_live_count(live) + 1) ||
	       put_states(msg, live) ||
	       nla_put(msg, ATTESTMESH_A_MESH_DIGEST,
		       sizeof(live->view.digest), live->view.digest) ||
	       nla_put_u8(msg, ATTESTMESH_A_MESH_CONVERGED,
			  amesh_live_converged(live)) ||
	       nla_put_u8(msg, ATTESTMESH_A_MESH_FIRST_CONVERGED,
			  live->first_converged) ||
	       put_blockers(msg, mesh) ||
	       put_u64(msg, ATTESTMESH_A_MESH_EVENT_SEQ, mesh->event_seq);
}

static int put_counters(struct sk_buff *msg, const struct amesh_mesh *mesh)
{
	struct amesh_stats sum;
	struct nlattr *nest;
	u32 i;

	amesh_stats_sum(mesh->stats, &sum);
	nest = nla_nest_start(msg, ATTESTMESH_A_MESH_COUNTERS);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < AMESH_COUNTS; i++) {
		if (nla_put_u64_64bit(msg, ATTESTMESH_A_COUNTERS_BEATS + i,
				      sum.count[i], ATTESTMESH_A_COUNTERS_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return amesh_nl_put_drops(msg, ATTESTMESH_A_MESH_DROPS, sum.drop, 0);
}

/* One message; nothing of it stays in @msg if it does not fit. */
static int put_mesh(struct sk_buff *msg, u32 portid, u32 seq, int nl_flags,
		    struct amesh_mesh *mesh)
{
	void *hdr;
	int bad;

	hdr = genlmsg_put(msg, portid, seq, &amesh_nl_family, nl_flags,
			  ATTESTMESH_CMD_MESH_GET);
	if (!hdr)
		return -EMSGSIZE;
	mutex_lock(&mesh->config);
	mutex_lock(&mesh->lock);
	bad = put_config(msg, mesh) || put_state(msg, mesh) ||
	      put_counters(msg, mesh);
	mutex_unlock(&mesh->lock);
	mutex_unlock(&mesh->config);
	if (bad) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

int attestmesh_nl_mesh_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct amesh_mesh *mesh;
	struct sk_buff *msg;
	int ret;

	mesh = amesh_nl_mesh(genl_info_net(info),
			     info->attrs[ATTESTMESH_A_MESH_IFINDEX],
			     ATTESTMESH_A_MESH_IFINDEX, info->extack);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	ret = msg ? put_mesh(msg, info->snd_portid, info->snd_seq, 0, mesh) :
		    -ENOMEM;
	amesh_mesh_put(mesh);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return genlmsg_reply(msg, info);
}

int attestmesh_nl_mesh_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct nlattr *only = amesh_dump_attrs(cb)[ATTESTMESH_A_MESH_IFINDEX];
	struct amesh_net *an = amesh_net(sock_net(skb->sk));
	struct amesh_mesh *mesh;

	while ((mesh = amesh_net_next(an, cb->args[0]))) {
		int ret = 0;

		if (!only || nla_get_u32(only) == mesh->ifindex)
			ret = put_mesh(skb, NETLINK_CB(cb->skb).portid,
				       cb->nlh->nlmsg_seq, NLM_F_MULTI, mesh);
		if (!ret)
			cb->args[0] = mesh->ifindex;
		amesh_mesh_put(mesh);
		if (ret)
			return skb->len ?: ret;
	}
	return skb->len;
}
