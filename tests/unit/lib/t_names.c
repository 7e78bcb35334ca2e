// SPDX-License-Identifier: Apache-2.0
/*
 * Words of the library: one for each number of the interface, "?" for others;
 * the drop counters in the interface's order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "attestmesh.h"

static void check(const char *(*name)(uint32_t), uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_string_not_equal(name(i), "?");
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(name(i), name(k));
	}
	assert_string_equal(name(count), "?");
	assert_string_equal(name(UINT32_MAX), "?");
}

static void test_each_number_has_its_word(void **state)
{
	(void)state;
	check(am_state_name, ATTESTMESH_STATE_DOWN + 1);
	check(am_reason_name, ATTESTMESH_REASON_KEY + 1);
	check(am_key_status_name, ATTESTMESH_KEY_REFUSED + 1);
	check(am_gone_name, ATTESTMESH_GONE_LINGER + 1);
	assert_string_equal(am_state_name(ATTESTMESH_STATE_SUSPECT), "suspect");
	assert_string_equal(am_reason_name(ATTESTMESH_REASON_LEAVING), "leaving");
}

static void test_drop_counters_are_in_the_interfaces_order(void **state)
{
	struct am_drops d;
	uint64_t *values = (uint64_t *)&d;

	(void)state;
	for (unsigned i = 0; i < AM_DROPS; i++)
		values[i] = 100 + i;
	for (unsigned i = 0; i < AM_DROPS; i++)
		assert_int_equal(am_drop_value(&d, i), 100 + i);
	assert_int_equal(am_drop_value(&d, AM_DROPS), 0);
	assert_string_equal(am_drop_name(ATTESTMESH_A_DROPS_WRONG_IIF - ATTESTMESH_A_DROPS_WRONG_IIF),
			    "wrong_iif");
	assert_string_equal(am_drop_name(ATTESTMESH_A_DROPS_REPLAY - ATTESTMESH_A_DROPS_WRONG_IIF),
			    "replay");
	assert_string_equal(am_drop_name(ATTESTMESH_A_DROPS_STALE_KEY -
					 ATTESTMESH_A_DROPS_WRONG_IIF), "stale_key");
	assert_int_equal(ATTESTMESH_A_DROPS_MAX - ATTESTMESH_A_DROPS_WRONG_IIF + 1, AM_DROPS);
	assert_string_equal(am_drop_name(AM_DROPS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_number_has_its_word),
		cmocka_unit_test(test_drop_counters_are_in_the_interfaces_order),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
