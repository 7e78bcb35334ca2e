// SPDX-License-Identifier: Apache-2.0
/* Own numbers: start, count, one raise a peer, the hour's bound, the twin. */
#include "cm.h"
#include "kmod/own.h"

#define MESH 1
#define FLOOR 1000000ULL
#define HOUR 3600000ULL

static struct amesh_own fresh(void)
{
	struct amesh_own own;

	assert_int_equal(amesh_own_init(&own, FLOOR, 0), 0);
	return own;
}

static enum amesh_own_verdict shows(struct amesh_own *own,
				    struct amesh_own_peer *peer, u64 inc,
				    u64 seq)
{
	struct amesh_trailer t = { .floor_sequence = seq,
				   .floor_incarnation = inc };

	return amesh_own_trailer(own, peer, MESH, &t);
}

static void test_starts_at_the_larger_of_floor_and_last_plus_one(void **state)
{
	struct amesh_own own;

	(void)state;
	assert_int_equal(amesh_own_init(&own, 100, 0), 0);
	assert_int_equal(own.incarnation, 100);
	assert_int_equal(amesh_own_init(&own, 100, 99), 0);
	assert_int_equal(own.incarnation, 100);
	assert_int_equal(amesh_own_init(&own, 100, 100), 0);
	assert_int_equal(own.incarnation, 101);
	assert_int_equal(amesh_own_init(&own, 100, U64_MAX - 1), 0);
	assert_int_equal(amesh_own_init(&own, 100, U64_MAX), -ERANGE);
}

static void test_sequences_start_at_one_and_never_reach_the_end(void **state)
{
	struct amesh_own own = fresh();

	(void)state;
	assert_false(amesh_own_next(&own));
	assert_int_equal(own.sequence, 1);
	own.sequence = U64_MAX - 2;
	assert_false(amesh_own_next(&own));
	assert_int_equal(own.sequence, U64_MAX - 1);
	assert_true(amesh_own_next(&own));
	assert_int_equal(own.sequence, 1);
	assert_int_equal(own.incarnation, FLOOR + 1);
}

static void test_what_was_sent_raises_nothing(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 };

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, 0, 0), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &a, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &a, FLOOR - 1, U64_MAX), AMESH_OWN_SENT);
	/* Sequence 0 is "none", whatever stands beside it. */
	assert_int_equal(shows(&own, &a, U64_MAX, 0), AMESH_OWN_SENT);
	assert_false(a.raised);
}

static void test_an_equal_incarnation_that_ran_ahead_is_passed(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 };

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, FLOOR, 2), AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, FLOOR + 1);
	assert_int_equal(own.sequence, 0);
	/* In flight from before it accepted the new ones: no matter. */
	assert_int_equal(shows(&own, &a, FLOOR, 9), AMESH_OWN_SENT);
}

static void test_a_left_incarnation_is_passed(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 };

	(void)state;
	assert_int_equal(shows(&own, &a, FLOOR, U64_MAX), AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, FLOOR + 1);
}

static void test_one_raise_a_peer_then_twin(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(shows(&own, &a, FLOOR + 5, 1), AMESH_OWN_RAISED);
	assert_int_equal(shows(&own, &a, FLOOR + 50, 1), AMESH_OWN_TWIN);
	assert_int_equal(own.incarnation, FLOOR + 6);
	assert_int_equal(shows(&own, &a, FLOOR + 51, 1), AMESH_OWN_TWIN);
	assert_int_equal(own.twins, 1);
	assert_false(amesh_own_is_twin(&own, 2));
	assert_true(amesh_own_is_twin(&own, 1)); /* it is the only peer */
	assert_int_equal(shows(&own, &b, FLOOR + 50, 1), AMESH_OWN_RAISED);
	assert_int_equal(shows(&own, &b, FLOOR + 60, 1), AMESH_OWN_TWIN);
	assert_true(amesh_own_is_twin(&own, 2));
	amesh_own_peer_gone(&own, &b, MESH);
	assert_false(amesh_own_is_twin(&own, 2));
	assert_true(b.raised); /* re-adding it gives no second raise */
	assert_int_equal(shows(&own, &b, FLOOR + 70, 1), AMESH_OWN_TWIN);
}

static void test_another_start_after_own_numbers_is_a_witness(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 }, b = { 0 };
	u64 start = FLOOR + AMESH_TWIN_APART_MS;
	int i;

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &b, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &a, start, 9), AMESH_OWN_TWIN);
	assert_false(amesh_own_is_twin(&own, 2)); /* one may lie */
	assert_int_equal(own.incarnation, FLOOR); /* the other one is to see it */
	assert_int_equal(shows(&own, &b, start, 9), AMESH_OWN_TWIN);
	assert_true(amesh_own_is_twin(&own, 2));
	/* No lockout: the raise is held back, not withheld. */
	for (i = 1; i < AMESH_TWIN_SHOWS; i++)
		assert_int_equal(shows(&own, &a, start, 9), AMESH_OWN_TWIN);
	assert_int_equal(shows(&own, &a, start, 9), AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, start + 1);
}

static void test_a_lone_step_is_no_other_start(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 };

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &a, FLOOR + AMESH_TWIN_APART_MS - 1, 1),
			 AMESH_OWN_RAISED);
	assert_int_equal(own.twins, 0);
}

