// SPDX-License-Identifier: Apache-2.0
/* The beat's bytes, exactly where the format puts them, and its cheap checks. */
#include "cm.h"
#include "kmod/beat.h"

static struct amesh_beat sample(void)
{
	struct amesh_beat beat = {
		.version = 1, .flags = 0x05, .interval_ms = 0x1234,
		.incarnation = 0x0102030405060708, .sequence = 0x1112131415161718,
		.wall_ms = 0x2122232425262728, .live = 0x31323334,
		.known = 0x41424344, .window_base = 0x0000fc00,
		.version_max = 0x7f,
	};

	memset(beat.member_id, 0xaa, sizeof(beat.member_id));
	memset(beat.digest, 0xbb, sizeof(beat.digest));
	memset(beat.window, 0xcc, sizeof(beat.window));
	return beat;
}

/* Written by hand from the table of the format. */
static void expected(u8 *wire)
{
	static const u8 head[32] = {
		'A', 'M', 'B', '1', 1, 5, 0x12, 0x34,
		1, 2, 3, 4, 5, 6, 7, 8,
		0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28 };
	static const u8 mid[16] = {
		0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44,
		0x00, 0x00, 0xfc, 0x00, 0x7f, 0, 0, 0 };

	memcpy(wire, head, 32);
	memset(wire + 32, 0xaa, 32);
	memset(wire + 64, 0xbb, 16);
	memcpy(wire + 80, mid, 16);
	memset(wire + 96, 0xcc, 128);
}

static void test_every_field_is_at_its_offset(void **state)
{
	struct amesh_beat beat = sample();
	u8 wire[224], want[224];

	(void)state;
	memset(wire, 0x5a, sizeof(wire));
	expected(want);
	amesh_beat_encode(wire, &beat);
	assert_memory_equal(wire, want, sizeof(want));
}

static void test_decode_reads_what_encode_wrote(void **state)
{
	struct amesh_beat beat = sample(), back;
	u8 wire[224];

	(void)state;
	memset(&back, 0x5a, sizeof(back));
	expected(wire);
	wire[93] = wire[94] = wire[95] = 0xff; /* reserved: ignored */
	amesh_beat_decode(&back, wire);
	assert_int_equal(back.incarnation, beat.incarnation);
	assert_int_equal(back.sequence, beat.sequence);
	assert_int_equal(back.wall_ms, beat.wall_ms);
	assert_int_equal(back.live, beat.live);
	assert_int_equal(back.known, beat.known);
	assert_int_equal(back.window_base, beat.window_base);
	assert_int_equal(back.interval_ms, beat.interval_ms);
	assert_int_equal(back.version, 1);
	assert_int_equal(back.flags, 5);
	assert_int_equal(back.version_max, 0x7f);
	assert_memory_equal(back.member_id, beat.member_id, 32);
	assert_memory_equal(back.digest, beat.digest, 16);
	assert_memory_equal(back.window, beat.window, 128);
}

static void test_trailer_is_24_bytes_at_its_offsets(void **state)
{
	static const u8 want[24] = { 1, 2, 3, 4, 5, 6, 7, 8,
				     9, 10, 11, 12, 13, 14, 15, 16,
				     17, 18, 19, 20, 0, 0, 0, 0 };
	struct amesh_trailer t = { 0x0102030405060708, 0x090a0b0c0d0e0f10,
				   0x11121314 }, back;
	u8 wire[24];

	(void)state;
	memset(wire, 0x5a, sizeof(wire));
	amesh_trailer_encode(wire, &t);
	assert_memory_equal(wire, want, 24);
	amesh_trailer_decode(&back, want);
	assert_int_equal(back.floor_sequence, t.floor_sequence);
	assert_int_equal(back.floor_incarnation, t.floor_incarnation);
	assert_int_equal(back.held_us, t.held_us);
	assert_int_equal(AMESH_BEAT_TRAILER, 288);
	assert_int_equal(AMESH_BEAT_SIGNATURE, 224);
}

static void test_cheap_checks_come_in_order(void **state)
{
	u8 head[8] = { 'A', 'M', 'B', '1', 1, 0, 0, 0 };

	(void)state;
	assert_int_equal(amesh_beat_check(head, 312), AMESH_BEAT_OK);
	assert_int_equal(amesh_beat_check(head, 311), AMESH_BEAT_BAD_LENGTH);
	assert_int_equal(amesh_beat_check(head, 313), AMESH_BEAT_BAD_LENGTH);
	assert_int_equal(amesh_beat_check(head, 8), AMESH_BEAT_BAD_LENGTH);
	assert_int_equal(amesh_beat_check(NULL, 7), AMESH_BEAT_SHORT);
	assert_int_equal(amesh_beat_check(NULL, 0), AMESH_BEAT_SHORT);
	head[4] = 2; /* wrong version and wrong length: the version is told */
	assert_int_equal(amesh_beat_check(head, 8), AMESH_BEAT_BAD_VERSION);
	head[4] = 0;
	assert_int_equal(amesh_beat_check(head, 312), AMESH_BEAT_BAD_VERSION);
	head[3] = '2'; /* the magic comes before it */
	assert_int_equal(amesh_beat_check(head, 8), AMESH_BEAT_BAD_MAGIC);
}

static void test_sign_input_is_context_zero_domain_beat(void **state)
{
	u8 out[275], domain[32], wire[224];

	(void)state;
	memset(domain, 0xdd, 32);
	memset(wire, 0xee, 224);
	amesh_beat_sign_input(out, domain, wire);
	assert_memory_equal(out, "attestmesh.beat.v1\0", 19);
	assert_memory_equal(out + 19, domain, 32);
	assert_memory_equal(out + 51, wire, 224);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_at_its_offset),
		cmocka_unit_test(test_decode_reads_what_encode_wrote),
		cmocka_unit_test(test_trailer_is_24_bytes_at_its_offsets),
		cmocka_unit_test(test_cheap_checks_come_in_order),
		cmocka_unit_test(test_sign_input_is_context_zero_domain_beat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
