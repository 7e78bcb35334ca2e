// SPDX-License-Identifier: Apache-2.0
/* Counting observers: each condition alone decides whether one counts. */
#include "net.h"

/* The suspect is peer 7 (index 8); observers are peers 0 to 6 (1 to 7). */
#define X 7
#define XBIT (1ULL << (X + 1))

/* X and seven observers are up; everyone has reported X twice. X is heard
 * for the last time at net->now.
 */
static struct net *scene(void)
{
	struct net *net = net_new(8);
	u32 i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 7; i++)
			net_beat(net, i, XBIT);
		net_run(net, 125);
	}
	net_beat(net, X, 0);
	return net;
}

/* The observers beat on each 500 ms, those in @lack without X, until X has
 * been silent for @ms.
 */
static void go_on(struct net *net, u32 lack, u64 ms)
{
	u64 end = net->peer[X].seen_ns + ms * MS;
	u32 i;

	while (net->now < end) {
		net_run(net, 500);
		for (i = 0; i < 7; i++)
			net_beat(net, i, lack >> i & 1 ? 0 : XBIT);
	}
	net_pass(net);
}

static void test_majority_of_three_convicts_early(void **state)
{
	struct net *net = scene();

	(void)state;
	go_on(net, 0x0f, 3000); /* 4 lack, 3 have: but the window is not over */
	assert_int_equal(net->peer[X].state, AMESH_STATE_UP);
	go_on(net, 0x0f, 4000);
	assert_int_equal(net->peer[X].state, AMESH_STATE_DOWN);
	assert_int_equal(net->peer[X].reason, AMESH_REASON_OBSERVERS);
	assert_int_equal(net->peer[X].ev_lacks, 4);
	assert_int_equal(net->peer[X].ev_has, 3);
	net_free(net);
}

static void test_half_is_not_more_than_half(void **state)
{
	struct net *net = scene();

	(void)state;
	/* Peer 6 leaves: 3 lack, 3 have. */
	net_beat_flags(net, 6, 0, AMESH_FLAG_LEAVING);
	for (u32 k = 0; k < 10; k++) {
		net_run(net, 500);
		for (u32 i = 0; i < 6; i++)
			net_beat(net, i, i < 3 ? 0 : XBIT);
	}
	net_pass(net);
	assert_int_equal(net->peer[X].ev_lacks, 3);
	assert_int_equal(net->peer[X].ev_has, 3);
	assert_int_equal(net->peer[X].state, AMESH_STATE_SUSPECT);
	net_run(net, 1000);
	assert_int_equal(net->peer[X].state, AMESH_STATE_DOWN);
	assert_int_equal(net->peer[X].reason, AMESH_REASON_UNREACHABLE);
	net_free(net);
}

static void test_two_that_lack_convict_nobody(void **state)
{
	struct net *net = net_new(8);
	u32 i, k;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0; i < 2; i++)
			net_beat(net, i, XBIT);
	net_beat(net, X, 0);
	for (k = 0; k < 10; k++) {
		net_run(net, 500);
		for (i = 0; i < 2; i++)
			net_beat(net, i, 0);
	}
	net_pass(net);
	assert_int_equal(net->peer[X].ev_lacks, 2);
	assert_int_equal(net->peer[X].ev_has, 0);
	assert_int_equal(net->peer[X].state, AMESH_STATE_SUSPECT);
	net_run(net, 500);
	assert_int_equal(net->peer[X].reason, AMESH_REASON_TIME);
	net_free(net);
}

static void count(struct net *net)
{
	amesh_evidence_count(&net->live, 0, XBIT);
}

static void test_a_window_before_or_at_the_last_beat_is_none(void **state)
{
	struct net *net = scene();

	(void)state;
	count(net); /* windows came 125 ms before X's beat */
	assert_int_equal(net->peer[X].ev_has + net->peer[X].ev_lacks, 0);
	net_beat(net, 0, 0); /* in the same nanosecond */
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 0);
	net->now++;
	net_beat(net, 1, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 1);
	net_free(net);
}

