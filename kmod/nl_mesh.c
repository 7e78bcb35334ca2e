// SPDX-License-Identifier: GPL-2.0-only
/*
 * MESH_SET and MESH_DEL: what may be said about a mesh and when.
 */
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/ktime.h>
#include <net/addrconf.h>
#include <net/rtnetlink.h>

#include "event.h"
#include "net.h"
#include "nl.h"
#include "peer.h"
#include "peer_set.h"
#include "tick.h"

static int refuse(struct genl_info *info, int attr, int err, const char *why)
{
	info->extack->_msg = why;
	info->extack->bad_attr = info->attrs[attr];
	return err;
}

static int require(struct genl_info *info, int attr, const char *why)
{
	if (info->attrs[attr])
		return 0;
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
	info->extack->_msg = why;
	return -EINVAL;
}

static u32 u32_or(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

/* The timing that the message leaves, over what there was. */
static int parse_timing(struct genl_info *info, struct amesh_mesh_config *cfg)
{
	struct amesh_live_config *live = &cfg->live;

	live->interval_ms = u32_or(info, ATTESTMESH_A_MESH_INTERVAL_MS,
				   live->interval_ms);
	live->miss = u32_or(info, ATTESTMESH_A_MESH_MISS, live->miss);
	live->convict = u32_or(info, ATTESTMESH_A_MESH_CONVICT, live->convict);
	live->min_peers = u32_or(info, ATTESTMESH_A_MESH_MIN_PEERS,
				 live->min_peers);
	cfg->linger_ms = u32_or(info, ATTESTMESH_A_MESH_LINGER_MS,
				cfg->linger_ms);
	if (live->convict < live->miss)
		return refuse(info, info->attrs[ATTESTMESH_A_MESH_CONVICT] ?
			      ATTESTMESH_A_MESH_CONVICT : ATTESTMESH_A_MESH_MISS,
			      -ERANGE, "convict may not be below miss");
	if (amesh_live_config_check(live))
		return refuse(info, ATTESTMESH_A_MESH_INTERVAL_MS, -ERANGE,
			      "timing is out of bounds");
	return 0;
}

static int parse_address(struct genl_info *info, struct amesh_mesh_config *cfg)
{
	struct nlattr *addr6 = info->attrs[ATTESTMESH_A_MESH_ADDR6];
	struct nlattr *port = info->attrs[ATTESTMESH_A_MESH_PORT];

	cfg->addr4 = nla_get_in_addr(info->attrs[ATTESTMESH_A_MESH_ADDR4]);
	if (!cfg->addr4)
		return refuse(info, ATTESTMESH_A_MESH_ADDR4, -EINVAL,
			      "the mesh address may not be zero");
	cfg->has_addr6 = addr6;
	if (addr6)
		cfg->addr6 = nla_get_in6_addr(addr6);
	cfg->port = port ? nla_get_u16(port) : ATTESTMESH_PORT_DEFAULT;
	return 0;
}

static int parse_new(struct genl_info *info, struct amesh_mesh_config *cfg)
{
	static const struct {
		int attr;
		const char *why;
	} needed[] = {
		{ ATTESTMESH_A_MESH_DOMAIN, "a new mesh needs its domain" },
		{ ATTESTMESH_A_MESH_MEMBER_ID, "a new mesh needs its member id" },
		{ ATTESTMESH_A_MESH_INDEX, "a new mesh needs its registration index" },
		{ ATTESTMESH_A_MESH_ADDR4, "a new mesh needs its IPv4 mesh address" },
		{ ATTESTMESH_A_MESH_SEED, "a new mesh needs its beat seed" },
		{ ATTESTMESH_A_MESH_INCARNATION_FLOOR,
		  "a new mesh needs its incarnation floor" },
	};
	u32 i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		ret = require(info, needed[i].attr, needed[i].why);
		if (ret)
			return ret;
	}
	memset(cfg, 0, sizeof(*cfg));
	cfg->live.interval_ms = AMESH_INTERVAL_MS_DEFAULT;
	cfg->live.miss = AMESH_MISS_DEFAULT;
	cfg->live.convict = AMESH_CONVICT_DEFAULT;
	cfg->live.min_peers = AMESH_MIN_PEERS_DEFAULT;
	cfg->linger_ms = ATTESTMESH_LINGER_FOREVER;
	nla_memcpy(cfg->domain, info->attrs[ATTESTMESH_A_MESH_DOMAIN],
		   sizeof(cfg->domain));
	nla_memcpy(cfg->member_id, info->attrs[ATTESTMESH_A_MESH_MEMBER_ID],
		   sizeof(cfg->member_id));
	cfg->index = nla_get_u32(info->attrs[ATTESTMESH_A_MESH_INDEX]);
	cfg->floor = nla_get_u64(info->attrs[ATTESTMESH_A_MESH_INCARNATION_FLOOR]);
	ret = parse_address(info, cfg);
	return ret ?: parse_timing(info, cfg);
}

