// SPDX-License-Identifier: Apache-2.0
/*
 * Frames and shapes: what passes, what does not, each bound and one past it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"

static enum wg_kind kind(uint8_t type, size_t len)
{
	static uint8_t datagram[FRAME_DATAGRAM_MAX_BYTES + 1];

	datagram[0] = type;
	return wg_kind(datagram, len);
}

static void test_handshake_messages_have_exact_lengths(void **state)
{
	(void)state;
	assert_int_equal(kind(1, 148), WG_INITIATION);
	assert_int_equal(kind(1, 147), WG_NONE);
	assert_int_equal(kind(1, 149), WG_NONE);
	assert_int_equal(kind(2, 92), WG_RESPONSE);
	assert_int_equal(kind(2, 91), WG_NONE);
	assert_int_equal(kind(2, 93), WG_NONE);
	assert_int_equal(kind(3, 64), WG_COOKIE);
	assert_int_equal(kind(3, 63), WG_NONE);
	assert_int_equal(kind(3, 65), WG_NONE);
}

static void test_data_is_bounded_on_both_sides(void **state)
{
	(void)state;
	assert_int_equal(kind(4, 32), WG_DATA);
	assert_int_equal(kind(4, 31), WG_NONE);
	assert_int_equal(kind(4, FRAME_DATAGRAM_MAX_BYTES), WG_DATA);
	assert_int_equal(kind(4, FRAME_DATAGRAM_MAX_BYTES + 1), WG_NONE);
	for (unsigned type = 0; type < 256; type++)
		if (type < 1 || type > 4)
			assert_int_equal(kind((uint8_t)type, 148), WG_NONE);
}

static void test_reserved_bytes_are_zero(void **state)
{
	uint8_t datagram[32] = { 4 };

	(void)state;
	assert_int_equal(wg_kind(datagram, sizeof(datagram)), WG_DATA);
	for (int i = 1; i < 4; i++) {
		datagram[i] = 1;
		assert_int_equal(wg_kind(datagram, sizeof(datagram)), WG_NONE);
		datagram[i] = 0;
	}
}

static void test_frames_come_out_as_they_went_in(void **state)
{
	uint8_t in[FRAME_BATCH_MAX_BYTES], one[FRAME_DATAGRAM_MAX_BYTES];
	size_t sizes[] = { 0, 1, 32, 1452, FRAME_DATAGRAM_MAX_BYTES }, len = 0, at = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		memset(one, (int)i + 1, sizeof(one));
		assert_int_equal(frame_put(in, sizeof(in), &len, one, sizes[i]), 0);
	}
	for (size_t i = 0; i < 5; i++) {
		const uint8_t *datagram;
		size_t got, used;

		assert_int_equal(frame_take(in + at, len - at, &datagram, &got, &used), 1);
		assert_int_equal(got, sizes[i]);
		assert_int_equal(used, sizes[i] + 2);
		for (size_t k = 0; k < got; k++)
			assert_int_equal(datagram[k], i + 1);
		at += used;
	}
	assert_int_equal(at, len);
}

static void test_an_incomplete_frame_waits_and_a_long_one_is_refused(void **state)
{
	uint8_t in[FRAME_DATAGRAM_MAX_BYTES + 3] = { 0x08, 0x00 };
	const uint8_t *datagram;
	size_t len, used;

	(void)state;
	for (size_t have = 0; have < FRAME_DATAGRAM_MAX_BYTES + 2; have++)
		assert_int_equal(frame_take(in, have, &datagram, &len, &used), 0);
	assert_int_equal(frame_take(in, FRAME_DATAGRAM_MAX_BYTES + 2, &datagram, &len, &used), 1);
	in[1] = 1;
	assert_int_equal(frame_take(in, sizeof(in), &datagram, &len, &used), -1);
	assert_int_equal(frame_take(in, 2, &datagram, &len, &used), -1);
}

static void test_a_batch_takes_no_more_than_a_record(void **state)
{
	uint8_t batch[FRAME_BATCH_MAX_BYTES], one[FRAME_DATAGRAM_MAX_BYTES + 1] = { 0 };
	size_t len = sizeof(batch) - 34;

	(void)state;
	assert_int_equal(frame_put(batch, sizeof(batch), &len, one, 33), -1);
	assert_int_equal(len, sizeof(batch) - 34);
	assert_int_equal(frame_put(batch, sizeof(batch), &len, one, 32), 0);
	assert_int_equal(len, sizeof(batch));
	assert_int_equal(frame_put(batch, sizeof(batch), &len, one, 0), -1);
	len = 0;
	assert_int_equal(frame_put(batch, sizeof(batch), &len, one, sizeof(one)), -1);
	assert_int_equal(len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_messages_have_exact_lengths),
		cmocka_unit_test(test_data_is_bounded_on_both_sides),
		cmocka_unit_test(test_reserved_bytes_are_zero),
		cmocka_unit_test(test_frames_come_out_as_they_went_in),
		cmocka_unit_test(test_an_incomplete_frame_waits_and_a_long_one_is_refused),
		cmocka_unit_test(test_a_batch_takes_no_more_than_a_record),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
