// SPDX-License-Identifier: Apache-2.0
/*
 * What the server does with proper and improper calls, byte by byte: answers,
 * trailers, refusals, deadlines, back-pressure, drain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "raw.h"
#include "service.h"

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

static void stop(void)
{
	raw_close(r);
	bench_close(&b);
}

/* A SendRequest with this payload (field 2). */
static size_t send_request(uint8_t *out, const void *payload, size_t len)
{
	size_t n = 0, rest = len;

	out[n++] = 0x12;
	while (rest >= 128) {
		out[n++] = (uint8_t)(rest % 128 + 128);
		rest /= 128;
	}
	out[n++] = (uint8_t)rest;
	memcpy(out + n, payload, len);
	return n + len;
}

/* A SubscribeRequest {count, size}. */
static size_t stream_request(uint8_t *out, uint64_t count, uint64_t size)
{
	size_t n = 0;

	out[n++] = 0x08;
	for (; count >= 128; count /= 128)
		out[n++] = (uint8_t)(count % 128 + 128);
	out[n++] = (uint8_t)count;
	out[n++] = 0x10;
	for (; size >= 128; size /= 128)
		out[n++] = (uint8_t)(size % 128 + 128);
	out[n++] = (uint8_t)size;
	return n;
}

static void assert_status(uint32_t stream, int http, int grpc)
{
	struct raw_stream *s = raw_stream(r, stream);

	RAW_UNTIL(r, s->ended || r->eof);
	assert_int_equal(s->http_status, http);
	assert_int_equal(s->grpc_status, grpc);
}

static void assert_echo(uint32_t stream, const char *want)
{
	struct raw_stream *s = raw_stream(r, stream);
	size_t len = strlen(want);

	assert_status(stream, 200, GRPC_OK);
	/* frame head, field 2, its length, the payload, field 3 and its value */
	assert_int_equal(s->data_len, 5 + 2 + len + 2);
	assert_memory_equal(s->data + 7, want, len);
	assert_int_equal(s->header_frames, 2);
}

static void test_answers_a_unary_call(void **state)
{
	uint8_t m[64];

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_ECHO, NULL);
	raw_message(r, 1, m, send_request(m, "hello", 5), true);
	assert_echo(1, "hello");
	assert_int_equal(sv.calls, 1);
	assert_int_equal(grpc_server_counts(b.server).calls, 0);
	stop();
}

static void test_a_request_may_come_in_single_bytes(void **state)
{
	uint8_t m[64] = { 0, 0, 0, 0, 0 };
	size_t len = 5 + send_request(m + 5, "bits", 4);

	(void)state;
	start(NULL);
	m[4] = (uint8_t)(len - 5);
	raw_request(r, 1, PATH_ECHO, NULL);
	for (size_t i = 0; i < len; i++)
		raw_frame(r, RAW_DATA, i + 1 == len ? RAW_END_STREAM : 0, 1, m + i, 1);
	assert_echo(1, "bits");
	stop();
}

static void test_padding_is_no_data(void **state)
{
	uint8_t m[64] = { 3, 0, 0, 0, 0 };
	size_t len = send_request(m + 6, "pad", 3);

	(void)state;
	start(NULL);
	m[5] = (uint8_t)len;
	raw_request(r, 1, PATH_ECHO, NULL);
	memset(m + 6 + len, 0, 3);
	raw_frame(r, RAW_DATA, RAW_END_STREAM | RAW_PADDED, 1, m, 6 + len + 3);
	assert_echo(1, "pad");
	stop();
}

static void test_refuses_by_path_method_type_and_timeout(void **state)
{
	static const char *const timeout[] = { "grpc-timeout", "soon", NULL };
	static const char *const get[] = { ":method", "GET", ":scheme", "http", ":path",
		PATH_ECHO, ":authority", "t", "content-type", "application/grpc", NULL };
	static const char *const html[] = { ":method", "POST", ":scheme", "http", ":path",
		PATH_ECHO, ":authority", "t", "content-type", "text/html", NULL };
	static const char *const none[] = { ":method", "POST", ":scheme", "http", ":path",
		PATH_ECHO, ":authority", "t", NULL };
	uint8_t block[512];

	(void)state;
	start(NULL);
	raw_request(r, 1, "/t.Test/Nothing", NULL);
	assert_status(1, 200, GRPC_UNIMPLEMENTED);
	assert_int_equal(raw_stream(r, 1)->header_frames, 1); /* trailers-only */
	raw_request(r, 3, PATH_ECHO, timeout);
	assert_status(3, 400, GRPC_INTERNAL);
	raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, 5, block, raw_block(block, 512, get));
	assert_status(5, 405, GRPC_INTERNAL);
	raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, 7, block, raw_block(block, 512, html));
	assert_status(7, 415, GRPC_INTERNAL);
	raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, 9, block, raw_block(block, 512, none));
	assert_status(9, 415, GRPC_INTERNAL);
	/* What was refused before its end is reset, gently. */
	RAW_UNTIL(r, raw_stream(r, 9)->reset);
	assert_int_equal(raw_stream(r, 9)->reset_code, 0);
	assert_int_equal(sv.calls, 0);
	stop();
}

