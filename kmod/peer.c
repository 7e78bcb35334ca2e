// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers as objects: memory, lookup and keys.
 */
#include "peer.h"

#include <linux/rculist.h>
#include <linux/slab.h>

#include "main.h"

enum {
	TABLE_BUCKETS_MIN = 64,
	/* Two keys a peer: with as many buckets as peers a chain has two. */
};

struct amesh_peer *amesh_peer_alloc(__be32 addr4, const struct in6_addr *addr6)
{
	struct amesh_peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	u32 kind;

	if (!peer)
		return NULL;
	peer->addr4 = addr4;
	if (addr6) {
		peer->addr6 = *addr6;
		peer->has_addr6 = true;
	}
	for (kind = 0; kind < AMESH_KEY_KINDS; kind++)
		peer->node[kind].kind = kind;
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->wheel);
	INIT_LIST_HEAD(&peer->removal);
	amesh_alive_inc(AMESH_ALIVE_PEERS);
	return peer;
}

void amesh_peer_free(struct amesh_peer *peer)
{
	if (peer->tfm)
		amesh_crypto_free(peer->tfm);
	kfree(peer);
	amesh_alive_dec(AMESH_ALIVE_PEERS);
}

static u32 hash_bytes(const struct amesh_peer_table *table, u8 kind,
		      const void *key, size_t len)
{
	return (u32)(siphash(key, len, &table->key) + kind) & table->mask;
}

static u32 hash_node(const struct amesh_peer_table *table,
		     const struct amesh_peer_node *node)
{
	const struct amesh_peer *peer =
		container_of(node, struct amesh_peer, node[node->kind]);

	switch ((enum amesh_peer_key_kind)node->kind) {
	case AMESH_BY_ADDR4:
		return hash_bytes(table, node->kind, &peer->addr4,
				  sizeof(peer->addr4));
	case AMESH_BY_ADDR6:
		return hash_bytes(table, node->kind, &peer->addr6,
				  sizeof(peer->addr6));
	case AMESH_KEY_KINDS:
		break;
	}
	WARN_ON_ONCE(1);
	return 0;
}

static struct amesh_peer_table *table_of(struct amesh_mesh *mesh)
{
	return rcu_dereference_check(mesh->peers,
				     lockdep_is_held(&mesh->config));
}

static void hash_into(struct amesh_peer_table *table, struct amesh_peer *peer)
{
	u32 kind;

	for (kind = 0; kind < AMESH_KEY_KINDS; kind++) {
		struct amesh_peer_node *node = &peer->node[kind];

		if (kind == AMESH_BY_ADDR6 && !peer->has_addr6)
			continue;
		hlist_add_head_rcu(&node->link[table->side],
				   &table->head[hash_node(table, node)]);
	}
}

void amesh_peer_hash(struct amesh_mesh *mesh, struct amesh_peer *peer)
{
	lockdep_assert_held(&mesh->config);
	hash_into(table_of(mesh), peer);
}

void amesh_peer_unhash(struct amesh_mesh *mesh, struct amesh_peer *peer)
{
	u32 kind, side = table_of(mesh)->side;

	lockdep_assert_held(&mesh->config);
	for (kind = 0; kind < AMESH_KEY_KINDS; kind++)
		hlist_del_init_rcu(&peer->node[kind].link[side]);
}

static struct amesh_peer_table *table_alloc(u32 buckets, u32 side)
{
	struct amesh_peer_table *table;

