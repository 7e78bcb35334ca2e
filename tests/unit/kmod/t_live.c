// SPDX-License-Identifier: Apache-2.0
/* States and deadlines without stalls: exact to the nanosecond. */
#include "net.h"

/* Interval 1 s: suspect at 3.5 s, down by time at 5.5 s. */

static void test_silent_is_never_convicted(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	net_run(net, 100000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SILENT);
	assert_int_equal(net->changes, 0);
	assert_int_equal(amesh_live_check(&net->live, &net->peer[0], net->now),
			 AMESH_LIVE_NEVER);
	net_free(net);
}

static void test_suspect_at_the_window_and_not_before(void **state)
{
	struct net *net = net_new(1);
	u64 due;

	(void)state;
	net_beat(net, 0, 0);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	assert_int_equal(net->peer[0].reason, AMESH_REASON_BEAT);
	due = amesh_live_check(&net->live, &net->peer[0], net->now);
	assert_int_equal(due, net->now + 3500 * MS);
	assert_int_equal(amesh_live_check(&net->live, &net->peer[0], due - 1),
			 due);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	assert_int_equal(amesh_live_check(&net->live, &net->peer[0], due),
			 AMESH_LIVE_NEVER);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	assert_int_equal(net->peer[0].reason, AMESH_REASON_SILENCE);
	assert_int_equal(net->last_old, AMESH_STATE_UP);
	net_free(net);
}

static void test_down_at_the_bound_and_not_before(void **state)
{
	struct net *net = net_new(1);
	u64 heard = net->now;

	(void)state;
	net_beat(net, 0, 0);
	amesh_live_check(&net->live, &net->peer[0], heard + 3500 * MS);
	amesh_live_judge(&net->live, heard + 5500 * MS - 1);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	amesh_live_judge(&net->live, heard + 5500 * MS);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_int_equal(net->peer[0].reason, AMESH_REASON_TIME);
	assert_int_equal(net->peer[0].changed_ns, heard + 5500 * MS);
	net_free(net);
}

