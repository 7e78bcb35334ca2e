// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding, changing and removing peers. Everything that can fail happens
 * before the commit: checks, memory, key tables. The commit takes the locks
 * and cannot fail.
 */
#include "peer_set.h"

#include <linux/in.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/ktime.h>
#include <linux/vmalloc.h>
#include <net/ipv6.h>

#include "beat_rx.h"
#include "event.h"
#include "net.h"
#include "peer.h"
#include "tick.h"

enum {
	/* Up to this many peers the larger key tables are affordable (32 MiB)
	 * and stay in the caches; beyond it 4 KiB tables are faster cold.
	 */
	LARGE_TABLES_UP_TO = 2048,
};

static int refuse(struct netlink_ext_ack *extack,
		  const struct amesh_peer_config *cfg, int err, const char *why)
{
	if (extack) {
		extack->_msg = why;
		extack->bad_attr = cfg->attr;
	}
	return err;
}

static bool same_addr6(const struct in6_addr *a, bool has_a,
		       const struct in6_addr *b, bool has_b)
{
	return has_a && has_b && ipv6_addr_equal(a, b);
}

static int check_itself(const struct amesh_mesh *mesh,
			const struct amesh_peer_config *cfg,
			struct netlink_ext_ack *extack)
{
	const struct amesh_mesh_config *own = &mesh->cfg;

	if (ipv4_is_multicast(cfg->addr4) || ipv4_is_zeronet(cfg->addr4) ||
	    ipv4_is_lbcast(cfg->addr4) || ipv4_is_loopback(cfg->addr4))
		return refuse(extack, cfg, -EINVAL,
			      "the peer's IPv4 address is no unicast address");
	if (cfg->has_addr6 && (ipv6_addr_is_multicast(&cfg->addr6) ||
			       ipv6_addr_any(&cfg->addr6) ||
			       ipv6_addr_loopback(&cfg->addr6)))
		return refuse(extack, cfg, -EINVAL,
			      "the peer's IPv6 address is no unicast address");
	if (!memcmp(cfg->id, own->member_id, sizeof(cfg->id)))
		return refuse(extack, cfg, -EEXIST,
			      "the peer has this node's member id");
	if (cfg->index == own->index)
		return refuse(extack, cfg, -EEXIST,
			      "the peer has this node's index");
	if (cfg->addr4 == own->addr4 ||
	    same_addr6(&cfg->addr6, cfg->has_addr6, &own->addr6, own->has_addr6))
		return refuse(extack, cfg, -EEXIST,
			      "the peer has this node's address");
	return 0;
}

static int check_twice(const struct amesh_transaction *tx, u32 at,
		       struct netlink_ext_ack *extack)
{
	const struct amesh_peer_config *a = &tx->change[at].cfg;
	u32 i;

	for (i = 0; i < at; i++) {
		const struct amesh_peer_config *b = &tx->change[i].cfg;

		if (a->index == b->index)
			return refuse(extack, a, -EEXIST,
				      "the message has this index twice");
		if (a->addr4 == b->addr4 ||
		    same_addr6(&a->addr6, a->has_addr6, &b->addr6, b->has_addr6))
			return refuse(extack, a, -EEXIST,
				      "the message has this address twice");
		if (!memcmp(a->id, b->id, sizeof(a->id)))
			return refuse(extack, a, -EEXIST,
				      "the message has this member id twice");
	}
	return 0;
}

/* What becomes of a peer that is there: nothing, another key, or replacement
 * because its index or an address moved.
 */
static bool keeps_place(const struct amesh_peer *old,
			const struct amesh_peer_config *cfg)
{
	return old->live.index == cfg->index && old->addr4 == cfg->addr4 &&
	       old->has_addr6 == cfg->has_addr6 &&
	       (!cfg->has_addr6 || ipv6_addr_equal(&old->addr6, &cfg->addr6));
}

static bool same_key(const struct amesh_peer *old,
		     const struct amesh_peer_config *cfg)
{
	return old->has_key == cfg->has_key &&
	       (!cfg->has_key || !memcmp(old->entry->key, cfg->key, sizeof(cfg->key)));
}

/* Will this peer leave its place by this message's own doing? */
static bool moves(const struct amesh_transaction *tx,
		  const struct amesh_peer *peer)
{
	u32 i;

	for (i = 0; i < tx->n; i++) {
		if (tx->change[i].old == peer)
			return !keeps_place(peer, &tx->change[i].cfg);
	}
	return false;
}

/* Another peer holds what this one wants: one of an older epoch gives way, for
 * the chain has moved on without it; one of this epoch is a contradiction.
 */
