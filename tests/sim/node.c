// SPDX-License-Identifier: Apache-2.0
/*
 * One node: the module's works around the pure files, with the same calls in
 * the same order. It decides nothing that a rule decides.
 */
#include <stdlib.h>

#include "world.h"

u64 node_boottime(const struct node *node)
{
	return node->boot_ns + node->world->now_ns;
}

static struct node *node_of(struct amesh_live *live)
{
	return (struct node *)(void *)live;
}

static struct pair *pair_of(struct amesh_live_peer *peer)
{
	return (struct pair *)(void *)peer;
}

static u32 number_of(const struct node *node, const struct pair *pair)
{
	return (u32)(pair - node->pair);
}

static void state_changed(struct amesh_live *live, struct amesh_live_peer *peer,
			  enum amesh_state old)
{
	struct node *node = node_of(live);
	struct pair *pair = pair_of(peer);
	struct world *world = node->world;
	u32 other = number_of(node, pair);

	world->hash = (world->hash ^ (world->now_ns + node->id * 131 + other)) *
		      0x100000001b3ULL + peer->state;
	if (amesh_live_is_view_change(old, (enum amesh_state)peer->state))
		amesh_pace_want(&node->pace, node_boottime(node));
	if (peer->state == AMESH_STATE_DOWN) {
		world->convictions[peer->reason]++;
		if (peer->reason != AMESH_REASON_LEAVING)
			check_convicted(node, other,
					(enum amesh_reason)peer->reason);
	}
}

/* What the agent gives MESH_SET: 1000 x the smaller of the newest block's
 * time and the wall clock plus an hour.
 */
u64 node_floor_ms(const struct node *node)
{
	const struct world *world = node->world;
	u64 step = world->profile.block_ns;
	s64 block = (s64)(world->now_ns / step * step);
	s64 wall = (s64)world->now_ns + node->wall_ns + (s64)(3600 * SEC);
	s64 base = (s64)(1000000 * SEC);

	if (world->now_ns < world->false_block_till_ns)
		block += world->false_block_ns;
	return (u64)((block < wall ? block : wall) + base) / SEC * 1000;
}

static void arm(struct node *node, enum event_type type, u64 at_ns)
{
	struct event *event = queue_new(&node->world->queue, type, at_ns,
					node->id);

	event->gen = ++node->gen[type];
	queue_push(&node->world->queue, event);
}

/* The timer follows the schedule whenever that may have changed. */
void node_arm_send(struct node *node)
{
	u64 next = amesh_pace_next(&node->pace, node->config.interval_ms);

	if (next == node->live.send_due_ns)
		return;
	amesh_live_send_due(&node->live, next);
	arm(node, EV_SEND,
	    amesh_max_u64(next - node->boot_ns, node->world->now_ns));
}

static void give_row(struct node *node, struct pair *pair)
{
	size_t bytes = amesh_live_row_wants(&node->live, &pair->peer);

	if (bytes)
		free(amesh_live_row_give(&node->live, &pair->peer,
					 sim_alloc(bytes), bytes));
}

static struct amesh_floor *floor_of(struct node *node, u32 other)
{
	const u8 *id = node->world->node[other].member_id;
	struct amesh_floor *floor = amesh_floors_find(&node->floors, id);

	if (floor)
		return floor;
	floor = &node->floor_of[other];
	memset(floor, 0, sizeof(*floor));
	if (amesh_floors_insert(&node->floors, floor, id))
		abort();
	return floor;
}

static void forget_view(struct pair *pair)
{
	if (!pair->view)
		return;
	free(pair->view->windows_with);
	free(pair->view->last_had);
	free(pair->view);
	pair->view = NULL;
}

static void remove_peer(struct node *node, u32 other)
{
	struct pair *pair = &node->pair[other];

	amesh_own_peer_gone(&node->own, &pair->floor->own_peer,
			    node->mesh_number);
	free(amesh_live_remove(&node->live, &pair->peer, node_boottime(node)));
	forget_view(pair);
	memset(&pair->peer, 0, sizeof(pair->peer));
	node->next_check_ns[other] = AMESH_LIVE_NEVER;
	pair->configured = false;
	pair->heard = false;
	pair->told_uid = U64_MAX;
}

