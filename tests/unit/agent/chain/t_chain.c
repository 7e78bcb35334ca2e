// SPDX-License-Identifier: Apache-2.0
/*
 * The chain reader against a small chain that mines, reorganises, refuses wide
 * questions, lags and lies. What is told must be complete, in order, and only
 * what was asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "chain.h"
#include "fakechain.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;

static struct {
	unsigned int clusters, snapshots, reorgs, messages, found, done;
	uint64_t reorg_first;
	char text[64][16];       /* of messages, in order */
	unsigned int joined, removed;
} told;

static void on_cluster(const uint8_t cluster[20], void *arg)
{
	(void)arg;
	assert_memory_equal(cluster, fake.cluster, 20);
	told.clusters++;
}

static void on_change(const struct member *now, unsigned int changes, void *arg)
{
	(void)now;
	(void)arg;
	told.joined += (changes & MEMBER_JOINED) != 0;
	told.removed += (changes & MEMBER_REMOVED) != 0;
}

static void on_snapshot(const struct chain_snapshot *before, const struct chain_snapshot *now,
			void *arg)
{
	(void)arg;
	told.snapshots++;
	members_diff(before ? &before->members : NULL, &now->members, on_change, NULL);
}

static void keep(const struct chain_message *m)
{
	snprintf(told.text[told.messages++ % 64], 16, "%.*s", (int)m->len, m->ciphertext);
}

static void on_message(const struct chain_message *m, void *arg)
{
	(void)arg;
	keep(m);
}

static void on_reorg(uint64_t first, void *arg)
{
	(void)arg;
	told.reorgs++;
	told.reorg_first = first;
}

static const struct chain_listener listener = {
	.on_cluster = on_cluster, .on_snapshot = on_snapshot, .on_message = on_message,
	.on_reorg = on_reorg,
};

/* Runs the loop until the condition holds, or about ten seconds. */
#define UNTIL(condition) do { \
		for (int until_i = 0; until_i < 1000 && !(condition); until_i++) \
			loop_run_once(loop, 10); \
		assert_true(condition); \
	} while (0)

/* Enough rounds that whatever was going to be told has been. */
static void settle(void)
{
	unsigned int asked = fake.rpc.asked;

	UNTIL(fake.rpc.asked >= asked + 3);
}

static void make(void)
{
	struct chain_config cfg = { .chain_id = 31337, .rpc_url = fake.rpc.url, .poll_ms = 20 };

	memcpy(cfg.member_contract, fake.contract, 20);
	chain = chain_new(loop, http, &cfg);
	assert_int_equal(chain_listen(chain, &listener, NULL), 0);
	chain_start(chain);
}

static int start(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	chain_free(chain);
	chain = NULL;
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	return 0;
}

static void test_cluster_and_members_are_found(void **state)
{
	const struct chain_snapshot *s;

	(void)state;
	for (int i = 0; i < 250; i++)
		fake_join(&fake);
	fake.member[7].removed_at = 5;
	fake.csk_generation = 2;
	make();
	UNTIL(told.snapshots == 1);
	s = chain_now(chain);
	assert_int_equal(told.clusters, 1);
	assert_int_equal(s->members.count, 250);
	assert_int_equal(fake.page_questions, 2); /* pages of 200 */
	assert_int_equal(s->self->index, 0);
	assert_int_equal(s->cidr_ip, 0x0a0d0000);
	assert_int_equal(s->cidr_prefix, 16);
	assert_int_equal(s->csk.generation, 2);
	assert_int_equal(told.joined, 249);
	assert_null(chain_waiting(chain));
}

static void test_another_chain_is_refused(void **state)
{
	(void)state;
	fake.id = 1;
	make();
	UNTIL(chain_fatal(chain));
	assert_non_null(strstr(chain_fatal(chain), "CHAIN_ID is 31337"));
	assert_int_equal(told.clusters, 0);
}

static void test_a_member_that_is_not_there_yet(void **state)
{
	(void)state;
	fake.deployed = false;
	make();
	UNTIL(chain_waiting(chain));
	assert_non_null(strstr(chain_waiting(chain), "is not there"));
	fake.deployed = true;
	UNTIL(told.snapshots == 1);
	assert_null(chain_waiting(chain));
}

