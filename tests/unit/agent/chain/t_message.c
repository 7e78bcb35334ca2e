// SPDX-License-Identifier: Apache-2.0
/*
 * Messages and envelopes of one node against a small chain: pages from a
 * cursor, what is hidden from applications, outcomes of sends, one envelope per
 * peer, and what is believed of the received ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "box.h"
#include "envelope.h"
#include "fakechain.h"
#include "message.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;
static struct keys *keys;
static struct bundler *bundler;
static struct messages *messages;
static struct envelopes *envelopes;
static struct envelope_config env_cfg = {
	.chain_id = 31337, .gateway_domain = "gw.test", .wg_tcp_port = 51900,
};

static struct {
	const char *revert;        /* of the simulated call */
	bool effect;               /* every envelope is on chain already */
	unsigned int checks;
} side;

static struct {
	unsigned int pages, outcomes, peers, live;
	size_t count;
	char text[300][12];
	uint64_t next_block, next_index;
	bool more;
	enum message_outcome outcome;
	struct envelope_peer peer;
} got;

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	const char *data = json_string_value(json_object_get(json_array_get(params, 0), "data"));
	static uint8_t call[70000];
	size_t len;

	if (strcmp(method, "eth_call"))
		return strncmp(method, "eth_", 4) ? NULL : fake_serve(method, params, error, arg);
	assert_true(hex_decode_var(call, sizeof(call), &len, data));
	if (fake_is(call, "envelopeSenderOf(bytes32,bytes32)")) {
		side.checks++;
		return side.effect ? rpc_bytes(fake.member[0].id, 32) : fake_words(0, 0, 1);
	}
	if (fake_is(call, "send(bytes32,bytes32,bytes)") && side.revert) {
		*error = json_pack("{s:i, s:s, s:s}", "code", 3, "message", "execution reverted",
				   "data", side.revert);
		return NULL;
	}
	return fake_serve(method, params, error, arg);
}

static void on_message(const struct chain_message *cm, void *arg)
{
	struct message m;

	(void)arg;
	if (envelopes_message(envelopes, cm))
		return;
	if (messages_open(messages, cm, &m))
		snprintf(got.text[got.live++], 12, "%.*s", (int)m.len, m.payload);
}

static const struct chain_listener listener = { .on_message = on_message };

static void on_peer(const struct envelope_peer *p, void *arg)
{
	(void)arg;
	got.peers++;
	got.peer = *p;
}

/* The loop's clock as the tested parts read it; its timers run by the real one. */
static int64_t ahead_ms;

int64_t __real_loop_now_ms(const struct loop *l);
int64_t __wrap_loop_now_ms(const struct loop *l);

int64_t __wrap_loop_now_ms(const struct loop *l)
{
	return __real_loop_now_ms(l) + ahead_ms;
}

static const struct envelope_events env_events = { .on_peer = on_peer };

#define UNTIL(condition) do { \
		for (int until_i = 0; until_i < 1500 && !(condition); until_i++) \
			loop_run_once(loop, 10); \
		assert_true(condition); \
	} while (0)

static void make_keys(void)
{
	struct dstack_key key = { .has_link = { true, true } };
	struct keys_scope scope = { .chain_id = 31337 };

	keys = keys_new(loop, NULL);
	for (int i = 0; i < KEYS_PATHS; i++) {
		memset(key.key, 1 + i, 32);
		keys_put(keys, (enum keys_path)i, &key);
	}
	assert_int_equal(keys_bind(keys, &scope), 0);
}

static int start(void **state)
{
	struct chain_config cfg = { .chain_id = 31337, .poll_ms = 20 };
	struct bundler_config operations = { .chain_id = 31337 };

	(void)state;
	memset(&side, 0, sizeof(side));
	memset(&got, 0, sizeof(got));
	ahead_ms = 0;
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	fake.rpc.fn = serve;
	make_keys();
	for (int i = 0; i < 3; i++)
		memcpy(fake_join(&fake)->x_pub, keys_box_public(keys), 32);
	cfg.rpc_url = operations.bundler_url = fake.rpc.url;
	memcpy(cfg.member_contract, fake.contract, 20);
	chain = chain_new(loop, http, &cfg);
	bundler = bundler_new(loop, http, chain, keys, &operations);
	messages = messages_new(loop, chain, bundler, keys);
	envelopes = envelopes_new(loop, chain, bundler, keys, &env_cfg, &env_events, NULL);
	assert_int_equal(chain_listen(chain, &listener, NULL), 0);
	chain_start(chain);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	envelopes_free(envelopes);
	messages_free(messages);
	bundler_free(bundler);
	chain_free(chain);
	keys_free(keys);
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	return 0;
}

