/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time of a mesh: one boottime timer, a wheel of deadlines, the expiry
 * pass and the agent's absence. Sending is kicked from here, done elsewhere.
 */
#ifndef _AMESH_TICK_H
#define _AMESH_TICK_H

#include "mesh.h"

struct amesh_peer;

void amesh_tick_init(struct amesh_mesh *mesh);

/* Starts the timer for whatever comes first; under amesh_mesh.lock, after
 * anything that may bring a deadline or a beat closer. A dying mesh stays
 * stopped.
 */
void amesh_tick_arm(struct amesh_mesh *mesh);

/* Stops timer and tick for good: the mesh is dying. Sleeps. */
void amesh_tick_stop(struct amesh_mesh *mesh);

/* Has a peer looked at in the next tick, wherever it is in the wheel; under
 * amesh_mesh.lock, when a beat made it up or brought its deadline closer.
 */
void amesh_wheel_next(struct amesh_mesh *mesh, struct amesh_peer *peer);

/* Looks at every up peer at the next tick: the configuration changed. */
void amesh_wheel_recheck(struct amesh_mesh *mesh);

#endif /* _AMESH_TICK_H */
