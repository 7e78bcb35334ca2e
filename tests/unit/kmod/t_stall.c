// SPDX-License-Identifier: Apache-2.0
/* Self-doubt: when a stall is one, what it adds, what it may not add. */
#include "net.h"

static void arm(struct net *net, u64 in_ms)
{
	amesh_live_send_due(&net->live, net->now + in_ms * MS);
}

static void test_lateness_up_to_the_bound_is_no_stall(void **state)
{
	struct net *net = net_new(1);
	u64 due = net->now + 1000 * MS;

	(void)state;
	assert_false(amesh_live_late(&net->live, U64_MAX - 1)); /* not armed */
	arm(net, 1000);
	assert_false(amesh_live_late(&net->live, due));
	assert_false(amesh_live_late(&net->live, due + 1000 * MS));
	assert_false(amesh_live_doubts(&net->live, due + 1000 * MS));
	assert_true(amesh_live_late(&net->live, due + 1000 * MS + 1));
	assert_int_equal(net->live.lost_ns, 1000 * MS + 1);
	assert_false(amesh_live_late(&net->live, due + 1000 * MS + 2));
	net_free(net);
}

static void test_below_100_ms_nothing_is_a_stall(void **state)
{
	struct net *net = net_new(0);
	struct amesh_live_config fast = { 50, 3, 5, 1 };

	(void)state;
	assert_int_equal(amesh_live_configure(&net->live, &fast), 0);
	arm(net, 0);
	assert_false(amesh_live_late(&net->live, net->now + 100 * MS));
	assert_true(amesh_live_late(&net->live, net->now + 100 * MS + 1));
	net_free(net);
}

static void test_doubt_lasts_a_suspicion_window_and_is_told(void **state)
{
	struct net *net = net_new(0);
	struct amesh_beat beat = { .sequence = 1 };
	u64 woke = net->now + 9000 * MS;

	(void)state;
	arm(net, 0);
	assert_true(amesh_live_late(&net->live, woke));
	assert_true(amesh_live_doubts(&net->live, woke + 3500 * MS - 1));
	assert_false(amesh_live_doubts(&net->live, woke + 3500 * MS));
	amesh_live_fill(&net->live, &beat, woke);
	assert_int_equal(beat.flags, AMESH_FLAG_SELF_DOUBT);
	net_free(net);
}

/* Peer last heard at T, stall noticed at T + 60 s + 500 ms, 60 s of it lost. */
static struct net *paused_for_a_minute(void)
{
	struct net *net = net_new(1);

	net_beat(net, 0, 0);
	arm(net, 500);
	net->now += 60500 * MS;
	assert_true(amesh_live_pass(&net->live, net->now));
	return net;
}

static void test_waking_convicts_nobody(void **state)
{
	struct net *net = paused_for_a_minute();
	u64 woke = net->now;

	(void)state;
	net_pass(net);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	net_run(net, 2999); /* silence so far: 500 + 2,999 ms */
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	net_run(net, 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1999);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_int_equal(net->now - woke, 5000 * MS);
	net_free(net);
}

static void test_a_peer_heard_since_is_judged_as_ever(void **state)
{
	struct net *net = paused_for_a_minute();

	(void)state;
	net_beat(net, 0, 0);
	net_run(net, 5499);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	net_free(net);
}

static void test_a_verdict_waits_a_window_after_waking(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	net_beat(net, 0, 0);
	net_run(net, 5000); /* suspect; half a second short of down */
	arm(net, 0);
	net->now += 1100 * MS;
	net_pass(net);
	assert_int_equal(net->live.lost_ns, 1100 * MS);
	net_run(net, 3499); /* by silence alone it would be down at 500 */
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	net_free(net);
}

/* Stalling again and again: down once the silence in running time has
 * reached 5.5 s and 5 s more, not later.
 */
static void test_postponement_is_bounded(void **state)
{
	struct net *net = net_new(1);
	u64 heard = net->now;
	u64 ran;

	(void)state;
	net_beat(net, 0, 0);
	for (;;) {
		net_run(net, 1000);
		if (net->peer[0].state == AMESH_STATE_DOWN)
			break;
		arm(net, 0);
		net->now += 1200 * MS; /* lost */
		net_pass(net);
		assert_true(net->now - heard < 60000 * MS);
	}
	ran = net->peer[0].changed_ns - heard - net->live.lost_ns;
	assert_int_equal(ran, 10500 * MS);
	net_free(net);
}

