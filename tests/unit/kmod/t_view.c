// SPDX-License-Identifier: Apache-2.0
/* Own view: digest against fixed values, window order, growth. */
#include <stdio.h>

#include "cm.h"
#include "kmod/view.h"

static struct amesh_view *view_new(u32 windows)
{
	struct amesh_view *view = malloc(sizeof(*view));

	amesh_view_init(view, malloc(amesh_view_bytes(windows)), windows);
	return view;
}

static void view_free(struct amesh_view *view)
{
	free(view->live - AMESH_VIEW_HEAD_LEN);
	free(view);
}

static void assert_digest(struct amesh_view *view, const char *hex)
{
	char got[33];
	int i;

	assert_true(amesh_view_refresh(view));
	assert_false(amesh_view_refresh(view));
	for (i = 0; i < 16; i++)
		sprintf(got + 2 * i, "%02x", view->digest[i]);
	assert_string_equal(got, hex);
}

/* Computed with another implementation of SHA-256 over the context, a zero
 * byte and: nothing; 07; 01, 127 zero bytes, 80.
 */
static void test_digest_equals_fixed_values(void **state)
{
	struct amesh_view *view = view_new(2);

	(void)state;
	assert_digest(view, "bd7360104bef5a6159798ff447fe402d");
	amesh_view_set(view, 0, true, true);
	amesh_view_set(view, 1, true, false);
	amesh_view_set(view, 2, true, true);
	assert_digest(view, "b43ed1a7ff59ae33d359416fa7d71260");
	amesh_view_set(view, 1, false, false);
	amesh_view_set(view, 2, false, false);
	amesh_view_set(view, 1031, true, true);
	assert_digest(view, "f9349fa597706500dd4956f3ddab3777");
	assert_int_equal(view->live_count, 2);
	view_free(view);
}

static void test_digest_is_of_the_live_not_of_the_up(void **state)
{
	struct amesh_view *view = view_new(1);

	(void)state;
	amesh_view_set(view, 3, true, true);
	amesh_view_refresh(view);
	amesh_view_set(view, 3, true, false);
	assert_false(view->stale);
	assert_false(amesh_bit(view->up, 3));
	amesh_view_set(view, 3, false, false);
	assert_true(view->stale);
	view_free(view);
}

static void test_growing_keeps_bits_and_digest(void **state)
{
	struct amesh_view *view = view_new(1);
	u8 digest[16];

	(void)state;
	amesh_view_set(view, 1023, true, true);
	amesh_view_refresh(view);
	memcpy(digest, view->digest, 16);
	free(amesh_view_grow(view, malloc(amesh_view_bytes(64)), 64));
	assert_true(amesh_bit(view->live, 1023));
	assert_true(amesh_bit(view->up, 1023));
	view->stale = true;
	amesh_view_refresh(view);
	assert_memory_equal(view->digest, digest, 16);
	amesh_view_set(view, 65535, true, true);
	amesh_view_set_bound(view, 65535);
	assert_int_equal(view->used, 64);
	view_free(view);
}

static void test_odd_sequences_cycle_whatever_changes(void **state)
{
	struct amesh_view *view = view_new(4);
	u8 window[128];
	u32 seen = 0;
	u64 seq;

	(void)state;
	amesh_view_set_bound(view, 4095);
	for (seq = 1; seq <= 8; seq++) {
		/* Window 2 has something to say before every beat. */
		amesh_view_set(view, 2048, seq % 2, seq % 2);
		seen |= 1U << amesh_view_pick(view, seq, window) / 1024;
	}
	assert_int_equal(seen, 0xf); /* all four within twice four beats */
	view_free(view);
}

static void test_even_sequences_tell_the_oldest_change_first(void **state)
{
	struct amesh_view *view = view_new(4);
	u8 window[128];

	(void)state;
	amesh_view_set_bound(view, 4095);
	amesh_view_set(view, 3 * 1024 + 9, true, true);
	amesh_view_set(view, 1024 + 8, true, true);
	amesh_view_set(view, 3 * 1024 + 10, true, true); /* not newer */
	assert_int_equal(amesh_view_pick(view, 2, window), 3 * 1024);
	assert_int_equal(window[1], 6);
	assert_int_equal(amesh_view_pick(view, 4, window), 1024);
	assert_int_equal(window[1], 1);
	/* Nothing left: the cycle, from its beginning. */
	assert_int_equal(amesh_view_pick(view, 6, window), 0);
	assert_int_equal(amesh_view_pick(view, 7, window), 1024);
	view_free(view);
}

static void test_what_the_cycle_carried_is_reported(void **state)
{
	struct amesh_view *view = view_new(2);
	u8 window[128];

	(void)state;
	amesh_view_set_bound(view, 2047);
	amesh_view_set(view, 5, true, true);
	assert_int_equal(amesh_view_pick(view, 1, window), 0);
	assert_int_equal(amesh_view_pick(view, 2, window), 1024);
	view_free(view);
}

static void test_a_shrunk_bound_is_not_left_by_the_cycle(void **state)
{
	struct amesh_view *view = view_new(4);
	u8 window[128];

	(void)state;
	amesh_view_set_bound(view, 4095);
	amesh_view_pick(view, 1, window);
	amesh_view_pick(view, 3, window);
	amesh_view_set(view, 4000, true, true);
	amesh_view_set(view, 4000, false, false);
	amesh_view_set_bound(view, 1023);
	assert_int_equal(amesh_view_pick(view, 5, window), 0);
	assert_int_equal(amesh_view_pick(view, 6, window), 0);
	view_free(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_equals_fixed_values),
		cmocka_unit_test(test_digest_is_of_the_live_not_of_the_up),
		cmocka_unit_test(test_growing_keeps_bits_and_digest),
		cmocka_unit_test(test_odd_sequences_cycle_whatever_changes),
		cmocka_unit_test(test_even_sequences_tell_the_oldest_change_first),
		cmocka_unit_test(test_what_the_cycle_carried_is_reported),
		cmocka_unit_test(test_a_shrunk_bound_is_not_left_by_the_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
