// SPDX-License-Identifier: Apache-2.0
/* Convergence, who blocks it, and the latch. */
#include "net.h"

/* A beat that reports this node's own digest and count, or not. */
static void agree_beat(struct net *net, u32 i, bool agree)
{
	struct amesh_beat beat = { .incarnation = 1,
				   .sequence = ++net->sequence[i],
				   .interval_ms = 1000 };

	amesh_live_refresh(&net->live, net->now);
	memcpy(beat.digest, net->live.view.digest, 16);
	beat.live = net->live.view.live_count;
	if (!agree)
		beat.digest[15] ^= 1;
	amesh_live_accept(&net->live, &net->peer[i], &beat, net->now);
}

static void test_all_live_peers_must_agree(void **state)
{
	struct net *net = net_new(3);
	u16 who[8];

	(void)state;
	agree_beat(net, 0, true);
	agree_beat(net, 1, true);
	amesh_live_refresh(&net->live, net->now);
	/* Their beats were before the set grew: neither agrees any more. */
	assert_false(amesh_live_converged(&net->live));
	assert_int_equal(amesh_live_blockers(&net->live, who, 8), 2);
	agree_beat(net, 0, true);
	assert_false(amesh_live_converged(&net->live));
	assert_int_equal(amesh_live_blockers(&net->live, who, 8), 1);
	assert_int_equal(who[0], 2);
	agree_beat(net, 1, true);
	assert_true(amesh_live_converged(&net->live));
	agree_beat(net, 0, false);
	assert_false(amesh_live_converged(&net->live));
	net_free(net);
}

static void test_an_equal_digest_with_another_count_does_not_agree(void **state)
{
	struct net *net = net_new(1);
	struct amesh_beat beat = { .incarnation = 1, .sequence = 1,
				   .interval_ms = 1000 };

	(void)state;
	net_beat(net, 0, 0);
	amesh_live_refresh(&net->live, net->now);
	memcpy(beat.digest, net->live.view.digest, 16);
	beat.live = net->live.view.live_count + 1;
	amesh_live_accept(&net->live, &net->peer[0], &beat, net->now);
	assert_false(amesh_live_converged(&net->live));
	beat.live--;
	amesh_live_accept(&net->live, &net->peer[0], &beat, net->now);
	assert_true(amesh_live_converged(&net->live));
	net_free(net);
}

static void test_no_claim_before_a_change_is_worked_in(void **state)
{
	struct net *net = net_new(2);

	(void)state;
	agree_beat(net, 0, true);
	agree_beat(net, 0, true);
	assert_true(amesh_live_converged(&net->live));
	net_beat(net, 1, 0);
	assert_false(amesh_live_converged(&net->live));
	net_free(net);
}

static void test_more_blockers_than_room_are_counted(void **state)
{
	struct net *net = net_new(20);
	u16 who[3] = { 0, 0, 77 };
	u32 i;

	(void)state;
	for (i = 0; i < 20; i++)
		agree_beat(net, i, false);
	amesh_live_refresh(&net->live, net->now);
	assert_int_equal(amesh_live_blockers(&net->live, who, 2), 20);
	assert_int_equal(who[0], 1);
	assert_int_equal(who[1], 2);
	assert_int_equal(who[2], 77);
	net_free(net);
}

static void test_the_latch_waits_for_every_known_peer_or_a_window(void **state)
{
	struct net *net = net_new(2);

	(void)state;
	agree_beat(net, 0, true);
	agree_beat(net, 0, true); /* peer 1 is still silent */
	assert_true(amesh_live_refresh(&net->live, net->now));
	assert_true(net->live.converged);
	assert_false(net->live.first_converged);
	amesh_live_refresh(&net->live, NET_START_NS + 3500 * MS - 1);
	assert_false(net->live.first_converged);
	assert_true(amesh_live_refresh(&net->live, NET_START_NS + 3500 * MS));
	assert_true(net->live.first_converged);
	net_free(net);
}

static void test_with_every_peer_live_the_latch_closes_at_once(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	agree_beat(net, 0, true);
	agree_beat(net, 0, true);
	amesh_live_refresh(&net->live, net->now);
	assert_true(net->live.first_converged);
	/* And stays closed. */
	agree_beat(net, 0, false);
	net_run(net, 20000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_true(net->live.first_converged);
	net_free(net);
}

static void test_a_change_of_the_peer_set_starts_the_window_again(void **state)
{
	struct net *net = net_new(2);
	struct amesh_live_peer late = { 0 };

	(void)state;
	net->now += 3000 * MS;
	assert_int_equal(amesh_live_add(&net->live, &late, 9, true, net->now),
			 0);
	agree_beat(net, 0, true);
	agree_beat(net, 0, true);
	amesh_live_refresh(&net->live, net->now + 3500 * MS - 1);
	assert_false(net->live.first_converged);
	amesh_live_refresh(&net->live, net->now + 3500 * MS);
	assert_true(net->live.first_converged);
	amesh_live_remove(&net->live, &late, net->now);
	net_free(net);
}

static void test_min_peers_are_needed(void **state)
{
	struct net *net = net_new(0);
	struct amesh_live_config solo = { 1000, 3, 5, 0 };

	(void)state;
	net_run(net, 60000); /* alone, one is wanted: never */
	assert_true(amesh_live_converged(&net->live));
	assert_false(net->live.first_converged);
	assert_int_equal(amesh_live_configure(&net->live, &solo), 0);
	assert_true(amesh_live_refresh(&net->live, net->now));
	assert_true(net->live.first_converged);
	net_free(net);
}

static void test_min_peers_are_live_ones(void **state)
{
	struct net *net = net_new(2);
	struct amesh_live_config two = { 1000, 3, 5, 2 };

	(void)state;
	assert_int_equal(amesh_live_configure(&net->live, &two), 0);
	net->now += 10000 * MS;
	agree_beat(net, 0, true);
	agree_beat(net, 0, true);
	amesh_live_refresh(&net->live, net->now);
	assert_true(net->live.converged);
	assert_false(net->live.first_converged);
	agree_beat(net, 1, true);
	agree_beat(net, 0, true);
	agree_beat(net, 1, true);
	amesh_live_refresh(&net->live, net->now);
	assert_true(net->live.first_converged);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_live_peers_must_agree),
		cmocka_unit_test(test_an_equal_digest_with_another_count_does_not_agree),
		cmocka_unit_test(test_no_claim_before_a_change_is_worked_in),
		cmocka_unit_test(test_more_blockers_than_room_are_counted),
		cmocka_unit_test(test_the_latch_waits_for_every_known_peer_or_a_window),
		cmocka_unit_test(test_with_every_peer_live_the_latch_closes_at_once),
		cmocka_unit_test(test_a_change_of_the_peer_set_starts_the_window_again),
		cmocka_unit_test(test_min_peers_are_needed),
		cmocka_unit_test(test_min_peers_are_live_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