/* A sealed text from member `from` to us in the newest block. */
static void sealed_from(size_t from, const void *plain, size_t len)
{
	struct fake_log *l = fake_add_log(&fake, "MessageSent(bytes32,bytes32,bytes32,bytes)");
	static uint8_t sealed[4096];

	assert_true(len + BOX_SEAL_BYTES <= sizeof(l->data) - 64);
	assert_true(box_seal(sealed, plain, len, keys_box_public(keys)));
	l->topics = 4;
	memcpy(l->topic[1], fake.member[from].id, 32);
	memcpy(l->topic[2], fake.member[0].id, 32);
	l->topic[3][0] = (uint8_t)fake.logs;
	l->data[31] = 32;
	store_be16(l->data + 62, (uint16_t)(len + BOX_SEAL_BYTES));
	memcpy(l->data + 64, sealed, len + BOX_SEAL_BYTES);
	l->data_len = 64 + (len + BOX_SEAL_BYTES + 31) / 32 * 32;
}

static void text_from(size_t from, const char *text)
{
	sealed_from(from, text, strlen(text));
}

/* ---- reading ---- */

static void on_page(int error, const struct message *m, size_t count, uint64_t next_block,
		    uint64_t next_index, bool more, void *arg)
{
	(void)arg;
	assert_int_equal(error, 0);
	got.pages++;
	got.count = count;
	for (size_t i = 0; i < count; i++)
		snprintf(got.text[i], 12, "%.*s", (int)m[i].len, m[i].payload);
	got.next_block = next_block;
	got.next_index = next_index;
	got.more = more;
}

static void on_end(int error, const struct message *m, size_t count, uint64_t next_block,
		   uint64_t next_index, bool more, void *arg)
{
	(void)m;
	(void)next_block;
	(void)next_index;
	(void)more;
	assert_int_equal(count, 0);
	*(int *)arg = error;
}

static void test_an_open_read_is_told_of_the_end(void **state)
{
	int first = 0, second = 0;

	(void)state;
	UNTIL(chain_now(chain));
	assert_non_null(messages_read(messages, 0, 0, 1024, on_end, &first));
	assert_non_null(messages_read(messages, 0, 0, 1024, on_end, &second));
	envelopes_free(envelopes);
	envelopes = NULL;
	messages_free(messages);
	messages = NULL;
	assert_int_equal(first, -ESHUTDOWN);
	assert_int_equal(second, -ESHUTDOWN);
}

static void read_page(uint64_t block, uint64_t index, size_t max_bytes)
{
	got.pages = 0;
	assert_non_null(messages_read(messages, block, index, max_bytes, on_page, NULL));
	UNTIL(got.pages == 1);
}

static void test_a_page_from_a_cursor(void **state)
{
	uint64_t block;

	(void)state;
	fake_mine(&fake);
	block = fake.head;
	text_from(1, "one");
	text_from(2, "two");
	fake_mine(&fake);
	text_from(1, "three");
	UNTIL(chain_now(chain));
	read_page(1, 0, 1 << 20);
	assert_int_equal(got.count, 3);
	assert_string_equal(got.text[0], "one");
	assert_string_equal(got.text[2], "three");
	assert_int_equal(got.next_block, fake.head + 1);
	assert_false(got.more);
	/* An application gives the last index + 1. */
	read_page(block, fake.log[3].index + 1, 1 << 20);
	assert_int_equal(got.count, 2);
	assert_string_equal(got.text[0], "two");
	read_page(fake.head + 5, 2, 1 << 20);
	assert_int_equal(got.count, 0);
	assert_int_equal(got.next_block, fake.head + 5);
	assert_int_equal(got.next_index, 2);
}

