// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a beat: socket hook, checks in the order of the design, slot,
 * group verification, the replay check again, liveness.
 */
#include "beat_rx.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/ktime.h>
#include <linux/udp.h>
#include <linux/vmalloc.h>
#include <net/sock.h>

#include "event.h"
#include "main.h"
#include "net.h"
#include "peer.h"
#include "tick.h"

/* softirq */

static struct amesh_peer *sender(struct amesh_mesh *mesh,
				 const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return amesh_peer_by_addr4(mesh, ip_hdr(skb)->saddr);
	return amesh_peer_by_addr6(mesh, &ipv6_hdr(skb)->saddr);
}

/* Four times the expected rate, in time: a beat costs a quarter of the
 * sender's interval, and eight may come at once.
 */
static bool take_token(struct amesh_peer *peer, u64 now_ns)
{
	u64 cost = READ_ONCE(peer->live.interval_ms) * AMESH_NS_PER_MS /
		   AMESH_RATE_FACTOR;
	u64 passed = now_ns - peer->credit_at_ns;

	lockdep_assert_held(&peer->lock);
	peer->credit_ns = min(amesh_add_sat_u64(peer->credit_ns, passed),
			      AMESH_RATE_BURST * cost);
	peer->credit_at_ns = now_ns;
	if (peer->credit_ns < cost)
		return false;
	peer->credit_ns -= cost;
	return true;
}

/* The checks against what is known of the sender. Return: a reason to drop,
 * or AMESH_DROPS for none.
 */
static enum amesh_drop check_sender(struct amesh_peer *peer, const u8 *wire,
				    u64 now_ns)
{
	u64 incarnation = amesh_get_be64(wire + AMESH_BEAT_INCARNATION);
	u64 sequence = amesh_get_be64(wire + AMESH_BEAT_SEQUENCE);
	enum amesh_drop why = AMESH_DROPS;

	if (memcmp(wire + AMESH_BEAT_MEMBER_ID, amesh_peer_id(peer), AMESH_ID_LEN))
		return AMESH_DROP_MEMBER_ID;
	if (!READ_ONCE(peer->key_gen))
		return AMESH_DROP_NO_KEY;
	spin_lock(&peer->lock);
	if (!amesh_replay_is_newer(&peer->entry->floor.replay, incarnation, sequence))
		why = AMESH_DROP_REPLAY;
	else if (!take_token(peer, now_ns))
		why = AMESH_DROP_RATE;
	spin_unlock(&peer->lock);
	return why;
}

static struct amesh_slot *slot_take(struct amesh_rxq *rxq)
{
	struct amesh_slot *slot;

	spin_lock(&rxq->lock);
	slot = list_first_entry_or_null(&rxq->free, struct amesh_slot, list);
	if (slot)
		list_del(&slot->list);
	spin_unlock(&rxq->lock);
	return slot;
}

static void slot_queue(struct amesh_rxq *rxq, struct amesh_slot *slot)
{
	spin_lock(&rxq->lock);
	list_add_tail(&slot->list, &rxq->waiting);
	rxq->waiting_len++;
	spin_unlock(&rxq->lock);
}

static void enqueue(struct amesh_mesh *mesh, struct amesh_peer *peer,
		    const struct sk_buff *skb, u64 now_ns)
{
	struct amesh_slot *slot = slot_take(&mesh->rxq);

	if (!slot) {
		amesh_peer_drop(mesh, peer, AMESH_DROP_QUEUE_FULL);
		return;
	}
	slot->peer = peer;
	slot->at_ns = now_ns;
	slot->key_gen = READ_ONCE(peer->key_gen);
	/* The length was checked: this cannot fail. */
	skb_copy_bits(skb, sizeof(struct udphdr), slot->wire, AMESH_BEAT_LEN);
	slot_queue(&mesh->rxq, slot);
	if (!amesh_mesh_is_dying(mesh))
		queue_work(amesh_wq_verify, &mesh->verify_work);
}

