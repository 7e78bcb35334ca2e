// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEER_SET and PEER_DEL: taking the messages apart. What they do is
 * peer_set.c's.
 */
#include <linux/slab.h>

#include "net.h"
#include "nl.h"
#include "peer.h"
#include "peer_set.h"

static struct amesh_mesh *mesh_of(struct genl_info *info)
{
	return amesh_nl_mesh(genl_info_net(info),
			     info->attrs[ATTESTMESH_A_PEERS_IFINDEX],
			     ATTESTMESH_A_PEERS_IFINDEX, info->extack);
}

static int missing(struct netlink_ext_ack *extack, struct nlattr *nest,
		   int type, const char *why)
{
	NL_SET_ERR_ATTR_MISS(extack, nest, type);
	extack->_msg = why;
	return -EINVAL;
}

static int parse_peer(struct nlattr *nest, struct amesh_peer_config *cfg,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *attr[ATTESTMESH_A_PEER_KEY + 1];
	int ret;

	ret = nla_parse_nested(attr, ATTESTMESH_A_PEER_KEY, nest,
			       attestmesh_peer_config_nl_policy, extack);
	if (ret)
		return ret;
	if (!attr[ATTESTMESH_A_PEER_ID])
		return missing(extack, nest, ATTESTMESH_A_PEER_ID,
			       "a peer needs its member id");
	if (!attr[ATTESTMESH_A_PEER_INDEX])
		return missing(extack, nest, ATTESTMESH_A_PEER_INDEX,
			       "a peer needs its registration index");
	if (!attr[ATTESTMESH_A_PEER_ADDR4])
		return missing(extack, nest, ATTESTMESH_A_PEER_ADDR4,
			       "a peer needs its IPv4 mesh address");
	cfg->attr = nest;
	nla_memcpy(cfg->id, attr[ATTESTMESH_A_PEER_ID], sizeof(cfg->id));
	cfg->index = nla_get_u32(attr[ATTESTMESH_A_PEER_INDEX]);
	cfg->addr4 = nla_get_in_addr(attr[ATTESTMESH_A_PEER_ADDR4]);
	cfg->has_addr6 = attr[ATTESTMESH_A_PEER_ADDR6];
	if (cfg->has_addr6)
		cfg->addr6 = nla_get_in6_addr(attr[ATTESTMESH_A_PEER_ADDR6]);
	cfg->has_key = attr[ATTESTMESH_A_PEER_KEY];
	if (cfg->has_key)
		nla_memcpy(cfg->key, attr[ATTESTMESH_A_PEER_KEY],
			   sizeof(cfg->key));
	return 0;
}

/* Counts the attributes of a type; *@first_over is the one past the bound. */
static u32 count(struct genl_info *info, int type, struct nlattr **first_over)
{
	struct nlattr *at;
	u32 n = 0;
	int rem;

	nlmsg_for_each_attr(at, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(at) == type &&
		    ++n == ATTESTMESH_PEERS_PER_MESSAGE_MAX + 1)
			*first_over = at;
	}
	return n;
}

static int check_count(struct genl_info *info, int type, u32 *n)
{
	struct nlattr *over = NULL;

	*n = count(info, type, &over);
	if (!over)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, over,
			    "more than 512 peers in one message");
	return -E2BIG;
}

static int set_peers(struct genl_info *info, struct amesh_mesh *mesh, u32 n)
{
	struct amesh_transaction tx = {
		.epoch = nla_get_u64(info->attrs[ATTESTMESH_A_PEERS_EPOCH]),
	};
	struct nlattr *at;
	int rem, ret = 0;

	tx.change = kvcalloc(n, sizeof(*tx.change), GFP_KERNEL_ACCOUNT);
	if (!tx.change)
		return -ENOMEM;
	nlmsg_for_each_attr(at, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(at) != ATTESTMESH_A_PEERS_CONFIG)
			continue;
		ret = parse_peer(at, &tx.change[tx.n].cfg, info->extack);
		if (ret)
			goto out;
		tx.n++;
	}
	ret = amesh_nl_lock(mesh, info->extack);
	if (ret)
		goto out;
	ret = amesh_peers_set(mesh, &tx, info->extack);
	mutex_unlock(&mesh->config);
out:
	kvfree(tx.change);
	return ret;
}

int attestmesh_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct amesh_mesh *mesh;
	u32 n;
	int ret;

	if (!info->attrs[ATTESTMESH_A_PEERS_EPOCH])
		return missing(info->extack, NULL, ATTESTMESH_A_PEERS_EPOCH,
			       "the epoch is missing");
	if (!info->attrs[ATTESTMESH_A_PEERS_CONFIG])
		return missing(info->extack, NULL, ATTESTMESH_A_PEERS_CONFIG,
			       "there is no peer in the message");
	ret = check_count(info, ATTESTMESH_A_PEERS_CONFIG, &n);
	if (ret)
		return ret;
	mesh = mesh_of(info);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	ret = set_peers(info, mesh, n);
	amesh_mesh_put(mesh);
	return ret;
}

/* All named peers, or none if one is not there. */
static int collect_named(struct genl_info *info, struct amesh_mesh *mesh,
			 struct list_head *removal)
{
	struct amesh_peer *peer, *next;
	struct nlattr *at;
	int rem;

	nlmsg_for_each_attr(at, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(at) != ATTESTMESH_A_PEERS_ID)
			continue;
		peer = amesh_peer_by_id(mesh, nla_data(at));
		if (!peer) {
			NL_SET_ERR_MSG_ATTR(info->extack, at, "there is no such peer");
			goto err;
		}
		if (list_empty(&peer->removal))
			list_add_tail(&peer->removal, removal);
	}
	return 0;

err:
	list_for_each_entry_safe(peer, next, removal, removal)
		list_del_init(&peer->removal);
	return -ENOENT;
}

static int delete_peers(struct genl_info *info, struct amesh_mesh *mesh)
{
	struct nlattr *epoch = info->attrs[ATTESTMESH_A_PEERS_EPOCH];
	LIST_HEAD(removal);
	int ret;

	ret = amesh_nl_lock(mesh, info->extack);
	if (ret)
		return ret;
	if (epoch)
		amesh_peers_older(mesh, nla_get_u64(epoch), &removal);
	else
		ret = collect_named(info, mesh, &removal);
	if (!ret)
		amesh_peers_remove(mesh, &removal);
	mutex_unlock(&mesh->config);
	return ret;
}

int attestmesh_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *epoch = info->attrs[ATTESTMESH_A_PEERS_EPOCH];
	struct nlattr *id = info->attrs[ATTESTMESH_A_PEERS_ID];
	struct amesh_mesh *mesh;
	u32 n;
	int ret;

	if (!epoch && !id)
		return missing(info->extack, NULL, ATTESTMESH_A_PEERS_ID,
			       "neither ids nor an epoch are given");
	if (epoch && id) {
		NL_SET_ERR_MSG_ATTR(info->extack, epoch,
				    "either ids or an epoch, not both");
		return -EINVAL;
	}
	ret = check_count(info, ATTESTMESH_A_PEERS_ID, &n);
	if (ret)
		return ret;
	mesh = mesh_of(info);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	ret = delete_peers(info, mesh);
	amesh_mesh_put(mesh);
	return ret;
}
