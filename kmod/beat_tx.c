// SPDX-License-Identifier: GPL-2.0-only
/*
 * The send work. The signed part is built under the mesh's lock, signed
 * outside it, and sent in slices: for each the recipients' trailers are put
 * together under the lock, then the datagrams go out without it.
 */
#include "beat_tx.h"

#include <linux/delay.h>
#include <linux/random.h>
#include <linux/ktime.h>

#include "beat_rx.h"
#include "event.h"
#include "main.h"
#include "peer.h"
#include "sock.h"
#include "tick.h"

/**
 * struct beat_out - the beat being sent
 * @sequence: its number
 * @deadline_ns: what has not gone out by then does not
 * @next: registration index to go on from
 * @spare: leave out seven of eight beats to peers long down
 */
struct beat_out {
	u64 sequence;
	u64 deadline_ns;
	u32 next;
	bool spare;
};

static u32 beat_flags(const struct amesh_mesh *mesh, bool leaving)
{
	return (mesh->attached ? AMESH_FLAG_AGENT : 0) |
	       (leaving ? AMESH_FLAG_LEAVING : 0);
}

/* Under amesh_mesh.lock: number the beat and write its signed part. */
static void build(struct amesh_mesh *mesh, struct beat_out *out, bool leaving,
		  u64 now_ns)
{
	struct amesh_beat beat = {
		.version = AMESH_BEAT_VERSION_1,
		.version_max = AMESH_BEAT_VERSION_1,
		.wall_ms = ktime_get_real_ns() / NSEC_PER_MSEC,
	};

	if (amesh_own_next(&mesh->own))
		amesh_mesh_note_incarnation(mesh);
	beat.incarnation = mesh->own.incarnation;
	beat.sequence = mesh->own.sequence;
	memcpy(beat.member_id, mesh->cfg.member_id, sizeof(beat.member_id));
	amesh_live_fill(&mesh->live, &beat, now_ns);
	beat.flags |= beat_flags(mesh, leaving);
	amesh_beat_encode(mesh->tx->wire, &beat);
	out->sequence = beat.sequence;
	out->next = 0;
	out->spare = !leaving;
	out->deadline_ns = now_ns + mesh->cfg.live.interval_ms *
			   (AMESH_NS_PER_MS / 2);
}

static int sign(struct amesh_mesh *mesh)
{
	struct amesh_tx *tx = mesh->tx;
	int ret;

	amesh_beat_sign_input(tx->input, mesh->cfg.domain, tx->wire);
	ret = amesh_ed25519_sign(mesh->own_tfm, tx->input, sizeof(tx->input),
				 tx->wire + AMESH_BEAT_SIGNATURE);
	if (ret)
		amesh_count(mesh, AMESH_COUNT_SIGN_ERRORS);
	return ret;
}

/* How long the beat behind the floor has been held. A floor of another life
 * of this mesh was not heard by it.
 */
static u32 held_us(const struct amesh_peer *peer,
		   const struct amesh_replay *floor, u64 now_ns)
{
	const struct amesh_link *link = &peer->live.link;

	if (!peer->live.heard || floor->incarnation != link->rx_incarnation ||
	    floor->sequence != link->rx_sequence)
		return U32_MAX;
	return min_t(u64, U32_MAX,
		     div_u64(now_ns - min(now_ns, peer->live.seen_ns),
			     AMESH_NS_PER_US));
}

static void aim(struct amesh_mesh *mesh, struct amesh_peer *peer,
		struct amesh_target *target, u64 sequence, u64 now_ns)
{
	struct amesh_trailer trailer;
	struct amesh_replay floor;

	spin_lock_bh(&peer->lock);
	floor = peer->entry->floor.replay;
	spin_unlock_bh(&peer->lock);
	trailer.floor_sequence = floor.sequence;
	trailer.floor_incarnation = floor.incarnation;
	trailer.held_us = held_us(peer, &floor, now_ns);
	target->addr4 = peer->addr4;
	target->peer_index = peer->live.index;
	amesh_trailer_encode(target->trailer, &trailer);
	amesh_link_sent(&peer->live.link, sequence, now_ns);
	peer->datagrams++;
}

static bool spares(const struct amesh_peer *peer, u64 sequence, u64 now_ns)
{
	u64 down_for_ns = 0;

	if (peer->live.state == AMESH_STATE_DOWN)
		down_for_ns = now_ns - min(now_ns, peer->live.changed_ns);
	return amesh_pace_spares(down_for_ns, sequence, peer->live.index);
}

/* Under amesh_mesh.lock: the next peers to send to. Return: how many. */
static u32 collect(struct amesh_mesh *mesh, struct beat_out *out)
{
	u32 end = mesh->live.view.used * AMESH_WINDOW_MEMBERS, n = 0;
	u64 now_ns = ktime_get_boottime_ns();

	for (; n < AMESH_SLICE && out->next < end; out->next++) {
		struct amesh_peer *peer = amesh_peer_by_index(mesh, out->next);

		if (!peer)
			continue;
		if (out->spare && spares(peer, out->sequence, now_ns)) {
			amesh_count(mesh, AMESH_COUNT_TX_SPARED);
			continue;
		}
		aim(mesh, peer, &mesh->tx->target[n++], out->sequence, now_ns);
	}
	return n;
}

