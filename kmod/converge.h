/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Convergence: do all live peers report the live set that this node has, and
 * the latch that opens the application's gate. A statement of this node
 * alone; it changes no peer's state.
 */
#ifndef _AMESH_CONVERGE_H
#define _AMESH_CONVERGE_H

#include "live.h"

/**
 * amesh_live_refresh - bring digest, agreement, converged and latch up to date
 * @live: the mesh
 * @now_ns: boottime
 *
 * Cheap when nothing changed. Call after a group of beats and every pass:
 * the latch also closes by time alone.
 *
 * Return: true if converged or first_converged changed (the event).
 */
bool amesh_live_refresh(struct amesh_live *live, u64 now_ns);

/**
 * amesh_live_converged - does every live peer's last (digest, count) equal
 * this node's?
 * @live: the mesh
 *
 * Changes nothing; false while a change is not worked in yet, so it never
 * claims more than the last accepted beats say.
 */
bool amesh_live_converged(const struct amesh_live *live);

/**
 * amesh_live_blockers - who keeps this node from being converged
 * @live: the mesh, refreshed
 * @index: registration indices are written here, ascending
 * @max: room in @index
 *
 * Return: how many live peers do not agree (may exceed @max).
 */
u32 amesh_live_blockers(const struct amesh_live *live, u16 *index, u32 max);

#endif /* _AMESH_CONVERGE_H */
