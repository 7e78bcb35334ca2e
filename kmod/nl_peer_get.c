// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEER_GET and VIEW_GET: peers one by one, and whom each of them hears.
 */
#include <linux/ktime.h>

#include "kcompat.h"
#include "net.h"
#include "nl.h"
#include "peer.h"

static int put_u64(struct sk_buff *msg, int attr, u64 v)
{
	return nla_put_u64_64bit(msg, attr, v, ATTESTMESH_A_PEER_PAD);
}

static u64 age_ms(u64 now_ns, u64 then_ns)
{
	return div_u64(now_ns - min(now_ns, then_ns), AMESH_NS_PER_MS);
}

static int put_config(struct sk_buff *msg, const struct amesh_peer *peer)
{
	return nla_put(msg, ATTESTMESH_A_PEER_ID, ATTESTMESH_ID_LEN,
		       amesh_peer_id(peer)) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_INDEX, peer->live.index) ||
	       nla_put_in_addr(msg, ATTESTMESH_A_PEER_ADDR4, peer->addr4) ||
	       (peer->has_addr6 &&
		nla_put_in6_addr(msg, ATTESTMESH_A_PEER_ADDR6, &peer->addr6)) ||
	       (peer->has_key && nla_put(msg, ATTESTMESH_A_PEER_KEY,
					 ATTESTMESH_KEY_LEN, peer->entry->key)) ||
	       put_u64(msg, ATTESTMESH_A_PEER_EPOCH, peer->epoch) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_KEY_STATUS,
			   peer->key_status);
}

static int put_state(struct sk_buff *msg, const struct amesh_peer *peer,
		     u64 now_ns)
{
	const struct amesh_live_peer *live = &peer->live;

	return nla_put_u32(msg, ATTESTMESH_A_PEER_STATE, live->state) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_REASON, live->reason) ||
	       put_u64(msg, ATTESTMESH_A_PEER_STATE_AGE_MS,
		       age_ms(now_ns, live->changed_ns)) ||
	       nla_put_u8(msg, ATTESTMESH_A_PEER_AGREES, live->agrees) ||
	       put_u64(msg, ATTESTMESH_A_PEER_ACCEPTED, peer->accepted) ||
	       put_u64(msg, ATTESTMESH_A_PEER_DATAGRAMS, peer->datagrams);
}

static int put_floor(struct sk_buff *msg, struct amesh_peer *peer)
{
	struct amesh_replay floor;

	spin_lock_bh(&peer->lock);
	floor = peer->entry->floor.replay;
	spin_unlock_bh(&peer->lock);
	return put_u64(msg, ATTESTMESH_A_PEER_INCARNATION, floor.incarnation) ||
	       put_u64(msg, ATTESTMESH_A_PEER_SEQUENCE, floor.sequence);
}

static int put_beat(struct sk_buff *msg, const struct amesh_peer *peer,
		    u64 now_ns)
{
	const struct amesh_live_peer *live = &peer->live;

	if (!live->heard)
		return 0;
	return put_u64(msg, ATTESTMESH_A_PEER_BEAT_AGE_MS,
		       age_ms(now_ns, live->seen_ns)) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_BEAT_FLAGS, live->flags &
			   (ATTESTMESH_BEAT_AGENT | ATTESTMESH_BEAT_SELF_DOUBT |
			    ATTESTMESH_BEAT_LEAVING)) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_BEAT_INTERVAL_MS,
			   live->interval_ms) ||
	       put_u64(msg, ATTESTMESH_A_PEER_BEAT_WALL_MS,
		       peer->beat_wall_ms) ||
	       nla_put_u8(msg, ATTESTMESH_A_PEER_BEAT_VERSION_MAX,
			  live->version_max) ||
	       nla_put(msg, ATTESTMESH_A_PEER_DIGEST, sizeof(live->digest),
		       live->digest) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_LIVE, live->beat_live) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_KNOWN, live->beat_known);
}

static u32 link_flags(const struct amesh_link *link)
{
	switch ((enum amesh_link_way)link->way) {
	case AMESH_LINK_TWO_WAY:
		return ATTESTMESH_LINK_HEARS_US;
	case AMESH_LINK_ONE_WAY:
		return ATTESTMESH_LINK_ONE_WAY;
	case AMESH_LINK_UNHEARD:
		break;
	}
	return 0;
}

static int put_link(struct sk_buff *msg, const struct amesh_link *link)
{
	if (link->rtt_known &&
	    (nla_put_u32(msg, ATTESTMESH_A_PEER_RTT_US, link->rtt_us) ||
	     nla_put_u32(msg, ATTESTMESH_A_PEER_RTT_MIN_US, link->rtt_min_us)))
		return -EMSGSIZE;
	return nla_put_u32(msg, ATTESTMESH_A_PEER_LOSS_PERMILLE,
			   amesh_link_loss_permille(link)) ||
	       nla_put_u32(msg, ATTESTMESH_A_PEER_LINK, link_flags(link));
}