static int claim(const struct amesh_transaction *tx,
		 const struct amesh_change *change, struct amesh_peer *holder,
		 struct list_head *removal, const char *why,
		 struct netlink_ext_ack *extack)
{
	if (!holder || holder == change->old || moves(tx, holder))
		return 0;
	if (holder->epoch >= tx->epoch)
		return refuse(extack, &change->cfg, -EEXIST, why);
	if (list_empty(&holder->removal))
		list_add_tail(&holder->removal, removal);
	return 0;
}

static struct amesh_peer *index_holder(struct amesh_mesh *mesh, u32 index)
{
	struct amesh_peer *peer;

	mutex_lock(&mesh->lock);
	peer = amesh_peer_by_index(mesh, index);
	mutex_unlock(&mesh->lock);
	return peer;
}

static int claim_all(struct amesh_mesh *mesh, const struct amesh_transaction *tx,
		     const struct amesh_change *change,
		     struct list_head *removal, struct netlink_ext_ack *extack)
{
	const struct amesh_peer_config *cfg = &change->cfg;
	int ret;

	ret = claim(tx, change, index_holder(mesh, cfg->index), removal,
		    "another peer of this epoch has this index", extack);
	if (!ret)
		ret = claim(tx, change, amesh_peer_by_addr4(mesh, cfg->addr4),
			    removal, "another peer of this epoch has this IPv4 address",
			    extack);
	if (!ret && cfg->has_addr6)
		ret = claim(tx, change, amesh_peer_by_addr6(mesh, &cfg->addr6),
			    removal, "another peer of this epoch has this IPv6 address",
			    extack);
	return ret;
}

/* Memory and key of one change. */
static int make(struct amesh_mesh *mesh, struct amesh_change *change,
		u32 table_bytes, struct netlink_ext_ack *extack)
{
	const struct amesh_peer_config *cfg = &change->cfg;
	struct amesh_floor *floor;
	int ret;

	if (change->old && keeps_place(change->old, cfg)) {
		if (same_key(change->old, cfg))
			return 0;
		change->rekey = true;
	} else {
		change->fresh = amesh_peer_alloc(cfg->addr4,
						 cfg->has_addr6 ? &cfg->addr6 : NULL);
		if (!change->fresh)
			return -ENOMEM;
	}
	floor = amesh_floors_find(&mesh->identity->floors, cfg->id);
	if (floor) {
		change->entry = amesh_floor_entry_of(floor);
	} else {
		change->entry = amesh_floor_entry_alloc();
		change->entry_is_new = true;
		if (!change->entry)
			return -ENOMEM;
	}
	change->key_status = ATTESTMESH_KEY_ABSENT;
	if (!cfg->has_key)
		return 0;
	ret = amesh_peer_make_key(cfg->key, table_bytes, &change->tfm,
				  &change->key_status);
	if (ret && ret != -ENOMEM)
		refuse(extack, cfg, ret, "the kernel has no usable ed25519");
	return ret;
}

/* What was made and not used, or is no longer used after a commit. */
static void unmake(struct amesh_transaction *tx)
{
	u32 i;

	for (i = 0; i < tx->n; i++) {
		struct amesh_change *change = &tx->change[i];

		if (change->tfm)
			amesh_crypto_free(change->tfm);
		if (change->fresh)
			amesh_peer_free(change->fresh);
		if (change->entry_is_new)
			kfree(change->entry);
	}
}

static int check_all(struct amesh_mesh *mesh, struct amesh_transaction *tx,
		     struct list_head *removal, struct netlink_ext_ack *extack)
{
	u32 i;
	int ret;

