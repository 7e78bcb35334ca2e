// SPDX-License-Identifier: Apache-2.0
/*
 * Clients that mean harm: garbage, floods of frames that cost nothing,
 * header bombs, silence, more of everything than is allowed. Each case ends
 * with a proper client being served, so that a bound that also hits the
 * innocent shows, and most have a twin just below the bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "raw.h"
#include "service.h"

enum { CALM = 0xb };

static struct bench b;
static struct service sv;
static struct raw *r;

static void start(const struct grpc_limits *limits)
{
	memset(&sv, 0, sizeof(sv));
	bench_open(&b, limits);
	service_add(b.server, &sv);
	bench_listen(&b);
	r = raw_open(&b, true);
}

/* The server serves on, and nothing of the hostile client is left in it. */
static void stop(void)
{
	struct raw *good;

	raw_close(r);
	while (grpc_server_counts(b.server).connections)
		loop_run_once(b.loop, 5);
	good = raw_open(&b, true);
	raw_request(good, 1, PATH_ECHO, NULL);
	raw_message(good, 1, "\x12\2ok", 4, true);
	RAW_UNTIL(good, raw_stream(good, 1)->grpc_status == GRPC_OK);
	RAW_UNTIL(good, grpc_server_counts(b.server).connections == 1);
	assert_int_equal(grpc_server_counts(b.server).calls, 0);
	assert_int_equal(grpc_server_counts(b.server).request_bytes, 0);
	raw_close(good);
	bench_close(&b);
}

static void assert_calmed(void)
{
	RAW_UNTIL(r, r->eof);
	assert_int_equal(grpc_server_counts(b.server).calmed_connections, 1);
	if (r->goaways)
		assert_int_equal(r->goaway_code, CALM);
}

static void assert_not_calmed(void)
{
	raw_frame(r, RAW_PING, 0, 0, "12345678", 8);
	raw_request(r, 61, PATH_ECHO, NULL);
	raw_message(r, 61, "\x12\2ok", 4, true);
	RAW_UNTIL(r, raw_stream(r, 61)->grpc_status == GRPC_OK);
	assert_int_equal(grpc_server_counts(b.server).calmed_connections, 0);
}

static const struct grpc_limits *tight(void)
{
	static struct grpc_limits limits;

	limits = grpc_limits_default();
	limits.control_burst = 50;
	limits.control_per_second = 1;
	return &limits;
}

static void test_garbage_instead_of_a_preface(void **state)
{
	static const char *const garbage[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS, or nearly",
	};

	(void)state;
	start(NULL);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		raw_close(r);
		r = raw_open(&b, false);
		raw_bytes(r, garbage[i], strlen(garbage[i]));
		RAW_UNTIL(r, r->eof);
	}
	stop();
}

static void test_broken_frames_end_the_connection(void **state)
{
	static const struct { uint8_t type, flags; uint32_t stream; size_t len; } bad[] = {
		{ RAW_SETTINGS, 0, 0, 5 },         /* no multiple of six */
		{ RAW_SETTINGS, 0, 1, 0 },         /* not on stream 0 */
		{ RAW_PING, 0, 0, 7 },
		{ RAW_WINDOW, 0, 0, 3 },
		{ RAW_RST, 0, 0, 4 },
		{ RAW_DATA, 0, 0, 1 },
		{ RAW_DATA, 0, 1, 1 },             /* of a stream that never was */
		{ RAW_DATA, RAW_PADDED, 1, 0 },
		{ RAW_HEADERS, RAW_END_HEADERS, 2, 1 },  /* even: the server's */
		{ RAW_CONTINUATION, RAW_END_HEADERS, 1, 1 },
		{ RAW_PUSH, RAW_END_HEADERS, 1, 8 },
		{ RAW_GOAWAY, 0, 0, 7 },
	};
	uint8_t zeros[16] = { 0 };

	(void)state;
	start(NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		raw_close(r);
		r = raw_open(&b, true);
		raw_frame(r, bad[i].type, bad[i].flags, bad[i].stream, zeros, bad[i].len);
		RAW_UNTIL(r, r->eof || r->goaways);
		if (r->goaways)
			assert_int_not_equal(r->goaway_code, 0);
		RAW_UNTIL(r, r->eof);
	}
	stop();
}

