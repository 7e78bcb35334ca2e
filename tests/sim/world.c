// SPDX-License-Identifier: Apache-2.0
/*
 * One run: profile out of the seed, network, and the loop over events. See
 * world.h.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

void *sim_alloc(size_t bytes)
{
	void *mem = calloc(1, bytes);

	if (!mem) {
		fprintf(stderr, "sim: out of memory\n");
		abort();
	}
	return mem;
}

/* Small clusters in the main: most rules bite there, and many seeds fit into
 * a minute. Some sparse ones spread over all 64 windows.
 */
void world_profile(struct world *world, u32 force_nodes)
{
	static const u32 intervals[] = { 50, 100, 500, 2000, 2000, 10000 };
	static const u32 block_secs[] = { 2, 12, 120 };
	static const u32 losses[] = { 0, 0, 10000, 10000, 50000, 200000 };
	struct profile *p = &world->profile;
	struct rng *rng = &world->rng;
	u64 interval_ns;

	p->windows = 1;
	p->nodes = (u32)rng_between(rng, 2, 16);
	if (rng_below(rng, 4) == 0)
		p->nodes = (u32)rng_between(rng, 17, 40);
	if (rng_below(rng, 8) == 0) {
		p->nodes = (u32)rng_between(rng, 4, 10);
		p->windows = (u32)rng_between(rng, 2, AMESH_WINDOWS_MAX);
	}
	p->interval_ms = intervals[rng_below(rng, 6)];
	p->mixed = rng_below(rng, 4) == 0;
	p->loss_ppm = losses[rng_below(rng, 6)];
	p->latency_us = (u32)rng_between(rng, 100, 40000);
	p->dup_ppm = rng_below(rng, 2) ? 20000 : 0;
	interval_ns = p->interval_ms * MS;
	p->fault_every_ns = interval_ns * rng_between(rng, 1, 12);
	p->chaos_ns = 150 * interval_ns;
	p->block_ns = block_secs[rng_below(rng, 3)] * SEC;
	p->absent = rng_below(rng, 4) == 0;
	p->liar = rng_below(rng, 2);
	p->oracle = true;
	p->check_every = 16;
	if (force_nodes) {
		p->nodes = force_nodes;
		p->windows = force_nodes / AMESH_WINDOW_MEMBERS + 1;
		p->interval_ms = 2000;
		p->mixed = false;
		p->latency_us = 2000;
		p->loss_ppm = 10000;
		p->dup_ppm = 0;
		p->fault_every_ns = SEC / 2;
		p->chaos_ns = 7 * 2000 * MS;
		p->oracle = force_nodes <= 300;
		p->check_every = 64;
	}
	p->calm_ns = 40 * interval_ns * (p->mixed ? 4 : 1) + 6 * SEC;
	if (force_nodes)
		p->calm_ns = 0;
}

static u64 key_ns(const struct world *world, u32 from, u32 to)
{
	return world->cut_till_ns[(size_t)from * world->n + to];
}

bool world_is_cut(const struct world *world, u32 from, u32 to)
{
	if (world->now_ns < world->part_till_ns &&
	    world->node[from].group != world->node[to].group)
		return true;
	return world->now_ns < key_ns(world, from, to);
}

static void post(struct world *world, u32 from, u32 to, struct packet *packet,
		 const struct amesh_trailer *trailer, u64 at_ns, u32 tells)
{
	struct event *event = queue_new(&world->queue, EV_DELIVER, at_ns, to);

	event->from = from;
	event->packet = packet;
	event->trailer = *trailer;
	event->tells = tells;
	packet->refs++;
	queue_push(&world->queue, event);
}

/* Where nothing goes wrong a peer is heard in time even by who convicts after an
 * interval and a half: a beat comes after up to 1.1 of them, and the latency of
 * two beats differs by as much as the latency.
 */