	for (i = 0; i < tx->n; i++) {
		struct amesh_change *change = &tx->change[i];

		ret = check_itself(mesh, &change->cfg, extack) ?:
		      check_twice(tx, i, extack);
		if (ret)
			return ret;
		change->old = amesh_peer_by_id(mesh, change->cfg.id);
	}
	for (i = 0; i < tx->n; i++) {
		ret = claim_all(mesh, tx, &tx->change[i], removal, extack);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * struct sums - what a transaction adds up to
 * @peers: afterwards
 * @entries: new ones in the namespace's table
 * @highest: registration index
 */
struct sums {
	u32 peers;
	u32 entries;
	u32 highest;
};

static int check_sums(struct amesh_mesh *mesh, const struct sums *sums,
		      struct netlink_ext_ack *extack)
{
	if (sums->peers > AMESH_PEERS_MAX) {
		NL_SET_ERR_MSG(extack, "too many peers");
		return -ENOSPC;
	}
	if (!amesh_rate_fits(sums->peers, mesh->cfg.live.interval_ms)) {
		NL_SET_ERR_MSG(extack, "too many peers for this interval: peers x 1000 / interval_ms may be 50,000");
		return -ERANGE;
	}
	if (mesh->identity->floors.count + sums->entries > AMESH_FLOORS_MAX) {
		NL_SET_ERR_MSG(extack, "this cluster has had too many members");
		return -ENOSPC;
	}
	return 0;
}

static int prepare(struct amesh_mesh *mesh, struct amesh_transaction *tx,
		   struct list_head *removal, struct netlink_ext_ack *extack)
{
	struct sums sums = { .peers = mesh->peer_count };
	struct amesh_peer *peer;
	u32 table_bytes, i;
	int ret;

	ret = check_all(mesh, tx, removal, extack);
	if (ret)
		return ret;
	list_for_each_entry(peer, removal, removal)
		sums.peers--;
	for (i = 0; i < tx->n; i++) {
		const struct amesh_change *change = &tx->change[i];

		sums.peers += !change->old;
		sums.entries += !amesh_floors_find(&mesh->identity->floors,
						   change->cfg.id);
		sums.highest = max(sums.highest, change->cfg.index);
	}
	ret = check_sums(mesh, &sums, extack) ?:
	      amesh_mesh_grow(mesh, sums.highest) ?:
	      amesh_peer_table_reserve(mesh, sums.peers) ?:
	      amesh_rxq_reserve(&mesh->rxq, sums.peers);
	table_bytes = sums.peers <= LARGE_TABLES_UP_TO ?
		      AMESH_ED25519_TABLE_LARGE : AMESH_ED25519_TABLE_DEFAULT;
	/* A key's table takes a millisecond: 512 of them in one go would hold up
	 * the beats where there is one processor.
	 */
	for (i = 0; !ret && i < tx->n; i++) {
		ret = make(mesh, &tx->change[i], table_bytes, extack);
		cond_resched();
	}
	return ret;
}

/* Replay state belongs to a key: another key begins anew. */
static void set_floor_key(struct amesh_peer *peer,
			  struct amesh_floor_entry *entry,
			  const struct amesh_peer_config *cfg)
{
	bool same = entry->has_key == cfg->has_key &&
		    !memcmp(entry->key, cfg->key, sizeof(entry->key));

	if (same || !cfg->has_key)
		return;
	spin_lock_bh(&peer->lock);
	amesh_replay_reset(&entry->floor.replay);
	spin_unlock_bh(&peer->lock);
	memcpy(entry->key, cfg->key, sizeof(entry->key));
	entry->has_key = true;
}

/* Under verify and lock; the old transform, if any, ends up in the change. */
static void give_key(struct amesh_mesh *mesh, struct amesh_peer *peer,
		     struct amesh_change *change)
{
	swap(peer->tfm, change->tfm);
	peer->has_key = change->cfg.has_key;
	peer->key_status = change->key_status;
	if (!++mesh->key_gen)
		mesh->key_gen = 1;
	WRITE_ONCE(peer->key_gen, peer->tfm ? mesh->key_gen : 0);
}

static void commit_add(struct amesh_mesh *mesh, struct amesh_change *change,
		       u64 now_ns)
{
	struct amesh_peer *peer = change->fresh;

	if (change->entry_is_new)
		WARN_ON(amesh_floors_insert(&mesh->identity->floors,
					    &change->entry->floor,
					    change->cfg.id));
	change->entry_is_new = false;
	change->entry->peer = peer;
	peer->entry = change->entry;
	peer->credit_ns = U64_MAX; /* cut to a full bucket at first use */
	peer->credit_at_ns = now_ns;
	set_floor_key(peer, change->entry, &change->cfg);
	give_key(mesh, peer, change);
	WARN_ON(amesh_live_add(&mesh->live, &peer->live, change->cfg.index,
			       peer->tfm, now_ns));
	amesh_peer_hash(mesh, peer);
	mesh->peer_count++;
	change->fresh = NULL;
}

static void commit_rekey(struct amesh_mesh *mesh, struct amesh_change *change,
			 u64 now_ns)
{
	struct amesh_peer *peer = change->old;

	set_floor_key(peer, change->entry, &change->cfg);
	give_key(mesh, peer, change);
	amesh_live_key(&mesh->live, &peer->live, peer->tfm, now_ns);
}

/* First step of a removal, under all three locks of the mesh. */
static void detach(struct amesh_mesh *mesh, struct amesh_peer *peer, u64 now_ns)
{
	lockdep_assert_held(&mesh->verify);
	lockdep_assert_held(&mesh->lock);
	amesh_peer_unhash(mesh, peer);
	list_del_init(&peer->wheel);
	vfree(amesh_rowmem_put(amesh_live_remove(&mesh->live, &peer->live,
						 now_ns)));
	amesh_own_peer_gone(&mesh->own, &peer->entry->floor.own_peer,
			    mesh->number);
	peer->entry->peer = NULL;
	WRITE_ONCE(peer->dead, true);
	mesh->peer_count--;
}

/* The last steps: wait, drain, free. */
static void finish(struct amesh_mesh *mesh, struct list_head *removal)
{
	struct amesh_peer *peer, *next;

	if (list_empty(removal))
		return;
	synchronize_rcu();
	amesh_rx_forget(mesh);
	list_for_each_entry_safe(peer, next, removal, removal) {
		list_del(&peer->removal);
		amesh_peer_free(peer);
		cond_resched();
	}
}

/* Under amesh_mesh.lock, after peers came or went. */
static void settle(struct amesh_mesh *mesh, u64 now_ns)
{
	mesh->member_seq++;
	if (amesh_live_refresh(&mesh->live, now_ns))
		amesh_event_converged(mesh);
	amesh_tick_arm(mesh);
}

static void commit(struct amesh_mesh *mesh, struct amesh_transaction *tx,
		   struct list_head *removal)
{
	u64 now_ns = ktime_get_boottime_ns();
	struct amesh_peer *peer;
	u32 i;

	mutex_lock(&mesh->verify);
	mutex_lock(&mesh->lock);
	for (i = 0; i < tx->n; i++) {
		struct amesh_change *change = &tx->change[i];

		if (change->fresh && change->old &&
		    list_empty(&change->old->removal))
			list_add_tail(&change->old->removal, removal);
	}
	list_for_each_entry(peer, removal, removal)
		detach(mesh, peer, now_ns);
	for (i = 0; i < tx->n; i++) {
		struct amesh_change *change = &tx->change[i];

		peer = change->fresh ?: change->old;
		peer->epoch = tx->epoch;
		if (change->fresh)
			commit_add(mesh, change, now_ns);
		else if (change->rekey)
			commit_rekey(mesh, change, now_ns);
	}
	mesh->epoch = max(mesh->epoch, tx->epoch);
	settle(mesh, now_ns);
	mutex_unlock(&mesh->lock);
	mutex_unlock(&mesh->verify);
}

int amesh_peers_set(struct amesh_mesh *mesh, struct amesh_transaction *tx,
		    struct netlink_ext_ack *extack)
{
	struct amesh_peer *peer, *next;
	LIST_HEAD(removal);
	int ret;

	lockdep_assert_held(&mesh->config);
	ret = prepare(mesh, tx, &removal, extack);
	if (!ret) {
		commit(mesh, tx, &removal);
		finish(mesh, &removal);
	} else {
		list_for_each_entry_safe(peer, next, &removal, removal)
			list_del_init(&peer->removal);
	}
	unmake(tx);
	return ret;
}

void amesh_peers_remove(struct amesh_mesh *mesh, struct list_head *removal)
{
	u64 now_ns = ktime_get_boottime_ns();
	struct amesh_peer *peer;

	lockdep_assert_held(&mesh->config);
	if (list_empty(removal))
		return;
	mutex_lock(&mesh->verify);
	mutex_lock(&mesh->lock);
	list_for_each_entry(peer, removal, removal)
		detach(mesh, peer, now_ns);
	settle(mesh, now_ns);
	mutex_unlock(&mesh->lock);
	mutex_unlock(&mesh->verify);
	finish(mesh, removal);
}

static void collect(struct amesh_mesh *mesh, bool all, u64 epoch,
		    struct list_head *removal)
{
	u32 index, end;

	lockdep_assert_held(&mesh->config);
	mutex_lock(&mesh->lock);
	end = mesh->live.view.windows * AMESH_WINDOW_MEMBERS;
	for (index = 0; index < end; index++) {
		struct amesh_peer *peer = amesh_peer_by_index(mesh, index);

		if (peer && (all || peer->epoch < epoch))
			list_add_tail(&peer->removal, removal);
	}
	mutex_unlock(&mesh->lock);
}

void amesh_peers_older(struct amesh_mesh *mesh, u64 epoch,
		       struct list_head *removal)
{
	collect(mesh, false, epoch, removal);
}

void amesh_peers_drop_all(struct amesh_mesh *mesh)
{
	LIST_HEAD(removal);

	collect(mesh, true, 0, &removal);
	amesh_peers_remove(mesh, &removal);
}