static void test_refuses_broken_messages(void **state)
{
	uint8_t m[64];
	size_t len = send_request(m, "x", 1);

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, RAW_END_STREAM, 1, "\1\0\0\0\0", 5);
	assert_status(1, 200, GRPC_UNIMPLEMENTED);
	raw_request(r, 3, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, RAW_END_STREAM, 3, "\0\0\0\0\5ab", 7);
	assert_status(3, 200, GRPC_INTERNAL);
	raw_request(r, 5, PATH_ECHO, NULL);
	raw_message(r, 5, m, len, false);
	raw_message(r, 5, m, len, true);
	assert_status(5, 200, GRPC_INTERNAL);
	raw_request(r, 7, PATH_ECHO, NULL);
	raw_message(r, 7, "\x12\x7f", 2, true);
	assert_status(7, 200, GRPC_INTERNAL);
	raw_request(r, 9, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, RAW_END_STREAM, 9, NULL, 0);
	assert_status(9, 200, GRPC_INTERNAL);
	assert_int_equal(sv.calls, 0);
	/* The connection is none the worse. */
	raw_request(r, 11, PATH_ECHO, NULL);
	raw_message(r, 11, m, len, true);
	assert_echo(11, "x");
	stop();
}

static void test_request_bound_and_one_past_it(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t m[64];

	(void)state;
	limits.request_bytes = 12;
	start(&limits);
	raw_request(r, 1, PATH_ECHO, NULL);
	raw_message(r, 1, m, send_request(m, "0123456789", 10), true);
	assert_echo(1, "0123456789");
	raw_request(r, 3, PATH_ECHO, NULL);
	raw_message(r, 3, m, send_request(m, "0123456789a", 11), true);
	assert_status(3, 200, GRPC_RESOURCE_EXHAUSTED);
	stop();
}

static void test_response_bound(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t m[64];

	(void)state;
	limits.response_bytes = 6;
	start(&limits);
	raw_request(r, 1, PATH_ECHO, NULL);
	raw_message(r, 1, m, send_request(m, "ab", 2), true);
	assert_echo(1, "ab");
	raw_request(r, 3, PATH_ECHO, NULL);
	raw_message(r, 3, m, send_request(m, "abc", 3), true);
	assert_status(3, 200, GRPC_RESOURCE_EXHAUSTED);
	stop();
}

static void test_requests_held_at_once_are_bounded(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t part[1005] = { 0, 0, 0, 8, 0 };

	(void)state;
	limits.connection_request_bytes = 3000;
	limits.server_request_bytes = 1 << 20;
	start(&limits);
	for (uint32_t id = 1; id <= 5; id += 2) {
		raw_request(r, id, PATH_ECHO, NULL);
		raw_frame(r, RAW_DATA, 0, id, part, id < 5 ? 1005 : 900);
	}
	RAW_UNTIL(r, grpc_server_counts(b.server).request_bytes == 1000 + 1000 + 895);
	raw_request(r, 7, PATH_ECHO, NULL);
	raw_frame(r, RAW_DATA, 0, 7, part, 200);
	assert_status(7, 200, GRPC_RESOURCE_EXHAUSTED);
	/* Cancelling gives the room back. */
	raw_frame(r, RAW_RST, 0, 1, "\0\0\0\x08", 4);
	RAW_UNTIL(r, grpc_server_counts(b.server).request_bytes == 1895);
	stop();
}

static void test_deadline_of_the_client(void **state)
{
	static const char *const timeout[] = { "grpc-timeout", "30m", NULL };

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_HOLD, timeout);
	raw_message(r, 1, NULL, 0, true);
	assert_status(1, 200, GRPC_DEADLINE_EXCEEDED);
	assert_string_equal(raw_stream(r, 1)->envelope_id, "00ff");
	RAW_UNTIL(r, sv.closes == 1);
	stop();
}