static void test_a_frame_over_the_size_is_refused(void **state)
{
	uint8_t head[9] = { 0x7f, 0xff, 0xff, RAW_DATA, 0, 0, 0, 0, 1 };

	(void)state;
	start(NULL);
	raw_bytes(r, head, 9);
	RAW_UNTIL(r, r->eof);
	stop();
}

/* Each case: frames that a client may send, and that do nothing. */
static void flood(int count, void (*one)(int i))
{
	for (int i = 0; i < count && !r->eof; i++)
		one(i);
}

static void one_ping(int i)
{
	(void)i;
	raw_frame(r, RAW_PING, 0, 0, "12345678", 8);
}

static void one_settings(int i)
{
	(void)i;
	raw_frame(r, RAW_SETTINGS, 0, 0, NULL, 0);
}

static void one_window(int i)
{
	(void)i;
	raw_window(r, 0, 1);
}

static void one_priority(int i)
{
	(void)i;
	raw_frame(r, RAW_PRIORITY, 0, 1, "\0\0\0\0\1", 5);
}

static void one_empty_data(int i)
{
	if (!i)
		raw_request(r, 1, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, 0, 1, NULL, 0);
}

static void one_padding(int i)
{
	if (!i)
		raw_request(r, 1, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, RAW_PADDED, 1, "\3\0\0\0", 4);
}

static void (*const floods[])(int i) = {
	one_ping, one_settings, one_window, one_priority, one_empty_data, one_padding,
};

static void test_floods_of_idle_frames_are_calmed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		start(tight());
		flood(60, floods[i]);
		assert_calmed();
		stop();
	}
}

static void test_as_many_as_the_bucket_holds_are_fine(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		start(tight());
		/* Two of the 50 go to SETTINGS and its acknowledgement. */
		flood(40, floods[i]);
		assert_not_calmed();
		stop();
	}
}

static void request_and_reset(int count)
{
	static const char *const fields[] = { ":method", "POST", ":scheme", "http", ":path",
		PATH_HOLD, ":authority", "t", "content-type", "application/grpc", NULL };
	uint8_t block[512];
	size_t len = raw_block(block, sizeof(block), fields);

	for (int i = 0; i < count && !r->eof; i++) {
		uint32_t id = (uint32_t)(2 * i + 1);

		raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, id, block, len);
		raw_frame(r, RAW_RST, 0, id, "\0\0\0\x08", 4);
	}
}

static void test_rapid_reset_is_calmed(void **state)
{
	(void)state;
	start(tight());
	request_and_reset(60);
	assert_calmed();
	stop();
	start(tight());
	request_and_reset(25);
	assert_not_calmed();
	stop();
}

/* The other way round: the client makes the server reset. */
static void test_made_resets_are_calmed(void **state)
{
	static const char *const bad[] = { ":method", "POST", ":scheme", "http", ":path",
		PATH_ECHO, ":authority", "t", "Upper", "case", NULL };
	uint8_t block[512];
	size_t len = raw_block(block, sizeof(block), bad);

	(void)state;
	start(tight());
	for (int i = 0; i < 31 && !r->eof; i++) {
		raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, (uint32_t)(2 * i + 1), block, len);
		if (i % 8 == 7)
			raw_turn(r);
	}
	for (int i = 31; i < 60 && !r->eof; i++) {
		/* Past the streams that this client keeps book of. */
		raw_frame(r, RAW_WINDOW, 0, 1, "\0\0\0\0", 4);
	}
	RAW_UNTIL(r, r->eof);
	assert_int_equal(sv.calls, 0);
	stop();
}

