// SPDX-License-Identifier: Apache-2.0
/* The phase follows from facts; a healthy node stays so; entries are logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "phase.h"

static const struct phase_facts all = { true, true, true, false, true, true, true };

static void test_each_missing_fact_names_its_phase(void **state)
{
	struct phase_facts f = all;

	(void)state;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_HEALTHY);
	f.first_converged = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_HEARTBEATING);
	f.csk_acquired = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_PULLING_CSK);
	f.mesh_up = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_WG_CONFIGURING);
	f.alone = true;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_WAITING_PEERS);
	f.subscribed = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_SUBSCRIBING);
	f.registered = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_REGISTERING);
	f.identified = false;
	assert_int_equal(phase_of(&f, PHASE_BOOTING), PHASE_BOOTING);
}

static void test_healthy_stays_while_latch_key_and_membership_hold(void **state)
{
	struct phase_facts f = all;

	(void)state;
	f.mesh_up = false;
	f.alone = true;
	f.subscribed = false;
	assert_int_equal(phase_of(&f, PHASE_HEALTHY), PHASE_HEALTHY);
	assert_int_not_equal(phase_of(&f, PHASE_HEARTBEATING), PHASE_HEALTHY);
	f = all;
	f.csk_acquired = false;
	assert_int_equal(phase_of(&f, PHASE_HEALTHY), PHASE_PULLING_CSK);
	f = all;
	f.registered = false;
	assert_int_equal(phase_of(&f, PHASE_HEALTHY), PHASE_REGISTERING);
}

static void test_first_entries_are_kept(void **state)
{
	struct phase_log log;

	(void)state;
	phase_log_init(&log, 1000);
	assert_true(phase_log_seconds(&log, PHASE_BOOTING) == 0);
	assert_true(phase_log_seconds(&log, PHASE_REGISTERING) < 0);
	assert_true(phase_log_enter(&log, PHASE_SUBSCRIBING, 3500));
	assert_false(phase_log_enter(&log, PHASE_SUBSCRIBING, 4000));
	assert_true(phase_log_seconds(&log, PHASE_REGISTERING) == 2.5);
	assert_true(phase_log_enter(&log, PHASE_BOOTING, 5000));
	assert_true(phase_log_enter(&log, PHASE_HEALTHY, 6000));
	assert_true(phase_log_seconds(&log, PHASE_SUBSCRIBING) == 2.5);
	assert_true(phase_log_seconds(&log, PHASE_HEALTHY) == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_missing_fact_names_its_phase),
		cmocka_unit_test(test_healthy_stays_while_latch_key_and_membership_hold),
		cmocka_unit_test(test_first_entries_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
