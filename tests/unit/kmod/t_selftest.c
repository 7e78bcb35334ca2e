// SPDX-License-Identifier: Apache-2.0
/* What the module runs when it is loaded passes here, and can fail. */
#include "cm.h"
#include "kmod/selftest/pure.h"

static void test_all_known_answers_are_right(void **state)
{
	struct amesh_selftest_memory *m = malloc(sizeof(*m));
	const char *wrong;

	(void)state;
	memset(m, 0xa5, sizeof(*m));
	wrong = amesh_selftest_pure(m);
	if (wrong)
		fail_msg("%s", wrong);
	free(m);
}

/* The live self-test takes its verdict from the code, not from itself. */
static void test_a_mesh_of_the_selftest_is_judged(void **state)
{
	struct amesh_selftest_memory *m = malloc(sizeof(*m));

	(void)state;
	assert_true(amesh_selftest_mesh(m));
	amesh_selftest_hear(m, 0, 0, AMESH_SELFTEST_SEC);
	assert_int_equal(m->peer[0].state, AMESH_STATE_UP);
	amesh_live_check(&m->live, &m->peer[0], 10 * AMESH_SELFTEST_SEC);
	amesh_live_judge(&m->live, 10 * AMESH_SELFTEST_SEC);
	assert_int_equal(m->peer[0].state, AMESH_STATE_DOWN);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_known_answers_are_right),
		cmocka_unit_test(test_a_mesh_of_the_selftest_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
