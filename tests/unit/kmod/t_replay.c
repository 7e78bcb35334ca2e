// SPDX-License-Identifier: Apache-2.0
/* Nothing is accepted twice, and nothing old after something new. */
#include "cm.h"
#include "kmod/replay.h"

static void test_order_is_incarnation_then_sequence(void **state)
{
	struct amesh_replay r = { 5, 10 };

	(void)state;
	assert_false(amesh_replay_is_newer(&r, 5, 10));
	assert_false(amesh_replay_is_newer(&r, 5, 9));
	assert_true(amesh_replay_is_newer(&r, 5, 11));
	assert_false(amesh_replay_is_newer(&r, 4, U64_MAX));
	assert_true(amesh_replay_is_newer(&r, 6, 1));
	assert_true(amesh_replay_is_newer(&r, U64_MAX, 1));
}

static void test_sequence_zero_is_never_newer(void **state)
{
	struct amesh_replay r = { 0, 0 };

	(void)state;
	assert_false(amesh_replay_is_newer(&r, 0, 0));
	assert_false(amesh_replay_is_newer(&r, 9, 0));
	assert_true(amesh_replay_is_newer(&r, 0, 1));
}

static void test_of_two_copies_one_is_accepted(void **state)
{
	struct amesh_replay r = { 0, 0 };

	(void)state;
	/* Both pass the first step before either is verified. */
	assert_true(amesh_replay_is_newer(&r, 7, 3));
	assert_true(amesh_replay_is_newer(&r, 7, 3));
	assert_true(amesh_replay_accept(&r, 7, 3, false));
	assert_false(amesh_replay_accept(&r, 7, 3, false));
	assert_int_equal(r.incarnation, 7);
	assert_int_equal(r.sequence, 3);
}

static void test_a_refused_beat_moves_nothing(void **state)
{
	struct amesh_replay r = { 7, 3 };

	(void)state;
	assert_false(amesh_replay_accept(&r, 6, 99, true));
	assert_int_equal(r.incarnation, 7);
	assert_int_equal(r.sequence, 3);
}

static void test_leaving_ends_its_incarnation(void **state)
{
	struct amesh_replay r = { 7, 3 };

	(void)state;
	assert_true(amesh_replay_accept(&r, 7, 4, true));
	assert_int_equal(r.sequence, U64_MAX);
	assert_false(amesh_replay_accept(&r, 7, 5, true)); /* sent twice */
	assert_false(amesh_replay_is_newer(&r, 7, U64_MAX));
	assert_true(amesh_replay_accept(&r, 8, 1, false));
	assert_int_equal(r.sequence, 1);
}

static void test_another_key_starts_anew(void **state)
{
	struct amesh_replay r = { 7, 3 };

	(void)state;
	amesh_replay_reset(&r);
	assert_true(amesh_replay_accept(&r, 1, 1, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_incarnation_then_sequence),
		cmocka_unit_test(test_sequence_zero_is_never_newer),
		cmocka_unit_test(test_of_two_copies_one_is_accepted),
		cmocka_unit_test(test_a_refused_beat_moves_nothing),
		cmocka_unit_test(test_leaving_ends_its_incarnation),
		cmocka_unit_test(test_another_key_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