static void test_header_lists_are_bounded(void **state)
{
	char value[4100];
	const char *more[] = { "x-a", value, NULL, NULL, NULL };

	(void)state;
	start(NULL);
	memset(value, 'v', sizeof(value));
	value[3900] = '\0';
	more[2] = "x-b";
	more[3] = value;
	raw_request(r, 1, PATH_ECHO, more);
	raw_message(r, 1, "\x12\2ok", 4, true);
	RAW_UNTIL(r, raw_stream(r, 1)->ended);
	assert_int_equal(raw_stream(r, 1)->grpc_status, GRPC_OK);
	value[3900] = 'v';
	value[4090] = '\0';
	raw_request(r, 3, PATH_ECHO, more);
	RAW_UNTIL(r, raw_stream(r, 3)->ended);
	assert_int_equal(raw_stream(r, 3)->http_status, 431);
	assert_int_equal(raw_stream(r, 3)->grpc_status, GRPC_RESOURCE_EXHAUSTED);
	stop();
}

/* HPACK: one 3,900-byte field put into the table, then named 12,000 times by
 * one byte each: 46 MB of headers in one frame. */
static void test_a_header_bomb_ends_the_connection(void **state)
{
	static const char *const fields[] = { ":method", "POST", ":scheme", "http", ":path",
		PATH_ECHO, ":authority", "t", "content-type", "application/grpc", NULL };
	static uint8_t block[16384];
	size_t n = raw_block(block, sizeof(block), fields);

	(void)state;
	start(NULL);
	block[n++] = 0x40;             /* literal, indexed, new name */
	block[n++] = 1;
	block[n++] = 'x';
	block[n++] = 127;              /* 127 + 13 + 29 * 128 = 3,852 bytes */
	block[n++] = 0x80 | 13;
	block[n++] = 29;
	memset(block + n, 'b', 3852);
	n += 3852;
	memset(block + n, 0x80 | 62, sizeof(block) - n);
	raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, 1, block, sizeof(block));
	assert_calmed();
	assert_int_equal(sv.calls, 0);
	stop();
}

static void test_endless_continuations_end_the_connection(void **state)
{
	uint8_t block[64] = { 0 };
	const char *const fields[] = { "x", "y", NULL };
	size_t len = raw_block(block, sizeof(block), fields);

	(void)state;
	start(NULL);
	raw_frame(r, RAW_HEADERS, 0, 1, block, len);
	for (int i = 0; i < 1000 && !r->eof; i++)
		raw_frame(r, RAW_CONTINUATION, 0, 1, block, len);
	RAW_UNTIL(r, r->eof);
	stop();
}

static void test_streams_are_bounded(void **state)
{
	struct grpc_limits limits = grpc_limits_default();

	(void)state;
	limits.streams = 4;
	start(&limits);
	RAW_UNTIL(r, r->setting_acks);
	for (uint32_t id = 1; id <= 7; id += 2) {
		raw_request(r, id, PATH_HOLD, NULL);
		raw_message(r, id, NULL, 0, true);
	}
	RAW_UNTIL(r, sv.calls == 4);
	assert_false(r->goaways || raw_stream(r, 7)->reset);
	raw_request(r, 9, PATH_HOLD, NULL);
	RAW_UNTIL(r, r->goaways || raw_stream(r, 9)->reset);
	assert_int_equal(sv.calls, 4);
	stop();
}

static void test_connections_are_bounded(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	struct raw *second, *third;

	(void)state;
	limits.connections = 2;
	start(&limits);
	second = raw_open(&b, true);
	RAW_UNTIL(second, second->setting_acks);
	third = raw_open(&b, true);
	RAW_UNTIL(third, third->eof);
	assert_int_equal(grpc_server_counts(b.server).refused_connections, 1);
	assert_false(second->eof);
	raw_close(third);
	raw_close(second);
	stop();
}

