// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round-trip time, loss and direction of one link. See link.h.
 */
#include "link.h"

void amesh_link_sent(struct amesh_link *link, u64 sequence, u64 now_ns)
{
	u32 place = sequence % AMESH_LINK_SENT;

	link->sent_seq[place] = (u32)sequence;
	link->sent_ns[place] = now_ns;
}

static void count_gap(struct amesh_link *link, u64 sequence)
{
	u64 gap;

	if (sequence <= link->rx_sequence || link->way != AMESH_LINK_TWO_WAY)
		return;
	gap = amesh_min_u64(sequence - link->rx_sequence - 1,
			    AMESH_LINK_GAP_MAX);
	while (gap--)
		link->loss += (AMESH_LINK_LOSS_ONE - link->loss) >>
			      AMESH_LINK_LOSS_SHIFT;
}

static void add_rtt(struct amesh_link *link, u32 rtt_us)
{
	if (!link->rtt_known) {
		link->rtt_us = rtt_us;
		link->rtt_min_us = rtt_us;
		link->rtt_known = true;
		return;
	}
	if (rtt_us < link->rtt_min_us)
		link->rtt_min_us = rtt_us;
	if (rtt_us < link->rtt_us)
		link->rtt_us -= (link->rtt_us - rtt_us) >> AMESH_LINK_RTT_SHIFT;
	else
		link->rtt_us += (rtt_us - link->rtt_us) >> AMESH_LINK_RTT_SHIFT;
}

/* One datagram carries each sequence, so a sample is never ambiguous. What
 * the peer says it held is subtracted and may be a lie: one that leaves a
 * negative time is no sample.
 */
static void measure(struct amesh_link *link, const struct amesh_trailer *trailer,
		    u64 at_ns)
{
	u32 place = trailer->floor_sequence % AMESH_LINK_SENT;
	u64 total_us;

	if (!link->sent_ns[place] || trailer->held_us == U32_MAX ||
	    link->sent_seq[place] != (u32)trailer->floor_sequence ||
	    at_ns < link->sent_ns[place])
		return;
	total_us = amesh_div_u64(at_ns - link->sent_ns[place],
				 AMESH_NS_PER_US);
	if (total_us < trailer->held_us ||
	    total_us - trailer->held_us > U32_MAX)
		return;
	add_rtt(link, (u32)(total_us - trailer->held_us));
}

static bool hears_us(const struct amesh_trailer *trailer, u64 own_incarnation,
		     u64 own_sequence)
{
	return trailer->floor_sequence != 0 &&
	       trailer->floor_incarnation == own_incarnation &&
	       trailer->floor_sequence <= own_sequence &&
	       own_sequence - trailer->floor_sequence < AMESH_LINK_LAG_BEATS;
}

void amesh_link_heard(struct amesh_link *link, u64 incarnation, u64 sequence,
		      const struct amesh_trailer *trailer, u64 own_incarnation,
		      u64 own_sequence, u64 at_ns)
{
	if (link->way == AMESH_LINK_UNHEARD ||
	    link->rx_incarnation != incarnation)
		link->rtt_known = false;
	else
		count_gap(link, sequence);
	link->loss -= link->loss >> AMESH_LINK_LOSS_SHIFT;
	link->rx_incarnation = incarnation;
	link->rx_sequence = sequence;
	if (hears_us(trailer, own_incarnation, own_sequence)) {
		link->way = AMESH_LINK_TWO_WAY;
		measure(link, trailer, at_ns);
	} else {
		link->way = AMESH_LINK_ONE_WAY;
	}
}

u32 amesh_link_loss_permille(const struct amesh_link *link)
{
	return (u32)amesh_div_u64((u64)link->loss * 1000,
				  AMESH_LINK_LOSS_ONE);
}