static void test_pages_are_bounded_and_join_up(void **state)
{
	unsigned int all = 0;
	uint64_t block = 1, index = 0;

	(void)state;
	for (int i = 0; i < 7; i++) {
		fake_mine(&fake);
		text_from(1, "aaaa");
	}
	UNTIL(chain_now(chain));
	for (int page = 0; page < 3; page++) {
		read_page(block, index, 12); /* three of four bytes each */
		assert_int_equal(got.count, page < 2 ? 3 : 1);
		assert_int_equal(got.more, page < 2);
		all += (unsigned int)got.count;
		block = got.next_block;
		index = got.next_index;
	}
	assert_int_equal(all, 7);
	read_page(1, 0, 1); /* the first fits alone, however long */
	assert_int_equal(got.count, 1);
}

static void test_what_is_not_for_applications_is_left_out(void **state)
{
	struct envelope e = { .port = 443 };
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES];
	struct fake_log *l;

	(void)state;
	fake_mine(&fake);
	text_from(1, "yes");
	/* The kind and nothing else: malformed, but reserved all the same. */
	envelope_encode(&e, plain);
	plain[0] = 0xa1;
	sealed_from(1, plain, 8 + 64);
	text_from(2, "unreadable");
	l = &fake.log[fake.logs - 1];
	l->data[70] ^= 1;
	UNTIL(chain_now(chain));
	read_page(1, 0, 1 << 20);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.text[0], "yes");
	assert_int_equal(messages_unreadable(messages), 1);
}

static void test_live_messages_are_opened(void **state)
{
	(void)state;
	UNTIL(chain_now(chain));
	fake_mine(&fake);
	text_from(1, "live");
	UNTIL(got.live == 1);
	assert_string_equal(got.text[0], "live");
	assert_int_equal(messages_received(messages), 1);
}

/* ---- sending ---- */

static void on_sent(const struct message_sent *s, void *arg)
{
	(void)arg;
	got.outcomes++;
	got.outcome = s->outcome;
	assert_int_equal(s->envelope_id[0], 9);
}

static struct message_waiter *send_to(const uint8_t *to, const void *payload, size_t len,
				      unsigned int deadline_ms)
{
	const uint8_t id[32] = { 9 };

	return messages_send(messages, to, payload, len, id, false, deadline_ms, on_sent, NULL);
}

static void expect_at_once(const uint8_t *to, const void *payload, size_t len,
			   enum message_outcome outcome)
{
	got.outcomes = 0;
	assert_null(send_to(to, payload, len, 0));
	assert_int_equal(got.outcomes, 1);
	assert_int_equal(got.outcome, outcome);
	assert_int_equal(bundler_pending(bundler), 0);
}

static void test_sends_that_are_refused_at_once(void **state)
{
	static uint8_t large[MESSAGE_PAYLOAD_MAX_BYTES + 1];
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES], nobody[32] = { 0 };
	struct envelope e = { .port = 443 };
	size_t len = envelope_encode(&e, plain);

	(void)state;
	expect_at_once(fake.member[1].id, "x", 1, MESSAGE_NOT_MEMBER); /* nothing read yet */
	fake.member[2].removed_at = 5;
	UNTIL(chain_now(chain));
	expect_at_once(nobody, "x", 1, MESSAGE_UNKNOWN_PEER);
	expect_at_once(fake.member[2].id, "x", 1, MESSAGE_UNKNOWN_PEER);
	expect_at_once(fake.member[1].id, large, sizeof(large), MESSAGE_INVALID);
	expect_at_once(fake.member[1].id, plain, len, MESSAGE_INVALID);
	assert_non_null(send_to(fake.member[1].id, large, sizeof(large) - 1, 0));
}

static void test_an_id_of_our_own_is_ok(void **state)
{
	(void)state;
	UNTIL(chain_now(chain));
	side.effect = true;
	assert_non_null(send_to(fake.member[1].id, "x", 1, 0));
	assert_non_null(send_to(fake.member[1].id, "x", 1, 0)); /* joins the first */
	assert_int_equal(bundler_pending(bundler), 1);
	UNTIL(got.outcomes == 2);
	assert_int_equal(got.outcome, MESSAGE_SENT);
	assert_int_equal(bundler_operations_sent(bundler), 0);
}