static enum amesh_drop drop_of(enum amesh_beat_fault fault)
{
	switch (fault) {
	case AMESH_BEAT_SHORT:
		return AMESH_DROP_SHORT;
	case AMESH_BEAT_BAD_MAGIC:
		return AMESH_DROP_MAGIC;
	case AMESH_BEAT_BAD_VERSION:
		return AMESH_DROP_VERSION;
	case AMESH_BEAT_BAD_LENGTH:
		return AMESH_DROP_LENGTH;
	case AMESH_BEAT_OK:
		break;
	}
	return AMESH_DROPS;
}

/* skb->data is at the UDP header; the hook's caller has checked the checksum
 * and trimmed to the UDP length.
 */
static void receive(struct amesh_mesh *mesh, struct sk_buff *skb)
{
	u8 buf[AMESH_BEAT_DIGEST];
	const u8 *wire = buf;
	struct amesh_peer *peer;
	enum amesh_drop why;
	size_t len = skb->len - sizeof(struct udphdr);
	u64 now_ns;

	if (skb->skb_iif != mesh->ifindex) {
		amesh_drop(mesh, AMESH_DROP_WRONG_IIF);
		return;
	}
	if (len >= AMESH_BEAT_HEAD_LEN) {
		wire = skb_header_pointer(skb, sizeof(struct udphdr),
					  min_t(size_t, len, sizeof(buf)), buf);
		if (!wire) { /* fragments that lie about their length */
			amesh_drop(mesh, AMESH_DROP_SHORT);
			return;
		}
	}
	why = drop_of(amesh_beat_check(wire, len));
	if (why != AMESH_DROPS) {
		amesh_drop(mesh, why);
		return;
	}
	peer = sender(mesh, skb);
	if (!peer) {
		amesh_drop(mesh, AMESH_DROP_UNKNOWN_SOURCE);
		return;
	}
	now_ns = ktime_get_boottime_ns();
	why = check_sender(peer, wire, now_ns);
	if (why != AMESH_DROPS) {
		amesh_peer_drop(mesh, peer, why);
		return;
	}
	enqueue(mesh, peer, skb, now_ns);
}

int amesh_beat_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct amesh_mesh *mesh;

	rcu_read_lock();
	mesh = rcu_dereference_sk_user_data(sk);
	if (mesh)
		receive(mesh, skb);
	rcu_read_unlock();
	consume_skb(skb);
	return 0;
}

/* process context */

static void group_take(struct amesh_rxq *rxq, struct amesh_group *group, u32 most)
{
	group->n = 0;
	spin_lock_bh(&rxq->lock);
	while (group->n < most && !list_empty(&rxq->waiting)) {
		struct amesh_slot *slot =
			list_first_entry(&rxq->waiting, struct amesh_slot, list);

		list_del(&slot->list);
		rxq->waiting_len--;
		group->slot[group->n++] = slot;
	}
	spin_unlock_bh(&rxq->lock);
}

static void group_put(struct amesh_rxq *rxq, struct amesh_group *group)
{
	u32 i;

	spin_lock_bh(&rxq->lock);
	for (i = 0; i < group->n; i++)
		list_add(&group->slot[i]->list, &rxq->free);
	spin_unlock_bh(&rxq->lock);
}

/* Which slots carry a good signature; those that need no look are counted. */
static u64 group_verify(struct amesh_mesh *mesh, struct amesh_group *group)
{
	u64 verdicts = 0, good = 0;
	u32 i, n = 0;

	for (i = 0; i < group->n; i++) {
		const struct amesh_slot *slot = group->slot[i];
		struct amesh_peer *peer = slot->peer;

		if (peer->dead)
			continue;
		if (slot->key_gen != peer->key_gen) {
			amesh_peer_drop(mesh, peer, AMESH_DROP_STALE_KEY);
			continue;
		}
		group->item[n] = (struct amesh_ed25519_item) {
			.tfm = peer->tfm,
			.sig = slot->wire + AMESH_BEAT_SIGNATURE,
			.head = mesh->head,
			.head_bytes = sizeof(mesh->head),
			.msg = slot->wire,
			.msg_bytes = AMESH_BEAT_SIGNED_LEN,
		};
		group->from[n++] = i;
	}
	if (n)
		WARN_ON_ONCE(amesh_ed25519_verify_batch(mesh->batch,
							group->item, n,
							&verdicts));
	for (i = 0; i < n; i++) {
		if (verdicts >> i & 1)
			good |= 1ULL << group->from[i];
		else
			amesh_peer_drop(mesh, group->slot[group->from[i]]->peer,
					AMESH_DROP_BAD_SIGNATURE);
	}
	return good;
}

