// SPDX-License-Identifier: Apache-2.0
/*
 * The shared key's state machine: origination, re-derivation, rotation in rank
 * order, pulls from holders (honest, lying, silent) that listen on loopback
 * addresses of their own, the wrapped copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "clock.h"
#include "csk.h"
#include "dial.h"
#include "grpc/peer.pb-c.h"
#include "keccak.h"
#include "rpc_peer.h"

enum { HOLDERS = 12 };

/* Of this process, so that two runs do not meet. */
static uint16_t port;

static struct loop *loop;
static struct csk *csk;
static uint8_t secret[32], pub[32], wrap_key[32] = { 3 };
static char state_path[64];

static struct {
	int derive_error, commits, changes;
	uint32_t committed_generation;
	uint8_t commitment[32];
	int answer_commit;            /* 1 ok, -1 failed, 0 later */
} node;

static struct csk_peer peers[HOLDERS];
static struct csk_view view;

/* The key of a generation, as this node's seed gives it. */
static void key_of(uint32_t generation, uint8_t key[32])
{
	memset(key, 0x10 + (int)generation, 32);
}

static int derive(uint32_t generation, uint8_t key[CSK_BYTES], void *arg)
{
	(void)arg;
	key_of(generation, key);
	return node.derive_error;
}

static bool open_sealed(const uint8_t sealed[CSK_SEALED_BYTES], uint8_t key[CSK_BYTES],
			void *arg)
{
	(void)arg;
	return box_open(key, sealed, CSK_SEALED_BYTES, pub, secret);
}

static void commit(uint32_t generation, const uint8_t commitment[32], void *arg)
{
	(void)arg;
	node.commits++;
	node.committed_generation = generation;
	memcpy(node.commitment, commitment, 32);
	if (node.answer_commit)
		csk_commit_done(csk, generation, node.answer_commit > 0);
}

static void changed(void *arg)
{
	(void)arg;
	node.changes++;
}

static const struct csk_ops ops = { derive, open_sealed, commit, changed };

/* ---- holders ---- */

struct holder {
	struct rpc_peer *server;
	uint8_t key[32];
	bool holds;
	int asked;
};

static struct holder holder[HOLDERS];

static bool member_at(const struct sockaddr *source, struct rpc_peer_member *out, void *arg)
{
	(void)source, (void)arg;
	memset(out->member_id, 0xaa, 32);
	memcpy(out->x_pub, pub, 32);
	return true;
}

static uint64_t block(void *arg)
{
	(void)arg;
	return 1;
}

static uint64_t committed_block(uint32_t generation, void *arg)
{
	(void)generation, (void)arg;
	return 1;
}

static void refresh(void *arg)
{
	(void)arg;
}

static bool held_key(uint32_t *generation, uint8_t key[32], void *arg)
{
	struct holder *h = arg;

	(void)generation;
	h->asked++;
	memcpy(key, h->key, 32);
	return h->holds;
}

static const struct rpc_peer_ops holder_ops = {
	member_at, block, committed_block, refresh, held_key,
};

/* Peer i: index i, member id of i + 1, mesh address 127.0.1.(i + 1). */
static void make_peers(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		peers[i] = (struct csk_peer){ .index = (uint32_t)i,
			.mesh_ip = 0x7f000101 + (uint32_t)i, .live = true };
		memset(peers[i].member_id, (int)i + 1, 32);
	}
	view.peers = peers;
	view.peer_count = count;
}

static void serve(size_t i, const uint8_t key[32])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(0x7f000101 + (uint32_t)i) };

	holder[i] = (struct holder){ .holds = key != NULL };
	if (key)
		memcpy(holder[i].key, key, 32);
	holder[i].server = rpc_peer_new(loop, &holder_ops, &holder[i]);
	assert_int_equal(rpc_peer_listen(holder[i].server, (struct sockaddr *)&addr,
					 sizeof(addr), NULL), 0);
}

static void commit_on_chain(uint32_t generation, const uint8_t key[32], uint8_t committer)
{
	view.committed = view.requested = generation;
	keccak256(view.commitment, key, 32);
	memset(view.committer, committer, 32);
}