static void add_peer(struct node *node, u32 other, u32 key)
{
	struct pair *pair = &node->pair[other];

	memset(&pair->peer, 0, sizeof(pair->peer));
	pair->floor = floor_of(node, other);
	if (amesh_live_add(&node->live, &pair->peer,
			   node->world->node[other].index, key != 0,
			   node_boottime(node)))
		abort();
	if (pair->was_configured)
		check_forget(node, other);
	pair->was_configured = true;
	pair->configured = true;
	pair->key = key;
	pair->heard = false;
	pair->told_uid = U64_MAX;
	node->next_check_ns[other] = AMESH_LIVE_NEVER;
}

/* Bring the configuration of one peer to what the chain says now. */
void node_learn(struct node *node, u32 other)
{
	const struct node *o = &node->world->node[other];
	struct pair *pair = &node->pair[other];

	if (!node->alive || other == node->id)
		return;
	if (!o->member) {
		if (pair->configured)
			remove_peer(node, other);
	} else if (!pair->configured) {
		add_peer(node, other, o->key);
	} else if (pair->key != o->key) {
		pair->key = o->key;
		amesh_replay_reset(&pair->floor->replay);
		pair->told_uid = U64_MAX;
		pair->uid = 0;
		forget_view(pair);
		if (!o->key)
			pair->heard = false;
		amesh_live_key(&node->live, &pair->peer, o->key != 0,
			       node_boottime(node));
	}
	node_arm_send(node);
}

static void drop_queue(struct node *node)
{
	while (node->slot_count)
		packet_put(node->slots[--node->slot_count].packet);
}

void node_forget(struct node *node)
{
	u32 i;

	for (i = 0; i < node->world->n; i++) {
		if (node->pair[i].configured)
			remove_peer(node, i);
		forget_view(&node->pair[i]);
	}
	drop_queue(node);
	free(node->live.by_index);
	node->live.by_index = NULL;
}

static void fresh_namespace(struct node *node)
{
	struct world *world = node->world;
	u32 i;

	amesh_floors_init(&node->floors, rng_u64(&world->rng));
	for (i = 0; i < world->n; i++) {
		node->pair[i].uid = 0;
		node->pair[i].floor = NULL;
	}
	for (i = 0; i < HISTORY; i++) {
		packet_put(node->history[i]);
		node->history[i] = NULL;
	}
	node->boot_ns = rng_between(&world->rng, SEC, 100000 * SEC);
	node->floor_max = 0;
}

void node_start(struct node *node, bool fresh)
{
	struct world *world = node->world;
	struct amesh_floor *own;
	u64 floor_ms = node_floor_ms(node);
	u32 windows = world->profile.windows;
	u32 i;

	if (fresh)
		fresh_namespace(node);
	node->alive = true;
	node->life++;
	node->mesh_number = ++world->meshes;
	node->started_ns = world->now_ns;
	node->stall_till_ns = node->stall_from_ns = node->stall_done_ns = 0;
	node->configured_ns = 0;
	own = floor_of(node, node->id);
	if (amesh_own_init(&node->own, floor_ms, own->own_last) ||
	    amesh_live_init(&node->live, &node->config, node->index,
			    sim_alloc(amesh_live_bytes(windows)), windows,
			    state_changed, node_boottime(node)))
		abort();
	own->own_last = node->own.incarnation;
	node->floor_max = node->floor_before = floor_ms;
	node->agent_ns = world->now_ns;
	amesh_pace_init(&node->pace, node_boottime(node) +
			rng_below(&world->rng, node->config.interval_ms * MS));
	for (i = 0; i < world->n; i++) {
		node->pair[i].was_configured = false;
		if (world->node[i].member && i != node->id)
			add_peer(node, i, world->node[i].key);
	}
	node_arm_send(node);
	arm(node, EV_PASS, world->now_ns);
	arm(node, EV_AGENT, world->now_ns + 60 * SEC);
}

static void store_incarnation(struct node *node)
{
	floor_of(node, node->id)->own_last = node->own.incarnation;
}

static void mesh_set_floor(struct node *node)
{
	u64 floor_ms = node_floor_ms(node);

	node->agent_ns = node->world->now_ns;
	amesh_own_lift_floor(&node->own, floor_ms);
	if (floor_ms <= node->floor_max)
		return;
	node->floor_before = node->floor_max;
	node->floor_rose_ns = node->world->now_ns;
	node->floor_max = floor_ms;
}

