/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family as the handlers' files share it. The policies and
 * the handlers' prototypes are generated (nl_policy.h).
 */
#ifndef _AMESH_NL_H
#define _AMESH_NL_H

#include <net/genetlink.h>

#include "mesh.h"
#include "nl_policy.h"

extern struct genl_family amesh_nl_family;

/**
 * amesh_nl_mesh - the mesh that a request names
 * @net: the requester's namespace
 * @attr: its ifindex attribute, may be NULL
 * @type: type of that attribute
 * @extack: told what is wrong
 *
 * Return: the mesh with a reference, or -EINVAL, -ENOENT.
 */
struct amesh_mesh *amesh_nl_mesh(struct net *net, const struct nlattr *attr,
				 int type, struct netlink_ext_ack *extack);

/* Locks a mesh's configuration; -ENOENT (nothing locked) if it is dying. */
int amesh_nl_lock(struct amesh_mesh *mesh, struct netlink_ext_ack *extack);

/* The DROPS nest from counters in the order of enum amesh_drop. */
int amesh_nl_put_drops(struct sk_buff *msg, int type, const u64 *drop,
		       enum amesh_drop first);

int amesh_nl_init(void);
void amesh_nl_exit(void);

#endif /* _AMESH_NL_H */
