// SPDX-License-Identifier: Apache-2.0
/*
 * What goes wrong in a run, and how it is all put right again before the end.
 */
#include "world.h"

static u64 intervals(struct world *world, u64 low, u64 high)
{
	u64 interval = world->profile.interval_ms * MS;

	return rng_between(&world->rng, low * interval, high * interval);
}

static struct node *any(struct world *world)
{
	return &world->node[rng_below(&world->rng, world->n)];
}

static void start_later(struct world *world, struct node *node, bool fresh,
			u64 after_ns)
{
	struct event *event = queue_new(&world->queue, EV_START,
					world->now_ns + after_ns, node->id);

	event->gen = fresh ? 0 : 1;
	queue_push(&world->queue, event);
}

/* Death without a word, or leaving; back in a fresh namespace or, when only
 * the mesh was made anew, in the old one. Without a block between, the floor
 * is the same as before.
 */
static void stop_one(struct world *world)
{
	struct node *node = any(world);
	bool fresh = rng_below(&world->rng, 3) != 0;

	if (!node->alive)
		return;
	node_stop(node, rng_below(&world->rng, 4) == 0);
	start_later(world, node, fresh,
		    DOWN_MIN_NS + intervals(world, 0, 30));
}

static void stall(struct node *node, u64 span)
{
	struct world *world = node->world;
	u64 bound = amesh_max_u64(node->config.interval_ms,
				  AMESH_STALL_MS_MIN) * MS;

	if (!node->alive || world->now_ns < node->stall_till_ns + 2 * MS)
		return;
	node->stall_done_ns += node->stall_till_ns - node->stall_from_ns;
	node->stall_from_ns = world->now_ns;
	node->stall_till_ns = world->now_ns + span;
	node->stall_deaf = rng_below(&world->rng, 2);
	node->stalls++;
	if (span > bound)
		node->big_till_ns = node->stall_till_ns + 3 * MS;
}

static void stall_one(struct world *world)
{
	stall(any(world), rng_below(&world->rng, 3) ?
				  intervals(world, 1, 12) :
				  intervals(world, 20, 60));
}

/* A node that has too little of its processor: it runs for about an interval,
 * stands still for two or three, and again.
 */
void fault_stumble(struct node *node)
{
	struct world *world = node->world;
	u64 unit = amesh_max_u64(node->config.interval_ms,
				 AMESH_STALL_MS_MIN) * MS;
	u64 span = unit * rng_between(&world->rng, 20, 30) / 10;

	if (!node->stumbles || world->calm || !node->alive)
		return;
	node->stumbles--;
	stall(node, span);
	queue_push(&world->queue,
		   queue_new(&world->queue, EV_STUMBLE, world->now_ns + span +
			     unit * rng_between(&world->rng, 5, 12) / 10,
			     node->id));
}

static void stumble_one(struct world *world)
{
	struct node *node = any(world);

	if (node->stumbles)
		return;
	node->stumbles = 30;
	fault_stumble(node);
}

static void cut_one_way(struct world *world)
{
	u64 till = world->now_ns + intervals(world, 1, 25);
	u32 from = any(world)->id, to, count;

	/* One link, or all that this node sends. */
	count = rng_below(&world->rng, 3) ? 1 : world->n;
	while (count--) {
		to = count && world->n > 1 ? count : any(world)->id;
		world->cut_till_ns[(size_t)from * world->n + to] = till;
	}
}

static void cut_both_ways(struct world *world)
{
	u64 till = world->now_ns + intervals(world, 1, 25);
	u32 a = any(world)->id, b = any(world)->id;

	world->cut_till_ns[(size_t)a * world->n + b] = till;
	world->cut_till_ns[(size_t)b * world->n + a] = till;
}

static void partition(struct world *world)
{
	u32 i, groups = (u32)rng_between(&world->rng, 2, 3);

	for (i = 0; i < world->n; i++)
		world->node[i].group = (u32)rng_below(&world->rng, groups);
	world->part_till_ns = world->now_ns + intervals(world, 1, 25);
}

static void jump_clock(struct world *world)
{
	static const u64 far[] = { 60 * SEC, 3600 * SEC, 86400 * SEC };
	struct node *node = any(world);
	u64 by = rng_below(&world->rng, far[rng_below(&world->rng, 3)]);

	node->wall_ns = rng_below(&world->rng, 2) ? (s64)by : -(s64)by;
	if (rng_below(&world->rng, 3) == 0)
		node->wall_ns = 0;
}