/* Room for one more row. */
static bool reserve_row(struct amesh_mesh *mesh, size_t bytes)
{
	size_t block_bytes = amesh_rowmem_wants(mesh->rowmem, bytes);
	void *block;

	if (!block_bytes)
		return true;
	block = __vmalloc(block_bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!block)
		return false;
	amesh_rowmem_add(mesh->rowmem, bytes, block, block_bytes);
	return true;
}

/* A peer's view needs memory that grows with the cluster. Without it the
 * windows are ignored and the beat counts all the same.
 */
static void provide_row(struct amesh_mesh *mesh, struct amesh_peer *peer)
{
	size_t bytes = amesh_live_row_wants(&mesh->live, &peer->live);
	void *old;

	if (likely(!bytes) || !reserve_row(mesh, bytes))
		return;
	old = amesh_live_row_give(&mesh->live, &peer->live,
				  amesh_rowmem_get(mesh->rowmem, bytes), bytes);
	vfree(amesh_rowmem_put(old));
}

/* The incarnation rose: from now on nothing below it goes out, and the peers
 * are to know it soon.
 */
static void raised(struct amesh_mesh *mesh)
{
	amesh_count(mesh, AMESH_COUNT_RAISES);
	amesh_mesh_note_incarnation(mesh);
	amesh_pace_want(&mesh->pace, ktime_get_boottime_ns());
}

/* User space is told once per floor of MESH_SET, the other instance whenever
 * it is ahead: see amesh_own_tell().
 */
static void tell_twin(struct amesh_mesh *mesh, struct amesh_peer *peer,
		      const struct amesh_trailer *trailer)
{
	if (!amesh_own_is_twin(&mesh->own, mesh->live.peers))
		return;
	if (!mesh->twin_told)
		amesh_event_own(mesh, ATTESTMESH_CMD_TWIN, peer,
				trailer->floor_incarnation);
	mesh->twin_told = true;
	if (amesh_own_tell(&mesh->own, trailer))
		raised(mesh);
}

static void heed_trailer(struct amesh_mesh *mesh, struct amesh_peer *peer,
			 const struct amesh_trailer *trailer)
{
	switch (amesh_own_trailer(&mesh->own, &peer->entry->floor.own_peer,
				  mesh->number, trailer)) {
	case AMESH_OWN_SENT:
		break;
	case AMESH_OWN_RAISED:
		raised(mesh);
		break;
	case AMESH_OWN_STOPPED:
		if (!mesh->stopped_told)
			amesh_event_own(mesh, ATTESTMESH_CMD_RAISE_STOPPED, peer,
					trailer->floor_incarnation);
		mesh->stopped_told = true;
		break;
	case AMESH_OWN_TWIN:
		tell_twin(mesh, peer, trailer);
		break;
	}
}

/* Under amesh_mesh.lock: the signature is good, is the number still new? */
static void accept_one(struct amesh_mesh *mesh, const struct amesh_slot *slot)
{
	struct amesh_peer *peer = slot->peer;
	struct amesh_trailer trailer;
	struct amesh_beat beat;
	bool accepted;

	amesh_beat_decode(&beat, slot->wire);
	spin_lock_bh(&peer->lock);
	accepted = amesh_replay_accept(&peer->entry->floor.replay, beat.incarnation,
				       beat.sequence,
				       beat.flags & AMESH_FLAG_LEAVING);
	spin_unlock_bh(&peer->lock);
	if (!accepted) {
		amesh_peer_drop(mesh, peer, AMESH_DROP_REPLAY);
		return;
	}
	amesh_count(mesh, AMESH_COUNT_ACCEPTED);
	peer->accepted++;
	peer->beat_wall_ms = beat.wall_ms;
	amesh_trailer_decode(&trailer, slot->wire + AMESH_BEAT_TRAILER);
	provide_row(mesh, peer);
	amesh_link_heard(&peer->live.link, beat.incarnation, beat.sequence,
			 &trailer, mesh->own.incarnation, mesh->own.sequence,
			 slot->at_ns);
	if (amesh_live_accept(&mesh->live, &peer->live, &beat, slot->at_ns))
		amesh_wheel_next(mesh, peer);
	heed_trailer(mesh, peer, &trailer);
}

