/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When this node's beats are due: regular ones with jitter, early ones after
 * a change of its own view, every eighth to peers long down. It owns the
 * times; it sends nothing and knows nothing of stalls (live.h).
 */
#ifndef _AMESH_PACE_H
#define _AMESH_PACE_H

#include "limits.h"
#include "pure.h"

#define AMESH_PACE_NEVER U64_MAX

/**
 * struct amesh_pace - send schedule of one mesh; times are boottime
 * @due_ns: next regular beat
 * @last_ns: last beat of either kind, 0 = none yet
 * @early_ns: last early beat, 0 = none yet
 * @wanted_ns: when the own view changed first since the last beat
 * @wanted: it did
 *
 * Protected by the mesh's lock.
 */
struct amesh_pace {
	u64 due_ns;
	u64 last_ns;
	u64 early_ns;
	u64 wanted_ns;
	bool wanted;
};

/**
 * amesh_pace_init - first regular beat at once
 * @pace: filled in completely
 * @now_ns: boottime
 */
void amesh_pace_init(struct amesh_pace *pace, u64 now_ns);

/**
 * amesh_pace_want - the own view changed, or the own incarnation rose
 * @pace: the schedule
 * @now_ns: boottime
 *
 * An early beat is never due before this time, however long the last beat is
 * past: else it would count as late.
 */
void amesh_pace_want(struct amesh_pace *pace, u64 now_ns);

/**
 * amesh_pace_next - when the next beat of either kind goes out
 * @pace: the schedule
 * @interval_ms: own interval
 *
 * An early beat goes a quarter of an interval after the last beat and an
 * interval after the last early one, unless a regular one comes by then.
 *
 * Return: boottime; at or after it, call amesh_pace_sent() and send.
 */
u64 amesh_pace_next(const struct amesh_pace *pace, u32 interval_ms);

/**
 * amesh_pace_sent - a beat is being sent now
 * @pace: the schedule
 * @interval_ms: own interval
 * @now_ns: boottime
 * @random: 32 random bits, for the jitter of the following one
 *
 * Regular beats keep their grid when they run a little late; after a stall
 * the grid starts anew.
 *
 * Return: true if this is an early beat (for the counter).
 */
bool amesh_pace_sent(struct amesh_pace *pace, u32 interval_ms, u64 now_ns,
		     u32 random);

/**
 * amesh_pace_spares - is a peer spared this beat?
 * @down_for_ns: how long it has been down, 0 if it is not
 * @sequence: of the beat
 * @index: the peer's registration index; spreads the eighths
 */
bool amesh_pace_spares(u64 down_for_ns, u64 sequence, u32 index);

#endif /* _AMESH_PACE_H */