/* Return: whether to try this target again in the next slice. */
static bool send_one(struct amesh_mesh *mesh, struct amesh_target *target)
{
	switch (amesh_sock_send(mesh, target->addr4, mesh->tx->wire,
				target->trailer)) {
	case 0:
		amesh_count(mesh, AMESH_COUNT_DATAGRAMS);
		return false;
	case -EAGAIN:
	case -ENOBUFS:
		amesh_count(mesh, AMESH_COUNT_TX_AGAIN);
		return true;
	case -EDESTADDRREQ: /* WireGuard: no endpoint yet */
	case -ENOKEY: /* WireGuard: nobody has this address */
		amesh_count(mesh, AMESH_COUNT_TX_NO_ENDPOINT);
		return false;
	default:
		amesh_count(mesh, AMESH_COUNT_TX_ERROR);
		return false;
	}
}

/* Sends a slice; after a full buffer the rest waits. Return: whether all of
 * it was dealt with in time.
 */
static bool send_slice(struct amesh_mesh *mesh, const struct beat_out *out,
		       u32 n)
{
	u32 i = 0;

	while (i < n) {
		if (!send_one(mesh, &mesh->tx->target[i])) {
			i++;
			continue;
		}
		if (ktime_get_boottime_ns() >= out->deadline_ns) {
			this_cpu_add(mesh->stats->count[AMESH_COUNT_TX_LATE],
				     n - i);
			return false;
		}
		usleep_range(AMESH_SLICE_US, 2 * AMESH_SLICE_US);
	}
	return true;
}

static void count_late(struct amesh_mesh *mesh, struct beat_out *out)
{
	u32 n;

	do {
		mutex_lock(&mesh->lock);
		n = collect(mesh, out);
		mutex_unlock(&mesh->lock);
		this_cpu_add(mesh->stats->count[AMESH_COUNT_TX_LATE], n);
	} while (n);
}

static void send_all(struct amesh_mesh *mesh, struct beat_out *out)
{
	for (;;) {
		u32 n;

		mutex_lock(&mesh->lock);
		n = collect(mesh, out);
		mutex_unlock(&mesh->lock);
		if (!n)
			return;
		if (!send_slice(mesh, out, n) ||
		    ktime_get_boottime_ns() >= out->deadline_ns) {
			count_late(mesh, out);
			return;
		}
		if (n == AMESH_SLICE)
			usleep_range(AMESH_SLICE_US, 2 * AMESH_SLICE_US);
	}
}

/* Under amesh_mesh.lock, for a regular or early beat. */
static void prepare(struct amesh_mesh *mesh, struct beat_out *out)
{
	u64 now_ns = ktime_get_boottime_ns();
	u32 interval_ms = mesh->cfg.live.interval_ms;

	mesh->tx_queued = false;
	if (amesh_live_late(&mesh->live, now_ns))
		amesh_count(mesh, AMESH_COUNT_STALLS);
	if (amesh_live_refresh(&mesh->live, now_ns))
		amesh_event_converged(mesh);
	build(mesh, out, false, now_ns);
	amesh_count(mesh, AMESH_COUNT_BEATS);
	if (amesh_pace_sent(&mesh->pace, interval_ms, now_ns, get_random_u32()))
		amesh_count(mesh, AMESH_COUNT_EARLY_BEATS);
	amesh_live_send_due(&mesh->live, mesh->pace.due_ns);
	amesh_tick_arm(mesh);
}

void amesh_tx_work(struct work_struct *work)
{
	struct amesh_mesh *mesh =
		container_of(work, struct amesh_mesh, tx_work);
	struct beat_out out;

	/* Nobody is shown a floor that a beat already here has passed: after a
	 * stall a peer started anew would spend its raise on it (own.h).
	 */
	amesh_rx_drain(mesh);
	mutex_lock(&mesh->lock);
	if (amesh_mesh_is_dying(mesh)) {
		mutex_unlock(&mesh->lock);
		return;
	}
	prepare(mesh, &out);
	mutex_unlock(&mesh->lock);
	if (!sign(mesh))
		send_all(mesh, &out);
}

void amesh_tx_leave(struct amesh_mesh *mesh)
{
	struct beat_out out;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		if (turn)
			msleep(AMESH_LEAVING_GAP_MS);
		mutex_lock(&mesh->lock);
		build(mesh, &out, true, ktime_get_boottime_ns());
		amesh_count(mesh, AMESH_COUNT_BEATS);
		mutex_unlock(&mesh->lock);
		if (!sign(mesh))
			send_all(mesh, &out);
	}
}
