// SPDX-License-Identifier: Apache-2.0
/*
 * The properties, judged from what the simulator knows: when beats really
 * arrived, when a node really stood still, who lies. Times and evidence are
 * kept here a second time, in another way than the pure files keep them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

/* A pass may run this much late: works are put off a little after a stall,
 * each time anew.
 */
#define SLOP_NS (6 * MS)

const char *property_name(enum property property)
{
	static const char *const names[] = {
		[P_EARLY] = "early", [P_BOUND] = "bound",
		[P_CONVERGED] = "converged", [P_LIAR] = "liar",
		[P_REPLAY] = "replay", [P_LOCKOUT] = "lockout",
		[P_WAKE] = "wake", [P_COUNTERS] = "counters",
		[P_CALM] = "calm",
	};

	return names[property];
}

void violation(struct node *node, enum property property, u32 other,
	       const char *what)
{
	struct world *world = node->world;

	world->violations++;
	world->violation_of[property]++;
	if (world->trace)
		printf("violation: seed %llu at %.6f s, node %u, peer %u: %s: %s\n",
		       (unsigned long long)world->seed,
		       (double)world->now_ns / 1e9, node->id, other,
		       property_name(property), what);
}

/* Time before @at_ns in which the node stood still. */
u64 check_stalled_ns(const struct node *node, u64 at_ns)
{
	u64 till = amesh_min_u64(at_ns, node->stall_till_ns);

	return node->stall_done_ns +
	       (till > node->stall_from_ns ? till - node->stall_from_ns : 0);
}

static u64 half_intervals_ns(u32 count, u32 interval_ms)
{
	return (2 * (u64)count + 1) * interval_ms * (MS / 2);
}

static void forget_windows(const struct node *node, struct oracle_view *view)
{
	memset(view->at_ns, 0, sizeof(view->at_ns));
	memset(view->windows_with, 0, node->world->n * sizeof(u32));
	memset(view->last_had, 0, node->world->n);
}

/* An index that was taken away and given again is another member. */
void check_forget(struct node *node, u32 other)
{
	u32 i;

	for (i = 0; i < node->world->n; i++) {
		struct oracle_view *view = node->pair[i].view;

		if (!view)
			continue;
		view->windows_with[other] = 0;
		view->last_had[other] = 0;
	}
}

static void note_window(struct node *node, struct pair *pair,
			const struct amesh_beat *beat, u64 arrived_ns)
{
	struct world *world = node->world;
	struct oracle_view *view = pair->view;
	u32 w = beat->window_base / AMESH_WINDOW_MEMBERS;
	u32 i;

	if (!view) {
		view = pair->view = sim_alloc(sizeof(*view));
		view->windows_with = sim_alloc(world->n * sizeof(u32));
		view->last_had = sim_alloc(world->n);
	}
	if (view->incarnation != beat->incarnation)
		forget_windows(node, view);
	view->incarnation = beat->incarnation;
	if (beat->flags & AMESH_FLAG_LEAVING ||
	    beat->window_base % AMESH_WINDOW_MEMBERS ||
	    w >= node->live.view.used)
		return;
	view->at_ns[w] = 0;
	if (beat->flags & AMESH_FLAG_SELF_DOUBT)
		return;
	view->at_ns[w] = arrived_ns;
	for (i = 0; i < world->n; i++) {
		u32 index = world->node[i].index;

		if (index / AMESH_WINDOW_MEMBERS != w)
			continue;
		index %= AMESH_WINDOW_MEMBERS;
		view->last_had[i] = beat->window[index / 8] >> index % 8 & 1;
		view->windows_with[i] += view->last_had[i];
	}
}

void check_accept(struct node *node, u32 from, const struct slot *slot,
		  const struct amesh_beat *beat)
{
	struct world *world = node->world;
	struct pair *pair = &node->pair[from];
	u32 ms = beat->interval_ms;

	world->accepted++;
	/* Who lies may number its beats in any order. */
	if (!world->node[from].liar && slot->packet->uid <= pair->uid)
		violation(node, P_REPLAY, from, "an old beat was accepted");
	pair->uid = amesh_max_u64(pair->uid, slot->packet->uid);
	if (!pair->heard || slot->arrived_ns > pair->arrived_ns) {
		pair->arrived_ns = slot->arrived_ns;
		pair->stalled_ns = slot->stalled_ns;
	}
	pair->stalls = node->stalls;
	pair->heard = true;
	pair->flags = beat->flags;
	pair->interval_ms = ms < 50 ? 50 : ms > 30000 ? 30000 : ms;
	pair->live = beat->live;
	memcpy(pair->digest, beat->digest, AMESH_DIGEST_LEN);
	if (world->profile.oracle)
		note_window(node, pair, beat, slot->arrived_ns);
}