static void test_an_id_of_another_sender_is_refused(void **state)
{
	(void)state;
	UNTIL(chain_now(chain));
	side.revert = "0x744943e4"; /* DuplicateEnvelope */
	send_to(fake.member[1].id, "x", 1, 0);
	UNTIL(got.outcomes == 1);
	assert_int_equal(got.outcome, MESSAGE_DUPLICATE);
}

static void test_a_deadline_leaves_the_outcome_open(void **state)
{
	(void)state;
	UNTIL(chain_now(chain));
	fake.rpc.status = 502;
	send_to(fake.member[1].id, "x", 1, 50);
	UNTIL(got.outcomes == 1);
	assert_int_equal(got.outcome, MESSAGE_OPEN);
	assert_int_equal(bundler_pending(bundler), 1); /* it goes on */
	fake.rpc.status = 0;
	side.effect = true;
	send_to(fake.member[1].id, "x", 1, 0); /* asking again is safe */
	UNTIL(got.outcomes == 2);
	assert_int_equal(got.outcome, MESSAGE_SENT);
}

static void test_an_abandoned_call_is_not_answered(void **state)
{
	struct message_waiter *w;

	(void)state;
	UNTIL(chain_now(chain));
	side.effect = true;
	w = send_to(fake.member[1].id, "x", 1, 0);
	messages_abandon(w);
	UNTIL(bundler_pending(bundler) == 0);
	assert_int_equal(got.outcomes, 0);
	assert_int_equal(messages_sent(messages), 1);
}

/* ---- envelopes ---- */

/* Keys as byte strings, so that it fits the fake's small logs. */
static void envelope_from(size_t from, const uint8_t wg_pub[32], uint8_t ed)
{
	uint8_t kind[32], ed_pub[32], plain[512], *w = plain;
	char host[ENVELOPE_HOST_MAX + 1];

	abi_topic(kind, "attestmesh.peer-endpoint.v1");
	memset(ed_pub, ed, 32);
	assert_true(envelope_host(host, fake.member[from].contract, 1, "g"));
#define PUT(bytes, n) (memcpy(w, bytes, n), w += (n))
#define WORD(name, word) (PUT(name, sizeof(name) - 1), PUT("\x58\x20", 2), PUT(word, 32))
	*w++ = 0xa6;
	WORD("\x64kind", kind);
	WORD("\x69member_id", fake.member[from].id);
	PUT("\x64host\x78", 6);
	*w++ = (uint8_t)strlen(host);
	PUT(host, strlen(host));
	PUT("\x64port\x19\x01\xbb", 8);
	WORD("\x66wg_pub", wg_pub);
	WORD("\x6b" "ed25519_pub", ed_pub);
	sealed_from(from, plain, (size_t)(w - plain));
}

static void test_envelopes_are_found_in_the_logs(void **state)
{
	uint8_t other[32] = { 1 };

	(void)state;
	fake.member[1].wg_pub[0] = 0x77;
	fake_mine(&fake);
	envelope_from(1, other, 2);                   /* not the key on chain */
	envelope_from(1, fake.member[1].wg_pub, 3);
	fake_mine(&fake);
	envelope_from(1, fake.member[1].wg_pub, 4);   /* the latest wins */
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), false);
	UNTIL(got.peers >= 1 && got.peer.ed25519_pub[0] == 4);
	assert_int_equal(got.peer.index, 1);
	assert_int_equal(got.peer.source, ENVELOPE_RECEIVED);
	assert_int_equal(envelopes_rejected(envelopes), 1);
	assert_non_null(envelopes_peer(envelopes, fake.member[1].id));
	assert_null(envelopes_peer(envelopes, fake.member[2].id));
	assert_int_equal(side.checks, 0); /* the beat key is not out: nothing is sent */
}

static void test_a_live_envelope_is_taken(void **state)
{
	(void)state;
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), false);
	fake_mine(&fake);
	fake.member[2].wg_pub[0] = 2;
	envelope_from(2, fake.member[2].wg_pub, 9);
	UNTIL(got.peers == 1);
	assert_int_equal(got.peer.index, 2);
	assert_int_equal(got.live, 0); /* applications see nothing of it */
}