static void test_a_beat_makes_up_again_from_anywhere(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	net_beat(net, 0, 0);
	net_run(net, 4000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	assert_false(amesh_bit(net->live.view.up, 1));
	assert_true(amesh_bit(net->live.view.live, 1));
	net_beat(net, 0, 0);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	net_run(net, 6000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_false(amesh_bit(net->live.view.live, 1));
	net_beat(net, 0, 0);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	assert_true(amesh_bit(net->live.view.up, 1));
	net_free(net);
}

static void test_a_beat_that_came_while_draining_counts(void **state)
{
	struct net *net = net_new(1);
	u64 now = net->now + 10000 * MS;

	(void)state;
	net_beat(net, 0, 0);
	net->now = now + 5; /* after the pass took its time */
	net_beat(net, 0, 0);
	amesh_live_check(&net->live, &net->peer[0], now);
	amesh_live_judge(&net->live, now);
	assert_int_equal(net->peer[0].state, AMESH_STATE_UP);
	/* One that arrived earlier and is worked on later takes nothing back. */
	net->now = now - 1000 * MS;
	net_beat(net, 0, 0);
	assert_int_equal(net->peer[0].seen_ns, now + 5);
	net_free(net);
}

static void test_the_peer_s_own_interval_rules_within_bounds(void **state)
{
	static const u32 sent[] = { 0, 49, 50, 200, 30000, 30001, 65535 };
	static const u32 used[] = { 50, 50, 50, 200, 30000, 30000, 30000 };
	struct net *net = net_new(1);
	u32 i;

	(void)state;
	for (i = 0; i < 7; i++) {
		struct amesh_beat beat = { .incarnation = 1, .sequence = i + 1,
					   .interval_ms = (u16)sent[i] };

		amesh_live_accept(&net->live, &net->peer[0], &beat, net->now);
		assert_int_equal(amesh_live_check(&net->live, &net->peer[0],
						  net->now) - net->now,
				 used[i] * 7 * MS / 2);
	}
	net_free(net);
}

static bool beat_every(struct net *net, u16 ms)
{
	struct amesh_beat beat = { .incarnation = 1, .interval_ms = ms };

	return amesh_live_accept(&net->live, &net->peer[0], &beat, net->now);
}

static void test_an_earlier_deadline_is_told(void **state)
{
	struct net *net = net_new(1);

	(void)state;
	assert_true(beat_every(net, 30000)); /* came up */
	assert_false(beat_every(net, 30000));
	assert_true(beat_every(net, 29999));
	assert_false(beat_every(net, 30000));
	net_run(net, 110000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	assert_true(beat_every(net, 30000)); /* up again */
	net_free(net);
}

static void test_leaving_is_down_at_once(void **state)
{
	struct net *net = net_new(3);

	(void)state;
	net_beat(net, 0, 0);
	net_beat_flags(net, 0, 0, AMESH_FLAG_LEAVING);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	assert_int_equal(net->peer[0].reason, AMESH_REASON_LEAVING);
	net_beat_flags(net, 1, 0, AMESH_FLAG_LEAVING); /* was silent */
	assert_int_equal(net->peer[1].state, AMESH_STATE_DOWN);
	net_beat(net, 2, 0);
	net_run(net, 6000);
	assert_int_equal(net->peer[2].reason, AMESH_REASON_TIME);
	net_beat_flags(net, 2, 0, AMESH_FLAG_LEAVING); /* was down */
	assert_int_equal(net->peer[2].reason, AMESH_REASON_LEAVING);
	net_free(net);
}

static void test_a_longer_window_by_configuration_spares_a_suspect(void **state)
{
	struct net *net = net_new(1);
	struct amesh_live_config longer = { 1000, 10, 10, 1 };
	struct amesh_live_config bad = { 1000, 10, 9, 1 };

	(void)state;
	net_beat(net, 0, 0);
	net_run(net, 4000);
	assert_int_equal(amesh_live_configure(&net->live, &bad), -ERANGE);
	assert_int_equal(net->live.config.miss, 3);
	assert_int_equal(amesh_live_configure(&net->live, &longer), 0);
	net_run(net, 6000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_SUSPECT);
	net_run(net, 1000);
	assert_int_equal(net->peer[0].state, AMESH_STATE_DOWN);
	net_free(net);
}

static void test_a_beat_is_filled_from_the_view(void **state)
{
	struct net *net = net_new(3);
	struct amesh_beat beat = { .sequence = 1,
				   .flags = AMESH_FLAG_AGENT |
					    AMESH_FLAG_SELF_DOUBT };

	(void)state;
	net_beat(net, 0, 0);
	net_run(net, 4000);
	net_beat(net, 1, 0);
	amesh_live_fill(&net->live, &beat, net->now);
	assert_int_equal(beat.window[0], 1 << 0 | 1 << 2); /* self, peer 1 */
	assert_int_equal(beat.live, 3); /* the suspect too */
	assert_int_equal(beat.known, 4);
	assert_int_equal(beat.interval_ms, 1000);
	assert_int_equal(beat.flags, AMESH_FLAG_AGENT);
	assert_memory_equal(beat.digest, net->live.view.digest, 16);
	net_free(net);
}

static void test_view_changes_are_up_and_down(void **state)
{
	(void)state;
	assert_true(amesh_live_is_view_change(AMESH_STATE_SILENT,
					      AMESH_STATE_UP));
	assert_true(amesh_live_is_view_change(AMESH_STATE_SUSPECT,
					      AMESH_STATE_DOWN));
	assert_true(amesh_live_is_view_change(AMESH_STATE_DOWN,
					      AMESH_STATE_UP));
	assert_true(amesh_live_is_view_change(AMESH_STATE_UP,
					      AMESH_STATE_UNKNOWN));
	assert_false(amesh_live_is_view_change(AMESH_STATE_UP,
					       AMESH_STATE_SUSPECT));
	assert_false(amesh_live_is_view_change(AMESH_STATE_UNKNOWN,
					       AMESH_STATE_SILENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_is_never_convicted),
		cmocka_unit_test(test_suspect_at_the_window_and_not_before),
		cmocka_unit_test(test_down_at_the_bound_and_not_before),
		cmocka_unit_test(test_a_beat_makes_up_again_from_anywhere),
		cmocka_unit_test(test_a_beat_that_came_while_draining_counts),
		cmocka_unit_test(test_the_peer_s_own_interval_rules_within_bounds),
		cmocka_unit_test(test_an_earlier_deadline_is_told),
		cmocka_unit_test(test_leaving_is_down_at_once),
		cmocka_unit_test(test_a_longer_window_by_configuration_spares_a_suspect),
		cmocka_unit_test(test_a_beat_is_filled_from_the_view),
		cmocka_unit_test(test_view_changes_are_up_and_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