/* The transform for a seed, and its public key. By the driver's name: only our
 * own signs by amesh_ed25519_sign().
 */
static struct amesh_crypto_tfm *open_seed(struct genl_info *info,
					  u8 public_key[ATTESTMESH_KEY_LEN])
{
	struct amesh_crypto_tfm *tfm = amesh_crypto_alloc(AMESH_ED25519_DRIVER);
	int ret;

	if (IS_ERR(tfm)) {
		NL_SET_ERR_MSG(info->extack, "the kernel has no usable ed25519");
		return tfm;
	}
	ret = amesh_crypto_set_priv_key(tfm,
					nla_data(info->attrs[ATTESTMESH_A_MESH_SEED]),
					ATTESTMESH_KEY_LEN) ?:
	      amesh_ed25519_public(tfm, public_key);
	if (!ret)
		return tfm;
	amesh_crypto_free(tfm);
	refuse(info, ATTESTMESH_A_MESH_SEED, ret, "the beat seed is not usable");
	return ERR_PTR(ret);
}

static bool has_addr4(struct net_device *dev, __be32 addr)
{
	struct in_device *in_dev = __in_dev_get_rtnl(dev);
	const struct in_ifaddr *ifa;

	if (!in_dev)
		return false;
	in_dev_for_each_ifa_rtnl(ifa, in_dev) {
		if (ifa->ifa_local == addr)
			return true;
	}
	return false;
}

static bool has_addr6(struct net_device *dev, const struct in6_addr *addr)
{
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_chk_addr(dev_net(dev), addr, dev, 1);
#else
	return false;
#endif
}

static int check_device(struct genl_info *info, u32 ifindex,
			const struct amesh_mesh_config *cfg)
{
	struct net_device *dev = __dev_get_by_index(genl_info_net(info), ifindex);

	ASSERT_RTNL();
	if (!dev)
		return refuse(info, ATTESTMESH_A_MESH_IFINDEX, -ENODEV,
			      "there is no such interface");
	if (!dev->rtnl_link_ops || strcmp(dev->rtnl_link_ops->kind, "wireguard"))
		return refuse(info, ATTESTMESH_A_MESH_IFINDEX, -EOPNOTSUPP,
			      "the interface is no WireGuard interface");
	if (!has_addr4(dev, cfg->addr4))
		return refuse(info, ATTESTMESH_A_MESH_ADDR4, -EADDRNOTAVAIL,
			      "the interface does not have this IPv4 address");
	if (cfg->has_addr6 && !has_addr6(dev, &cfg->addr6))
		return refuse(info, ATTESTMESH_A_MESH_ADDR6, -EADDRNOTAVAIL,
			      "the interface does not have this IPv6 address");
	return 0;
}

static u32 new_owner(struct genl_info *info)
{
	return info->attrs[ATTESTMESH_A_MESH_OWN] ? info->snd_portid : 0;
}

/* One try; -EAGAIN with *@wait set means: once that one is released. */
static int try_create(struct genl_info *info, u32 ifindex,
		      const struct amesh_mesh_config *cfg,
		      struct amesh_crypto_tfm *tfm, const u8 *public_key,
		      struct amesh_mesh **wait)
{
	struct amesh_net *an = amesh_net(genl_info_net(info));
	struct amesh_mesh *mesh;
	int ret;

	rtnl_lock();
	mutex_lock(&an->lock);
	mesh = amesh_net_find(an, ifindex);
	if (mesh) {
		amesh_mesh_put(mesh);
		ret = refuse(info, ATTESTMESH_A_MESH_IFINDEX, -EBUSY,
			     "the interface has got a mesh just now");
		goto out;
	}
	ret = check_device(info, ifindex, cfg);
	if (ret)
		goto out;
	mesh = amesh_mesh_create(an, ifindex, cfg, tfm, public_key,
				 new_owner(info), wait, info->extack);
	ret = PTR_ERR_OR_ZERO(mesh);
out:
	mutex_unlock(&an->lock);
	rtnl_unlock();
	return ret;
}

