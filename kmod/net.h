/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What belongs to a network namespace: its meshes, and the identities that
 * were ever used in it with their replay floors. It also listens to what ends
 * a mesh from outside: the interface, the namespace, the agent's socket.
 */
#ifndef _AMESH_NET_H
#define _AMESH_NET_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <net/net_namespace.h>

#include "floors.h"
#include "mesh.h"

enum amesh_net_limits {
	/* (domain, member) pairs a namespace remembers: a node is one member
	 * of a few clusters; the table of each may grow to 7 MiB.
	 */
	AMESH_IDENTITIES_MAX = 256,
};

/**
 * struct amesh_identity - what outlives a mesh: one member of one cluster
 * @list: in amesh_net.identities
 * @domain: of the cluster
 * @member_id: the own one
 * @user: mesh that has it now, NULL if none; under amesh_net.lock. The tables
 *	are its: under its config lock, a floor under its peer's lock as well.
 * @floors: what is remembered of each member, this one included
 */
struct amesh_identity {
	struct list_head list;
	u8 domain[ATTESTMESH_ID_LEN];
	u8 member_id[ATTESTMESH_ID_LEN];
	struct amesh_mesh *user;
	struct amesh_floors floors;
};

/**
 * struct amesh_floor_entry - a floor, the key it is for, and who uses it
 * @floor: the pure part
 * @peer: the member as a peer of the identity's user, or NULL; under that
 *	mesh's config lock
 * @key: key of the member when it was last configured with one; another resets
 * @has_key: there was one
 */
struct amesh_floor_entry {
	struct amesh_floor floor;
	struct amesh_peer *peer;
	u8 key[ATTESTMESH_KEY_LEN];
	bool has_key;
};

static inline struct amesh_floor_entry *
amesh_floor_entry_of(struct amesh_floor *floor)
{
	return container_of(floor, struct amesh_floor_entry, floor);
}

/**
 * struct amesh_net - one namespace
 * @net: it
 * @lock: protects the rest; may be taken under RTNL, takes nothing
 * @meshes: by ifindex; read under RCU
 * @mesh_count: of these
 * @identities: ever used here
 * @identity_count: of these
 */
struct amesh_net {
	struct net *net;
	struct mutex lock;
	struct list_head meshes;
	u32 mesh_count;
	struct list_head identities;
	u32 identity_count;
};

struct amesh_net *amesh_net(const struct net *net);

/* The mesh on an interface, with a reference, or NULL. */
struct amesh_mesh *amesh_net_find(struct amesh_net *an, u32 ifindex);

/* The first mesh with an ifindex above @after, with a reference, or NULL. */
struct amesh_mesh *amesh_net_next(struct amesh_net *an, u32 after);

/**
 * amesh_identity_take - find or make the identity of a new mesh
 * @an: the namespace, its lock held
 * @domain: of the cluster
 * @member_id: the own one
 *
 * Return: the identity, with an entry for the member itself; its @user is for
 * the caller to look at and to set. -ENOSPC, -ENOMEM.
 */
struct amesh_identity *amesh_identity_take(struct amesh_net *an,
					   const u8 *domain,
					   const u8 *member_id);

/* A new, zeroed entry for a member; NULL without memory. */
struct amesh_floor_entry *amesh_floor_entry_alloc(void);

int amesh_net_init(void);
void amesh_net_exit(void);

#endif /* _AMESH_NET_H */
