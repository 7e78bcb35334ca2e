/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which peers a mesh has: PEER_SET as a transaction, and removal. Parsing of
 * messages is nl_peer.c's.
 */
#ifndef _AMESH_PEER_SET_H
#define _AMESH_PEER_SET_H

#include "mesh.h"

/**
 * struct amesh_peer_config - one peer of a PEER_SET
 * @attr: where it came from, for error messages
 * @id: member id
 * @index: registration index
 * @addr4: mesh address
 * @addr6: IPv6 mesh address, if @has_addr6
 * @has_addr6: there is one
 * @has_key: there is a key
 * @key: as given
 */
struct amesh_peer_config {
	const struct nlattr *attr;
	u8 id[ATTESTMESH_ID_LEN];
	u32 index;
	__be32 addr4;
	struct in6_addr addr6;
	bool has_addr6;
	bool has_key;
	u8 key[ATTESTMESH_KEY_LEN];
};

/**
 * struct amesh_change - what one peer of a PEER_SET comes to
 * @cfg: what is wanted
 * @old: the peer with this id, if there is one
 * @fresh: the peer that is to be added (in place of @old), if one is
 * @rekey: @old stays and gets another key, or none
 * @tfm: with the new key; NULL if it is not usable or none
 * @key_status: of the new key
 * @entry: what the namespace remembers, for @fresh
 * @entry_is_new: @entry is not yet in the table
 */
struct amesh_change {
	struct amesh_peer_config cfg;
	struct amesh_peer *old;
	struct amesh_peer *fresh;
	bool rekey;
	struct amesh_crypto_tfm *tfm;
	u8 key_status;
	struct amesh_floor_entry *entry;
	bool entry_is_new;
};

/**
 * struct amesh_transaction - a PEER_SET
 * @epoch: stamped on every peer
 * @change: them, kvcalloc'd by the caller, .cfg filled in
 * @n: how many, 1 to ATTESTMESH_PEERS_PER_MESSAGE_MAX
 */
struct amesh_transaction {
	u64 epoch;
	struct amesh_change *change;
	u32 n;
};

/**
 * amesh_peers_set - all of it or nothing
 * @mesh: its config lock is held, and it is not dying
 * @tx: what is wanted; its memory stays the caller's
 * @extack: told what is wrong with which peer
 *
 * Return: 0; -EINVAL, -EEXIST, -ENOSPC, -ERANGE, -ENOMEM.
 */
int amesh_peers_set(struct amesh_mesh *mesh, struct amesh_transaction *tx,
		    struct netlink_ext_ack *extack);

/**
 * amesh_peers_remove - remove peers
 * @mesh: its config lock is held
 * @removal: of amesh_peer.removal; empty afterwards, the peers are freed
 *
 * Unreachable (out of the tables), wait (a grace period), drain (slots and the
 * group in verification), free. Sleeps.
 */
void amesh_peers_remove(struct amesh_mesh *mesh, struct list_head *removal);

/* Collects the peers with an epoch below @epoch for amesh_peers_remove(). */
void amesh_peers_older(struct amesh_mesh *mesh, u64 epoch,
		       struct list_head *removal);

/* Of a mesh whose sockets are closed and whose works have ended. */
void amesh_peers_drop_all(struct amesh_mesh *mesh);

/* Would @peers peers at @interval_ms be within the bound on beats? */
static inline bool amesh_rate_fits(u32 peers, u32 interval_ms)
{
	return (u64)peers * 1000 <= (u64)AMESH_BEATS_PER_SEC_MAX * interval_ms;
}

#endif /* _AMESH_PEER_SET_H */
