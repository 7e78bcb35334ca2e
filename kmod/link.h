/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What beats and their trailers show of one link: round-trip time, loss, and
 * whether the peer hears us. Information for people and for the agent; no
 * verdict on liveness depends on it.
 */
#ifndef _AMESH_LINK_H
#define _AMESH_LINK_H

#include "beat.h"

/**
 * enum amesh_link_way - as seen from the peer's last accepted beat
 * @AMESH_LINK_UNHEARD: no beat accepted yet
 * @AMESH_LINK_ONE_WAY: we hear the peer; it acknowledges nothing recent
 * @AMESH_LINK_TWO_WAY: it acknowledges one of our last AMESH_LINK_LAG_BEATS
 */
enum amesh_link_way {
	AMESH_LINK_UNHEARD,
	AMESH_LINK_ONE_WAY,
	AMESH_LINK_TWO_WAY,
};

/* amesh_link.loss is a share in units of 1 / AMESH_LINK_LOSS_ONE. */
#define AMESH_LINK_LOSS_ONE (1U << 20)

/**
 * struct amesh_link - figures of one link
 * @sent_ns: when the datagrams of the last beats to this peer went out
 * @sent_seq: low half of their sequences, by sequence modulo AMESH_LINK_SENT;
 *	0 with @sent_ns 0 = nothing sent in this place
 * @rx_incarnation: of the last accepted beat
 * @rx_sequence: of the last accepted beat
 * @rtt_us: smoothed round-trip time; valid if @rtt_known
 * @rtt_min_us: shortest in the peer's present incarnation; likewise
 * @loss: smoothed share of the peer's beats that did not arrive
 * @way: enum amesh_link_way
 * @rtt_known: a round trip was measured
 *
 * Protected by the mesh's lock.
 */
struct amesh_link {
	u64 sent_ns[AMESH_LINK_SENT];
	u32 sent_seq[AMESH_LINK_SENT];
	u64 rx_incarnation;
	u64 rx_sequence;
	u32 rtt_us;
	u32 rtt_min_us;
	u32 loss;
	u8 way;
	bool rtt_known;
};

/**
 * amesh_link_sent - a beat's datagram was handed to the interface
 * @link: of the peer it went to
 * @sequence: of the beat
 * @now_ns: boottime
 */
void amesh_link_sent(struct amesh_link *link, u64 sequence, u64 now_ns);

/**
 * amesh_link_heard - a beat of the peer was accepted
 * @link: of that peer
 * @incarnation: of the beat
 * @sequence: of the beat
 * @trailer: of the beat
 * @own_incarnation: this node's
 * @own_sequence: of the last beat built here
 * @at_ns: arrival of the beat
 *
 * A gap in the sequence is loss only while the link is two-way: a peer that
 * has this node down sends it every eighth beat.
 */
void amesh_link_heard(struct amesh_link *link, u64 incarnation, u64 sequence,
		      const struct amesh_trailer *trailer, u64 own_incarnation,
		      u64 own_sequence, u64 at_ns);

/**
 * amesh_link_loss_permille - @link->loss for people
 * @link: the link
 */
u32 amesh_link_loss_permille(const struct amesh_link *link);

#endif /* _AMESH_LINK_H */