static void test_one_that_never_had_it_does_not_count(void **state)
{
	struct net *net = net_new(8);

	(void)state;
	net_beat(net, X, 0);
	net->now++;
	net_beat(net, 0, 0);
	net->now++;
	net_beat(net, 0, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 0);
	net_beat(net, 0, XBIT); /* its first window with X: no earlier one */
	count(net);
	assert_int_equal(net->peer[X].ev_has, 0);
	net_beat(net, 0, XBIT);
	count(net);
	assert_int_equal(net->peer[X].ev_has, 1);
	net_free(net);
}

static void test_another_incarnation_starts_without_memory(void **state)
{
	struct net *net = scene();

	(void)state;
	net->now++;
	net_beat(net, 0, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 1);
	net->incarnation[0]++;
	net->sequence[0] = 0;
	net_beat(net, 0, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 0);
	net_free(net);
}

static void test_doubting_and_leaving_observers_do_not_count(void **state)
{
	struct net *net = scene();

	(void)state;
	net->now++;
	net_beat_flags(net, 0, 0, AMESH_FLAG_SELF_DOUBT);
	net_beat(net, 1, 0);
	net_beat(net, 2, 0);
	net_beat_flags(net, 2, 0, AMESH_FLAG_LEAVING);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 1); /* peer 1 alone */
	/* The doubt is over, but what was said in it stays unsaid. */
	net->now++;
	{
		struct amesh_beat beat = { .incarnation = 1, .sequence = 99,
					   .interval_ms = 1000,
					   .window_base = 1024 };

		amesh_live_accept(&net->live, &net->peer[0], &beat, net->now);
	}
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 1);
	net_beat(net, 0, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 2);
	net_free(net);
}

static void test_a_suspect_observer_does_not_count(void **state)
{
	struct net *net = scene();

	(void)state;
	net->now++;
	net_beat(net, 0, 0);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 1);
	net->now += 3500 * MS;
	amesh_live_check(&net->live, &net->peer[0], net->now);
	count(net);
	assert_int_equal(net->peer[X].ev_lacks, 0);
	net_free(net);
}

static void test_observers_wait_out_a_stall_as_well(void **state)
{
	struct net *net = scene();
	u64 woke;

	(void)state;
	net_run(net, 3000);
	amesh_live_send_due(&net->live, net->now);
	net->now += 2000 * MS;
	net_pass(net);
	woke = net->now;
	while (net->now < woke + 3400 * MS) {
		for (u32 i = 0; i < 7; i++)
			net_beat(net, i, 0);
		net_run(net, 100);
	}
	assert_int_equal(net->peer[X].state, AMESH_STATE_SUSPECT);
	assert_int_equal(net->peer[X].ev_lacks, 7);
	net_run(net, 100);
	assert_int_equal(net->peer[X].reason, AMESH_REASON_OBSERVERS);
	net_free(net);
}

static void test_neighbouring_suspects_are_counted_apart(void **state)
{
	struct net *net = net_new(12);
	u64 both = XBIT | XBIT << 1;
	u32 i, k;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0; i < 5; i++)
			net_beat(net, i, both);
	net_beat(net, X, 0);
	net->now++;
	net_beat(net, 0, XBIT); /* lacks the neighbour, before its last beat */
	net->now++;
	net_beat(net, X + 1, 0);
	net->now++;
	net_beat(net, 1, XBIT << 1);
	net_beat(net, 2, XBIT << 1);
	amesh_evidence_count(&net->live, 0, both);
	assert_int_equal(net->peer[X].ev_has, 1);
	assert_int_equal(net->peer[X].ev_lacks, 2);
	assert_int_equal(net->peer[X + 1].ev_has, 2);
	assert_int_equal(net->peer[X + 1].ev_lacks, 0);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_majority_of_three_convicts_early),
		cmocka_unit_test(test_half_is_not_more_than_half),
		cmocka_unit_test(test_two_that_lack_convict_nobody),
		cmocka_unit_test(test_a_window_before_or_at_the_last_beat_is_none),
		cmocka_unit_test(test_one_that_never_had_it_does_not_count),
		cmocka_unit_test(test_another_incarnation_starts_without_memory),
		cmocka_unit_test(test_doubting_and_leaving_observers_do_not_count),
		cmocka_unit_test(test_a_suspect_observer_does_not_count),
		cmocka_unit_test(test_observers_wait_out_a_stall_as_well),
		cmocka_unit_test(test_neighbouring_suspects_are_counted_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
