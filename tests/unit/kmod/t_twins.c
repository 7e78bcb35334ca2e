// SPDX-License-Identifier: Apache-2.0
/*
 * Two instances of one member against their peers, in thousands of seeded runs:
 * both find out, the one that stays is heard again, and without a second
 * instance nobody finds one, whatever a lying peer shows. The peers are the
 * module's own replay floors; that the two take turns at being heard is what
 * WireGuard does when two machines hold one key.
 */
#include "cm.h"
#include "kmod/own.h"
#include "kmod/replay.h"

enum {
	PEERS_MAX = 4,
	RUNS = 2000,
	LIFT_EVERY = 30,	/* beats between two MESH_SET: a minute */
	TURN_MAX = 24,		/* beats that one instance is deaf to a peer */
	FOUND_WITHIN = 150,	/* beats: five minutes of 2 s */
	BACK_WITHIN = 60,
};

#define FIRST_FLOOR 1700000000000ULL
#define MESH 1

struct instance {
	struct amesh_own own;
	struct amesh_own_peer peer[PEERS_MAX];
	bool runs, found;
	u32 found_at;
};

struct duel {
	u64 random;
	u32 peers, beats;
	struct instance side[2];
	struct amesh_replay floor[PEERS_MAX];
	u32 turn[PEERS_MAX], turn_left[PEERS_MAX];
	u32 liar;	/* a peer's number, PEERS_MAX for none */
};

static u32 below(struct duel *d, u32 n)
{
	d->random = d->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)((d->random >> 33) % n);
}

static void begin(struct duel *d, u64 seed, u32 peers)
{
	memset(d, 0, sizeof(*d));
	d->random = seed;
	d->peers = peers;
	d->liar = PEERS_MAX;
}

static void start(struct instance *i, u64 floor)
{
	memset(i, 0, sizeof(*i));
	assert_int_equal(amesh_own_init(&i->own, floor, 0), 0);
	i->runs = true;
}

/* As the module does it with what one accepted beat brings. */
static void hear(struct duel *d, struct instance *i, u32 peer,
		 const struct amesh_trailer *trailer)
{
	if (amesh_own_trailer(&i->own, &i->peer[peer], MESH, trailer) !=
		    AMESH_OWN_TWIN ||
	    !amesh_own_is_twin(&i->own, d->peers))
		return;
	if (!i->found)
		i->found_at = d->beats;
	i->found = true;
	amesh_own_tell(&i->own, trailer);
}

static struct amesh_trailer shown_by(struct duel *d, u32 peer)
{
	struct amesh_trailer t = {
		.floor_incarnation = d->floor[peer].incarnation,
		.floor_sequence = d->floor[peer].sequence,
	};

	if (peer == d->liar && below(d, 3)) {
		t.floor_sequence = 1 + below(d, 1000);
		t.floor_incarnation = d->side[0].own.incarnation +
				      below(d, 2 * AMESH_TWIN_APART_MS);
	}
	return t;
}

static void send_all(struct duel *d)
{
	u32 first = below(d, 2), k, p;

	for (k = 0; k < 2; k++) {
		struct instance *i = &d->side[(first + k) % 2];

		if (!i->runs)
			continue;
		amesh_own_next(&i->own);
		for (p = 0; p < d->peers; p++)
			amesh_replay_accept(&d->floor[p], i->own.incarnation,
					    i->own.sequence, false);
	}
}

/* A peer's beat goes to whoever it thinks the member is. */
static struct instance *hearer(struct duel *d, u32 peer)
{
	if (!d->turn_left[peer]--) {
		d->turn[peer] = !d->turn[peer];
		d->turn_left[peer] = 4 + below(d, TURN_MAX - 4);
	}
	if (!d->side[1].runs)
		return &d->side[0];
	if (!d->side[0].runs)
		return &d->side[1];
	return below(d, 2) ? &d->side[d->turn[peer]] : NULL;
}

static void beat(struct duel *d)
{
	u32 p, k;

	d->beats++;
	send_all(d);
	for (p = 0; p < d->peers; p++) {
		struct amesh_trailer t = shown_by(d, p);
		struct instance *i = hearer(d, p);

		if (i)
			hear(d, i, p, &t);
	}
	if (d->beats % LIFT_EVERY)
		return;
	for (k = 0; k < 2; k++)
		amesh_own_lift_floor(&d->side[k].own,
				     FIRST_FLOOR + d->beats * 2000ULL);
}

static bool is_heard(const struct duel *d, u32 side)
{
	const struct amesh_own *own = &d->side[side].own;
	u32 p;

	for (p = 0; p < d->peers; p++)
		if (d->floor[p].incarnation != own->incarnation ||
		    d->floor[p].sequence != own->sequence)
			return false;
	return true;
}

/* The second one starts some blocks later, or within the same. */
static void add_second(struct duel *d)
{
	u32 before = 1 + below(d, 40);

	while (before--)
		beat(d);
	start(&d->side[1], FIRST_FLOOR + 2000 * below(d, 4));
	d->beats = 0;
}

static void test_both_find_out(void **state)
{
	u32 seed, latest = 0, k;

	(void)state;
	for (seed = 1; seed <= RUNS; seed++) {
		struct duel d;

		begin(&d, seed, 1 + seed % PEERS_MAX);
		start(&d.side[0], FIRST_FLOOR);
		add_second(&d);
		while (d.beats < FOUND_WITHIN &&
		       !(d.side[0].found && d.side[1].found))
			beat(&d);
		for (k = 0; k < 2; k++) {
			if (!d.side[k].found)
				fail_msg("seed %u: instance %u of a member with %u peers has not found out",
					 seed, k, d.peers);
			latest = d.side[k].found_at > latest ?
					 d.side[k].found_at : latest;
		}
	}
	print_message("latest after %u beats\n", latest);
}

static void test_the_one_that_stays_is_heard_again(void **state)
{
	u32 seed, stays;

	(void)state;
	for (seed = 1; seed <= RUNS; seed++) {
		struct duel d;
		u32 more;

		begin(&d, seed, 1 + seed % PEERS_MAX);
		start(&d.side[0], FIRST_FLOOR);
		add_second(&d);
		for (more = below(&d, FOUND_WITHIN); more; more--)
			beat(&d);
		stays = below(&d, 2);
		d.side[!stays].runs = false;
		for (more = 0; more < BACK_WITHIN; more++)
			beat(&d);
		if (!is_heard(&d, stays))
			fail_msg("seed %u: instance %u is locked out", seed, stays);
	}
}

static void test_a_liar_alone_makes_no_twin(void **state)
{
	u32 seed, i;

	(void)state;
	for (seed = 1; seed <= RUNS; seed++) {
		struct duel d;

		begin(&d, seed, 2 + seed % (PEERS_MAX - 1));
		start(&d.side[0], FIRST_FLOOR);
		d.liar = below(&d, d.peers);
		for (i = 0; i < FOUND_WITHIN; i++)
			beat(&d);
		if (d.side[0].found)
			fail_msg("seed %u: one liar among %u peers makes a twin",
				 seed, d.peers);
		if (!is_heard(&d, 0))
			fail_msg("seed %u: a liar locks out", seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_find_out),
		cmocka_unit_test(test_the_one_that_stays_is_heard_again),
		cmocka_unit_test(test_a_liar_alone_makes_no_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
