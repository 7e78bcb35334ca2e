// SPDX-License-Identifier: Apache-2.0
/*
 * Subscriptions over a real socket: live, behind, from a cursor, after a
 * reorganisation, with a reader that sleeps; and peer events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_node.h"
#include "clock.h"

typedef Attestmesh__Agent__V1__IncomingMessage Incoming;

static void subscribe(struct raw *r, uint32_t stream, uint8_t block, uint8_t log_index)
{
	const uint8_t request[] = { 0x08, block, 0x10, log_index };

	raw_request(r, stream, AGENT "SubscribeMessages", NULL);
	raw_message(r, stream, request, block || log_index ? 4 : 0, true);
	RAW_UNTIL(r, raw_stream(r, stream)->http_status == 200);
}

/* "block.index:id " for everything that came, newest last. */
static const char *got(struct raw *r, uint32_t stream)
{
	static char text[100000];
	const struct raw_stream *s = raw_stream(r, stream);
	size_t at = 0, n = 0;

	text[0] = '\0';
	while (s->data_len - at >= 5) {
		size_t len = (size_t)s->data[at + 1] << 24 | (size_t)s->data[at + 2] << 16 |
			     (size_t)s->data[at + 3] << 8 | s->data[at + 4];
		Incoming *m;

		if (s->data_len - at - 5 < len)
			break;
		m = attestmesh__agent__v1__incoming_message__unpack(NULL, len,
								    s->data + at + 5);
		assert_non_null(m);
		assert_int_equal(m->sender_member_id.len, 32);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d.%d:%d ",
				      (int)m->block_number, (int)m->log_index,
				      m->envelope_id.data[0]);
		attestmesh__agent__v1__incoming_message__free_unpacked(m, NULL);
		at += 5 + len;
	}
	return text;
}

static uint8_t zeros[RPC_APP_PAYLOAD_MAX_BYTES];

static struct rpc_app_message make(uint64_t block, uint64_t log_index, uint32_t id,
				   size_t len)
{
	struct rpc_app_message m = { .at = { block, log_index }, .payload = zeros,
				     .payload_len = len };

	memcpy(m.envelope_id, &id, sizeof(id));
	return m;
}

static void live(uint64_t block, uint64_t log_index, uint32_t id)
{
	struct rpc_app_message m = make(block, log_index, id, 3);

	rpc_app_message(app, &m);
}

/* Answers the pending read from the node's log. */
static void serve_read(void)
{
	struct rpc_app_message page[64];
	struct rpc_app_cursor next = { node.head + 1, 0 };
	uint64_t token = node.read_token;
	size_t n = 0;
	bool more = false;

	assert_true(token);
	node.read_token = 0;
	for (size_t i = 0; i < node.log_len && !more; i++) {
		struct rpc_app_cursor at = node.log[i].at;

		if (at.block < node.read_from.block || at.block > node.head ||
		    (at.block == node.read_from.block &&
		     at.log_index < node.read_from.log_index))
			continue;
		if (n == node.page) {
			more = true;
			next = at;
		} else {
			page[n++] = make(at.block, at.log_index, node.log[i].id,
					 node.log[i].len);
		}
	}
	rpc_app_read_done(app, token, GRPC_OK, "", page, n, next, more);
}

static void log_add(uint64_t block, uint64_t log_index, uint8_t id)
{
	node.log[node.log_len].at = (struct rpc_app_cursor){ block, log_index };
	node.log[node.log_len].id = id;
	node.log[node.log_len++].len = 3;
}

static void test_an_empty_request_means_new_messages_only(void **state)
{
	struct raw *r = raw_open(&b, true);

	(void)state;
	subscribe(r, 1, 0, 0);
	live(10, 1, 1);
	live(10, 2, 2);
	RAW_UNTIL(r, !strcmp(got(r, 1), "10.1:1 10.2:2 "));
	assert_int_equal(node.reads, 0);
	raw_close(r);
}