static int create(struct genl_info *info, u32 ifindex)
{
	u8 public_key[ATTESTMESH_KEY_LEN];
	struct amesh_mesh_config cfg;
	struct amesh_crypto_tfm *tfm;
	int ret;

	ret = parse_new(info, &cfg);
	if (ret)
		return ret;
	tfm = open_seed(info, public_key);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	for (;;) {
		struct amesh_mesh *wait = NULL;

		ret = try_create(info, ifindex, &cfg, tfm, public_key, &wait);
		if (ret != -EAGAIN || !wait)
			break;
		ret = wait_for_completion_killable(&wait->released);
		amesh_mesh_put(wait);
		if (ret)
			break;
	}
	if (ret)
		amesh_crypto_free(tfm);
	return ret;
}

/* The same seed is the one with the same public key; it is kept nowhere. */
static int check_seed(struct genl_info *info, const struct amesh_mesh *mesh)
{
	u8 public_key[ATTESTMESH_KEY_LEN];
	struct amesh_crypto_tfm *tfm;

	if (!info->attrs[ATTESTMESH_A_MESH_SEED])
		return 0;
	tfm = open_seed(info, public_key);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	amesh_crypto_free(tfm);
	if (memcmp(public_key, mesh->public_key, sizeof(public_key)))
		return refuse(info, ATTESTMESH_A_MESH_SEED, -EBUSY,
			      "the mesh has another beat seed; delete it first");
	return 0;
}

static int check_same(struct genl_info *info, int attr, const void *present,
		      size_t len, const char *why)
{
	const struct nlattr *given = info->attrs[attr];

	if (given && memcmp(nla_data(given), present, len))
		return refuse(info, attr, -EBUSY, why);
	return 0;
}

static int check_identity(struct genl_info *info, const struct amesh_mesh *mesh)
{
	const struct amesh_mesh_config *cfg = &mesh->cfg;
	int ret;

	ret = check_same(info, ATTESTMESH_A_MESH_DOMAIN, cfg->domain,
			 sizeof(cfg->domain),
			 "the mesh has another domain; delete it first") ?:
	      check_same(info, ATTESTMESH_A_MESH_MEMBER_ID, cfg->member_id,
			 sizeof(cfg->member_id),
			 "the mesh has another member id; delete it first") ?:
	      check_same(info, ATTESTMESH_A_MESH_ADDR4, &cfg->addr4,
			 sizeof(cfg->addr4),
			 "the mesh has another IPv4 address; delete it first") ?:
	      check_same(info, ATTESTMESH_A_MESH_ADDR6, &cfg->addr6,
			 sizeof(cfg->addr6),
			 "the mesh has another IPv6 address; delete it first") ?:
	      check_same(info, ATTESTMESH_A_MESH_PORT, &cfg->port,
			 sizeof(cfg->port),
			 "the mesh has another port; delete it first");
	return ret ?: check_seed(info, mesh);
}

static int change_index(struct genl_info *info, struct amesh_mesh *mesh)
{
	struct nlattr *attr = info->attrs[ATTESTMESH_A_MESH_INDEX];
	u32 index;
	int ret;

	if (!attr || nla_get_u32(attr) == mesh->cfg.index)
		return 0;
	index = nla_get_u32(attr);
	ret = amesh_mesh_grow(mesh, index);
	if (ret)
		return ret;
	mutex_lock(&mesh->lock);
	ret = amesh_live_set_own_index(&mesh->live, index,
				       ktime_get_boottime_ns());
	if (!ret)
		mesh->cfg.index = index;
	mutex_unlock(&mesh->lock);
	if (ret == -EEXIST)
		refuse(info, ATTESTMESH_A_MESH_INDEX, ret,
		       "a peer has this index");
	return ret;
}

static void lift_floor(struct amesh_mesh *mesh, u64 floor)
{
	if (floor <= mesh->cfg.floor)
		return;
	mesh->cfg.floor = floor;
	amesh_own_lift_floor(&mesh->own, floor);
	mesh->twin_told = false;
	mesh->stopped_told = false;
}