static void test_messages_come_once_and_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		fake_join(&fake);
	fake_message(&fake, 1, 0, "before"); /* for searches, not for the live path */
	make();
	UNTIL(told.snapshots == 1);
	fake_mine(&fake);
	fake_message(&fake, 1, 0, "a");
	fake_message(&fake, 1, 2, "others");
	fake_message(&fake, 2, 0, "b");
	fake_mine(&fake);
	fake_mine(&fake);
	fake_message(&fake, 1, 0, "c");
	UNTIL(told.messages == 3);
	settle();
	assert_int_equal(told.messages, 3);
	assert_string_equal(told.text[0], "a");
	assert_string_equal(told.text[1], "b");
	assert_string_equal(told.text[2], "c");
	assert_int_equal(told.snapshots, 1); /* messages change no record */
}

static void test_a_new_member_is_a_new_snapshot(void **state)
{
	(void)state;
	fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake_mine(&fake);
	fake_join(&fake);
	fake_message(&fake, 1, 0, "hello"); /* in the same block */
	UNTIL(told.messages == 1);
	assert_int_equal(told.snapshots, 2);
	assert_int_equal(told.joined, 2);
	assert_int_equal(chain_now(chain)->members.count, 2);
}

static void test_a_reorg_is_told_and_read_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	for (int i = 0; i < 5; i++) {
		fake_mine(&fake);
		settle();
	}
	fake_message(&fake, 1, 0, "late"); /* never seen: the block was read before */
	fake_mine(&fake);
	fake_message(&fake, 1, 0, "old");
	UNTIL(told.messages == 1);
	fake_reorg(&fake, fake.head - 1);
	fake.head--;
	fake_message(&fake, 1, 0, "new"); /* now in an earlier block */
	fake_mine(&fake);
	UNTIL(told.reorgs == 1);
	assert_int_equal(told.reorg_first, fake.head - 1);
	UNTIL(told.messages == 2);
	assert_string_equal(told.text[1], "new");
	UNTIL(told.snapshots == 2); /* keys and indices are pushed again */
	settle();
	assert_int_equal(told.messages, 2);
	assert_int_equal(told.reorgs, 1);
}

static void test_a_reorg_takes_a_member_away(void **state)
{
	(void)state;
	fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake_mine(&fake);
	fake_join(&fake);
	UNTIL(told.snapshots == 2);
	fake_reorg(&fake, fake.head);
	fake.members = 1;
	UNTIL(told.snapshots == 3);
	assert_int_equal(told.removed, 1);
	assert_int_equal(chain_now(chain)->members.count, 1);
}

static void test_a_lagging_endpoint_is_no_reorg(void **state)
{
	(void)state;
	fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake_mine(&fake);
	settle();
	fake_mine(&fake);
	settle();
	fake.head -= 1;
	settle();
	fake.head += 1;
	settle();
	assert_int_equal(told.reorgs, 0);
}

static void test_narrow_windows(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake.window_max = 4;
	for (int i = 0; i < 40; i++) {
		fake_mine(&fake);
		if (i % 7 == 0)
			fake_message(&fake, 1, 0, "m");
	}
	UNTIL(told.messages == 6);
	settle();
	assert_int_equal(told.messages, 6);
	assert_null(chain_waiting(chain));
}

static void test_a_block_too_large_is_asked_by_sender(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake.one_sender_only = true;
	fake_mine(&fake);
	fake_message(&fake, 1, 0, "x");
	fake_message(&fake, 2, 0, "y");
	fake_join(&fake);
	UNTIL(told.messages == 2);
	UNTIL(told.snapshots == 2); /* the record is seen although no log was */
	assert_int_equal(chain_search_skipped(chain), 0);
}

static void test_logs_beside_the_question_are_not_believed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake.foreign_log = true;
	fake_mine(&fake);
	fake_message(&fake, 1, 0, "x");
	UNTIL(chain_waiting(chain));
	assert_int_equal(told.messages, 0);
	fake.foreign_log = false;
	UNTIL(told.messages == 1);
	assert_null(chain_waiting(chain));
}

static void test_outages_are_named_and_end(void **state)
{
	(void)state;
	fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake.rpc.status = 502;
	UNTIL(chain_waiting(chain));
	assert_non_null(strstr(chain_waiting(chain), "HTTP status 502"));
	assert_non_null(strstr(chain_waiting(chain), "http://127.0.0.1:"));
	fake.rpc.status = 0;
	UNTIL(!chain_waiting(chain));
}

