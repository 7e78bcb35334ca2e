// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel half of fpu.c, which no emulated machine reaches (none has AVX-512):
 * compiled here against stand-ins, with a machine that lacks one thing at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_standin.h"
#include "fpu.h"

static bool has[FEATURES], usable;
static u64 saved;	/* state components that the system saves */
static int depth, begun, rests;

bool boot_cpu_has(unsigned int feature)
{
	assert_true(feature < FEATURES);
	return has[feature];
}

int cpu_has_xfeatures(u64 needed, const char **missing)
{
	assert_null(missing);
	assert_true(needed);
	return (saved & needed) == needed;
}

bool crypto_simd_usable(void)
{
	return usable && !depth;
}

void kernel_fpu_begin(void)
{
	assert_true(usable);
	assert_int_equal(depth++, 0);
	begun++;
}

void kernel_fpu_end(void)
{
	assert_int_equal(depth--, 1);
}

void cond_resched(void)
{
	assert_int_equal(depth, 0);
	rests++;
}

static int whole_machine(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < FEATURES; i++)
		has[i] = i != X86_FEATURE_PREFER_YMM;
	saved = 0xe7;
	usable = true;
	depth = begun = rests = 0;
	return 0;
}

static void test_a_whole_machine_has_lanes(void **state)
{
	(void)state;
	assert_true(fpu_has_lanes());
}

static void test_every_feature_is_needed(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < X86_FEATURE_PREFER_YMM; i++) {
		has[i] = false;
		assert_false(fpu_has_lanes());
		has[i] = true;
	}
	assert_true(fpu_has_lanes());
	has[X86_FEATURE_PREFER_YMM] = true;
	assert_false(fpu_has_lanes());
}

/* SSE, YMM, and the masks, upper halves and upper registers of AVX-512. */
static void test_every_component_must_be_saved(void **state)
{
	static const int needed[] = { 1, 2, 5, 6, 7 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		saved = 0xe7 & ~(1ULL << needed[i]);
		assert_false(fpu_has_lanes());
	}
	saved = 0xe6; /* x87 is not ours */
	assert_true(fpu_has_lanes());
}

static void test_no_section_where_the_fpu_is_not_usable(void **state)
{
	(void)state;
	usable = false;
	assert_false(fpu_enter());
	assert_int_equal(begun, 0);
	usable = true;
	assert_true(fpu_enter());
	assert_int_equal(begun, 1);
	assert_false(fpu_enter()); /* nor inside another one */
	assert_int_equal(begun, 1);
	fpu_leave();
	fpu_rest();
	assert_int_equal(rests, 1);
	assert_true(fpu_enter());
	fpu_leave();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_whole_machine_has_lanes, whole_machine),
		cmocka_unit_test_setup(test_every_feature_is_needed, whole_machine),
		cmocka_unit_test_setup(test_every_component_must_be_saved,
				       whole_machine),
		cmocka_unit_test_setup(test_no_section_where_the_fpu_is_not_usable,
				       whole_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