void node_agent(struct node *node)
{
	mesh_set_floor(node);
	arm(node, EV_AGENT, node->world->now_ns + 60 * SEC);
}

void node_deliver(struct node *node, struct event *event)
{
	struct world *world = node->world;
	struct packet *packet = event->packet;
	struct pair *pair = &node->pair[packet->from];
	struct amesh_beat beat;
	struct slot *slot;

	if (!node->alive || !pair->configured || !pair->key)
		return;
	amesh_beat_decode(&beat, packet->wire);
	if (!amesh_replay_is_newer(&pair->floor->replay, beat.incarnation,
				   beat.sequence)) {
		check_refused(node, packet->from, packet);
		return;
	}
	if (node->slot_count == QUEUE_SLOTS)
		return;
	slot = &node->slots[node->slot_count++];
	slot->packet = packet;
	packet->refs++;
	slot->trailer = event->trailer;
	slot->arrived_ns = world->now_ns;
	slot->stalled_ns = check_stalled_ns(node, world->now_ns);
	slot->tells = event->tells;
	if (!node->drain_armed) {
		node->drain_armed = true;
		arm(node, EV_DRAIN, world->now_ns +
		    rng_between(&world->rng, 0, 4 * MS));
	}
}

static void remember(struct node *node, const struct slot *slot)
{
	u32 at = node->history_at++ % HISTORY;

	packet_put(node->history[at]);
	node->history[at] = slot->packet;
	node->history_trailer[at] = slot->trailer;
	slot->packet->refs++;
}

static void judge_trailer(struct node *node, u32 from, const struct slot *slot)
{
	struct pair *pair = &node->pair[from];

	check_told(node, from, slot);
	switch (amesh_own_trailer(&node->own, &pair->floor->own_peer,
				  node->mesh_number, &slot->trailer)) {
	case AMESH_OWN_SENT:
		break;
	case AMESH_OWN_RAISED:
		store_incarnation(node);
		amesh_pace_want(&node->pace, node_boottime(node));
		break;
	case AMESH_OWN_STOPPED:
	case AMESH_OWN_TWIN:
		if (node->world->now_ns >= node->agent_ns + SEC)
			mesh_set_floor(node);
		break;
	}
}

/* What the verify work does with one slot, the signature being judged by
 * which key made it.
 */
static void verify_one(struct node *node, const struct slot *slot)
{
	u32 from = slot->packet->from;
	struct pair *pair = &node->pair[from];
	u64 at_ns = node->boot_ns + slot->arrived_ns;
	struct amesh_beat beat;

	if (!pair->configured || pair->key != slot->packet->key)
		return;
	amesh_beat_decode(&beat, slot->packet->wire);
	if (!amesh_replay_accept(&pair->floor->replay, beat.incarnation,
				 beat.sequence,
				 beat.flags & AMESH_FLAG_LEAVING)) {
		check_refused(node, from, slot->packet);
		return;
	}
	remember(node, slot);
	give_row(node, pair);
	check_accept(node, from, slot, &beat);
	if (amesh_live_accept(&node->live, &pair->peer, &beat, at_ns))
		node->next_check_ns[from] = 0;
	judge_trailer(node, from, slot);
	amesh_link_heard(&pair->peer.link, beat.incarnation, beat.sequence,
			 &slot->trailer, node->own.incarnation,
			 node->own.sequence, at_ns);
}

void node_drain(struct node *node)
{
	u32 i;

	for (i = 0; i < node->slot_count; i++) {
		verify_one(node, &node->slots[i]);
		packet_put(node->slots[i].packet);
	}
	node->slot_count = 0;
	node->drain_armed = false;
	amesh_live_refresh(&node->live, node_boottime(node));
	node_arm_send(node);
}

void node_pass(struct node *node)
{
	struct world *world = node->world;
	u64 now = node_boottime(node);
	u32 i;

	node_drain(node);
	amesh_live_pass(&node->live, now);
	for (i = 0; i < world->n; i++)
		if (now >= node->next_check_ns[i])
			node->next_check_ns[i] = amesh_live_check(
				&node->live, &node->pair[i].peer, now);
	amesh_live_judge(&node->live, now);
	amesh_live_refresh(&node->live, now);
	check_pass(node);
	node_arm_send(node);
	arm(node, EV_PASS, world->now_ns + node->config.interval_ms * MS /
	    AMESH_TICKS_PER_INTERVAL);
}

