// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mesh's life: creation under RTNL, unlinking by whoever ends it, release
 * where sleeping is allowed, memory with the last reference.
 */
#include "mesh.h"

#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/ktime.h>

#include "beat_rx.h"
#include "beat_tx.h"
#include "event.h"
#include "main.h"
#include "net.h"
#include "peer.h"
#include "peer_set.h"
#include "sock.h"
#include "tick.h"

static atomic64_t mesh_numbers = ATOMIC64_INIT(0);

/* Called by the pure files under amesh_mesh.lock. */
static void on_peer_changed(struct amesh_live *live,
			    struct amesh_live_peer *live_peer,
			    enum amesh_state old)
{
	struct amesh_mesh *mesh = amesh_mesh_of(live);

	amesh_event_peer(mesh, amesh_peer_of(live_peer), old);
	if (amesh_live_is_view_change(old, live_peer->state))
		amesh_pace_want(&mesh->pace, ktime_get_boottime_ns());
}

static struct amesh_floor *own_floor(struct amesh_mesh *mesh)
{
	return amesh_floors_find(&mesh->identity->floors, mesh->cfg.member_id);
}

void amesh_mesh_note_incarnation(struct amesh_mesh *mesh)
{
	lockdep_assert_held(&mesh->lock);
	own_floor(mesh)->own_last = mesh->own.incarnation;
}

static void mesh_free(struct amesh_mesh *mesh)
{
	amesh_rxq_free(&mesh->rxq);
	amesh_peer_table_free(mesh);
	if (mesh->own_tfm)
		amesh_crypto_free(mesh->own_tfm);
	if (mesh->batch)
		amesh_ed25519_batch_free(mesh->batch);
	kfree(mesh->group);
	kvfree(mesh->live_mem);
	kfree(mesh->rowmem);
	kfree(mesh->tx);
	free_percpu(mesh->stats);
	mutex_destroy(&mesh->config);
	mutex_destroy(&mesh->verify);
	mutex_destroy(&mesh->lock);
	kfree_rcu(mesh, rcu);
	amesh_alive_dec(AMESH_ALIVE_MESHES);
}

static void on_last_put(struct kref *refs)
{
	mesh_free(container_of(refs, struct amesh_mesh, refs));
}

void amesh_mesh_put(struct amesh_mesh *mesh)
{
	kref_put(&mesh->refs, on_last_put);
}

static void release_work(struct work_struct *work)
{
	struct amesh_mesh *mesh = container_of(work, struct amesh_mesh, release);

	amesh_mesh_release(mesh, mesh->gone == ATTESTMESH_GONE_LINGER);
}

static struct amesh_mesh *mesh_alloc(struct amesh_net *an)
{
	struct amesh_mesh *mesh = kzalloc(sizeof(*mesh), GFP_KERNEL_ACCOUNT);

	if (!mesh)
		return NULL;
	amesh_alive_inc(AMESH_ALIVE_MESHES);
	mesh->an = an;
	kref_init(&mesh->refs);
	INIT_LIST_HEAD(&mesh->list);
	mutex_init(&mesh->config);
	mutex_init(&mesh->verify);
	mutex_init(&mesh->lock);
	amesh_rxq_init(&mesh->rxq);
	init_completion(&mesh->released);
	INIT_WORK(&mesh->tx_work, amesh_tx_work);
	INIT_WORK(&mesh->verify_work, amesh_rx_work);
	INIT_WORK(&mesh->release, release_work);
	mesh->number = atomic64_inc_return(&mesh_numbers);
	mesh->member_seq = get_random_u32() | 1;
	mesh->stats = alloc_percpu_gfp(struct amesh_stats, GFP_KERNEL_ACCOUNT);
	mesh->batch = amesh_ed25519_batch_alloc(GFP_KERNEL_ACCOUNT);
	mesh->group = kzalloc(sizeof(*mesh->group), GFP_KERNEL_ACCOUNT);
	mesh->rowmem = kzalloc(sizeof(*mesh->rowmem), GFP_KERNEL_ACCOUNT);
	mesh->tx = kzalloc(sizeof(*mesh->tx), GFP_KERNEL_ACCOUNT);
	if (!mesh->stats || !mesh->batch || !mesh->group || !mesh->rowmem ||
	    !mesh->tx) {
		mesh_free(mesh);
		return NULL;
	}
	return mesh;
}

