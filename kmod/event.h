/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events to the multicast group: one function each, all under amesh_mesh.lock
 * (but the last), so that their numbers and their order agree.
 */
#ifndef _AMESH_EVENT_H
#define _AMESH_EVENT_H

#include "mesh.h"

struct amesh_peer;

/* A peer changed its state from @old to what it is now. */
void amesh_event_peer(struct amesh_mesh *mesh, const struct amesh_peer *peer,
		      enum amesh_state old);

/* converged or first_converged changed. */
void amesh_event_converged(struct amesh_mesh *mesh);

/* TWIN or RAISE_STOPPED: @peer holds @incarnation for this node. */
void amesh_event_own(struct amesh_mesh *mesh, u8 cmd,
		     const struct amesh_peer *peer, u64 incarnation);

/* The mesh is gone; its works have ended. */
void amesh_event_gone(struct amesh_mesh *mesh);

#endif /* _AMESH_EVENT_H */