static struct packet *build(struct node *node, u8 flags)
{
	struct packet *packet = sim_alloc(sizeof(*packet));
	u64 now = node_boottime(node);
	struct amesh_beat beat = { .version = 1, .version_max = 1,
				   .flags = (u8)(AMESH_FLAG_AGENT | flags) };

	if (amesh_own_next(&node->own))
		store_incarnation(node);
	beat.incarnation = node->own.incarnation;
	beat.sequence = node->own.sequence;
	beat.wall_ms = (u64)((s64)node->world->now_ns + node->wall_ns) / MS;
	memcpy(beat.member_id, node->member_id, AMESH_ID_LEN);
	amesh_live_refresh(&node->live, now);
	amesh_live_fill(&node->live, &beat, now);
	amesh_beat_encode(packet->wire, &beat);
	packet->refs = 1;
	packet->uid = ++node->world->uids;
	packet->from = node->id;
	packet->life = node->life;
	packet->key = node->key;
	return packet;
}

/* The life of @to that learns from a trailer what it has to rise above. */
static u32 tells(const struct node *node, u32 to)
{
	u32 life = node->world->node[to].life;
	u32 i;

	for (i = 0; i < node->slot_count; i++)
		if (node->slots[i].packet->from == to &&
		    node->slots[i].packet->life != life)
			return 0;
	return life;
}

static u32 held_us(const struct node *node, const struct pair *pair, u64 now)
{
	u64 us;

	if (!pair->heard || now < pair->peer.seen_ns)
		return pair->heard ? 0 : U32_MAX;
	us = (now - pair->peer.seen_ns) / AMESH_NS_PER_US;
	(void)node;
	return us > U32_MAX ? U32_MAX : (u32)us;
}

static void send_all(struct node *node, struct packet *packet)
{
	struct world *world = node->world;
	u64 now = node_boottime(node);
	u64 sequence = node->own.sequence;
	u32 i, sent = 0;

	for (i = 0; i < world->n; i++) {
		struct pair *pair = &node->pair[i];
		struct amesh_trailer trailer;
		struct packet *copy = packet;
		u64 down_ns = 0;

		if (!pair->configured)
			continue;
		if (pair->peer.state == AMESH_STATE_DOWN)
			down_ns = now - amesh_min_u64(now, pair->peer.changed_ns);
		if (amesh_pace_spares(down_ns, sequence, pair->peer.index))
			continue;
		trailer.floor_sequence = pair->floor->replay.sequence;
		trailer.floor_incarnation = pair->floor->replay.incarnation;
		trailer.held_us = held_us(node, pair, now);
		if (node->liar) {
			copy = liar_packet(node, packet);
			liar_trailer(node, i, &trailer);
		}
		amesh_link_sent(&pair->peer.link, sequence, now);
		world_transmit(node, i, copy, &trailer, sent / 128 * MS,
			       tells(node, i));
		if (copy != packet)
			packet_put(copy);
		sent++;
	}
	packet_put(packet);
}

/* A stall ends before it was to end: what waited for it runs now. */
void node_resume(struct node *node)
{
	u64 now = node->world->now_ns;

	node->stall_till_ns = now;
	arm(node, EV_SEND, now);
	arm(node, EV_PASS, now);
	arm(node, EV_AGENT, now);
	if (node->drain_armed)
		arm(node, EV_DRAIN, now);
}

void node_send(struct node *node)
{
	u64 now = node_boottime(node);

	node_drain(node);
	amesh_live_late(&node->live, now);
	amesh_pace_sent(&node->pace, node->config.interval_ms, now,
			(u32)rng_u64(&node->world->rng));
	send_all(node, build(node, 0));
	amesh_live_send_due(&node->live, AMESH_LIVE_NEVER); /* it has run */
	node_arm_send(node);
}

void node_stop(struct node *node, bool leaving)
{
	int twice;

	if (leaving)
		for (twice = 0; twice < 2; twice++)
			send_all(node, build(node, AMESH_FLAG_LEAVING));
	node->world->alive_ns += node->world->now_ns - node->started_ns;
	node->alive = false;
	node->may_start_ns = node->world->now_ns + DOWN_MIN_NS;
	node->drain_armed = false;
	node_forget(node);
}