/* Parts that nobody else sees yet; the lock is taken for those who assert it.
 * A level of its own: this is under amesh_net.lock, which a tick may want while
 * the release of another mesh, under that one's, waits for it.
 */
static int mesh_fill(struct amesh_mesh *mesh)
{
	struct amesh_mesh_config *cfg = &mesh->cfg;
	u32 windows = cfg->index / AMESH_WINDOW_MEMBERS + 1;
	u64 now_ns = ktime_get_boottime_ns();
	int ret;

	memcpy(mesh->head, AMESH_BEAT_CONTEXT, AMESH_BEAT_CONTEXT_LEN);
	memcpy(mesh->head + AMESH_BEAT_CONTEXT_LEN, cfg->domain,
	       AMESH_DOMAIN_LEN);
	mesh->live_mem = kvzalloc(amesh_live_bytes(windows), GFP_KERNEL_ACCOUNT);
	if (!mesh->live_mem)
		return -ENOMEM;
	mutex_lock_nested(&mesh->config, SINGLE_DEPTH_NESTING);
	ret = amesh_peer_table_reserve(mesh, 0) ?:
	      amesh_rxq_reserve(&mesh->rxq, 0);
	mutex_unlock(&mesh->config);
	if (ret)
		return ret;
	ret = amesh_live_init(&mesh->live, &cfg->live, cfg->index,
			      mesh->live_mem, windows, on_peer_changed, now_ns);
	if (ret)
		return ret;
	ret = amesh_own_init(&mesh->own, cfg->floor, own_floor(mesh)->own_last);
	if (ret)
		return ret;
	amesh_pace_init(&mesh->pace, now_ns);
	amesh_tick_init(mesh);
	return 0;
}

static void mesh_start(struct amesh_mesh *mesh)
{
	struct amesh_mesh *at;

	lockdep_assert_held(&mesh->an->lock);
	mutex_lock(&mesh->lock);
	amesh_mesh_note_incarnation(mesh);
	amesh_live_send_due(&mesh->live, mesh->pace.due_ns);
	if (amesh_live_refresh(&mesh->live, ktime_get_boottime_ns()))
		amesh_event_converged(mesh);
	amesh_tick_arm(mesh);
	mutex_unlock(&mesh->lock);
	list_for_each_entry(at, &mesh->an->meshes, list) {
		if (at->ifindex > mesh->ifindex)
			break;
	}
	list_add_tail_rcu(&mesh->list, &at->list);
	mesh->an->mesh_count++;
}

/* The identity, if it is free. */
static struct amesh_identity *
identity_claim(struct amesh_net *an, const struct amesh_mesh_config *cfg,
	       struct amesh_mesh **wait, struct netlink_ext_ack *extack)
{
	struct amesh_identity *identity;

	identity = amesh_identity_take(an, cfg->domain, cfg->member_id);
	if (IS_ERR(identity)) {
		if (PTR_ERR(identity) == -ENOSPC)
			NL_SET_ERR_MSG(extack, "too many identities were used in this namespace");
		return identity;
	}
	if (!identity->user)
		return identity;
	if (!identity->user->dying) {
		NL_SET_ERR_MSG(extack, "another mesh of this namespace is this member");
		return ERR_PTR(-EBUSY);
	}
	amesh_mesh_get(identity->user);
	*wait = identity->user;
	return ERR_PTR(-EAGAIN);
}