static void test_deadline_of_the_server_and_of_the_request(void **state)
{
	struct grpc_limits limits = grpc_limits_default();

	(void)state;
	limits.call_ms = 30;
	start(&limits);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	assert_status(1, 200, GRPC_DEADLINE_EXCEEDED);
	stop();
	limits.call_ms = 0;
	limits.request_ms = 30;
	start(&limits);
	raw_request(r, 1, PATH_ECHO, NULL);
	assert_status(1, 200, GRPC_DEADLINE_EXCEEDED);
	assert_int_equal(sv.calls, 0);
	stop();
}

static void test_cancel_reaches_the_owner(void **state)
{
	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	RAW_UNTIL(r, sv.held);
	raw_frame(r, RAW_RST, 0, 1, "\0\0\0\x08", 4);
	RAW_UNTIL(r, sv.closes == 1);
	raw_request(r, 3, PATH_HOLD, NULL);
	raw_message(r, 3, NULL, 0, true);
	RAW_UNTIL(r, sv.held);
	shutdown(r->fd, SHUT_RDWR);
	RAW_UNTIL(r, sv.closes == 2 && !grpc_server_counts(b.server).connections);
	stop();
}

static void test_custom_trailers_and_messages(void **state)
{
	char longest[130];

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	RAW_UNTIL(r, sv.held);
	memset(longest, 'x', sizeof(longest));
	longest[129] = '\0';
	assert_int_equal(grpc_call_trailer(sv.held, "attestmesh-envelope-id", longest), -22);
	assert_int_equal(grpc_call_trailer(sv.held, "attestmesh-envelope-id", "a\nb"), -22);
	longest[128] = '\0';
	assert_int_equal(grpc_call_trailer(sv.held, "attestmesh-envelope-id", longest), 0);
	assert_int_equal(grpc_call_trailer(sv.held, "b", ""), 0);
	assert_int_equal(grpc_call_trailer(sv.held, "c", ""), 0);
	assert_int_equal(grpc_call_trailer(sv.held, "d", ""), 0);
	assert_int_equal(grpc_call_trailer(sv.held, "e", ""), -28);
	grpc_call_finish(sv.held, GRPC_ABORTED, "50%% of %s\n", "all");
	grpc_call_finish(sv.held, GRPC_INTERNAL, "a second word");
	assert_status(1, 200, GRPC_ABORTED);
	assert_string_equal(raw_stream(r, 1)->message, "50%25 of all%0A");
	assert_string_equal(raw_stream(r, 1)->envelope_id, longest);
	stop();
}

static void test_many_requests(void **state)
{
	uint8_t m[64];
	size_t len = send_request(m, "a", 1);

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_CHAT, NULL);
	raw_message(r, 1, m, len, false);
	RAW_UNTIL(r, raw_stream(r, 1)->data_len == 8);
	raw_message(r, 1, m, len, false);
	RAW_UNTIL(r, raw_stream(r, 1)->data_len == 16);
	assert_false(raw_stream(r, 1)->ended);
	raw_frame(r, RAW_DATA, RAW_END_STREAM, 1, NULL, 0);
	assert_status(1, 200, GRPC_OK);
	stop();
}

/* 1,000 messages of 4 KiB to a reader that does not read: 4 MB. */
static void test_a_slow_reader_is_held_back(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	size_t item = 5 + 3 + 4096 + 3;
	uint8_t m[32];

	(void)state;
	start(&limits);
	raw_window(r, 0, 0x7fff0000 - 65535);
	raw_request(r, 1, PATH_STREAM, NULL);
	raw_window(r, 1, 0x7fff0000 - 65535);
	r->paused = true;
	raw_message(r, 1, m, stream_request(m, 1000, 4096), true);
	RAW_UNTIL(r, sv.refused_sends > 0);
	for (int i = 0; i < 20; i++)
		raw_turn(r);
	assert_true(sv.most_queued >= limits.call_high_bytes);
	assert_true(sv.most_queued < limits.call_high_bytes + item);
	assert_true(grpc_server_counts(b.server).queued_bytes < limits.call_high_bytes + item);
	r->paused = false;
	assert_status(1, 200, GRPC_OK);
	assert_true(sv.rooms > 1);
	assert_true(raw_stream(r, 1)->data_len >= (size_t)1000 * 4096);
	RAW_UNTIL(r, sv.closes == 1);
	assert_int_equal(grpc_server_counts(b.server).queued_bytes, 0);
	stop();
}