static void open_csk(bool stored)
{
	struct csk_config config = {
		.port = port, .state_path = stored ? state_path : NULL, .wrap_key = wrap_key,
		.scope = { .chain_id = 31337, .cluster = { 1 }, .member_contract = { 2 } },
	};

	csk = csk_new(loop, &config, &ops, NULL);
	assert_non_null(csk);
}

static int setup(void **state)
{
	(void)state;
	memset(&node, 0, sizeof(node));
	memset(&view, 0, sizeof(view));
	memset(holder, 0, sizeof(holder));
	memset(secret, 0x42, 32);
	box_clamp(secret);
	assert_true(box_public(secret, pub));
	loop = loop_new();
	snprintf(state_path, sizeof(state_path), "/tmp/t_csk.%d", (int)getpid());
	view.member = view.reachable = true;
	memset(view.self_id, 0xaa, 32);
	view.self_index = 100;
	open_csk(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	csk_free(csk);
	for (int i = 0; i < HOLDERS; i++)
		rpc_peer_free(holder[i].server);
	loop_free(loop);
	unlink(state_path);
	return 0;
}

static void assert_holds(uint32_t generation, const uint8_t want[32])
{
	uint8_t key[32];

	assert_true(csk_acquired(csk));
	assert_int_equal(csk_held(csk), generation);
	assert_null(csk_waiting_for(csk));
	assert_true(csk_get(csk, 0, key));
	assert_memory_equal(key, want, 32);
	assert_true(csk_get(csk, generation, key));
	assert_false(csk_get(csk, generation + 1, key));
}

static void settle_down(void)
{
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 2);
}