static void false_block(struct world *world)
{
	world->false_block_ns = (s64)rng_below(&world->rng, 7200 * SEC);
	world->false_block_till_ns = world->now_ns + intervals(world, 5, 20);
}

/* Everything that some receiver has accepted comes once more, in this life of
 * the receiver: a fresh namespace remembers nothing that it could compare.
 */
static void replay(struct world *world)
{
	struct node *node = any(world);
	struct event *event;
	u32 i;

	if (!node->alive)
		return;
	for (i = 0; i < HISTORY; i++) {
		if (!node->history[i])
			continue;
		event = queue_new(&world->queue, EV_DELIVER,
				  world->now_ns +
				  rng_below(&world->rng, SEC), node->id);
		event->packet = node->history[i];
		event->packet->refs++;
		event->from = event->packet->from;
		event->gen = node->life;
		event->trailer = node->history_trailer[i];
		queue_push(&world->queue, event);
	}
}

static void tell_all(struct world *world, u32 of)
{
	struct event *event;
	u32 i;

	for (i = 0; i < world->n; i++) {
		event = queue_new(&world->queue, EV_TELL, world->now_ns +
				  intervals(world, 0, 5), i);
		event->from = of;
		queue_push(&world->queue, event);
	}
}

static void change_key(struct world *world)
{
	struct node *node = any(world);

	node->key += world->n;
	tell_all(world, node->id);
}

static void change_membership(struct world *world)
{
	struct node *node = any(world);

	if (node->liar)
		return;
	node->member = !node->member;
	if (!node->member && node->alive)
		node_stop(node, false);
	if (node->member)
		start_later(world, node, true, DOWN_MIN_NS);
	tell_all(world, node->id);
}

static void change_config(struct world *world)
{
	struct node *node = any(world);
	struct amesh_live_config config = node->config;
	u32 i;

	/* Nobody configures a machine that stands still. */
	if (!node->alive || !world->profile.mixed ||
	    world->now_ns < node->stall_till_ns)
		return;
	config.miss = (u32)rng_between(&world->rng, 1, 5);
	config.convict = config.miss + (u32)rng_below(&world->rng, 5);
	if (amesh_live_configure(&node->live, &config))
		return;
	node->config = config;
	node->configured_ns = world->now_ns;
	node->configured_stalled_ns = check_stalled_ns(node, world->now_ns);
	for (i = 0; i < world->n; i++)
		if (node->pair[i].configured)
			node->next_check_ns[i] = 0;
}

void fault_next(struct world *world)
{
	static void (*const kinds[])(struct world *) = {
		stop_one, stop_one, stall_one, stumble_one, cut_one_way,
		cut_one_way, cut_both_ways, partition, jump_clock, false_block,
		replay, replay, change_key, change_membership, change_config,
	};

	kinds[rng_below(&world->rng, sizeof(kinds) / sizeof(*kinds))](world);
	queue_push(&world->queue,
		   queue_new(&world->queue, EV_FAULT, world->now_ns + 1 +
			     rng_below(&world->rng,
				       2 * world->profile.fault_every_ns), 0));
}

/* No more faults: links heal, clocks are right, everybody runs and knows the
 * members and their keys. Only the liar goes on.
 */
void fault_calm(struct world *world)
{
	u32 i, k;

	world->calm = true;
	world->part_till_ns = 0;
	world->false_block_till_ns = 0;
	memset(world->cut_till_ns, 0, (size_t)world->n * world->n * 8);
	for (i = 0; i < world->n; i++) {
		struct node *node = &world->node[i];

		node->wall_ns = 0;
		if (node->big_till_ns > world->now_ns)
			node->big_till_ns = world->now_ns + 3 * MS;
		if (!node->alive && node->member)
			start_later(world, node, true,
				    rng_between(&world->rng, DOWN_MIN_NS,
						DOWN_MIN_NS + SEC));
		for (k = 0; k < world->n; k++)
			node_learn(node, k);
		if (node->alive && world->now_ns < node->stall_till_ns)
			node_resume(node);
		else if (node->alive)
			node_agent(node);
	}
}