static int put_drops(struct sk_buff *msg, struct amesh_peer *peer)
{
	u64 drop[AMESH_PEER_DROPS];
	u32 i;

	for (i = 0; i < AMESH_PEER_DROPS; i++)
		drop[i] = atomic64_read(&peer->drop[i]);
	return amesh_nl_put_drops(msg, ATTESTMESH_A_PEER_DROPS, drop,
				  AMESH_DROP_FIRST_OF_PEER);
}

/**
 * struct to - where an answer goes
 * @msg: message being written
 * @portid: of the requester
 * @seq: of the request
 * @flags: NLM_F_MULTI in a dump
 * @cb: of a dump, else NULL
 */
struct to {
	struct sk_buff *msg;
	u32 portid;
	u32 seq;
	int flags;
	struct netlink_callback *cb;
};

static void *begin(const struct to *to, u8 cmd)
{
	void *hdr = genlmsg_put(to->msg, to->portid, to->seq, &amesh_nl_family,
				to->flags, cmd);

	if (hdr && to->cb)
		genl_dump_check_consistent(to->cb, hdr);
	return hdr;
}

/* Under amesh_mesh.lock. */
static int put_peer(const struct to *to, const struct amesh_mesh *mesh,
		    struct amesh_peer *peer, u64 now_ns)
{
	void *hdr = begin(to, ATTESTMESH_CMD_PEER_GET);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(to->msg, ATTESTMESH_A_PEERS_IFINDEX, mesh->ifindex))
		goto err;
	nest = nla_nest_start(to->msg, ATTESTMESH_A_PEERS_PEER);
	if (!nest || put_config(to->msg, peer) ||
	    put_state(to->msg, peer, now_ns) || put_floor(to->msg, peer) ||
	    put_beat(to->msg, peer, now_ns) ||
	    put_link(to->msg, &peer->live.link) || put_drops(to->msg, peer))
		goto err;
	nla_nest_end(to->msg, nest);
	genlmsg_end(to->msg, hdr);
	return 0;

err:
	genlmsg_cancel(to->msg, hdr);
	return -EMSGSIZE;
}

/* Length of a bitmap without the zero bytes at its end. */
static u32 cut(const u8 *bits, u32 bytes)
{
	while (bytes && !bits[bytes - 1])
		bytes--;
	return bytes;
}

/**
 * struct row - a row of the matrix, as it is shown
 * @id: member
 * @index: its registration index
 * @self: it is this node
 * @bits: whom it hears
 * @bytes: of @bits
 * @windows: which windows of it are known
 */
struct row {
	const u8 *id;
	u32 index;
	bool self;
	const u8 *bits;
	u32 bytes;
	u64 windows;
};

static int put_row(const struct to *to, const struct amesh_mesh *mesh,
		   const struct row *row)
{
	void *hdr = begin(to, ATTESTMESH_CMD_VIEW_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(to->msg, ATTESTMESH_A_VIEW_IFINDEX, mesh->ifindex) ||
	    nla_put(to->msg, ATTESTMESH_A_VIEW_ID, ATTESTMESH_ID_LEN, row->id) ||
	    nla_put_u32(to->msg, ATTESTMESH_A_VIEW_INDEX, row->index) ||
	    (row->self && nla_put_flag(to->msg, ATTESTMESH_A_VIEW_SELF)) ||
	    nla_put(to->msg, ATTESTMESH_A_VIEW_BITMAP,
		    cut(row->bits, row->bytes), row->bits) ||
	    nla_put_u64_64bit(to->msg, ATTESTMESH_A_VIEW_WINDOWS, row->windows,
			      ATTESTMESH_A_VIEW_PAD)) {
		genlmsg_cancel(to->msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(to->msg, hdr);
	return 0;
}

static int put_own_row(const struct to *to, const struct amesh_mesh *mesh)
{
	const struct amesh_view *view = &mesh->live.view;
	const struct row row = {
		.id = mesh->cfg.member_id,
		.index = mesh->cfg.index,
		.self = true,
		.bits = view->up,
		.bytes = view->used * AMESH_WINDOW_BYTES,
		.windows = U64_MAX >> (AMESH_WINDOWS_MAX - view->used),
	};

	return put_row(to, mesh, &row);
}

static int put_peer_row(const struct to *to, const struct amesh_mesh *mesh,
			const struct amesh_peer *peer)
{
	const struct amesh_row *known = &peer->live.row;
	const struct row row = {
		.id = amesh_peer_id(peer),
		.index = peer->live.index,
		.bits = known->now,
		.bytes = known->now ? known->windows * AMESH_WINDOW_BYTES : 0,
		.windows = known->received,
	};

	return put_row(to, mesh, &row);
}

/* What the dumps show for one registration index. */
typedef int (*show_fn)(const struct to *to, struct amesh_mesh *mesh, u32 index,
		       u64 now_ns);

static int show_peer(const struct to *to, struct amesh_mesh *mesh, u32 index,
		     u64 now_ns)
{
	struct amesh_peer *peer = amesh_peer_by_index(mesh, index);

	return peer ? put_peer(to, mesh, peer, now_ns) : 0;
}

static int show_row(const struct to *to, struct amesh_mesh *mesh, u32 index,
		    u64 now_ns)
{
	struct amesh_peer *peer = amesh_peer_by_index(mesh, index);

	if (index == mesh->cfg.index)
		return put_own_row(to, mesh);
	if (!peer || !amesh_state_is_live(peer->live.state))
		return 0;
	return put_peer_row(to, mesh, peer);
}

/* The cursor is the registration index, so a peer that comes or goes meanwhile
 * makes nobody else appear twice or not at all; the sequence says that it did.
 */
static int dump(struct sk_buff *skb, struct netlink_callback *cb,
		struct amesh_mesh *mesh, show_fn show)
{
	const struct to to = {
		.msg = skb,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cb = cb,
	};
	u64 now_ns = ktime_get_boottime_ns();
	int ret = 0;
	u32 end;

	mutex_lock(&mesh->config);
	mutex_lock(&mesh->lock);
	cb->seq = mesh->member_seq;
	end = mesh->live.view.windows * AMESH_WINDOW_MEMBERS;
	for (; cb->args[0] < end; cb->args[0]++) {
		ret = show(&to, mesh, cb->args[0], now_ns);
		if (ret)
			break;
	}
	mutex_unlock(&mesh->lock);
	mutex_unlock(&mesh->config);
	return skb->len ?: ret;
}

static int dump_mesh(struct sk_buff *skb, struct netlink_callback *cb,
		     int ifindex_type, int id_type, show_fn show)
{
	struct nlattr **attrs = amesh_dump_attrs(cb);
	struct amesh_mesh *mesh;
	int ret;

	if (attrs[id_type]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[id_type],
				    "a dump takes no member id");
		return -EINVAL;
	}
	mesh = amesh_nl_mesh(sock_net(skb->sk), attrs[ifindex_type],
			     ifindex_type, cb->extack);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	ret = dump(skb, cb, mesh, show);
	amesh_mesh_put(mesh);
	return ret;
}

int attestmesh_nl_peer_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	return dump_mesh(skb, cb, ATTESTMESH_A_PEERS_IFINDEX,
			 ATTESTMESH_A_PEERS_ID, show_peer);
}