static void test_a_floor_from_before_is_no_other_start(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 }, b = { 0 };

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, FLOOR + 5000, 1), AMESH_OWN_RAISED);
	/* Nothing heard, or an older number: neither is one of ours. */
	assert_int_equal(shows(&own, &b, 0, 0), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &b, FLOOR - 1, 7), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &b, FLOOR + 50000, 1), AMESH_OWN_RAISED);
	assert_int_equal(own.twins, 0);
}

static void test_own_numbers_in_between_begin_the_count_anew(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 };
	u64 start = FLOOR + AMESH_TWIN_APART_MS;

	(void)state;
	amesh_own_next(&own);
	assert_int_equal(shows(&own, &a, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(shows(&own, &a, start, 1), AMESH_OWN_TWIN);
	assert_int_equal(a.shows, 1);
	assert_int_equal(shows(&own, &a, FLOOR, 1), AMESH_OWN_SENT);
	assert_int_equal(a.shows, 0);
	assert_true(a.twin);
}

static void test_telling_passes_the_other_by_a_start(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_trailer t = { .floor_sequence = 3,
				   .floor_incarnation = FLOOR + 7000 };

	(void)state;
	own.sequence = AMESH_TWIN_TELL_BEATS - 1;
	assert_false(amesh_own_tell(&own, &t)); /* the last raise is too fresh */
	amesh_own_next(&own);
	assert_true(amesh_own_tell(&own, &t));
	assert_int_equal(own.incarnation, FLOOR + 7000 + AMESH_TWIN_APART_MS);
	assert_int_equal(own.sequence, 0);
	t.floor_incarnation = FLOOR + HOUR - 1;
	own.sequence = AMESH_TWIN_TELL_BEATS;
	assert_true(amesh_own_tell(&own, &t));
	assert_int_equal(own.incarnation, FLOOR + HOUR); /* not past the bound */
	t.floor_incarnation = FLOOR + HOUR;
	own.sequence = AMESH_TWIN_TELL_BEATS;
	assert_false(amesh_own_tell(&own, &t));
	assert_int_equal(own.incarnation, FLOOR + HOUR);
}

static void test_another_mesh_starts_with_new_raises(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { .mesh = MESH + 1, .raised = true,
				    .twin = true, .showed = true };

	(void)state;
	assert_int_equal(shows(&own, &a, FLOOR + 5, 1), AMESH_OWN_RAISED);
	assert_int_equal(own.twins, 0);
}

static void test_raise_reaches_the_hour_and_not_past_it(void **state)
{
	struct amesh_own own = fresh();
	struct amesh_own_peer a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(shows(&own, &a, FLOOR + HOUR, 1), AMESH_OWN_STOPPED);
	assert_int_equal(own.incarnation, FLOOR);
	assert_false(a.raised); /* it is not used up by being stopped */
	assert_int_equal(shows(&own, &b, FLOOR + HOUR - 1, 1),
			 AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, FLOOR + HOUR);
	assert_int_equal(shows(&own, &a, FLOOR + HOUR, 7), AMESH_OWN_STOPPED);
	amesh_own_lift_floor(&own, FLOOR + 1);
	assert_int_equal(own.incarnation, FLOOR + HOUR);
	assert_int_equal(shows(&own, &a, FLOOR + HOUR, 7), AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, FLOOR + HOUR + 1);
}

static void test_the_end_of_numbers_stops_a_raise(void **state)
{
	struct amesh_own own;
	struct amesh_own_peer a = { 0 };

	(void)state;
	assert_int_equal(amesh_own_init(&own, U64_MAX - 5, 0), 0);
	assert_int_equal(shows(&own, &a, U64_MAX, 1), AMESH_OWN_STOPPED);
	assert_int_equal(shows(&own, &a, U64_MAX - 1, 1), AMESH_OWN_RAISED);
	assert_int_equal(own.incarnation, U64_MAX);
}

static void test_a_lower_floor_changes_nothing(void **state)
{
	struct amesh_own own = fresh();

	(void)state;
	amesh_own_lift_floor(&own, FLOOR - 1);
	assert_int_equal(own.floor, FLOOR);
	amesh_own_lift_floor(&own, FLOOR + 9);
	assert_int_equal(own.floor, FLOOR + 9);
	assert_int_equal(own.incarnation, FLOOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_at_the_larger_of_floor_and_last_plus_one),
		cmocka_unit_test(test_sequences_start_at_one_and_never_reach_the_end),
		cmocka_unit_test(test_what_was_sent_raises_nothing),
		cmocka_unit_test(test_an_equal_incarnation_that_ran_ahead_is_passed),
		cmocka_unit_test(test_a_left_incarnation_is_passed),
		cmocka_unit_test(test_one_raise_a_peer_then_twin),
		cmocka_unit_test(test_another_start_after_own_numbers_is_a_witness),
		cmocka_unit_test(test_a_lone_step_is_no_other_start),
		cmocka_unit_test(test_a_floor_from_before_is_no_other_start),
		cmocka_unit_test(test_own_numbers_in_between_begin_the_count_anew),
		cmocka_unit_test(test_telling_passes_the_other_by_a_start),
		cmocka_unit_test(test_another_mesh_starts_with_new_raises),
		cmocka_unit_test(test_raise_reaches_the_hour_and_not_past_it),
		cmocka_unit_test(test_the_end_of_numbers_stops_a_raise),
		cmocka_unit_test(test_a_lower_floor_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