static void test_a_pass_first_counts_the_stall_once(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	net_run(net, 125);
	arm(net, 0);
	net->now += 5000 * MS;
	assert_true(amesh_live_pass(&net->live, net->now));
	assert_false(amesh_live_late(&net->live, net->now + 1 * MS));
	assert_int_equal(net->live.lost_ns, 5000 * MS);
	/* Nor when the timer is armed again for the time that has passed. */
	amesh_live_send_due(&net->live, net->now - 5000 * MS);
	assert_false(amesh_live_late(&net->live, net->now + 2 * MS));
	assert_int_equal(net->live.lost_ns, 5000 * MS);
	net_free(net);
}

static void test_a_late_send_work_alone_stops_no_verdict(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	net_beat(net, 0, 0);
	arm(net, 0); /* and it never runs, while passes do */
	net_run(net, 5500);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_int_equal(net->live.lost_ns, 0);
	net_free(net);
}

/* Whether a beat that came within the stall is worked on before or after the
 * stall is noticed, its silence counts from when it came, less what was lost
 * after that.
 */
static void test_order_of_noticing_and_draining_does_not_matter(void **state)
{
	u64 down[2];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct net *net = net_new(1);
		u64 arrived = net->now + 4000 * MS;
		u64 woke = net->now + 10000 * MS;

		net_beat(net, 0, 0);
		arm(net, 1000);
		if (i)
			amesh_live_late(&net->live, woke);
		net->now = arrived;
		net_beat(net, 0, 0);
		net->now = woke;
		if (!i)
			amesh_live_late(&net->live, woke);
		net_run(net, 5499);
		assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
		net_run(net, 10);
		assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
		down[i] = net->peer[0].changed_ns - woke;
		net_free(net);
	}
	assert_int_equal(down[0], down[1]);
}

/* The same over two stalls: what the first took before the beat stays out. */
static void test_a_second_stall_does_not_bring_the_first_back(void **state)
{
	struct net *net = net_new(1);
	u64 heard;

	(void)state;
	arm(net, 0);
	net->now += 9000 * MS;
	net_beat(net, 0, 0); /* worked on before the stall is noticed */
	heard = net->now;
	assert_true(amesh_live_pass(&net->live, net->now + 1 * MS));
	amesh_live_send_due(&net->live, net->now + 1000 * MS);
	net_run(net, 1000);
	net->now += 2000 * MS;
	net_pass(net);
	assert_int_equal(net->live.lost_ns, 11001 * MS);
	/* Silent from then on: 5.5 s, and the 2 s and 1 ms lost since. */
	while (net->peer[0].state != AMESH_STATE_DOWN)
		net_run(net, 1);
	assert_int_equal(net->now - heard, 7501 * MS);
	net_free(net);
}

static void test_lateness_that_is_no_stall_leaves_silence_alone(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	arm(net, 0);
	net->now += 900 * MS;
	net_beat(net, 0, 0);
	assert_false(amesh_live_late(&net->live, net->now));
	amesh_live_send_due(&net->live, AMESH_LIVE_NEVER);
	net_run(net, 5499);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lateness_up_to_the_bound_is_no_stall),
		cmocka_unit_test(test_below_100_ms_nothing_is_a_stall),
		cmocka_unit_test(test_doubt_lasts_a_suspicion_window_and_is_told),
		cmocka_unit_test(test_waking_convicts_nobody),
		cmocka_unit_test(test_a_peer_heard_since_is_judged_as_ever),
		cmocka_unit_test(test_a_verdict_waits_a_window_after_waking),
		cmocka_unit_test(test_postponement_is_bounded),
		cmocka_unit_test(test_a_pass_first_counts_the_stall_once),
		cmocka_unit_test(test_a_late_send_work_alone_stops_no_verdict),
		cmocka_unit_test(test_a_second_stall_does_not_bring_the_first_back),
		cmocka_unit_test(test_lateness_that_is_no_stall_leaves_silence_alone),
		cmocka_unit_test(test_order_of_noticing_and_draining_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
