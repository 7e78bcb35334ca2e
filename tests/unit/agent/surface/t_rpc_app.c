// SPDX-License-Identifier: Apache-2.0
/*
 * The application's unary RPCs over a real socket, with a node of plain data
 * behind them: answers, refusals, sends and their repetition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "app_node.h"
#include "clock.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, app_node_open, app_node_close)

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
	};

	/* Not secret_init(): the leak checker must be able to attach. */
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