struct amesh_mesh *amesh_mesh_create(struct amesh_net *an, u32 ifindex,
				     const struct amesh_mesh_config *cfg,
				     struct amesh_crypto_tfm *own_tfm,
				     const u8 *public_key, u32 owner,
				     struct amesh_mesh **wait,
				     struct netlink_ext_ack *extack)
{
	struct amesh_identity *identity;
	struct amesh_mesh *mesh;
	int ret;

	lockdep_assert_held(&an->lock);
	if (an->mesh_count >= AMESH_MESHES_MAX) {
		NL_SET_ERR_MSG(extack, "too many meshes in this namespace");
		return ERR_PTR(-ENOSPC);
	}
	identity = identity_claim(an, cfg, wait, extack);
	if (IS_ERR(identity))
		return ERR_CAST(identity);
	mesh = mesh_alloc(an);
	if (!mesh)
		return ERR_PTR(-ENOMEM);
	mesh->ifindex = ifindex;
	mesh->cfg = *cfg;
	mesh->identity = identity;
	memcpy(mesh->public_key, public_key, sizeof(mesh->public_key));
	ret = mesh_fill(mesh);
	if (ret == -ERANGE)
		NL_SET_ERR_MSG(extack, "index, timing or incarnation is out of range");
	if (!ret)
		ret = amesh_sock_open(mesh, extack);
	if (ret) {
		mesh_free(mesh);
		return ERR_PTR(ret == -EADDRINUSE ? -EBUSY : ret);
	}
	identity->user = mesh;
	mesh->own_tfm = own_tfm;
	mesh->owner = owner;
	mesh->attached = owner;
	mesh_start(mesh);
	return mesh;
}

bool amesh_mesh_unlink(struct amesh_mesh *mesh, u32 gone)
{
	bool mine;

	mutex_lock(&mesh->an->lock);
	mine = !mesh->dying;
	if (mine) {
		list_del_rcu(&mesh->list);
		mesh->gone = gone;
		WRITE_ONCE(mesh->dying, true);
	}
	mutex_unlock(&mesh->an->lock);
	return mine;
}

/* Order: nobody finds the mesh (unlinked), nobody changes it (config), time
 * and sending end, packets end, verification ends, then the peers go. Each
 * step ends what the ones after it rely on.
 */
void amesh_mesh_release(struct amesh_mesh *mesh, bool leaving)
{
	synchronize_rcu(); /* the netlink notifier queues ticks under RCU */
	mutex_lock(&mesh->config);
	amesh_tick_stop(mesh);
	cancel_work_sync(&mesh->tx_work);
	if (leaving)
		amesh_tx_leave(mesh);
	amesh_sock_close(mesh);
	cancel_work_sync(&mesh->verify_work);
	amesh_peers_drop_all(mesh);
	amesh_event_gone(mesh);
	mutex_unlock(&mesh->config);

	mutex_lock(&mesh->an->lock);
	mesh->identity->user = NULL;
	mesh->an->mesh_count--;
	mutex_unlock(&mesh->an->lock);
	complete_all(&mesh->released);
	amesh_mesh_put(mesh);
}

void amesh_mesh_release_later(struct amesh_mesh *mesh)
{
	queue_work(amesh_wq_release, &mesh->release);
}

int amesh_mesh_grow(struct amesh_mesh *mesh, u32 highest)
{
	u32 windows = highest / AMESH_WINDOW_MEMBERS + 1;
	void *mem;

	lockdep_assert_held(&mesh->config);
	if (windows <= mesh->live.view.windows)
		return 0;
	mem = kvzalloc(amesh_live_bytes(windows), GFP_KERNEL_ACCOUNT);
	if (!mem)
		return -ENOMEM;
	mutex_lock(&mesh->lock);
	mesh->live_mem = mem;
	mem = amesh_live_grow(&mesh->live, mem, windows);
	mutex_unlock(&mesh->lock);
	kvfree(mem);
	return 0;
}
