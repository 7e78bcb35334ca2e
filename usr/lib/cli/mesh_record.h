/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meshes, peers and events as records: the names that scripts rely on.
 */
#ifndef CLI_MESH_RECORD_H
#define CLI_MESH_RECORD_H

#include "attestmesh.h"
#include "out.h"

void record_mesh(struct out_record *r, const struct am_mesh *m);
void record_peer(struct out_record *r, const struct am_peer *p);
/* The columns of a peer that fit a line. */
void record_peer_brief(struct out_record *r, const struct am_peer *p);
void record_event(struct out_record *r, const struct am_event *e);

#endif
