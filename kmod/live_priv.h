/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What live.c, peers.c and converge.c share among themselves. The glue
 * includes live.h and converge.h only.
 */
#ifndef _AMESH_LIVE_PRIV_H
#define _AMESH_LIVE_PRIV_H

#include "live.h"

/**
 * amesh_live_set_state - the one place where a state changes
 * @live: the mesh
 * @peer: a configured peer
 * @state: new state, another than the present one
 * @reason: why
 * @now_ns: boottime
 */
void amesh_live_set_state(struct amesh_live *live,
			  struct amesh_live_peer *peer, enum amesh_state state,
			  enum amesh_reason reason, u64 now_ns);

/**
 * amesh_live_seat - make a peer an observer if there is room
 * @live: the mesh
 * @peer: a configured peer
 */
void amesh_live_seat(struct amesh_live *live, struct amesh_live_peer *peer);

/**
 * amesh_live_compare - keep one peer's agreement and its count right
 * @live: the mesh
 * @peer: a peer whose state or last beat has changed
 */
void amesh_live_compare(struct amesh_live *live, struct amesh_live_peer *peer);

#endif /* _AMESH_LIVE_PRIV_H */
