// SPDX-License-Identifier: GPL-2.0-only
/*
 * One timer a mesh. It fires at the next slot of the wheel or at the next
 * beat, whichever is first, and kicks the tick work, which
 *
 *   - takes the time, then has every beat that has arrived verified,
 *   - finds out whether this node stood still,
 *   - looks at the peers whose slot has come, convicts suspects that are due,
 *   - sees whether the agent is gone, and for how long,
 *   - kicks the send work if a beat is due, and arms the timer again.
 *
 * A beat writes its time of arrival and, unless it brings the deadline closer,
 * nothing else: a peer stays in the slot that it was put into, and is put
 * further on when that slot comes.
 */
#include "tick.h"

#include <linux/ktime.h>

#include "beat_rx.h"
#include "event.h"
#include "kcompat.h"
#include "main.h"
#include "peer.h"

static u64 tick_width_ns(const struct amesh_mesh *mesh)
{
	return (u64)mesh->cfg.live.interval_ms * AMESH_NS_PER_MS /
	       AMESH_TICKS_PER_INTERVAL;
}

/* Put a peer into the slot of its deadline, or into the last one. */
static void wheel_put(struct amesh_mesh *mesh, struct amesh_peer *peer,
		      u64 due_ns)
{
	u64 ahead = 0;

	if (due_ns > mesh->tick_ns)
		ahead = div64_u64(due_ns - mesh->tick_ns - 1,
				  tick_width_ns(mesh)) + 1;
	if (ahead >= AMESH_WHEEL_SLOTS)
		ahead = AMESH_WHEEL_SLOTS - 1;
	list_move(&peer->wheel,
		  &mesh->wheel[(mesh->tick_slot + ahead) % AMESH_WHEEL_SLOTS]);
}

void amesh_wheel_next(struct amesh_mesh *mesh, struct amesh_peer *peer)
{
	lockdep_assert_held(&mesh->lock);
	list_move(&peer->wheel, &mesh->wheel[mesh->tick_slot]);
}

void amesh_wheel_recheck(struct amesh_mesh *mesh)
{
	u32 slot;

	lockdep_assert_held(&mesh->lock);
	for (slot = 0; slot < AMESH_WHEEL_SLOTS; slot++) {
		if (slot != mesh->tick_slot)
			list_splice_tail_init(&mesh->wheel[slot],
					      &mesh->wheel[mesh->tick_slot]);
	}
	mesh->tick_ns = ktime_get_boottime_ns();
}

static void check_slot(struct amesh_mesh *mesh, u64 now_ns)
{
	struct amesh_peer *peer, *next;
	LIST_HEAD(due);

	list_splice_init(&mesh->wheel[mesh->tick_slot], &due);
	mesh->tick_slot = (mesh->tick_slot + 1) % AMESH_WHEEL_SLOTS;
	mesh->tick_ns += tick_width_ns(mesh);
	list_for_each_entry_safe(peer, next, &due, wheel) {
		u64 again = amesh_live_check(&mesh->live, &peer->live, now_ns);

		if (again == AMESH_LIVE_NEVER)
			list_del_init(&peer->wheel);
		else
			wheel_put(mesh, peer, again);
	}
}

/* After a long stall one turn of the wheel is enough: every peer is in it. */
static void check_slots(struct amesh_mesh *mesh, u64 now_ns)
{
	u32 turn;

	for (turn = 0; turn < AMESH_WHEEL_SLOTS && mesh->tick_ns <= now_ns; turn++)
		check_slot(mesh, now_ns);
	if (mesh->tick_ns <= now_ns)
		mesh->tick_ns = now_ns + tick_width_ns(mesh);
}

/* The agent's socket was closed, or it came back. Return: the time is up. */
static bool check_agent(struct amesh_mesh *mesh, u64 now_ns)
{
	bool attached = READ_ONCE(mesh->owner);

	if (attached) {
		mesh->attached = true;
		return false;
	}
	if (mesh->attached) {
		mesh->attached = false;
		mesh->linger_until_ns = AMESH_LIVE_NEVER;
		if (mesh->cfg.linger_ms != ATTESTMESH_LINGER_FOREVER)
			mesh->linger_until_ns =
				now_ns + mesh->cfg.linger_ms * AMESH_NS_PER_MS;
	}
	return now_ns >= mesh->linger_until_ns;
}

static void pass(struct amesh_mesh *mesh, u64 now_ns)
{
	if (amesh_live_pass(&mesh->live, now_ns))
		amesh_count(mesh, AMESH_COUNT_STALLS);
	if (now_ns >= mesh->tick_ns) {
		check_slots(mesh, now_ns);
		amesh_live_judge(&mesh->live, now_ns);
	}
	if (amesh_live_refresh(&mesh->live, now_ns))
		amesh_event_converged(mesh);
}

static void tick_work(struct work_struct *work)
{
	struct amesh_mesh *mesh = container_of(work, struct amesh_mesh, tick);
	u64 now_ns = ktime_get_boottime_ns();
	bool over;

	amesh_rx_drain(mesh);
	mutex_lock(&mesh->lock);
	pass(mesh, now_ns);
	over = check_agent(mesh, now_ns);
	if (!mesh->tx_queued && !amesh_mesh_is_dying(mesh) &&
	    amesh_pace_next(&mesh->pace, mesh->cfg.live.interval_ms) <= now_ns) {
		mesh->tx_queued = true;
		queue_work(amesh_wq_time, &mesh->tx_work);
	}
	amesh_tick_arm(mesh);
	mutex_unlock(&mesh->lock);
	/* The release waits for this work, so it has to be another's. */
	if (over && amesh_mesh_unlink(mesh, ATTESTMESH_GONE_LINGER))
		amesh_mesh_release_later(mesh);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct amesh_mesh *mesh = container_of(timer, struct amesh_mesh, timer);

	queue_work(amesh_wq_time, &mesh->tick);
	return HRTIMER_NORESTART;
}

void amesh_tick_init(struct amesh_mesh *mesh)
{
	u32 slot;

	for (slot = 0; slot < AMESH_WHEEL_SLOTS; slot++)
		INIT_LIST_HEAD(&mesh->wheel[slot]);
	mesh->tick_ns = ktime_get_boottime_ns() + tick_width_ns(mesh);
	mesh->linger_until_ns = AMESH_LIVE_NEVER;
	INIT_WORK(&mesh->tick, tick_work);
	amesh_hrtimer_setup(&mesh->timer, on_timer, CLOCK_BOOTTIME,
			    HRTIMER_MODE_ABS_SOFT);
}

void amesh_tick_arm(struct amesh_mesh *mesh)
{
	u64 next_ns = mesh->tick_ns;

	lockdep_assert_held(&mesh->lock);
	if (amesh_mesh_is_dying(mesh))
		return;
	if (!mesh->tx_queued)
		next_ns = min(next_ns,
			      amesh_pace_next(&mesh->pace,
					      mesh->cfg.live.interval_ms));
	hrtimer_start(&mesh->timer, ns_to_ktime(next_ns), HRTIMER_MODE_ABS_SOFT);
}

/* The timer is started under the lock alone, and never once the mesh is seen
 * dying: after the lock was free once, only what runs already is left.
 */
void amesh_tick_stop(struct amesh_mesh *mesh)
{
	WARN_ON(!amesh_mesh_is_dying(mesh));
	mutex_lock(&mesh->lock);
	mutex_unlock(&mesh->lock);
	hrtimer_cancel(&mesh->timer);
	cancel_work_sync(&mesh->tick);
}
