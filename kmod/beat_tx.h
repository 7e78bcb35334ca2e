/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending beats: built and signed once, one datagram a peer, in slices.
 */
#ifndef _AMESH_BEAT_TX_H
#define _AMESH_BEAT_TX_H

#include "mesh.h"

/* The work behind amesh_mesh.tx_work. */
void amesh_tx_work(struct work_struct *work);

/* Sends the leaving beat twice to every peer; of a dying mesh whose works have
 * ended and whose sockets are open. Sleeps.
 */
void amesh_tx_leave(struct amesh_mesh *mesh);

#endif /* _AMESH_BEAT_TX_H */