static void test_a_cursor_replays_then_goes_live(void **state)
{
	struct raw *r = raw_open(&b, true);

	(void)state;
	node.head = 20;
	node.page = 2;
	for (uint8_t i = 1; i <= 5; i++)
		log_add(10 + i, 7, i);
	subscribe(r, 1, 12, 7);
	assert_int_equal(node.read_from.block, 12);
	/* Comes live while the logs are still being read. */
	live(21, 0, 9);
	log_add(21, 0, 9);
	serve_read();
	assert_int_equal(node.reads, 2);
	serve_read();
	/* The logs do not show block 21 yet: they are asked again. */
	RAW_UNTIL(r, node.reads == 3);
	node.head = 21;
	serve_read();
	RAW_UNTIL(r, !strcmp(got(r, 1), "12.7:2 13.7:3 14.7:4 15.7:5 21.0:9 "));
	live(22, 0, 10);
	live(22, 0, 10);
	RAW_UNTIL(r, strstr(got(r, 1), "22.0:10 "));
	assert_string_equal(got(r, 1), "12.7:2 13.7:3 14.7:4 15.7:5 21.0:9 22.0:10 ");
	assert_int_equal(node.reads, 3);
	raw_close(r);
}

static void test_reorganisations_deliver_once_and_late(void **state)
{
	struct raw *r = raw_open(&b, true);

	(void)state;
	subscribe(r, 1, 0, 0);
	live(10, 1, 1);
	live(11, 0, 2);
	/* Block 10 and 11 come anew: one moved, one is new and lower. */
	live(10, 0, 3);
	live(12, 0, 1);
	live(12, 1, 4);
	RAW_UNTIL(r, !strcmp(got(r, 1), "10.1:1 11.0:2 10.0:3 12.1:4 "));
	raw_close(r);
}

static void test_one_below_the_cursor_is_fetched_while_behind(void **state)
{
	struct raw *r = raw_open(&b, true);

	(void)state;
	node.head = 20;
	log_add(15, 0, 1);
	subscribe(r, 1, 15, 0);
	log_add(9, 0, 2);
	live(9, 0, 2);
	serve_read();
	RAW_UNTIL(r, node.read_token);
	assert_int_equal(node.read_from.block, 9);
	serve_read();
	RAW_UNTIL(r, !strcmp(got(r, 1), "15.0:1 9.0:2 "));
	raw_close(r);
}

static void test_a_failed_read_is_tried_again(void **state)
{
	struct raw *r = raw_open(&b, true);
	struct rpc_app_cursor none = { 0, 0 };
	uint64_t token;

	(void)state;
	node.head = 20;
	log_add(15, 0, 1);
	subscribe(r, 1, 1, 0);
	token = node.read_token;
	node.read_token = 0;
	rpc_app_read_done(app, token, GRPC_UNAVAILABLE, "rpc", NULL, 0, none, true);
	RAW_UNTIL(r, node.read_token);
	assert_int_equal(node.read_from.block, 1);
	serve_read();
	RAW_UNTIL(r, !strcmp(got(r, 1), "15.0:1 "));
	subscribe(r, 3, 1, 0);
	rpc_app_read_done(app, node.read_token, GRPC_FAILED_PRECONDITION, "removed", NULL, 0,
			  none, true);
	RAW_UNTIL(r, raw_stream(r, 3)->grpc_status == GRPC_FAILED_PRECONDITION);
	raw_close(r);
}

/* 2,000 messages of 1 KiB to a reader that sleeps: held up to 1 MiB, the rest
 * comes from the logs, in order, each once. */
static void test_a_slow_reader_gets_the_rest_from_the_logs(void **state)
{
	struct raw *r = raw_open(&b, true);
	const char *text;
	int expect = 0;

	(void)state;
	raw_window(r, 0, 1 << 30);
	subscribe(r, 1, 0, 0);
	raw_window(r, 1, 1 << 30);
	r->paused = true;
	node.page = 64;
	for (uint32_t i = 0; i < 2000; i++) {
		struct rpc_app_message m = make(100 + i, 0, 0x1000000 * (i & 255) | i, 1024);

		memcpy(m.envelope_id, &(uint8_t){ (uint8_t)i }, 1);
		m.envelope_id[1] = (uint8_t)(i >> 8);
		rpc_app_message(app, &m);
		node.log[i].at = m.at;
		if (i % 50 == 0)
			raw_turn(r);
	}
	assert_true(grpc_server_counts(b.server).queued_bytes <= RPC_APP_STREAM_BYTES);
	assert_true(grpc_server_counts(b.server).queued_bytes > RPC_APP_STREAM_BYTES / 2);
	/* Read on: the log is served as the stream asks. */
	r->paused = false;
	node.head = 100 + 2000;
	while (rpc_app_counts(app).messages_delivered < 2000) {
		RAW_UNTIL(r, node.read_token ||
			  rpc_app_counts(app).messages_delivered == 2000);
		if (node.read_token) {
			struct rpc_app_message page[64];
			uint64_t token = node.read_token, from = node.read_from.block - 100;
			size_t n = 0;

			node.read_token = 0;
			for (; n < 64 && from + n < 2000; n++) {
				page[n] = make(100 + from + n, 0, 0, 1024);
				page[n].envelope_id[0] = (uint8_t)(from + n);
				page[n].envelope_id[1] = (uint8_t)((from + n) >> 8);
				page[n].envelope_id[3] = (uint8_t)(from + n);
			}
			rpc_app_read_done(app, token, GRPC_OK, "", page, n,
					  (struct rpc_app_cursor){ 100 + from + n, 0 },
					  from + n < 2000);
		}
	}
	RAW_UNTIL(r, strstr(got(r, 1), "2099.0:"));
	for (text = got(r, 1); *text; expect++) {
		assert_int_equal(atoi(text), 100 + expect);
		text = strchr(text, ' ') + 1;
	}
	assert_int_equal(expect, 2000);
	raw_close(r);
}

