/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiving beats: cheap checks in softirq, a bounded queue, verification and
 * acceptance in process context. What an accepted beat means is live.h.
 */
#ifndef _AMESH_BEAT_RX_H
#define _AMESH_BEAT_RX_H

#include "mesh.h"

struct sk_buff;
struct sock;

/* encap_rcv hook of both sockets: takes every packet, returns 0. */
int amesh_beat_rcv(struct sock *sk, struct sk_buff *skb);

void amesh_rxq_init(struct amesh_rxq *rxq);

/* Slots for @peers peers; under amesh_mesh.config. Return: 0 or -ENOMEM. */
int amesh_rxq_reserve(struct amesh_rxq *rxq, u32 peers);

void amesh_rxq_free(struct amesh_rxq *rxq);

/**
 * amesh_rx_drain - verify what was waiting when this was called
 * @mesh: any mesh
 *
 * The expiry pass calls it before it judges anybody: a beat that has arrived
 * counts, however busy the verifier is. The send work calls it before it tells
 * the peers their floors. Sleeps; takes amesh_mesh.verify.
 */
void amesh_rx_drain(struct amesh_mesh *mesh);

/**
 * amesh_rx_forget - wait until no beat of a removed peer is in anybody's hands
 * @mesh: its config lock is held
 *
 * Call after the peers are unhashed, marked dead and a grace period is over:
 * then no new slot can name them. Takes their slots out, then waits for the
 * group in verification.
 */
void amesh_rx_forget(struct amesh_mesh *mesh);

/* The work behind amesh_mesh.verify_work. */
void amesh_rx_work(struct work_struct *work);

#endif /* _AMESH_BEAT_RX_H */