static void test_closed_windows_hold_back_too(void **state)
{
	uint8_t m[32];

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_STREAM, NULL);
	raw_message(r, 1, m, stream_request(m, 1000, 1000), true);
	RAW_UNTIL(r, raw_stream(r, 1)->data_len == 65535);
	for (int i = 0; i < 5; i++)
		raw_turn(r);
	assert_int_equal(raw_stream(r, 1)->data_len, 65535);
	raw_window(r, 0, 1 << 30);
	raw_window(r, 1, 1 << 30);
	assert_status(1, 200, GRPC_OK);
	stop();
}

static void test_the_connection_has_a_water_of_its_own(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t m[32];

	(void)state;
	limits.connection_high_bytes = 300000;
	limits.connection_low_bytes = 1000;
	start(&limits);
	r->paused = true;
	for (uint32_t id = 1; id < 21; id += 2) {
		raw_request(r, id, PATH_STREAM, NULL);
		raw_message(r, id, m, stream_request(m, 200, 1000), true);
	}
	RAW_UNTIL(r, sv.calls == 10);
	assert_true(grpc_server_counts(b.server).queued_bytes < 302000);
	r->paused = false;
	raw_window(r, 0, 1 << 30);
	for (uint32_t id = 1; id < 21; id += 2)
		raw_window(r, id, 1 << 30);
	for (uint32_t id = 1; id < 21; id += 2)
		assert_status(id, 200, GRPC_OK);
	stop();
}

static void test_a_finished_call_does_not_wait_for_ever(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t m[32];

	(void)state;
	limits.linger_ms = 30;
	start(&limits);
	raw_request(r, 1, PATH_STREAM, NULL);
	/* More than the window, less than the high water: finished at once. */
	raw_message(r, 1, m, stream_request(m, 100, 1000), true);
	RAW_UNTIL(r, raw_stream(r, 1)->reset);
	assert_int_equal(raw_stream(r, 1)->reset_code, 8);
	RAW_UNTIL(r, sv.closes == 1);
	assert_int_equal(grpc_server_counts(b.server).queued_bytes, 0);
	stop();
}

/* The same with a socket that takes nothing: the memory goes all the same. */
static void test_a_finished_call_gives_its_memory_back(void **state)
{
	struct grpc_limits limits = grpc_limits_default();
	uint8_t m[32];

	(void)state;
	limits.linger_ms = 30;
	limits.call_high_bytes = limits.connection_high_bytes = 4 << 20;
	start(&limits);
	raw_window(r, 0, 1 << 30);
	raw_request(r, 1, PATH_STREAM, NULL);
	raw_window(r, 1, 1 << 30);
	r->paused = true;
	raw_message(r, 1, m, stream_request(m, 2000, 1000), true);
	RAW_UNTIL(r, sv.calls == 1);
	assert_true(grpc_server_counts(b.server).queued_bytes > 1000000);
	RAW_UNTIL(r, !grpc_server_counts(b.server).queued_bytes);
	assert_int_equal(grpc_server_counts(b.server).connections, 1);
	stop();
}

static void on_drained(void *arg)
{
	++*(int *)arg;
}

static void test_drain_lets_calls_finish(void **state)
{
	int drained = 0;
	uint8_t m[32];

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	RAW_UNTIL(r, sv.held);
	grpc_server_drain(b.server, 10000, on_drained, &drained);
	RAW_UNTIL(r, r->goaways == 1);
	assert_int_equal(r->goaway_last, 0x7fffffff);
	assert_int_not_equal(access(b.path, F_OK), 0);
	/* The answer to the PING brings the second one, with what was seen. */
	RAW_UNTIL(r, r->goaways == 2);
	assert_int_equal(r->goaway_last, 1);
	/* A call that comes later is not taken. */
	raw_request(r, 3, PATH_ECHO, NULL);
	raw_message(r, 3, m, send_request(m, "x", 1), true);
	for (int i = 0; i < 5; i++)
		raw_turn(r);
	assert_int_equal(sv.calls, 1);
	assert_int_equal(drained, 0);
	grpc_call_finish(sv.held, GRPC_OK, NULL);
	RAW_UNTIL(r, drained == 1);
	assert_int_equal(raw_stream(r, 1)->grpc_status, GRPC_OK);
	stop();
	assert_int_equal(drained, 1);
}

static void test_drain_serves_what_was_on_its_way(void **state)
{
	int drained = 0;
	uint8_t m[32];

	(void)state;
	start(NULL);
	RAW_UNTIL(r, r->setting_acks);
	/* The first GOAWAY is out; this client has not read it yet. */
	r->paused = true;
	grpc_server_drain(b.server, 20000, on_drained, &drained);
	for (int i = 0; i < 5; i++)
		raw_turn(r);
	raw_request(r, 1, PATH_ECHO, NULL);
	raw_message(r, 1, m, send_request(m, "late", 4), true);
	for (int i = 0; i < 5; i++)
		raw_turn(r);
	r->paused = false;
	assert_echo(1, "late");
	RAW_UNTIL(r, drained == 1);
	stop();
}

