// SPDX-License-Identifier: Apache-2.0
/*
 * Changing: meshes and peers. Messages that held the beat seed are wiped by
 * nlreq_run().
 */
#include <errno.h>
#include <netlink/attr.h>
#include <string.h>

#include "am.h"

static bool put_identity(struct nl_msg *m, const struct am_mesh_config *c)
{
	return !nla_put(m, ATTESTMESH_A_MESH_DOMAIN, AM_ID_LEN, c->domain) &&
	       !nla_put(m, ATTESTMESH_A_MESH_MEMBER_ID, AM_ID_LEN, c->member_id) &&
	       !nla_put_u32(m, ATTESTMESH_A_MESH_ADDR4, c->addr4) &&
	       (!c->has_addr6 ||
		!nla_put(m, ATTESTMESH_A_MESH_ADDR6, AM_ADDR6_LEN, c->addr6)) &&
	       !nla_put(m, ATTESTMESH_A_MESH_SEED, AM_KEY_LEN, c->seed) &&
	       !nla_put_u64(m, ATTESTMESH_A_MESH_INCARNATION_FLOOR, c->incarnation_floor);
}

static bool put_timing(struct nl_msg *m, const struct am_mesh_config *c)
{
	return !nla_put_u32(m, ATTESTMESH_A_MESH_INTERVAL_MS, c->interval_ms) &&
	       !nla_put_u32(m, ATTESTMESH_A_MESH_MISS, c->miss) &&
	       !nla_put_u32(m, ATTESTMESH_A_MESH_CONVICT, c->convict);
}

static bool put_mesh(struct nl_msg *m, const struct am_mesh_config *c)
{
	return !nla_put_u32(m, ATTESTMESH_A_MESH_IFINDEX, c->ifindex) &&
	       (!c->has_identity || put_identity(m, c)) &&
	       (!c->has_index || !nla_put_u32(m, ATTESTMESH_A_MESH_INDEX, c->index)) &&
	       (!c->has_port || !nla_put_u16(m, ATTESTMESH_A_MESH_PORT, c->port)) &&
	       (!c->has_timing || put_timing(m, c)) &&
	       (!c->has_min_peers ||
		!nla_put_u32(m, ATTESTMESH_A_MESH_MIN_PEERS, c->min_peers)) &&
	       (!c->has_linger ||
		!nla_put_u32(m, ATTESTMESH_A_MESH_LINGER_MS, c->linger_ms)) &&
	       (!c->own || !nla_put_flag(m, ATTESTMESH_A_MESH_OWN));
}

/* A message that could not be completed is wiped before it goes. */
static void give_up(struct nl_msg *m)
{
	struct nlmsghdr *h = nlmsg_hdr(m);

	explicit_bzero(nlmsg_data(h), h->nlmsg_len - NLMSG_HDRLEN);
	nlmsg_free(m);
}

int am_mesh_set(struct am *am, const struct am_mesh_config *config)
{
	struct nl_msg *m = am_request(am, ATTESTMESH_CMD_MESH_SET, 0);

	if (m && !put_mesh(m, config)) {
		give_up(m);
		m = NULL;
	}
	return am_run(am, m, NULL, NULL);
}

int am_mesh_del(struct am *am, uint32_t ifindex)
{
	struct nl_msg *m = am_request(am, ATTESTMESH_CMD_MESH_DEL, 0);

	if (m && nla_put_u32(m, ATTESTMESH_A_MESH_IFINDEX, ifindex)) {
		give_up(m);
		m = NULL;
	}
	return am_run(am, m, NULL, NULL);
}

static bool put_peer(struct nl_msg *m, const struct am_peer_config *p)
{
	struct nlattr *nest = nla_nest_start(m, ATTESTMESH_A_PEERS_CONFIG);

	if (!nest || nla_put(m, ATTESTMESH_A_PEER_ID, AM_ID_LEN, p->id) ||
	    nla_put_u32(m, ATTESTMESH_A_PEER_INDEX, p->index) ||
	    nla_put_u32(m, ATTESTMESH_A_PEER_ADDR4, p->addr4) ||
	    (p->has_addr6 && nla_put(m, ATTESTMESH_A_PEER_ADDR6, AM_ADDR6_LEN, p->addr6)) ||
	    (p->has_key && nla_put(m, ATTESTMESH_A_PEER_KEY, AM_KEY_LEN, p->key)))
		return false;
	nla_nest_end(m, nest);
	return true;
}

int am_peer_set(struct am *am, uint32_t ifindex, uint64_t epoch,
		const struct am_peer_config *peers, size_t count)
{
	size_t done = 0;
	int ret = 0;

	while (done < count && !ret) {
		struct nl_msg *m = am_request(am, ATTESTMESH_CMD_PEER_SET, 0);
		size_t end = done + ATTESTMESH_PEERS_PER_MESSAGE_MAX;
		bool fits = m && !nla_put_u32(m, ATTESTMESH_A_PEERS_IFINDEX, ifindex) &&
			    !nla_put_u64(m, ATTESTMESH_A_PEERS_EPOCH, epoch);

		while (fits && done < end && done < count)
			fits = put_peer(m, &peers[done++]);
		if (m && !fits) {
			give_up(m);
			m = NULL;
		}
		ret = am_run(am, m, NULL, NULL);
	}
	return ret;
}

int am_peer_del(struct am *am, uint32_t ifindex, const uint8_t (*ids)[AM_ID_LEN],
		size_t count)
{
	size_t done = 0;
	int ret = 0;

	while (done < count && !ret) {
		struct nl_msg *m = am_request(am, ATTESTMESH_CMD_PEER_DEL, 0);
		size_t end = done + ATTESTMESH_PEERS_PER_MESSAGE_MAX;
		bool fits = m && !nla_put_u32(m, ATTESTMESH_A_PEERS_IFINDEX, ifindex);

		while (fits && done < end && done < count)
			fits = !nla_put(m, ATTESTMESH_A_PEERS_ID, AM_ID_LEN, ids[done++]);
		if (m && !fits) {
			give_up(m);
			m = NULL;
		}
		ret = am_run(am, m, NULL, NULL);
	}
	return ret;
}

int am_peer_del_before(struct am *am, uint32_t ifindex, uint64_t epoch)
{
	struct nl_msg *m = am_request(am, ATTESTMESH_CMD_PEER_DEL, 0);

	if (m && (nla_put_u32(m, ATTESTMESH_A_PEERS_IFINDEX, ifindex) ||
		  nla_put_u64(m, ATTESTMESH_A_PEERS_EPOCH, epoch))) {
		give_up(m);
		m = NULL;
	}
	return am_run(am, m, NULL, NULL);
}