static void test_the_originator_commits_generation_one(void **state)
{
	uint8_t key[32], want[32];

	(void)state;
	view.originator = true;
	csk_update(csk, &view);
	assert_int_equal(node.commits, 1);
	assert_int_equal(node.committed_generation, 1);
	key_of(1, key);
	keccak256(want, key, 32);
	assert_memory_equal(node.commitment, want, 32);
	assert_false(csk_acquired(csk));
	/* Told again, it does not commit again. */
	view.self_index = 101;
	csk_update(csk, &view);
	assert_int_equal(node.commits, 1);
	csk_commit_done(csk, 1, true);
	commit_on_chain(1, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(1, key);
	DIAL_UNTIL(loop, node.changes > 0);
	assert_int_equal(node.commits, 1);
}

static void test_others_do_not_originate(void **state)
{
	(void)state;
	csk_update(csk, &view);
	settle_down();
	assert_int_equal(node.commits, 0);
	assert_non_null(strstr(csk_waiting_for(csk), "first member"));
	view.member = false;
	view.originator = true;
	csk_update(csk, &view);
	assert_int_equal(node.commits, 0);
}

static void test_the_committer_derives_again(void **state)
{
	uint8_t key[32];

	(void)state;
	key_of(4, key);
	commit_on_chain(4, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(4, key);
}

static void test_a_foreign_seed_pulls_instead(void **state)
{
	uint8_t key[32] = { 0x99 };

	(void)state;
	make_peers(1);
	serve(0, key);
	commit_on_chain(4, key, 0xaa);
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	DIAL_UNTIL(loop, csk_acquired(csk));
	assert_holds(4, key);
}

static void test_rotation_goes_by_rank(void **state)
{
	uint8_t key[32];

	(void)state;
	key_of(1, key);
	make_peers(3);
	commit_on_chain(1, key, 0xaa);
	csk_update(csk, &view);
	/* Two live members of lower index: this one waits for them. */
	peers[1].live = false;
	view.requested = 2;
	csk_update(csk, &view);
	settle_down();
	assert_int_equal(node.commits, 0);
	/* With nobody before it, it goes at once. */
	peers[0].live = peers[2].live = false;
	csk_update(csk, &view);
	assert_int_equal(node.commits, 1);
	assert_int_equal(node.committed_generation, 2);
	/* Until the new one is there the old one is kept. */
	assert_holds(1, key);
	key_of(2, key);
	commit_on_chain(2, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(2, key);
}

static void test_a_lower_member_that_commits_wins(void **state)
{
	uint8_t key[32], next[32] = { 0x77 };

	(void)state;
	key_of(1, key);
	make_peers(1);
	serve(0, next);
	commit_on_chain(1, key, 0xaa);
	view.requested = 2;
	csk_update(csk, &view);
	commit_on_chain(2, next, 1);
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	assert_int_equal(csk_held(csk), 1);
	DIAL_UNTIL(loop, csk_acquired(csk));
	assert_holds(2, next);
	settle_down();
	assert_int_equal(node.commits, 0);
}

static void test_a_failed_commit_waits_before_the_next(void **state)
{
	(void)state;
	node.answer_commit = -1;
	view.originator = true;
	csk_update(csk, &view);
	assert_int_equal(node.commits, 1);
	view.self_index = 99;
	csk_update(csk, &view);
	settle_down();
	assert_int_equal(node.commits, 1);
}

static void test_lies_are_not_believed(void **state)
{
	uint8_t key[32] = { 0x55 }, lie[32] = { 0x66 };

	(void)state;
	make_peers(4);
	serve(0, lie);
	serve(1, NULL);
	serve(3, key);
	/* Peer 2 does not listen; the committer (4) is gone. */
	commit_on_chain(1, key, 0x44);
	csk_update(csk, &view);
	DIAL_UNTIL(loop, csk_acquired(csk));
	assert_holds(1, key);
	assert_int_equal(holder[3].asked, 1);
}

static void test_nobody_serves(void **state)
{
	uint8_t key[32] = { 0x55 }, lie[32] = { 0x66 };

	(void)state;
	make_peers(2);
	serve(0, lie);
	commit_on_chain(1, key, 1);
	csk_update(csk, &view);
	DIAL_UNTIL(loop, strstr(csk_waiting_for(csk), "served by none"));
	assert_false(csk_acquired(csk));
	assert_int_equal(csk_held(csk), 0);
	/* It comes back: the round after next has it. */
	memcpy(holder[0].key, key, 32);
	DIAL_UNTIL(loop, csk_acquired(csk));
	assert_holds(1, key);
}

static void test_at_most_eight_at_once_committer_first(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener[HOLDERS], asked = 0;

	(void)state;
	/* Listeners that accept and say nothing. */
	make_peers(HOLDERS);
	for (int i = 0; i < HOLDERS; i++) {
		addr.sin_addr.s_addr = htonl(0x7f000101 + (uint32_t)i);
		listener[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(setsockopt(listener[i], SOL_SOCKET, SO_REUSEADDR, &(int){ 1 },
					    sizeof(int)), 0);
		assert_int_equal(bind(listener[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(listen(listener[i], 8), 0);
	}
	/* Member id 12 is the last peer: it is asked all the same. */
	commit_on_chain(1, (uint8_t[32]){ 0x55 }, HOLDERS);
	csk_update(csk, &view);
	settle_down();
	for (int i = 0; i < HOLDERS; i++) {
		int fd = accept(listener[i], NULL, NULL);

		asked += fd >= 0;
		if (i == HOLDERS - 1)
			assert_true(fd >= 0);
		if (fd >= 0)
			close(fd);
		close(listener[i]);
	}
	assert_int_equal(asked, CSK_PULLS_AT_ONCE);
}

static void test_pulls_wait_for_the_mesh(void **state)
{
	uint8_t key[32] = { 0x55 };

	(void)state;
	make_peers(1);
	serve(0, key);
	commit_on_chain(1, key, 1);
	view.reachable = false;
	csk_update(csk, &view);
	settle_down();
	assert_int_equal(holder[0].asked, 0);
	view.reachable = true;
	csk_update(csk, &view);
	DIAL_UNTIL(loop, csk_acquired(csk));
}

/* The pause between rounds grows to seconds; a peer that comes up meanwhile,
 * or while a round is on, ends it. */
static void test_a_peer_that_comes_up_is_asked_at_once(void **state)
{
	uint8_t key[32] = { 0x55 };
	int64_t start_ms;

	(void)state;
	make_peers(2);
	peers[0].live = peers[1].live = false;
	commit_on_chain(1, key, 1);
	start_ms = clock_boot_ms();
	csk_update(csk, &view);
	DIAL_UNTIL(loop, clock_boot_ms() - start_ms > 4 * CSK_RETRY_FIRST_MS);
	serve(1, key);
	/* The next round is two seconds and more away. */
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 2);
	assert_int_equal(holder[1].asked, 0);
	peers[1].live = true;
	csk_update(csk, &view);
	for (int i = 0; i < 200 && !csk_acquired(csk); i++)
		loop_run_once(loop, 2);
	assert_holds(1, key);
}

static void test_removal_wipes(void **state)
{
	uint8_t key[32];

	(void)state;
	key_of(1, key);
	commit_on_chain(1, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(1, key);
	view.member = false;
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	assert_int_equal(csk_held(csk), 0);
	assert_false(csk_get(csk, 0, key));
}

static void test_a_reorganisation_is_followed(void **state)
{
	uint8_t key[32], other[32] = { 0x31 };

	(void)state;
	key_of(1, key);
	make_peers(1);
	serve(0, other);
	commit_on_chain(1, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(1, key);
	commit_on_chain(1, other, 1);
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	DIAL_UNTIL(loop, csk_acquired(csk));
	assert_holds(1, other);
}

static void write_file(size_t flip)
{
	FILE *f = fopen(state_path, "r+");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)flip, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, (long)flip, SEEK_SET), 0);
	fputc(c ^ 1, f);
	fclose(f);
}

static void test_the_wrapped_copy_survives_alone(void **state)
{
	uint8_t key[32], bytes[256];
	size_t len;
	FILE *f;

	(void)state;
	csk_free(csk);
	open_csk(true);
	key_of(1, key);
	commit_on_chain(1, key, 0xaa);
	csk_update(csk, &view);
	assert_holds(1, key);
	/* Not in clear. */
	f = fopen(state_path, "r");
	assert_non_null(f);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_null(memmem(bytes, len, key, 8));
	/* A new agent that cannot derive and has no peers. */
	csk_free(csk);
	node.derive_error = -EIO;
	open_csk(true);
	csk_update(csk, &view);
	assert_holds(1, key);
	/* Another commitment: the copy does not count. */
	csk_free(csk);
	open_csk(true);
	view.commitment[0] ^= 1;
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	view.commitment[0] ^= 1;
	/* Every byte counts. */
	for (size_t at = 0; at < len; at += 7) {
		csk_free(csk);
		write_file(at);
		open_csk(true);
		csk_update(csk, &view);
		assert_false(csk_acquired(csk));
		write_file(at);
	}
	/* Another key of the TEE's cannot open it. */
	csk_free(csk);
	wrap_key[0] ^= 1;
	open_csk(true);
	csk_update(csk, &view);
	assert_false(csk_acquired(csk));
	wrap_key[0] ^= 1;
	csk_free(csk);
	open_csk(true);
	csk_update(csk, &view);
	assert_holds(1, key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_originator_commits_generation_one),
		TEST(test_others_do_not_originate),
		TEST(test_the_committer_derives_again),
		TEST(test_a_foreign_seed_pulls_instead),
		TEST(test_rotation_goes_by_rank),
		TEST(test_a_lower_member_that_commits_wins),
		TEST(test_a_failed_commit_waits_before_the_next),
		TEST(test_lies_are_not_believed),
		TEST(test_nobody_serves),
		TEST(test_at_most_eight_at_once_committer_first),
		TEST(test_pulls_wait_for_the_mesh),
		TEST(test_a_peer_that_comes_up_is_asked_at_once),
		TEST(test_removal_wipes),
		TEST(test_a_reorganisation_is_followed),
		TEST(test_the_wrapped_copy_survives_alone),
	};

	if (sodium_init() < 0)
		return 1;
	port = (uint16_t)(10000 + getpid() % 20000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
