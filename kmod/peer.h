/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One peer: what it is, how it is found, how it ends. Found by IPv4 and by
 * IPv6 address in one table of a mesh, by registration index in
 * amesh_live.by_index, by member id through what the namespace remembers of the
 * member. Which peers there are is decided in peer_set.c.
 */
#ifndef _AMESH_PEER_H
#define _AMESH_PEER_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>

#include "floors.h"
#include "live.h"
#include "mesh.h"
#include "net.h"

enum amesh_peer_key_kind {
	AMESH_BY_ADDR4,
	AMESH_BY_ADDR6,
	AMESH_KEY_KINDS,
};

/**
 * struct amesh_peer_node - a peer's place in the table under one of its keys
 * @link: one for the table in use and one for the next, so that a table can
 *	be built while the other is being read
 * @kind: enum amesh_peer_key_kind
 */
struct amesh_peer_node {
	struct hlist_node link[2];
	u8 kind;
};

/**
 * struct amesh_peer_table - hash table over all addresses of all peers
 * @mask: buckets - 1
 * @side: which amesh_peer_node.link it uses
 * @key: random
 * @rcu: freed after its readers
 * @head: buckets
 */
struct amesh_peer_table {
	u32 mask;
	u32 side;
	siphash_key_t key;
	struct rcu_head rcu;
	struct hlist_head head[];
};

/**
 * struct amesh_peer - one peer
 * @node: places in the table, by enum amesh_peer_key_kind
 * @addr4: mesh address
 * @addr6: IPv6 mesh address, if @has_addr6
 * @has_addr6: there is one
 * @key_status: enum attestmesh_key
 * @key_gen: generation of the valid key, 0 without one; written under
 *	amesh_mesh.verify, read in softirq
 * @lock: protects the replay part of @entry and the token bucket
 * @entry: what the namespace remembers of the member, its id and its key too
 * @credit_ns: token bucket, in time
 * @credit_at_ns: when it was last filled
 * @tfm: holds the key's table; under amesh_mesh.verify
 * @has_key: one was given, valid or not; it is in @entry
 * @dead: removed; set under amesh_mesh.verify and .lock
 * @epoch: of the PEER_SET that named it last; under amesh_mesh.config
 * @wheel: place in the wheel; under amesh_mesh.lock
 * @beat_wall_ms: sender's wall clock in its last accepted beat
 * @live: liveness; under amesh_mesh.lock
 * @accepted: beats accepted; under amesh_mesh.lock
 * @datagrams: sent to it; under amesh_mesh.lock
 * @drop: refused, from AMESH_DROP_FIRST_OF_PEER on
 * @removal: in a list of peers being removed
 */
struct amesh_peer {
	struct amesh_peer_node node[AMESH_KEY_KINDS];
	__be32 addr4;
	struct in6_addr addr6;
	bool has_addr6;
	bool has_key;
	bool dead;
	u8 key_status;
	u32 key_gen;

	spinlock_t lock; /* taken in softirq */
	struct amesh_floor_entry *entry;
	u64 credit_ns;
	u64 credit_at_ns;

	struct amesh_crypto_tfm *tfm;
	u64 epoch;
	struct list_head wheel;
	u64 beat_wall_ms;
	struct amesh_live_peer live;
	u64 accepted;
	u64 datagrams;
	atomic64_t drop[AMESH_PEER_DROPS];
	struct list_head removal;
};

/* Its share, see there, and a size that slabs come in: a cache of its own would
 * hold no more of them. The spinlock of a debug kernel is larger.
 */
#ifndef CONFIG_DEBUG_SPINLOCK
static_assert(sizeof(struct amesh_peer) <= AMESH_PEER_BYTES_MAX / 4);
#endif

static inline const u8 *amesh_peer_id(const struct amesh_peer *peer)
{
	return peer->entry->floor.member_id;
}

static inline struct amesh_peer *amesh_peer_of(struct amesh_live_peer *live)
{
	return container_of(live, struct amesh_peer, live);
}

static inline void amesh_peer_drop(struct amesh_mesh *mesh,
				   struct amesh_peer *peer,
				   enum amesh_drop why)
{
	amesh_drop(mesh, why);
	atomic64_inc(&peer->drop[why - AMESH_DROP_FIRST_OF_PEER]);
}

/* A peer in no table and without an entry; NULL without memory. */
struct amesh_peer *amesh_peer_alloc(__be32 addr4,
				    const struct in6_addr *addr6);

/* Frees a peer that nothing can reach, with its key. */
void amesh_peer_free(struct amesh_peer *peer);

/**
 * amesh_peer_table_reserve - room in the table
 * @mesh: its config lock is held
 * @peers: how many there will be
 *
 * Return: 0 or -ENOMEM; after 0, hashing that many peers cannot fail.
 */
int amesh_peer_table_reserve(struct amesh_mesh *mesh, u32 peers);

void amesh_peer_table_free(struct amesh_mesh *mesh);

void amesh_peer_hash(struct amesh_mesh *mesh, struct amesh_peer *peer);
void amesh_peer_unhash(struct amesh_mesh *mesh, struct amesh_peer *peer);

/* Under amesh_mesh.config of a mesh that is not dying (its identity may have
 * another user otherwise); NULL if there is none.
 */
struct amesh_peer *amesh_peer_by_id(struct amesh_mesh *mesh, const u8 *id);

/* Under RCU or amesh_mesh.config; NULL if there is none. */
struct amesh_peer *amesh_peer_by_addr4(struct amesh_mesh *mesh, __be32 addr);
struct amesh_peer *amesh_peer_by_addr6(struct amesh_mesh *mesh,
				       const struct in6_addr *addr);

/**
 * amesh_peer_by_index - the peer with a registration index, or NULL
 * @mesh: its lock is held
 * @index: any
 */
struct amesh_peer *amesh_peer_by_index(struct amesh_mesh *mesh, u32 index);

/**
 * amesh_peer_make_key - build a transform for a public key
 * @key: 32 bytes
 * @table_bytes: size of its table
 * @tfm: the transform, NULL if the key is not usable
 * @status: enum attestmesh_key
 *
 * Return: 0, also for a key that is not usable; -ENOMEM; another error if
 * there is no such algorithm.
 */
int amesh_peer_make_key(const u8 *key, u32 table_bytes,
			struct amesh_crypto_tfm **tfm, u8 *status);

#endif /* _AMESH_PEER_H */