static void test_streams_are_counted_and_bounded(void **state)
{
	struct raw *r = raw_open(&b, true);
	uint32_t id = 1;

	(void)state;
	for (int i = 0; i < RPC_APP_MESSAGE_STREAMS_MAX; i++, id += 2)
		subscribe(r, id, 0, 0);
	raw_request(r, id, AGENT "SubscribeMessages", NULL);
	raw_message(r, id, NULL, 0, true);
	RAW_UNTIL(r, raw_stream(r, id)->grpc_status == GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(rpc_app_counts(app).message_streams, RPC_APP_MESSAGE_STREAMS_MAX);
	raw_frame(r, RAW_RST, 0, 1, "\0\0\0\x08", 4);
	RAW_UNTIL(r, rpc_app_counts(app).message_streams == RPC_APP_MESSAGE_STREAMS_MAX - 1);
	subscribe(r, id + 2, 0, 0);
	rpc_app_end_streams(app, GRPC_FAILED_PRECONDITION, "removed");
	RAW_UNTIL(r, raw_stream(r, 3)->grpc_status == GRPC_FAILED_PRECONDITION);
	RAW_UNTIL(r, !rpc_app_counts(app).message_streams);
	raw_close(r);
}

static void test_peer_events(void **state)
{
	struct raw *r = raw_open(&b, true);
	uint8_t id[32] = { 5 };
	struct raw_stream *s = raw_stream(r, 1);

	(void)state;
	raw_request(r, 1, AGENT "SubscribePeerEvents", NULL);
	raw_message(r, 1, NULL, 0, true);
	RAW_UNTIL(r, s->http_status == 200);
	assert_int_equal(s->data_len, 0);
	rpc_app_joined(app, id, 0x0a000002);
	rpc_app_liveness(app, id, true);
	rpc_app_liveness(app, id, false);
	/* joined: 5 + 2 + 34 + 5; liveness: 5 + 2 + 34 + 2, and 2 less for down */
	RAW_UNTIL(r, s->data_len == 46 + 43 + 41);
	assert_int_equal(s->data[5], 0x0a);
	assert_int_equal(s->data[46 + 5], 0x12);
	assert_int_equal(rpc_app_counts(app).events_delivered, 3);
	raw_close(r);
}

static void test_unread_events_end_the_stream(void **state)
{
	struct raw *r = raw_open(&b, true);
	uint8_t id[32] = { 5 };

	(void)state;
	raw_request(r, 1, AGENT "SubscribePeerEvents", NULL);
	raw_message(r, 1, NULL, 0, true);
	RAW_UNTIL(r, rpc_app_counts(app).event_streams == 1);
	r->paused = true;
	for (int i = 0; i < 40000; i++)
		rpc_app_liveness(app, id, i % 2);
	r->paused = false;
	raw_window(r, 0, 1 << 30);
	raw_window(r, 1, 1 << 30);
	RAW_UNTIL(r, raw_stream(r, 1)->ended);
	assert_int_equal(raw_stream(r, 1)->grpc_status, GRPC_RESOURCE_EXHAUSTED);
	raw_close(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, app_node_open, app_node_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_empty_request_means_new_messages_only),
		TEST(test_a_cursor_replays_then_goes_live),
		TEST(test_reorganisations_deliver_once_and_late),
		TEST(test_one_below_the_cursor_is_fetched_while_behind),
		TEST(test_a_failed_read_is_tried_again),
		TEST(test_a_slow_reader_gets_the_rest_from_the_logs),
		TEST(test_streams_are_counted_and_bounded),
		TEST(test_peer_events),
		TEST(test_unread_events_end_the_stream),
	};

	/* Not secret_init(): the leak checker must be able to attach. */
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