int attestmesh_nl_view_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	return dump_mesh(skb, cb, ATTESTMESH_A_VIEW_IFINDEX,
			 ATTESTMESH_A_VIEW_ID, show_row);
}

/* Answers a do request about one member; @id is NULL for the own row. */
static int answer(struct genl_info *info, struct amesh_mesh *mesh,
		  const struct nlattr *id, bool view)
{
	struct to to = { .portid = info->snd_portid, .seq = info->snd_seq };
	struct amesh_peer *peer;
	int ret;

	to.msg = genlmsg_new(view ? ATTESTMESH_PEERS_MAX / 8 + NLMSG_DEFAULT_SIZE :
				    NLMSG_GOODSIZE, GFP_KERNEL);
	if (!to.msg)
		return -ENOMEM;
	ret = amesh_nl_lock(mesh, info->extack);
	if (ret)
		goto err;
	ret = -ENOENT;
	mutex_lock(&mesh->lock);
	peer = id ? amesh_peer_by_id(mesh, nla_data(id)) : NULL;
	if (peer)
		ret = view ? put_peer_row(&to, mesh, peer) :
			     put_peer(&to, mesh, peer, ktime_get_boottime_ns());
	else if (view && (!id || !memcmp(nla_data(id), mesh->cfg.member_id,
					 ATTESTMESH_ID_LEN)))
		ret = put_own_row(&to, mesh);
	mutex_unlock(&mesh->lock);
	mutex_unlock(&mesh->config);
	if (!ret)
		return genlmsg_reply(to.msg, info);
	if (ret == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, id, "there is no such peer");
err:
	nlmsg_free(to.msg);
	return ret;
}

int attestmesh_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[ATTESTMESH_A_PEERS_ID];
	struct amesh_mesh *mesh;
	int ret;

	if (!id) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, ATTESTMESH_A_PEERS_ID);
		NL_SET_ERR_MSG(info->extack, "the member id is missing");
		return -EINVAL;
	}
	mesh = amesh_nl_mesh(genl_info_net(info),
			     info->attrs[ATTESTMESH_A_PEERS_IFINDEX],
			     ATTESTMESH_A_PEERS_IFINDEX, info->extack);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	ret = answer(info, mesh, id, false);
	amesh_mesh_put(mesh);
	return ret;
}

int attestmesh_nl_view_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct amesh_mesh *mesh;
	int ret;

	mesh = amesh_nl_mesh(genl_info_net(info),
			     info->attrs[ATTESTMESH_A_VIEW_IFINDEX],
			     ATTESTMESH_A_VIEW_IFINDEX, info->extack);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	ret = answer(info, mesh, info->attrs[ATTESTMESH_A_VIEW_ID], true);
	amesh_mesh_put(mesh);
	return ret;
}