static void test_silence_is_not_waited_for(void **state)
{
	struct grpc_limits limits = grpc_limits_default();

	(void)state;
	limits.handshake_ms = 30;
	start(&limits);
	raw_close(r);
	/* Nothing at all; then a preface that never ends. */
	r = raw_open(&b, false);
	RAW_UNTIL(r, r->eof);
	raw_close(r);
	r = raw_open(&b, false);
	raw_bytes(r, "PRI * HTTP/2.0\r\n", 16);
	RAW_UNTIL(r, r->eof);
	limits.handshake_ms = 5000;
	stop();
	/* A proper one that asks nothing is told and let go. */
	limits.idle_ms = 30;
	start(&limits);
	RAW_UNTIL(r, r->eof);
	assert_int_equal(r->goaways, 1);
	assert_int_equal(r->goaway_code, 0);
	limits.idle_ms = 5000;
	raw_close(r);
	bench_close(&b);
	/* With a call open it stays. */
	limits.idle_ms = 20;
	start(&limits);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	for (int i = 0; i < 20; i++)
		raw_turn(r);
	assert_false(r->eof);
	raw_close(r);
	bench_close(&b);
}

static void test_a_reader_that_never_reads_is_let_go(void **state)
{
	(void)state;
	start(tight());
	RAW_UNTIL(r, r->setting_acks);
	r->paused = true;
	flood(60, one_ping);
	/* The GOAWAY may never be read; the connection goes all the same. */
	while (grpc_server_counts(b.server).connections)
		loop_run_once(b.loop, 5);
	assert_int_equal(grpc_server_counts(b.server).calmed_connections, 1);
	stop();
}

static void test_running_out_of_descriptors_is_survived(void **state)
{
	struct rlimit old, low;
	struct raw *late;

	(void)state;
	start(NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	late = raw_open(&b, true);
	low = old;
	low.rlim_cur = (rlim_t)late->fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 20; i++)
		raw_turn(late);
	assert_int_equal(late->setting_acks, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	RAW_UNTIL(late, late->setting_acks == 1);
	raw_close(late);
	stop();
}

/* Random bytes after a proper hello, from fixed seeds. */
static void test_random_bytes(void **state)
{
	uint8_t bytes[2048];

	(void)state;
	start(NULL);
	for (unsigned int seed = 1; seed <= 200; seed++) {
		srand(seed);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rand();
		/* Half of them get past the frame header. */
		if (seed % 2) {
			bytes[0] = 0;
			bytes[1] = 1;
			bytes[3] %= 10;
			bytes[5] = bytes[6] = bytes[7] = 0;
			bytes[8] |= 1;
		}
		raw_close(r);
		r = raw_open(&b, true);
		raw_bytes(r, bytes, sizeof(bytes));
		raw_turn(r);
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_garbage_instead_of_a_preface),
		cmocka_unit_test(test_broken_frames_end_the_connection),
		cmocka_unit_test(test_a_frame_over_the_size_is_refused),
		cmocka_unit_test(test_floods_of_idle_frames_are_calmed),
		cmocka_unit_test(test_as_many_as_the_bucket_holds_are_fine),
		cmocka_unit_test(test_rapid_reset_is_calmed),
		cmocka_unit_test(test_made_resets_are_calmed),
		cmocka_unit_test(test_header_lists_are_bounded),
		cmocka_unit_test(test_a_header_bomb_ends_the_connection),
		cmocka_unit_test(test_endless_continuations_end_the_connection),
		cmocka_unit_test(test_streams_are_bounded),
		cmocka_unit_test(test_connections_are_bounded),
		cmocka_unit_test(test_silence_is_not_waited_for),
		cmocka_unit_test(test_a_reader_that_never_reads_is_let_go),
		cmocka_unit_test(test_running_out_of_descriptors_is_survived),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
