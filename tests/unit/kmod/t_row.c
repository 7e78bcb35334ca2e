// SPDX-License-Identifier: Apache-2.0
/* A row takes in windows in its bounds and knows what earlier ones had. */
#include "cm.h"
#include "kmod/row.h"

static void place(struct amesh_row *row, u32 windows, bool observer)
{
	free(amesh_row_place(row, malloc(amesh_row_bytes(windows, observer)),
			     windows, observer));
}

static void receive(struct amesh_row *row, u32 base, u64 bits, u64 at,
		    bool evidence)
{
	u8 window[AMESH_WINDOW_BYTES] = { 0 };

	amesh_put_le64(window, bits);
	amesh_row_receive(row, base, window, at, evidence, 2);
}

static void test_had_means_an_earlier_window(void **state)
{
	struct amesh_row row = { 0 };

	(void)state;
	place(&row, 2, true);
	receive(&row, 0, 0x3, 10, true);
	assert_int_equal(amesh_word(row.had, 0), 0);
	receive(&row, 0, 0x5, 20, true);
	assert_int_equal(amesh_word(row.had, 0), 0x3);
	assert_int_equal(amesh_word(row.now, 0), 0x5);
	receive(&row, 0, 0, 30, true);
	assert_int_equal(amesh_word(row.had, 0), 0x7);
	assert_int_equal(row.at_ns[0], 30);
	assert_int_equal(row.at_ns[1], 0);
	assert_int_equal(row.received, 1);
	free(row.at_ns);
}

static void test_a_doubtful_window_is_shown_and_no_evidence(void **state)
{
	struct amesh_row row = { 0 };

	(void)state;
	place(&row, 1, true);
	receive(&row, 0, 0x1, 10, true);
	receive(&row, 0, 0x2, 20, false);
	assert_int_equal(amesh_word(row.now, 0), 0x2);
	assert_int_equal(amesh_word(row.had, 0), 0x1);
	assert_int_equal(row.at_ns[0], 0);
	receive(&row, 0, 0x4, 30, true);
	assert_int_equal(amesh_word(row.had, 0), 0x1); /* not the doubtful 2 */
	free(row.at_ns);
}

static void test_bases_out_of_bounds_are_ignored(void **state)
{
	static const u32 bad[] = { 1, 1023, 1025, 2048, 65536, U32_MAX,
				   U32_MAX - 1023 };
	struct amesh_row row = { 0 };
	u32 i;

	(void)state;
	place(&row, 4, true);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		receive(&row, bad[i], U64_MAX, 10, true);
	assert_int_equal(row.received, 0);
	receive(&row, 1024, U64_MAX, 10, true); /* the last that exists */
	assert_int_equal(row.received, 2);
	free(row.at_ns);
}

static void test_a_short_row_ignores_what_it_cannot_hold(void **state)
{
	struct amesh_row row = { 0 };

	(void)state;
	receive(&row, 0, 1, 10, true); /* no memory yet */
	place(&row, 1, true);
	receive(&row, 1024, 1, 10, true);
	assert_int_equal(row.received, 0);
	receive(&row, 0, 1, 10, true);
	receive(&row, 0, 2, 20, true);
	place(&row, 2, true);
	assert_int_equal(amesh_word(row.had, 0), 1);
	assert_int_equal(amesh_word(row.now, 0), 2);
	assert_int_equal(row.at_ns[0], 20);
	receive(&row, 1024, 1, 30, true);
	assert_int_equal(row.received, 3);
	free(row.at_ns);
}

static void test_clear_and_forget(void **state)
{
	struct amesh_row row = { 0 };

	(void)state;
	amesh_row_clear(&row);
	place(&row, 1, true);
	receive(&row, 0, 0x3, 10, true);
	receive(&row, 0, 0x3, 20, true);
	amesh_row_forget(&row, 1);
	amesh_row_forget(&row, 1024); /* beyond it: nothing to forget */
	assert_int_equal(amesh_word(row.now, 0), 1);
	assert_int_equal(amesh_word(row.had, 0), 1);
	amesh_row_clear(&row);
	assert_int_equal(amesh_word(row.now, 0), 0);
	assert_int_equal(amesh_word(row.had, 0), 0);
	assert_int_equal(row.at_ns[0], 0);
	assert_int_equal(row.received, 0);
	free(row.at_ns);
}

static void test_without_a_seat_there_is_no_second_bitmap(void **state)
{
	struct amesh_row row = { 0 };

	(void)state;
	assert_int_equal(amesh_row_bytes(64, true), 64 * 8 + 2 * 8192);
	assert_int_equal(amesh_row_bytes(64, false), 64 * 8 + 8192);
	place(&row, 1, false);
	receive(&row, 0, 0x3, 10, true);
	receive(&row, 0, 0x1, 20, true);
	assert_null(row.had);
	place(&row, 1, true);
	assert_int_equal(amesh_word(row.had, 0), 0);
	receive(&row, 0, 0x1, 30, true);
	assert_int_equal(amesh_word(row.had, 0), 1);
	free(row.at_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_had_means_an_earlier_window),
		cmocka_unit_test(test_a_doubtful_window_is_shown_and_no_evidence),
		cmocka_unit_test(test_bases_out_of_bounds_are_ignored),
		cmocka_unit_test(test_a_short_row_ignores_what_it_cannot_hold),
		cmocka_unit_test(test_clear_and_forget),
		cmocka_unit_test(test_without_a_seat_there_is_no_second_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