static void group_accept(struct amesh_mesh *mesh, const struct amesh_group *group,
			 u64 good)
{
	u32 i;

	if (!good)
		return;
	mutex_lock(&mesh->lock);
	for (i = 0; i < group->n; i++) {
		if (good >> i & 1)
			accept_one(mesh, group->slot[i]);
	}
	if (amesh_live_refresh(&mesh->live, ktime_get_boottime_ns()))
		amesh_event_converged(mesh);
	amesh_tick_arm(mesh);
	mutex_unlock(&mesh->lock);
}

void amesh_rx_drain(struct amesh_mesh *mesh)
{
	struct amesh_rxq *rxq = &mesh->rxq;
	struct amesh_group *group = mesh->group;
	u32 left, taken;

	spin_lock_bh(&rxq->lock);
	left = rxq->waiting_len;
	spin_unlock_bh(&rxq->lock);
	/* Also without anything waiting: the last group may be in the verify
	 * work's hands, and the caller wants it worked in.
	 */
	do {
		mutex_lock(&mesh->verify);
		group_take(rxq, group, min_t(u32, left, AMESH_ED25519_BATCH_MAX));
		group_accept(mesh, group, group_verify(mesh, group));
		group_put(rxq, group);
		taken = group->n;
		mutex_unlock(&mesh->verify);
		left -= taken;
		cond_resched();
	} while (left && taken);
}

void amesh_rx_work(struct work_struct *work)
{
	struct amesh_mesh *mesh =
		container_of(work, struct amesh_mesh, verify_work);

	/* What comes meanwhile queues the work again. */
	amesh_rx_drain(mesh);
}

void amesh_rx_forget(struct amesh_mesh *mesh)
{
	struct amesh_rxq *rxq = &mesh->rxq;
	struct amesh_slot *slot, *next;

	lockdep_assert_held(&mesh->config);
	spin_lock_bh(&rxq->lock);
	list_for_each_entry_safe(slot, next, &rxq->waiting, list) {
		if (!READ_ONCE(slot->peer->dead))
			continue;
		list_move(&slot->list, &rxq->free);
		rxq->waiting_len--;
	}
	spin_unlock_bh(&rxq->lock);
	mutex_lock(&mesh->verify);
	mutex_unlock(&mesh->verify);
}

void amesh_rxq_init(struct amesh_rxq *rxq)
{
	spin_lock_init(&rxq->lock);
	INIT_LIST_HEAD(&rxq->free);
	INIT_LIST_HEAD(&rxq->waiting);
}

int amesh_rxq_reserve(struct amesh_rxq *rxq, u32 peers)
{
	u32 wanted = min_t(u32, AMESH_BLOCKS_MAX,
			   1 + DIV_ROUND_UP(peers, AMESH_PEERS_PER_BLOCK));
	u32 i;

	while (rxq->blocks < wanted) {
		struct amesh_slot *block =
			kvcalloc(AMESH_SLOTS_PER_BLOCK, sizeof(*block),
				 GFP_KERNEL_ACCOUNT);

		if (!block)
			return -ENOMEM;
		rxq->block[rxq->blocks++] = block;
		spin_lock_bh(&rxq->lock);
		for (i = 0; i < AMESH_SLOTS_PER_BLOCK; i++)
			list_add(&block[i].list, &rxq->free);
		spin_unlock_bh(&rxq->lock);
	}
	return 0;
}

void amesh_rxq_free(struct amesh_rxq *rxq)
{
	while (rxq->blocks)
		kvfree(rxq->block[--rxq->blocks]);
}