	table = kvzalloc(struct_size(table, head, buckets), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->mask = buckets - 1;
	table->side = side;
	get_random_bytes(&table->key, sizeof(table->key));
	return table;
}

/* The new table uses the other links, so readers of the old one go on
 * undisturbed; a second move must wait for them, for it uses theirs.
 */
int amesh_peer_table_reserve(struct amesh_mesh *mesh, u32 peers)
{
	struct amesh_peer_table *old = table_of(mesh), *table;
	u32 buckets = max_t(u32, TABLE_BUCKETS_MIN, roundup_pow_of_two(peers + 1));
	u32 b;

	if (old && old->mask + 1 >= buckets)
		return 0;
	table = table_alloc(buckets, old ? !old->side : 0);
	if (!table)
		return -ENOMEM;
	for (b = 0; old && b <= old->mask; b++) {
		struct hlist_node *at;

		hlist_for_each(at, &old->head[b]) {
			struct amesh_peer_node *node =
				container_of(at, struct amesh_peer_node,
					     link[old->side]);

			INIT_HLIST_NODE(&node->link[table->side]);
			hlist_add_head_rcu(&node->link[table->side],
					   &table->head[hash_node(table, node)]);
		}
	}
	rcu_assign_pointer(mesh->peers, table);
	if (old) {
		synchronize_rcu();
		kvfree(old);
	}
	return 0;
}

void amesh_peer_table_free(struct amesh_mesh *mesh)
{
	kvfree(rcu_dereference_protected(mesh->peers, 1));
	RCU_INIT_POINTER(mesh->peers, NULL);
}

static struct amesh_peer *lookup(struct amesh_mesh *mesh, u8 kind,
				 const void *key, size_t len, size_t offset)
{
	struct amesh_peer_table *table = table_of(mesh);
	struct hlist_node *at;

	for (at = rcu_dereference_raw(hlist_first_rcu(
		     &table->head[hash_bytes(table, kind, key, len)]));
	     at; at = rcu_dereference_raw(hlist_next_rcu(at))) {
		struct amesh_peer_node *node =
			container_of(at, struct amesh_peer_node,
				     link[table->side]);
		struct amesh_peer *peer;

		if (node->kind != kind)
			continue;
		peer = container_of(node, struct amesh_peer, node[kind]);
		if (!memcmp((const u8 *)peer + offset, key, len))
			return peer;
	}
	return NULL;
}

struct amesh_peer *amesh_peer_by_id(struct amesh_mesh *mesh, const u8 *id)
{
	struct amesh_floor *floor;

	lockdep_assert_held(&mesh->config);
	floor = amesh_floors_find(&mesh->identity->floors, id);
	return floor ? amesh_floor_entry_of(floor)->peer : NULL;
}

struct amesh_peer *amesh_peer_by_addr4(struct amesh_mesh *mesh, __be32 addr)
{
	return lookup(mesh, AMESH_BY_ADDR4, &addr, sizeof(addr),
		      offsetof(struct amesh_peer, addr4));
}

struct amesh_peer *amesh_peer_by_addr6(struct amesh_mesh *mesh,
				       const struct in6_addr *addr)
{
	return lookup(mesh, AMESH_BY_ADDR6, addr, sizeof(*addr),
		      offsetof(struct amesh_peer, addr6));
}

struct amesh_peer *amesh_peer_by_index(struct amesh_mesh *mesh, u32 index)
{
	struct amesh_live_peer *live;

	lockdep_assert_held(&mesh->lock);
	if (index >= mesh->live.view.windows * AMESH_WINDOW_MEMBERS)
		return NULL;
	live = mesh->live.by_index[index];
	return live ? amesh_peer_of(live) : NULL;
}

static int key_status(int err)
{
	switch (err) {
	case -ERANGE:
		return ATTESTMESH_KEY_NON_CANONICAL;
	case -EBADMSG:
		return ATTESTMESH_KEY_OFF_CURVE;
	case -EKEYREJECTED:
		return ATTESTMESH_KEY_BAD_ORDER;
	default:
		return ATTESTMESH_KEY_REFUSED;
	}
}

int amesh_peer_make_key(const u8 *key, u32 table_bytes,
			struct amesh_crypto_tfm **tfm, u8 *status)
{
	struct amesh_crypto_tfm *made;
	int ret;

	*tfm = NULL;
	made = amesh_crypto_alloc(AMESH_ED25519_NAME);
	if (IS_ERR(made))
		return PTR_ERR(made);
	ret = amesh_ed25519_set_table_bytes(made, table_bytes);
	if (ret == -EOPNOTSUPP) /* another driver's: it has no table */
		ret = 0;
	if (ret)
		goto err;
	ret = amesh_crypto_set_pub_key(made, key, ATTESTMESH_KEY_LEN);
	if (ret == -ENOMEM)
		goto err;
	if (ret) {
		*status = key_status(ret);
		amesh_crypto_free(made);
		return 0;
	}
	*status = ATTESTMESH_KEY_VALID;
	*tfm = made;
	return 0;

err:
	amesh_crypto_free(made);
	return ret;
}