static void test_asked_to_slow_down(void **state)
{
	unsigned int asked;

	(void)state;
	fake_join(&fake);
	make();
	UNTIL(told.snapshots == 1);
	fake.rpc.status = 429;
	UNTIL(rpc_slowdown(chain_rpc(chain)) > 1);
	asked = fake.rpc.asked;
	for (int i = 0; i < 50; i++) /* half a second at 20 ms a round */
		loop_run_once(loop, 10);
	assert_true(fake.rpc.asked - asked <= 2);
	assert_true(rpc_pause_ms(chain_rpc(chain)) >= 0);
}

/* ---- searches ---- */

static void on_found(const struct chain_message *m, void *arg)
{
	(void)arg;
	keep(m);
	told.found++;
}

static void on_done(int error, uint64_t reached, void *arg)
{
	(void)reached;
	(void)arg;
	assert_int_equal(error, 0);
	told.done++;
}

static void fill_with_messages(void)
{
	for (int i = 0; i < 4; i++)
		fake_join(&fake);
	for (int i = 0; i < 60; i++) {
		fake_mine(&fake);
		if (i % 10 == 0) {
			fake_message(&fake, 1, 0, "one");
			fake_message(&fake, 2, 0, "two");
			fake_message(&fake, 2, 3, "no");
		}
	}
	make();
	UNTIL(told.snapshots == 1);
}

static struct chain_search *search(const uint8_t (*senders)[32], size_t n)
{
	struct chain_search_spec spec = { .from = 1, .to = fake.head, .senders = senders,
					  .sender_count = n, .on_message = on_found,
					  .on_done = on_done };

	return chain_search_new(chain, &spec);
}

static void test_a_search_is_complete_in_any_window(void **state)
{
	struct chain_search *s;

	(void)state;
	fill_with_messages();
	fake.window_max = 3;
	s = search(NULL, 0);
	UNTIL(told.done == 1);
	assert_int_equal(told.found, 12);
	for (int i = 0; i < 12; i++)
		assert_string_equal(told.text[i], i % 2 ? "two" : "one");
	assert_int_equal(chain_search_percent(s), 100);
	chain_search_free(s);
}

static void test_a_search_for_senders(void **state)
{
	struct chain_search *s;
	uint8_t want[1][32];

	(void)state;
	fill_with_messages();
	memcpy(want[0], fake.member[2].id, 32);
	s = search((const uint8_t (*)[32])want, 1);
	UNTIL(told.done == 1);
	assert_int_equal(told.found, 6);
	assert_string_equal(told.text[0], "two");
	chain_search_free(s);
}

static struct chain_search *ended;

static void on_found_end(const struct chain_message *m, void *arg)
{
	(void)arg;
	keep(m);
	if (++told.found == 3)
		chain_search_free(ended);
}

static void test_a_search_ends_from_inside(void **state)
{
	struct chain_search_spec spec = { .from = 1, .to = 0, .on_message = on_found_end,
					  .on_done = on_done };

	(void)state;
	fill_with_messages();
	spec.to = fake.head;
	ended = chain_search_new(chain, &spec);
	UNTIL(told.found == 3);
	settle();
	assert_int_equal(told.found, 3);
	assert_int_equal(told.done, 0);
}

static void test_a_search_outlives_an_outage(void **state)
{
	struct chain_search *s;

	(void)state;
	fill_with_messages();
	fake.rpc.status = 502;
	s = search(NULL, 0);
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 10);
	assert_int_equal(told.done, 0);
	fake.rpc.status = 0;
	UNTIL(told.done == 1);
	assert_int_equal(told.found, 12);
	chain_search_free(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_cluster_and_members_are_found),
		T(test_another_chain_is_refused),
		T(test_a_member_that_is_not_there_yet),
		T(test_messages_come_once_and_in_order),
		T(test_a_new_member_is_a_new_snapshot),
		T(test_a_reorg_is_told_and_read_again),
		T(test_a_reorg_takes_a_member_away),
		T(test_a_lagging_endpoint_is_no_reorg),
		T(test_narrow_windows),
		T(test_a_block_too_large_is_asked_by_sender),
		T(test_logs_beside_the_question_are_not_believed),
		T(test_outages_are_named_and_end),
		T(test_asked_to_slow_down),
		T(test_a_search_is_complete_in_any_window),
		T(test_a_search_for_senders),
		T(test_a_search_ends_from_inside),
		T(test_a_search_outlives_an_outage),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
