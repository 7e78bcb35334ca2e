// SPDX-License-Identifier: Apache-2.0
/* When beats are due: jitter, early ones, every eighth to the long down. */
#include "cm.h"
#include "kmod/pace.h"

#define MS AMESH_NS_PER_MS
#define T0 (5000 * MS)

static void test_jitter_spans_a_tenth_either_way(void **state)
{
	static const u32 intervals[] = { 50, 1000, 2000, 30000 };
	struct amesh_pace pace;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		u64 ns = intervals[i] * MS;

		amesh_pace_init(&pace, T0);
		assert_int_equal(amesh_pace_next(&pace, intervals[i]), T0);
		assert_false(amesh_pace_sent(&pace, intervals[i], T0, 0));
		assert_int_equal(pace.due_ns - T0, ns / 10 * 9);
		amesh_pace_init(&pace, T0);
		amesh_pace_sent(&pace, intervals[i], T0, U32_MAX);
		assert_true(pace.due_ns - T0 <= ns / 10 * 11);
		assert_true(pace.due_ns - T0 >= ns / 10 * 11 - 1000);
		amesh_pace_init(&pace, T0);
		amesh_pace_sent(&pace, intervals[i], T0, 1U << 31);
		assert_int_equal(pace.due_ns - T0, ns);
	}
}

static void test_the_grid_survives_lateness_but_not_a_stall(void **state)
{
	struct amesh_pace pace;

	(void)state;
	amesh_pace_init(&pace, T0);
	amesh_pace_sent(&pace, 1000, T0 + 7 * MS, 1U << 31);
	assert_int_equal(pace.due_ns, T0 + 1000 * MS);
	amesh_pace_sent(&pace, 1000, T0 + 9000 * MS, 1U << 31);
	assert_int_equal(pace.due_ns, T0 + 10000 * MS);
}

static void test_an_early_beat_waits_a_quarter(void **state)
{
	struct amesh_pace pace;

	(void)state;
	amesh_pace_init(&pace, T0);
	amesh_pace_want(&pace, T0); /* before the first beat there is nothing early */
	assert_int_equal(amesh_pace_next(&pace, 1000), T0);
	amesh_pace_sent(&pace, 1000, T0, 1U << 31);
	assert_int_equal(amesh_pace_next(&pace, 1000), T0 + 1000 * MS);
	amesh_pace_want(&pace, T0);
	assert_int_equal(amesh_pace_next(&pace, 1000), T0 + 250 * MS);
	assert_true(amesh_pace_sent(&pace, 1000, T0 + 250 * MS, 0));
	assert_int_equal(pace.due_ns, T0 + 1000 * MS); /* not moved by it */
	assert_false(pace.wanted);
}

static void test_an_early_beat_is_not_due_before_it_was_wanted(void **state)
{
	struct amesh_pace pace;

	(void)state;
	amesh_pace_init(&pace, T0);
	amesh_pace_sent(&pace, 1000, T0, 1U << 31);
	amesh_pace_want(&pace, T0 + 700 * MS);
	amesh_pace_want(&pace, T0 + 800 * MS); /* wanted already */
	assert_int_equal(amesh_pace_next(&pace, 1000), T0 + 700 * MS);
}

static void test_one_early_beat_an_interval(void **state)
{
	struct amesh_pace pace;

	(void)state;
	amesh_pace_init(&pace, T0);
	amesh_pace_sent(&pace, 1000, T0, 1U << 31);
	amesh_pace_sent(&pace, 1000, T0 + 900 * MS, 0); /* early */
	amesh_pace_want(&pace, T0); /* the regular one comes first */
	assert_int_equal(amesh_pace_next(&pace, 1000), T0 + 1000 * MS);
	assert_false(amesh_pace_sent(&pace, 1000, T0 + 1000 * MS, 1U << 31));
	amesh_pace_want(&pace, T0);
	assert_int_equal(amesh_pace_next(&pace, 1000), T0 + 1900 * MS);
}

static void test_long_down_peers_get_every_eighth(void **state)
{
	u32 index, sent;
	u64 seq;

	(void)state;
	for (index = 0; index < 20; index++) {
		sent = 0;
		for (seq = 100; seq < 180; seq++)
			sent += !amesh_pace_spares(60000 * MS, seq, index);
		assert_int_equal(sent, 10);
	}
	for (seq = 0; seq < 16; seq++) {
		assert_false(amesh_pace_spares(60000 * MS - 1, seq, 3));
		assert_false(amesh_pace_spares(0, seq, 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter_spans_a_tenth_either_way),
		cmocka_unit_test(test_the_grid_survives_lateness_but_not_a_stall),
		cmocka_unit_test(test_an_early_beat_waits_a_quarter),
		cmocka_unit_test(test_an_early_beat_is_not_due_before_it_was_wanted),
		cmocka_unit_test(test_one_early_beat_an_interval),
		cmocka_unit_test(test_long_down_peers_get_every_eighth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