/* Under amesh_mesh.lock, with everything checked. */
static void apply(struct genl_info *info, struct amesh_mesh *mesh,
		  const struct amesh_mesh_config *cfg)
{
	struct nlattr *floor = info->attrs[ATTESTMESH_A_MESH_INCARNATION_FLOOR];
	u64 now_ns = ktime_get_boottime_ns();

	mesh->cfg.linger_ms = cfg->linger_ms;
	if (memcmp(&mesh->cfg.live, &cfg->live, sizeof(cfg->live))) {
		u64 latest_ns = now_ns + cfg->live.interval_ms * AMESH_NS_PER_MS;

		mesh->cfg.live = cfg->live;
		WARN_ON(amesh_live_configure(&mesh->live, &cfg->live));
		amesh_wheel_recheck(mesh);
		mesh->pace.due_ns = min(mesh->pace.due_ns, latest_ns);
		amesh_live_send_due(&mesh->live, mesh->pace.due_ns);
	}
	if (floor)
		lift_floor(mesh, nla_get_u64(floor));
	if (new_owner(info)) {
		WRITE_ONCE(mesh->owner, new_owner(info));
		mesh->attached = true;
		mesh->linger_until_ns = AMESH_LIVE_NEVER;
	}
	if (amesh_live_refresh(&mesh->live, now_ns))
		amesh_event_converged(mesh);
	amesh_tick_arm(mesh);
}

static int change(struct genl_info *info, struct amesh_mesh *mesh)
{
	struct amesh_mesh_config cfg;
	int ret;

	ret = amesh_nl_lock(mesh, info->extack);
	if (ret)
		return ret;
	cfg = mesh->cfg;
	ret = check_identity(info, mesh) ?: parse_timing(info, &cfg);
	if (!ret && !amesh_rate_fits(mesh->peer_count, cfg.live.interval_ms))
		ret = refuse(info, ATTESTMESH_A_MESH_INTERVAL_MS, -ERANGE,
			     "the interval is too short for this many peers");
	if (!ret)
		ret = change_index(info, mesh);
	if (!ret) {
		mutex_lock(&mesh->lock);
		apply(info, mesh, &cfg);
		mutex_unlock(&mesh->lock);
	}
	mutex_unlock(&mesh->config);
	return ret;
}

static int mesh_set(struct genl_info *info)
{
	struct amesh_mesh *mesh;
	u32 ifindex;
	int ret;

	ret = require(info, ATTESTMESH_A_MESH_IFINDEX,
		      "the interface index is missing");
	if (ret)
		return ret;
	ifindex = nla_get_u32(info->attrs[ATTESTMESH_A_MESH_IFINDEX]);
	mesh = amesh_net_find(amesh_net(genl_info_net(info)), ifindex);
	if (!mesh)
		return create(info, ifindex);
	ret = change(info, mesh);
	amesh_mesh_put(mesh);
	return ret;
}

/* The table of nl.c names no policy for this command: it is applied here, so
 * that nothing of the message is left, whichever attribute it was refused for
 * and however often it had the seed. A message refused for its header or for
 * want of privilege does not come here and is freed as it was sent.
 */
int attestmesh_nl_mesh_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attrs[ATTESTMESH_A_MESH_OWN + 1];
	struct nlmsghdr *nlh = nlmsg_hdr(skb);
	int ret;

	ret = nlmsg_parse(nlh, GENL_HDRLEN, attrs, ATTESTMESH_A_MESH_OWN,
			  attestmesh_mesh_set_nl_policy, info->extack);
	if (!ret) {
		info->attrs = attrs;
		ret = mesh_set(info);
		info->attrs = NULL;
	}
	memzero_explicit(nlmsg_attrdata(nlh, GENL_HDRLEN),
			 nlmsg_attrlen(nlh, GENL_HDRLEN));
	return ret;
}

int attestmesh_nl_mesh_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[ATTESTMESH_A_MESH_IFINDEX];
	struct amesh_mesh *mesh;

	mesh = amesh_nl_mesh(genl_info_net(info), attr,
			     ATTESTMESH_A_MESH_IFINDEX, info->extack);
	if (IS_ERR(mesh))
		return PTR_ERR(mesh);
	if (amesh_mesh_unlink(mesh, ATTESTMESH_GONE_DELETED))
		amesh_mesh_release(mesh, true);
	else
		wait_for_completion_killable(&mesh->released);
	amesh_mesh_put(mesh);
	return 0;
}