/* A peer showed the floor it holds for this node. If this node's own floor is
 * less than an hour below it, what is built from now on must be accepted. What
 * it showed before this life began may since have been passed by beats of the
 * one before.
 */
void check_told(struct node *node, u32 from, const struct slot *slot)
{
	const struct amesh_trailer *t = &slot->trailer;

	if (node->world->node[from].liar || node->liar ||
	    slot->tells != node->life)
		return;
	if (t->floor_sequence &&
	    t->floor_incarnation >= node->floor_max + AMESH_RAISE_MS_MAX)
		return;
	node->pair[from].told_uid = amesh_min_u64(node->pair[from].told_uid,
						  node->world->uids);
}

void check_refused(struct node *node, u32 from, const struct packet *packet)
{
	const struct node *sender = &node->world->node[from];
	struct amesh_beat beat;

	if (node->liar || sender->liar || !sender->alive ||
	    packet->life != sender->life ||
	    packet->uid <= node->pair[from].uid ||
	    packet->uid <= sender->pair[node->id].told_uid)
		return;
	amesh_beat_decode(&beat, packet->wire);
	if (beat.flags & AMESH_FLAG_LEAVING)
		return;
	violation(node, P_LOCKOUT, from,
		  "a beat built after its sender was told the floor is refused");
}

static u64 silent_ns(const struct node *node, const struct pair *pair)
{
	u64 now = node->world->now_ns;

	return now > pair->arrived_ns ? now - pair->arrived_ns : 0;
}

/* Silence less the time in which the node stood still. */
static u64 running_silence_ns(const struct node *node, const struct pair *pair)
{
	u64 silent = silent_ns(node, pair);
	u64 stalled = check_stalled_ns(node, node->world->now_ns) -
		      pair->stalled_ns;

	return silent > stalled ? silent - stalled : 0;
}

static u64 bound_ns(const struct node *node, const struct pair *pair)
{
	u64 bound = half_intervals_ns(node->config.convict, pair->interval_ms) +
		    node->config.interval_ms * MS / 8 + SLOP_NS +
		    (node->stalls - pair->stalls) * SLOP_NS / 2;

	if (pair->arrived_ns < node->big_till_ns)
		bound += node->config.convict * pair->interval_ms * MS;
	return bound;
}

/* How long the node has run since its configuration changed. */
static u64 configured_for_ns(const struct node *node)
{
	u64 now = node->world->now_ns;

	return now - node->configured_ns -
	       (check_stalled_ns(node, now) - node->configured_stalled_ns);
}

static bool is_past_bound(const struct node *node, const struct pair *pair)
{
	u64 bound = bound_ns(node, pair);

	/* A shorter bound by configuration counts from then on. */
	if (node->configured_ns && configured_for_ns(node) < 2 * bound)
		return false;
	return running_silence_ns(node, pair) > bound;
}

struct tally {
	u32 has, lacks, honest_has, honest_lacks;
};

static struct tally count_observers(const struct node *node, u32 x)
{
	const struct world *world = node->world;
	u32 w = world->node[x].index / AMESH_WINDOW_MEMBERS;
	struct tally t = { 0 };
	u32 i;

	for (i = 0; i < world->n; i++) {
		const struct pair *o = &node->pair[i];
		bool honest = !world->node[i].liar;

		if (!o->configured || !o->heard || !o->view || i == x ||
		    o->peer.state != AMESH_STATE_UP ||
		    o->flags & (AMESH_FLAG_SELF_DOUBT | AMESH_FLAG_LEAVING) ||
		    o->view->at_ns[w] <= node->pair[x].arrived_ns ||
		    o->view->windows_with[x] <= o->view->last_had[x])
			continue;
		if (o->view->last_had[x]) {
			t.has++;
			t.honest_has += honest;
		} else {
			t.lacks++;
			t.honest_lacks += honest;
		}
	}
	return t;
}

