// SPDX-License-Identifier: Apache-2.0
/*
 * The redial schedule over a virtual clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule.h"

static void test_quick_then_steady_then_doubling_to_a_minute(void **state)
{
	struct schedule s;
	int64_t slowest = 0;

	(void)state;
	schedule_begin(&s, 1000);
	assert_int_equal(schedule_next(&s, 1000, 0), 250);
	assert_int_equal(schedule_next(&s, 30999, 7), 250);
	for (uint32_t r = 0; r < 5000; r++) {
		int64_t delay = schedule_next(&s, 31000 + (int64_t)r * 59, r * 2654435761u);

		assert_in_range(delay, 1500, 2500);
	}
	assert_in_range(schedule_next(&s, 330999, 1), 1500, 2500);
	assert_in_range(schedule_next(&s, 331000, 5), 3000, 5000);
	assert_in_range(schedule_next(&s, 335000, 5), 6000, 10000);
	assert_in_range(schedule_next(&s, 343000, 5), 12000, 20000);
	assert_in_range(schedule_next(&s, 359000, 5), 24000, 40000);
	for (uint32_t r = 0; r < 200; r++) {
		int64_t delay = schedule_next(&s, 400000, r * 2654435761u);

		assert_in_range(delay, 45000, 75000);
		slowest = delay > slowest ? delay : slowest;
	}
	assert_in_range(slowest, 70000, 75000);
	schedule_begin(&s, 500000);
	assert_int_equal(schedule_next(&s, 500001, 1), 250);
}

static void test_a_dead_member_costs_few_attempts(void **state)
{
	struct schedule s;
	int64_t now = 0;
	unsigned attempts = 0;

	(void)state;
	schedule_begin(&s, 0);
	while (now < 24 * 3600 * 1000ll) {
		now += schedule_next(&s, now, attempts * 2654435761u);
		attempts++;
	}
	/* 120 quick, 150 steady, then about one a minute. */
	assert_in_range(attempts, 1500, 1900);
}

static void test_silence_doubles_to_a_minute(void **state)
{
	(void)state;
	assert_int_equal(schedule_silence(50, 0), 3000);
	assert_int_equal(schedule_silence(1000, 0), 3000);
	assert_int_equal(schedule_silence(1001, 0), 3003);
	assert_int_equal(schedule_silence(2000, 0), 6000);
	assert_int_equal(schedule_silence(2000, 1), 12000);
	assert_int_equal(schedule_silence(2000, 3), 48000);
	assert_int_equal(schedule_silence(2000, 4), 60000);
	assert_int_equal(schedule_silence(2000, 4000000), 60000);
	assert_int_equal(schedule_silence(30000, 0), 90000);
	assert_int_equal(schedule_silence(30000, 9), 90000);
}

static void test_renewal_lies_inside_the_limit(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (uint32_t r = 0; r < 10000; r++) {
		int64_t at = schedule_renew(18000000, r * 2654435761u);

		assert_in_range(at, 13500000, 16200000);
		least = at < least ? at : least;
		most = at > most ? at : most;
	}
	assert_true(least < 13600000 && most > 16100000);
	assert_int_equal(schedule_renew(1, 12345), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quick_then_steady_then_doubling_to_a_minute),
		cmocka_unit_test(test_a_dead_member_costs_few_attempts),
		cmocka_unit_test(test_silence_doubles_to_a_minute),
		cmocka_unit_test(test_renewal_lies_inside_the_limit),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
