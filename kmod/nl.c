// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family itself, MODULE_GET, and what the handlers share. Handlers run in
 * parallel: each takes its mesh's config lock.
 */
#include "nl.h"

#include "main.h"
#include "net.h"

struct amesh_mesh *amesh_nl_mesh(struct net *net, const struct nlattr *attr,
				 int type, struct netlink_ext_ack *extack)
{
	struct amesh_mesh *mesh;

	if (!attr) {
		NL_SET_ERR_ATTR_MISS(extack, NULL, type);
		NL_SET_ERR_MSG(extack, "the interface index is missing");
		return ERR_PTR(-EINVAL);
	}
	mesh = amesh_net_find(amesh_net(net), nla_get_u32(attr));
	if (!mesh) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no mesh on this interface");
		return ERR_PTR(-ENOENT);
	}
	return mesh;
}

int amesh_nl_lock(struct amesh_mesh *mesh, struct netlink_ext_ack *extack)
{
	mutex_lock(&mesh->config);
	if (!amesh_mesh_is_dying(mesh))
		return 0;
	mutex_unlock(&mesh->config);
	NL_SET_ERR_MSG(extack, "the mesh is going away");
	return -ENOENT;
}

int amesh_nl_put_drops(struct sk_buff *msg, int type, const u64 *drop,
		       enum amesh_drop first)
{
	struct nlattr *nest = nla_nest_start(msg, type);
	u32 i;

	if (!nest)
		return -EMSGSIZE;
	for (i = first; i < AMESH_DROPS; i++) {
		if (nla_put_u64_64bit(msg, ATTESTMESH_A_DROPS_WRONG_IIF + i,
				      drop[i - first], ATTESTMESH_A_DROPS_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

static int put_module(struct sk_buff *msg)
{
	static const struct {
		int attr;
		u32 value;
	} bound[] = {
		{ ATTESTMESH_A_MODULE_INTERFACE_LEVEL, ATTESTMESH_INTERFACE_LEVEL },
		{ ATTESTMESH_A_MODULE_PEERS_MAX, ATTESTMESH_PEERS_MAX },
		{ ATTESTMESH_A_MODULE_MESHES_MAX, ATTESTMESH_MESHES_MAX },
		{ ATTESTMESH_A_MODULE_PEERS_PER_MESSAGE_MAX,
		  ATTESTMESH_PEERS_PER_MESSAGE_MAX },
		{ ATTESTMESH_A_MODULE_BEATS_PER_SECOND_MAX,
		  ATTESTMESH_BEATS_PER_SECOND_MAX },
		{ ATTESTMESH_A_MODULE_INTERVAL_MS_MIN,
		  ATTESTMESH_INTERVAL_MS_MIN },
		{ ATTESTMESH_A_MODULE_INTERVAL_MS_MAX,
		  ATTESTMESH_INTERVAL_MS_MAX },
	};
	u32 i;

	if (nla_put_string(msg, ATTESTMESH_A_MODULE_VERSION, AMESH_VERSION) ||
	    nla_put_u8(msg, ATTESTMESH_A_MODULE_BEAT_VERSION,
		       AMESH_BEAT_VERSION_1) ||
	    nla_put_string(msg, ATTESTMESH_A_MODULE_ED25519,
			   amesh_ed25519_impl()))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(bound); i++) {
		if (nla_put_u32(msg, bound[i].attr, bound[i].value))
			return -EMSGSIZE;
	}
	return 0;
}

int attestmesh_nl_module_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *level =
		info->attrs[ATTESTMESH_A_MODULE_INTERFACE_LEVEL];
	struct sk_buff *msg;
	void *hdr;

	if (level && nla_get_u32(level) > ATTESTMESH_INTERFACE_LEVEL) {
		NL_SET_ERR_MSG_ATTR(info->extack, level,
				    "this module is too old for that interface level");
		return -EOPNOTSUPP;
	}
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &amesh_nl_family, 0,
				ATTESTMESH_CMD_MODULE_GET);
	if (!hdr || put_module(msg)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

struct genl_family amesh_nl_family __ro_after_init = {
	.name = ATTESTMESH_GENL_NAME,
	.version = ATTESTMESH_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.mcgrps = attestmesh_nl_mcgrps,
	.n_mcgrps = 1,
};

/* A row of the matrix does not fit into a dump's usual buffer. */
static int view_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = ATTESTMESH_PEERS_MAX / 8 + NLMSG_DEFAULT_SIZE;
	return 0;
}

/* The generated table, but for two things: it cannot name a start hook in this
 * form of the spec, and MESH_SET applies its policy itself, see there.
 */
static struct genl_ops ops[ARRAY_SIZE(attestmesh_nl_ops)] __ro_after_init;

int __init amesh_nl_init(void)
{
	u32 i;

	memcpy(ops, attestmesh_nl_ops, sizeof(ops));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].cmd == ATTESTMESH_CMD_VIEW_GET)
			ops[i].start = view_dump_start;
		if (ops[i].cmd == ATTESTMESH_CMD_MESH_SET) {
			ops[i].policy = NULL;
			ops[i].maxattr = 0;
		}
	}
	amesh_nl_family.ops = ops;
	amesh_nl_family.n_ops = ARRAY_SIZE(ops);
	amesh_nl_family.resv_start_op = __ATTESTMESH_CMD_MAX;
	return genl_register_family(&amesh_nl_family);
}

void amesh_nl_exit(void)
{
	genl_unregister_family(&amesh_nl_family);
}