static u64 latency_ns(const struct world *world)
{
	const struct profile *p = &world->profile;
	u64 shortest_ms = amesh_max_u64(50, p->interval_ms / 2);
	u64 latency = p->latency_us * AMESH_NS_PER_US;

	if (!world->calm || !p->mixed)
		return latency;
	return amesh_min_u64(latency, shortest_ms * MS * 3 / 10);
}

void world_transmit(struct node *from, u32 to, struct packet *packet,
		    const struct amesh_trailer *trailer, u64 after_ns,
		    u32 tells)
{
	struct world *world = from->world;
	u64 latency = latency_ns(world);
	u64 at = world->now_ns + after_ns;

	if (world_is_cut(world, from->id, to))
		return;
	if (!world->calm && rng_ppm(&world->rng, world->profile.loss_ppm))
		return;
	at += rng_between(&world->rng, latency / 2, latency * 3 / 2);
	post(world, from->id, to, packet, trailer, at, tells);
	if (rng_ppm(&world->rng, world->profile.dup_ppm))
		post(world, from->id, to, packet, trailer,
		     at + rng_below(&world->rng, 3 * SEC), tells);
}

static void init_node(struct world *world, u32 id)
{
	struct node *node = &world->node[id];
	struct profile *p = &world->profile;
	struct rng *rng = &world->rng;
	u32 i;

	node->world = world;
	node->id = id;
	node->key = id + 1;
	node->member = true;
	node->pair = sim_alloc(world->n * sizeof(*node->pair));
	node->next_check_ns = sim_alloc(world->n * sizeof(u64));
	memset(node->next_check_ns, 0xff, world->n * sizeof(u64));
	node->floor_of = sim_alloc(world->n * sizeof(*node->floor_of));
	node->slots = sim_alloc(QUEUE_SLOTS * sizeof(*node->slots));
	for (i = 0; i < AMESH_ID_LEN; i += 8)
		amesh_put_be64(node->member_id + i, rng_u64(rng));
	node->config = (struct amesh_live_config){ p->interval_ms, 3, 5, 1 };
	if (p->mixed) {
		node->config.interval_ms = (u32)rng_between(
			rng, amesh_max_u64(50, p->interval_ms / 2),
			amesh_min_u64(30000, p->interval_ms * 4));
		node->config.miss = (u32)rng_between(rng, 1, 5);
		node->config.convict = node->config.miss +
				       (u32)rng_below(rng, 5);
	}
}

/* Distinct registration indices; spread at random when there is room. */
static void init_indices(struct world *world)
{
	u32 places = world->profile.windows * AMESH_WINDOW_MEMBERS;
	u8 *taken = sim_alloc(places);
	u32 i;

	for (i = 0; i < world->n; i++) {
		u32 index = i;

		if (world->profile.windows > 1 && world->n < places / 4)
			do
				index = (u32)rng_below(&world->rng, places);
			while (taken[index]);
		taken[index] = 1;
		world->node[i].index = index;
	}
	free(taken);
}

static void init_world(struct world *world, u32 force_nodes)
{
	u64 spread_ns;
	u32 i;

	world_profile(world, force_nodes);
	spread_ns = world->profile.interval_ms * MS * (force_nodes ? 1 : 4);
	world->n = world->profile.nodes;
	world->node = sim_alloc(world->n * sizeof(*world->node));
	world->cut_till_ns =
		sim_alloc((size_t)world->n * world->n * sizeof(u64));
	for (i = 0; i < world->n; i++)
		init_node(world, i);
	init_indices(world);
	if (world->profile.liar)
		world->node[rng_below(&world->rng, world->n)].liar = true;
	if (world->profile.absent)
		world->node[rng_below(&world->rng, world->n)].absent = true;
	for (i = 0; i < world->n; i++)
		queue_push(&world->queue,
			   queue_new(&world->queue, EV_START,
				     rng_below(&world->rng, spread_ns), i));
	queue_push(&world->queue,
		   queue_new(&world->queue, EV_FAULT,
			     world->profile.fault_every_ns, 0));
}