static void check_evidence(struct node *node, u32 other,
			   enum amesh_reason reason)
{
	struct tally t = count_observers(node, other);

	if (reason != AMESH_REASON_OBSERVERS) {
		if ((reason == AMESH_REASON_UNREACHABLE) != (t.has > 0))
			violation(node, P_COUNTERS, other,
				  "unreachable and time are mixed up");
		return;
	}
	if (t.honest_lacks < 2)
		violation(node, P_LIAR, other,
			  "convicted though fewer than two honest observers lack it");
	if (t.honest_has > t.honest_lacks)
		violation(node, P_LIAR, other,
			  "convicted though more honest observers hear it");
	if (t.lacks < 3 || t.lacks <= t.has)
		violation(node, P_LIAR, other,
			  "convicted without a majority of three");
}

/* After a stall that must have been noticed, nobody is convicted within a
 * suspicion window, but for who has used up the postponement. What a stall
 * took before the send work was due is not taken out of the silence.
 */
static bool is_rash_after_stall(const struct node *node,
				const struct pair *pair)
{
	u64 now = node->world->now_ns;
	u64 unit = amesh_max_u64(node->config.interval_ms,
				 AMESH_STALL_MS_MIN) * MS;
	u64 spare = (node->stalls - pair->stalls + 1) * 5 * unit / 4;
	u64 most = half_intervals_ns(node->config.convict, pair->interval_ms) +
		   node->config.convict * pair->interval_ms * MS;

	return node->stall_till_ns - node->stall_from_ns > 5 * unit / 2 &&
	       pair->arrived_ns < node->stall_till_ns &&
	       now - node->stall_till_ns + MS <
	       half_intervals_ns(node->config.miss, pair->interval_ms) &&
	       running_silence_ns(node, pair) + spare < most;
}

void check_convicted(struct node *node, u32 other, enum amesh_reason reason)
{
	struct pair *pair = &node->pair[other];

	if (silent_ns(node, pair) <
	    half_intervals_ns(node->config.miss, pair->interval_ms))
		violation(node, P_EARLY, other,
			  "convicted within the suspicion window");
	if (is_past_bound(node, pair))
		violation(node, P_BOUND, other, "convicted after the bound");
	if (is_rash_after_stall(node, pair))
		violation(node, P_WAKE, other, "convicted right after a stall");
	if (node->world->profile.oracle)
		check_evidence(node, other, reason);
}

static bool is_live(const struct pair *pair)
{
	return pair->configured &&
	       amesh_state_is_live((enum amesh_state)pair->peer.state);
}

static bool agrees(const struct node *node, const struct pair *pair)
{
	return pair->live == node->live.view.live_count &&
	       !memcmp(pair->digest, node->live.view.digest, AMESH_DIGEST_LEN);
}

static void check_silence(struct node *node)
{
	u32 i;

	for (i = 0; i < node->world->n; i++)
		if (is_live(&node->pair[i]) &&
		    is_past_bound(node, &node->pair[i]))
			violation(node, P_BOUND, i, "not convicted");
}

static void check_agreement(struct node *node)
{
	u32 i;

	for (i = 0; i < node->world->n; i++)
		if (is_live(&node->pair[i]) && !agrees(node, &node->pair[i]))
			violation(node, P_CONVERGED, i,
				  "converged against its last digest");
}

/* The digest again, from the states alone. */
static void check_digest(struct node *node)
{
	const struct world *world = node->world;
	u32 bytes = world->profile.windows * AMESH_WINDOW_BYTES;
	u8 *text = sim_alloc(19 + bytes);
	u8 hash[32];
	u32 i;

	memcpy(text, "attestmesh.view.v1", 19);
	text[19 + node->index / 8] |= (u8)(1U << node->index % 8);
	for (i = 0; i < world->n; i++) {
		u32 index = world->node[i].index;

		if (is_live(&node->pair[i]))
			text[19 + index / 8] |= (u8)(1U << index % 8);
	}
	while (bytes && !text[19 + bytes - 1])
		bytes--;
	amesh_sha256(text, 19 + bytes, hash);
	if (!node->live.view.stale &&
	    memcmp(hash, node->live.view.digest, AMESH_DIGEST_LEN))
		violation(node, P_COUNTERS, node->id, "digest is wrong");
	free(text);
}