static void test_each_peer_gets_one_envelope(void **state)
{
	(void)state;
	side.effect = true;
	UNTIL(chain_now(chain));
	for (int i = 0; i < 3; i++) /* however often it is asked */
		envelopes_snapshot(envelopes, chain_now(chain), true);
	UNTIL(side.checks == 2);
	UNTIL(bundler_pending(bundler) == 0);
	envelopes_snapshot(envelopes, chain_now(chain), true);
	for (int i = 0; i < 30; i++)
		loop_run_once(loop, 10);
	assert_int_equal(side.checks, 2);
	assert_int_equal(envelopes_sent(envelopes), 0); /* they were there */
}

static void test_a_squatted_id_is_passed_over(void **state)
{
	(void)state;
	side.revert = "0x744943e4";
	fake.member[2].removed_at = 1;
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), true);
	UNTIL(side.checks >= 3); /* another id each time */
	side.effect = true;
	UNTIL(bundler_pending(bundler) == 0);
}

/* A withheld envelope must not block convergence for good. */
static void test_after_a_minute_the_key_on_chain_is_taken(void **state)
{
	(void)state;
	memset(fake.member[1].ed25519_pub, 6, 32);
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), false);
	ahead_ms = ENVELOPE_FALLBACK_MS - 5000;
	for (int i = 0; i < 250; i++)
		loop_run_once(loop, 10);
	assert_int_equal(got.peers, 0); /* not a moment earlier */
	ahead_ms = ENVELOPE_FALLBACK_MS;
	UNTIL(got.peers);
	assert_int_equal(got.peers, 1); /* member 2 has no key on chain */
	assert_int_equal(got.peer.index, 1);
	assert_int_equal(got.peer.source, ENVELOPE_FROM_CHAIN);
	assert_int_equal(got.peer.ed25519_pub[0], 6);
	fake_mine(&fake);
	envelope_from(1, fake.member[1].wg_pub, 7);
	UNTIL(got.peer.source == ENVELOPE_RECEIVED); /* where there is one it wins */
	assert_int_equal(got.peer.ed25519_pub[0], 7);
}

static void test_past_64_members_nobody_sends(void **state)
{
	(void)state;
	for (int i = 3; i < ENVELOPE_PEERS_MAX + 1; i++) {
		struct member *m = fake_join(&fake);

		memset(m->ed25519_pub, 5, 32);
	}
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), true);
	/* Each is taken at its on-chain key as soon as the logs were read. */
	UNTIL(got.peers == ENVELOPE_PEERS_MAX - 2);
	assert_int_equal(got.peer.source, ENVELOPE_FROM_CHAIN);
	assert_int_equal(side.checks, 0);
	assert_int_equal(bundler_pending(bundler), 0);
}

static void test_at_64_members_everybody_sends(void **state)
{
	(void)state;
	side.effect = true;
	for (int i = 3; i < ENVELOPE_PEERS_MAX; i++)
		memcpy(fake_join(&fake)->x_pub, keys_box_public(keys), 32);
	UNTIL(chain_now(chain));
	envelopes_snapshot(envelopes, chain_now(chain), true);
	UNTIL(side.checks == ENVELOPE_PEERS_MAX - 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_page_from_a_cursor),
		T(test_pages_are_bounded_and_join_up),
		T(test_what_is_not_for_applications_is_left_out),
		T(test_live_messages_are_opened),
		T(test_sends_that_are_refused_at_once),
		T(test_an_id_of_our_own_is_ok),
		T(test_an_id_of_another_sender_is_refused),
		T(test_a_deadline_leaves_the_outcome_open),
		T(test_an_abandoned_call_is_not_answered),
		T(test_envelopes_are_found_in_the_logs),
		T(test_a_live_envelope_is_taken),
		T(test_each_peer_gets_one_envelope),
		T(test_a_squatted_id_is_passed_over),
		T(test_after_a_minute_the_key_on_chain_is_taken),
		T(test_past_64_members_nobody_sends),
		T(test_an_open_read_is_told_of_the_end),
		T(test_at_64_members_everybody_sends),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
