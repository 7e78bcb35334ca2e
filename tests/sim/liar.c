// SPDX-License-Identifier: Apache-2.0
/*
 * The one lying member: whatever a holder of its own key can put into its own
 * beats, another thing to every recipient. It cannot sign for others.
 */
#include <stdlib.h>

#include "world.h"

static void lie_in_window(struct rng *rng, struct amesh_beat *beat)
{
	u32 i;

	switch (rng_below(rng, 6)) {
	case 0: /* hears nobody */
		memset(beat->window, 0, sizeof(beat->window));
		break;
	case 1: /* hears everybody */
		memset(beat->window, 0xff, sizeof(beat->window));
		break;
	case 2: /* lacks some */
		for (i = 0; i < sizeof(beat->window); i++)
			beat->window[i] &= (u8)rng_u64(rng);
		break;
	case 3:
		for (i = 0; i < sizeof(beat->window); i++)
			beat->window[i] = (u8)rng_u64(rng);
		break;
	case 4: /* bits of one window under the base of another */
		beat->window_base = (u32)rng_below(rng, 70) * 1024;
		break;
	default:
		beat->window_base = (u32)rng_u64(rng);
	}
}

static void lie_in_numbers(struct rng *rng, struct amesh_beat *beat)
{
	switch (rng_below(rng, 8)) {
	case 0:
		beat->sequence += rng_below(rng, 1000);
		break;
	case 1:
		beat->incarnation += rng_below(rng, 5000);
		break;
	case 2:
		beat->interval_ms = (u16)rng_u64(rng);
		break;
	case 3:
		beat->live = (u32)rng_below(rng, 100);
		break;
	case 4:
		beat->digest[rng_below(rng, 16)] ^= 1;
		break;
	case 5:
		beat->flags ^= AMESH_FLAG_SELF_DOUBT;
		break;
	case 6:
		if (rng_below(rng, 20) == 0)
			beat->flags ^= AMESH_FLAG_LEAVING;
		break;
	default:
		beat->wall_ms = rng_u64(rng);
	}
}

struct packet *liar_packet(struct node *node, const struct packet *honest)
{
	struct rng *rng = &node->world->rng;
	struct packet *packet = sim_alloc(sizeof(*packet));
	struct amesh_beat beat;

	*packet = *honest;
	packet->refs = 1;
	amesh_beat_decode(&beat, honest->wire);
	if (rng_below(rng, 3))
		lie_in_window(rng, &beat);
	if (rng_below(rng, 6) == 0)
		lie_in_numbers(rng, &beat);
	amesh_beat_encode(packet->wire, &beat);
	return packet;
}

/* A false floor near what the recipient may raise to, in most cases. */
void liar_trailer(struct node *node, u32 to, struct amesh_trailer *trailer)
{
	struct rng *rng = &node->world->rng;
	const struct node *other = &node->world->node[to];

	if (rng_below(rng, 4))
		return;
	trailer->floor_sequence = rng_below(rng, 3) ? rng_below(rng, 1000) :
						      U64_MAX;
	switch (rng_below(rng, 4)) {
	case 0:
		trailer->floor_incarnation =
			other->own.floor + AMESH_RAISE_MS_MAX -
			rng_below(rng, 3);
		break;
	case 1:
		trailer->floor_incarnation = other->own.incarnation +
					     rng_below(rng, 3);
		break;
	case 2:
		trailer->floor_incarnation = rng_u64(rng);
		break;
	default:
		trailer->floor_incarnation = other->own.incarnation;
	}
	trailer->held_us = (u32)rng_u64(rng);
}