static void end_world(struct world *world)
{
	u32 i, k;

	for (i = 0; i < world->n; i++) {
		struct node *node = &world->node[i];

		if (node->alive)
			world->alive_ns += world->now_ns - node->started_ns;
		if (node->live.by_index)
			node_forget(node);
		for (k = 0; k < HISTORY; k++)
			packet_put(node->history[k]);
		free(node->pair);
		free(node->next_check_ns);
		free(node->floor_of);
		free(node->slots);
	}
	free(world->node);
	free(world->cut_till_ns);
	queue_end(&world->queue);
}

/* Works wait for the end of a stall and then run in any order; packets wait
 * with them or are lost if the network card stood still as well.
 */
static bool put_off(struct world *world, struct node *node, struct event *event)
{
	u64 till = node->stall_till_ns;

	if (!node->alive || world->now_ns >= till || event->type > EV_AGENT)
		return false;
	if (event->type == EV_DELIVER) {
		if (!node->stall_deaf)
			return false;
		if (rng_below(&world->rng, 2)) {
			packet_put(event->packet);
			queue_release(&world->queue, event);
			return true;
		}
	}
	/* Packets keep their order: the card's ring is one. */
	event->at_ns = till;
	if (event->type == EV_DELIVER)
		event->held = true;
	else
		event->at_ns += rng_below(&world->rng, 2 * MS);
	queue_push(&world->queue, event);
	return true;
}

static void run_work(struct node *node, const struct event *event)
{
	if (!node->alive || event->gen != node->gen[event->type])
		return;
	switch ((enum event_type)event->type) {
	case EV_DRAIN:
		if (node->drain_armed)
			node_drain(node);
		break;
	case EV_SEND:
		node_send(node);
		break;
	case EV_PASS:
		node_pass(node);
		break;
	case EV_AGENT:
		node_agent(node);
		break;
	case EV_DELIVER:
	case EV_FAULT:
	case EV_START:
	case EV_STUMBLE:
	case EV_TELL:
		break;
	}
}

static void handle(struct world *world, struct event *event)
{
	struct node *node = &world->node[event->node];

	if (put_off(world, node, event))
		return;
	switch ((enum event_type)event->type) {
	case EV_DELIVER:
		/* The card's ring is lost with the stall it waited for. */
		if ((!event->held || node->stall_till_ns == world->now_ns) &&
		    (!event->gen || event->gen == node->life))
			node_deliver(node, event);
		packet_put(event->packet);
		break;
	case EV_DRAIN:
	case EV_SEND:
	case EV_PASS:
	case EV_AGENT:
		run_work(node, event);
		break;
	case EV_FAULT:
		if (!world->calm)
			fault_next(world);
		break;
	case EV_START:
		/* One from an earlier stop may come too soon; each stop that is
		 * followed by a start has its own.
		 */
		if (!node->alive && node->member && !node->absent &&
		    world->now_ns >= node->may_start_ns)
			node_start(node, event->gen == 0);
		break;
	case EV_STUMBLE:
		fault_stumble(node);
		break;
	case EV_TELL:
		node_learn(node, event->from);
		break;
	}
	queue_release(&world->queue, event);
}

u32 world_run(struct world *world, u64 seed, u32 force_nodes, bool trace)
{
	struct event *event;
	u64 end;

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->trace = trace;
	world->rng.state = seed * 0x2545f4914f6cdd1dULL + 1;
	init_world(world, force_nodes);
	end = world->profile.chaos_ns + world->profile.calm_ns;
	while ((event = queue_pop(&world->queue))) {
		if (!world->calm && event->at_ns >= world->profile.chaos_ns &&
		    world->profile.calm_ns) {
			world->now_ns = world->profile.chaos_ns;
			fault_calm(world);
		}
		if (event->at_ns >= end || world->violations >= 3) {
			queue_push(&world->queue, event);
			break;
		}
		world->now_ns = event->at_ns;
		world->steps++;
		world->hash = world->hash * 0x100000001b3ULL ^
			      (event->at_ns + event->type * 7919U +
			       event->node);
		handle(world, event);
	}
	check_end(world);
	end_world(world);
	return world->violations;
}
