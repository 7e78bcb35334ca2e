// SPDX-License-Identifier: Apache-2.0
/*
 * The application's RPCs over a real socket, with a node of plain data behind
 * them: refusals, sends and their repetition, streams live, behind and after
 * a reorganisation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../grpc/raw.h"
#include "clock.h"
#include "dial.h"
#include "grpc/agent.pb-c.h"
#include "rpc_app.h"

#define AGENT "/attestmesh.agent.v1.Agent/"

typedef Attestmesh__Agent__V1__IncomingMessage Incoming;

enum { LOG_MAX = 3000 };

static struct bench b;
static struct rpc_app *app;

/* The node behind the callbacks. */
static struct {
	enum grpc_status gate;
	enum rpc_app_call gated;
	bool has_csk, reserved, answer_at_once;
	enum grpc_status send_status;
	struct rpc_app_send sent;
	uint8_t payload[64];
	int sends;
	struct { struct rpc_app_cursor at; uint8_t id; size_t len; } log[LOG_MAX];
	size_t log_len;
	uint64_t head;                 /* block up to which logs can be read */
	uint64_t read_token;
	struct rpc_app_cursor read_from;
	int reads;
	size_t page;                   /* most messages in a page */
} node;

static enum grpc_status gate(enum rpc_app_call call, const char **why, void *arg)
{
	(void)arg;
	if (node.gate == GRPC_OK || node.gated != call)
		return GRPC_OK;
	*why = "not now";
	return node.gate;
}

static void get_status(struct rpc_app_status *out, void *arg)
{
	(void)arg;
	*out = (struct rpc_app_status){ .phase = "healthy", .first_converged = true,
		.csk_acquired = true, .live_peers = 2, .indexer_cursor_block = 1ull << 40 };
}

static void list_peers(void (*each)(const struct rpc_app_peer *peer, void *each_arg),
		       void *each_arg, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 100; i++) {
		struct rpc_app_peer p = { .mesh_ip = 0x0a000001 + i, .live = i % 2 };

		memset(p.member_id, (int)i, 32);
		each(&p, each_arg);
	}
}

static void get_self(struct rpc_app_self *out, void *arg)
{
	(void)arg;
	memset(out->member_id, 0xaa, 32);
	memset(out->member_contract, 0xbb, 20);
	out->mesh_ip = 0x0a000009;
}

static bool get_csk(uint8_t key[32], void *arg)
{
	(void)arg;
	memset(key, 0x77, 32);
	return node.has_csk;
}

static bool reserved(const uint8_t *payload, size_t len, void *arg)
{
	(void)payload, (void)len, (void)arg;
	return node.reserved;
}

static enum grpc_status send_message(const struct rpc_app_send *send, const char **why,
				     void *arg)
{
	static const uint8_t tx[32] = { 0xee };

	(void)arg;
	node.sent = *send;
	node.sends++;
	memcpy(node.payload, send->payload, send->payload_len < 64 ? send->payload_len : 64);
	*why = "no such member";
	if (node.answer_at_once)
		rpc_app_send_done(app, send->token, GRPC_OK, "", tx);
	return node.send_status;
}

static void read_messages(uint64_t token, struct rpc_app_cursor from, size_t max_bytes,
			  void *arg)
{
	(void)arg, (void)max_bytes;
	node.read_token = token;
	node.read_from = from;
	node.reads++;
}

static const struct rpc_app_ops ops = {
	gate, get_status, list_peers, get_self, get_csk, reserved, send_message,
	read_messages,
};

static int setup(void **state)
{
	struct grpc_limits limits = rpc_app_limits();

	(void)state;
	memset(&node, 0, sizeof(node));
	node.page = 8;
	bench_open(&b, &limits);
	app = rpc_app_new(b.loop, b.server, &ops, NULL, 3);
	assert_non_null(app);
	bench_listen(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&b);
	rpc_app_free(app);
	return 0;
}

static struct grpc_client_call *call(const char *path, const ProtobufCMessage *request,
				     const ProtobufCMessageDescriptor *response,
				     uint32_t answer_ms, struct dialled *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b.path);
	return dial_unary(b.loop, (struct sockaddr *)&addr, sizeof(addr), path, request,
			  response, answer_ms, d);
}

static struct dialled *ask(const char *path, const ProtobufCMessageDescriptor *response)
{
	static struct dialled d;
	Attestmesh__Agent__V1__Empty empty = ATTESTMESH__AGENT__V1__EMPTY__INIT;