void check_full(struct node *node)
{
	const struct amesh_live *live = &node->live;
	u32 count[AMESH_STATES] = { 0 };
	u32 i, agree = 0, peers = 0;

	for (i = 0; i < node->world->n; i++) {
		const struct pair *pair = &node->pair[i];

		if (!pair->configured)
			continue;
		peers++;
		count[pair->peer.state]++;
		if (is_live(pair) && agrees(node, pair))
			agree++;
		if (live->by_index[pair->peer.index] != &pair->peer)
			violation(node, P_COUNTERS, i, "lost its place");
	}
	if (memcmp(count, live->state_count, sizeof(count)) ||
	    peers != live->peers ||
	    live->view.live_count != amesh_live_count(live) + 1)
		violation(node, P_COUNTERS, node->id, "states are miscounted");
	if (!live->agree_stale && agree != live->agree_count)
		violation(node, P_COUNTERS, node->id, "agreement is miscounted");
	check_digest(node);
}

/* The counts of this pass, for those that it left suspect. */
static void check_counts(struct node *node)
{
	u32 i;

	for (i = 0; i < node->world->n; i++) {
		const struct pair *x = &node->pair[i];
		struct tally t;

		if (!x->configured || x->peer.state != AMESH_STATE_SUSPECT)
			continue;
		t = count_observers(node, i);
		if (t.has != x->peer.ev_has || t.lacks != x->peer.ev_lacks)
			violation(node, P_COUNTERS, i,
				  "observers are miscounted");
	}
}

void check_pass(struct node *node)
{
	u32 every = node->world->profile.check_every;

	node->passes++;
	if (node->live.converged != amesh_live_converged(&node->live))
		violation(node, P_COUNTERS, node->id, "converged is stale");
	if (amesh_live_converged(&node->live) &&
	    (node->world->profile.oracle || node->passes % every == 0))
		check_agreement(node);
	if (node->world->profile.oracle &&
	    node->live.state_count[AMESH_STATE_SUSPECT])
		check_counts(node);
	if (node->passes % every)
		return;
	check_silence(node);
	check_full(node);
	if (!node->liar && amesh_own_is_twin(&node->own, 3))
		violation(node, P_LOCKOUT, node->id,
			  "a twin is seen where there is none");
}

/* Does @node hold a floor of an hour and more above what @other's MESH_SET
 * has brought so far? Then it is to refuse @other's beats until one brings
 * more. What came in the last half of the calm may not have told by its end.
 */
static bool is_an_hour_above(const struct node *node, u32 other)
{
	const struct world *world = node->world;
	const struct node *sender = &world->node[other];
	const struct pair *pair = &node->pair[other];
	u64 floor_ms = sender->floor_max;

	if (world->now_ns - sender->floor_rose_ns < world->profile.calm_ns / 2)
		floor_ms = sender->floor_before;
	return pair->configured && pair->floor->replay.incarnation >=
					   floor_ms + AMESH_RAISE_MS_MAX;
}

/* What one honest node must think of another after the calm. One that is not
 * heard for a minute is sent every eighth beat: too few to be up all the time.
 */
static void check_together(struct node *node, u32 other)
{
	if (is_an_hour_above(node, other) ||
	    is_an_hour_above(&node->world->node[other], node->id))
		return;
	if (node->pair[other].peer.state != AMESH_STATE_UP)
		violation(node, P_CALM, other, "is not up after the calm");
}

static bool is_somebody_locked_out(const struct world *world)
{
	u32 i, k;

	for (i = 0; i < world->n; i++)
		for (k = 0; k < world->n; k++)
			if (is_an_hour_above(&world->node[i], k))
				return true;
	return false;
}

void check_end(struct world *world)
{
	u32 i, k, members = 0;

	if (!world->profile.calm_ns || !world->calm || world->violations)
		return;
	for (i = 0; i < world->n; i++)
		members += world->node[i].alive;
	for (i = 0; i < world->n; i++) {
		struct node *node = &world->node[i];

		if (!node->alive || node->liar)
			continue;
		for (k = 0; k < world->n; k++)
			if (k != i && world->node[k].alive &&
			    !world->node[k].liar)
				check_together(node, k);
		if (world->profile.liar || members < 2 ||
		    is_somebody_locked_out(world))
			continue;
		if (!amesh_live_converged(&node->live))
			violation(node, P_CALM, i, "does not converge");
		if (!node->live.first_converged)
			violation(node, P_CALM, i, "the latch did not close");
	}
}