static void test_drain_ends_what_is_left(void **state)
{
	int drained = 0;
	uint8_t m[32];

	(void)state;
	start(NULL);
	raw_request(r, 1, PATH_HOLD, NULL);
	raw_message(r, 1, NULL, 0, true);
	raw_request(r, 3, PATH_STREAM, NULL);
	raw_message(r, 3, m, stream_request(m, 1000, 1000), true);
	RAW_UNTIL(r, sv.calls == 2);
	grpc_server_drain(b.server, 20, on_drained, &drained);
	RAW_UNTIL(r, drained == 1);
	assert_int_equal(raw_stream(r, 1)->grpc_status, GRPC_UNAVAILABLE);
	assert_int_equal(sv.closes, 2);
	stop();
	/* With nobody there it is over at once. */
	start(NULL);
	raw_close(r);
	while (grpc_server_counts(b.server).connections)
		loop_run_once(b.loop, 5);
	drained = 0;
	grpc_server_drain(b.server, 10000, on_drained, &drained);
	for (int i = 0; i < 1000 && !drained; i++)
		loop_run_once(b.loop, 5);
	assert_int_equal(drained, 1);
	bench_close(&b);
}

static void test_the_socket_has_its_mode_and_place(void **state)
{
	struct service other = { 0 };
	struct grpc_server *second;
	struct stat st;

	(void)state;
	start(NULL);
	assert_int_equal(stat(b.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A second server takes the place; the first leaves it alone. */
	second = grpc_server_new(b.loop, &(struct grpc_limits){ .connections = 1 });
	service_add(second, &other);
	assert_int_equal(grpc_server_listen_unix(second, b.path, 0666), 0);
	grpc_server_unlisten(b.server);
	assert_int_equal(stat(b.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	grpc_server_free(second);
	assert_int_not_equal(stat(b.path, &st), 0);
	/* What is no socket is not replaced. */
	assert_int_equal(mkdir(b.path, 0700), 0);
	assert_int_equal(grpc_server_listen_unix(b.server, b.path, 0600), -17);
	assert_int_equal(rmdir(b.path), 0);
	stop();
}

static void test_methods_are_registered_once(void **state)
{
	struct bench other;
	struct service one = { 0 };

	(void)state;
	bench_open(&other, NULL);
	service_add(other.server, &one);
	assert_int_equal(grpc_server_add(other.server, &(struct grpc_method){
		.path = PATH_ECHO }, 1, NULL), -17);
	assert_true(grpc_server_has_service(other.server, "t.Test"));
	assert_false(grpc_server_has_service(other.server, "t.Tes"));
	assert_false(grpc_server_has_service(other.server, "t.Test/Echo"));
	bench_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_a_unary_call),
		cmocka_unit_test(test_a_request_may_come_in_single_bytes),
		cmocka_unit_test(test_padding_is_no_data),
		cmocka_unit_test(test_refuses_by_path_method_type_and_timeout),
		cmocka_unit_test(test_refuses_broken_messages),
		cmocka_unit_test(test_request_bound_and_one_past_it),
		cmocka_unit_test(test_response_bound),
		cmocka_unit_test(test_requests_held_at_once_are_bounded),
		cmocka_unit_test(test_deadline_of_the_client),
		cmocka_unit_test(test_deadline_of_the_server_and_of_the_request),
		cmocka_unit_test(test_cancel_reaches_the_owner),
		cmocka_unit_test(test_custom_trailers_and_messages),
		cmocka_unit_test(test_many_requests),
		cmocka_unit_test(test_a_slow_reader_is_held_back),
		cmocka_unit_test(test_closed_windows_hold_back_too),
		cmocka_unit_test(test_the_connection_has_a_water_of_its_own),
		cmocka_unit_test(test_a_finished_call_does_not_wait_for_ever),
		cmocka_unit_test(test_a_finished_call_gives_its_memory_back),
		cmocka_unit_test(test_drain_lets_calls_finish),
		cmocka_unit_test(test_drain_serves_what_was_on_its_way),
		cmocka_unit_test(test_drain_ends_what_is_left),
		cmocka_unit_test(test_the_socket_has_its_mode_and_place),
		cmocka_unit_test(test_methods_are_registered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