	call(path, &empty.base, response, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	return &d;
}

static void test_status_self_and_peers(void **state)
{
	Attestmesh__Agent__V1__MeshStatus *status;
	Attestmesh__Agent__V1__SelfInfo *self;
	Attestmesh__Agent__V1__PeerList *peers;
	struct dialled *d;

	(void)state;
	d = ask(AGENT "GetMeshStatus", &attestmesh__agent__v1__mesh_status__descriptor);
	status = attestmesh__agent__v1__mesh_status__unpack(NULL, d->answer_len, d->answer);
	assert_string_equal(status->phase, "healthy");
	assert_true(status->first_converged && status->csk_acquired);
	assert_int_equal(status->live_peer_count, 2);
	assert_true(status->indexer_cursor_block == 1ull << 40);
	attestmesh__agent__v1__mesh_status__free_unpacked(status, NULL);
	d = ask(AGENT "GetSelf", &attestmesh__agent__v1__self_info__descriptor);
	self = attestmesh__agent__v1__self_info__unpack(NULL, d->answer_len, d->answer);
	assert_int_equal(self->member_contract.len, 20);
	assert_int_equal(self->mesh_ip, 0x0a000009);
	attestmesh__agent__v1__self_info__free_unpacked(self, NULL);
	d = ask(AGENT "ListPeers", &attestmesh__agent__v1__peer_list__descriptor);
	peers = attestmesh__agent__v1__peer_list__unpack(NULL, d->answer_len, d->answer);
	assert_int_equal(peers->n_peers, 100);
	assert_int_equal(peers->peers[99]->member_id.data[31], 99);
	assert_true(peers->peers[99]->live && !peers->peers[98]->live);
	attestmesh__agent__v1__peer_list__free_unpacked(peers, NULL);
}

static void test_the_gate_speaks_for_each_call(void **state)
{
	(void)state;
	node.gate = GRPC_FAILED_PRECONDITION;
	node.gated = RPC_APP_LIST_PEERS;
	assert_int_equal(ask(AGENT "ListPeers",
			     &attestmesh__agent__v1__peer_list__descriptor)->status,
			 GRPC_FAILED_PRECONDITION);
	node.gated = RPC_APP_SELF;
	assert_int_equal(ask(AGENT "GetSelf",
			     &attestmesh__agent__v1__self_info__descriptor)->status,
			 GRPC_FAILED_PRECONDITION);
	assert_int_equal(ask(AGENT "GetMeshStatus",
			     &attestmesh__agent__v1__mesh_status__descriptor)->status,
			 GRPC_OK);
}

static void test_the_key_only_when_it_is_there(void **state)
{
	Attestmesh__Agent__V1__ClusterSharedKey *key;
	const ProtobufCMessageDescriptor *type =
		&attestmesh__agent__v1__cluster_shared_key__descriptor;
	struct dialled *d;

	(void)state;
	node.gate = GRPC_UNAVAILABLE;
	node.gated = RPC_APP_CSK;
	node.has_csk = true;
	d = ask(AGENT "GetClusterSharedKey", type);
	assert_int_equal(d->status, GRPC_UNAVAILABLE);
	assert_string_equal(d->message, "not now");
	node.gate = GRPC_OK;
	node.has_csk = false;
	assert_int_equal(ask(AGENT "GetClusterSharedKey", type)->status, GRPC_UNAVAILABLE);
	node.has_csk = true;
	d = ask(AGENT "GetClusterSharedKey", type);
	assert_int_equal(d->status, GRPC_OK);
	key = attestmesh__agent__v1__cluster_shared_key__unpack(NULL, d->answer_len,
								d->answer);
	assert_int_equal(key->key.len, 32);
	assert_int_equal(key->key.data[31], 0x77);
	attestmesh__agent__v1__cluster_shared_key__free_unpacked(key, NULL);
}

/* ---- sends ---- */

static uint8_t to[32] = { 1 }, own_id[32] = { 2 };

static struct grpc_client_call *start_send(const char *payload, size_t payload_len,
					   size_t to_len, size_t id_len,
					   uint32_t answer_ms, struct dialled *d)
{
	Attestmesh__Agent__V1__SendRequest r = ATTESTMESH__AGENT__V1__SEND_REQUEST__INIT;

	r.recipient_member_id.data = to;
	r.recipient_member_id.len = to_len;
	r.payload.data = (uint8_t *)payload;
	r.payload.len = payload_len;
	r.envelope_id.data = own_id;
	r.envelope_id.len = id_len;
	return call(AGENT "SendMessage", &r.base,
		    &attestmesh__agent__v1__send_response__descriptor, answer_ms, d);
}

static void test_a_send_ends_when_the_chain_shows_it(void **state)
{
	static const uint8_t tx[32] = { 9 };
	Attestmesh__Agent__V1__SendResponse *r;
	struct dialled d;
	char hex[80];

	(void)state;
	start_send("hello", 5, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, node.sends == 1);
	assert_true(node.sent.own_id);
	assert_memory_equal(node.sent.recipient, to, 32);
	assert_memory_equal(node.payload, "hello", 5);
	assert_false(d.done);
	assert_int_equal(rpc_app_counts(app).sends, 1);
	rpc_app_send_done(app, node.sent.token, GRPC_OK, "", tx);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
	r = attestmesh__agent__v1__send_response__unpack(NULL, d.answer_len, d.answer);
	assert_memory_equal(r->envelope_id.data, node.sent.envelope_id, 32);
	assert_memory_equal(r->tx_hash.data, tx, 32);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", r->envelope_id.data[i]);
	assert_string_equal(d.envelope_id, hex);
	attestmesh__agent__v1__send_response__free_unpacked(r, NULL);
	assert_int_equal(rpc_app_counts(app).sends, 0);
	/* A second end of the same token is nobody's. */
	rpc_app_send_done(app, node.sent.token, GRPC_OK, "", tx);
}

static void test_drawn_ids_differ_and_given_ones_are_kept(void **state)
{
	uint8_t first[32];
	struct dialled d;

	(void)state;
	node.answer_at_once = true;
	start_send("x", 1, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
	memcpy(first, node.sent.envelope_id, 32);
	start_send("x", 1, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_memory_not_equal(first, node.sent.envelope_id, 32);
	start_send("x", 1, 32, 32, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_false(node.sent.own_id);
	assert_memory_equal(node.sent.envelope_id, own_id, 32);
}

static void test_bad_requests_reach_nobody(void **state)
{
	static char long_payload[RPC_APP_PAYLOAD_MAX_BYTES + 1];
	struct dialled d;

	(void)state;
	start_send("x", 1, 31, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_INVALID_ARGUMENT);
	start_send("x", 1, 32, 31, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_INVALID_ARGUMENT);
	start_send(long_payload, sizeof(long_payload), 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_INVALID_ARGUMENT);
	node.reserved = true;
	start_send("x", 1, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_INVALID_ARGUMENT);
	assert_int_equal(node.sends, 0);
	assert_string_equal(d.envelope_id, "");
	/* The bound itself is fine. */
	node.reserved = false;
	node.answer_at_once = true;
	start_send(long_payload, RPC_APP_PAYLOAD_MAX_BYTES, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
	assert_int_equal(node.sent.payload_len, RPC_APP_PAYLOAD_MAX_BYTES);
}

static void test_refusals_are_passed_on(void **state)
{
	struct dialled d;

	(void)state;
	node.send_status = GRPC_NOT_FOUND;
	start_send("x", 1, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_NOT_FOUND);
	assert_string_equal(d.message, "no such member");
	assert_int_equal(strlen(d.envelope_id), 64);
	assert_int_equal(rpc_app_counts(app).sends, 0);
}

static void test_a_repeated_send_joins_the_first(void **state)
{
	struct dialled first, second, other;

	(void)state;
	start_send("x", 1, 32, 32, 40, &first);
	DIAL_UNTIL(b.loop, first.done);
	/* Its deadline has passed: the outcome is open and the id is told. */
	assert_int_equal(first.status, GRPC_DEADLINE_EXCEEDED);
	assert_int_equal(node.sends, 1);
	start_send("x", 1, 32, 32, DIAL_WAIT_MS, &second);
	start_send("y", 1, 32, 32, DIAL_WAIT_MS, &other);
	DIAL_UNTIL(b.loop, other.done);
	assert_int_equal(other.status, GRPC_INVALID_ARGUMENT);
	assert_int_equal(node.sends, 1);
	rpc_app_send_done(app, node.sent.token, GRPC_OK, "", NULL);
	DIAL_UNTIL(b.loop, second.done);
	assert_int_equal(second.status, GRPC_OK);
	assert_int_equal(node.sends, 1);
}

static void test_the_hourly_allowance_is_exact(void **state)
{
	struct dialled d;

	(void)state;
	/* 3 an hour; the third ends open and may be repeated all the same. */
	for (int i = 0; i < 3; i++) {
		start_send("x", 1, 32, i == 2 ? 32 : 0, DIAL_WAIT_MS, &d);
		DIAL_UNTIL(b.loop, node.sends == i + 1);
		rpc_app_send_done(app, node.sent.token, i == 2 ? GRPC_UNKNOWN : GRPC_OK,
				  "open", NULL);
		DIAL_UNTIL(b.loop, d.done);
	}
	assert_int_equal(d.status, GRPC_UNKNOWN);
	start_send("x", 1, 32, 0, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(node.sends, 3);
	node.answer_at_once = true;
	start_send("x", 1, 32, 32, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(b.loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
	assert_int_equal(node.sends, 4);
}

/* ---- streams ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status_self_and_peers),
		TEST(test_the_gate_speaks_for_each_call),
		TEST(test_the_key_only_when_it_is_there),
		TEST(test_a_send_ends_when_the_chain_shows_it),
		TEST(test_drawn_ids_differ_and_given_ones_are_kept),
		TEST(test_bad_requests_reach_nobody),
		TEST(test_refusals_are_passed_on),
		TEST(test_a_repeated_send_joins_the_first),
		TEST(test_the_hourly_allowance_is_exact),
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
