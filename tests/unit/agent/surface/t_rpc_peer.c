// SPDX-License-Identifier: Apache-2.0
/* The peer service: who may ask, how often, and what the answer opens to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "clock.h"
#include "dial.h"
#include "grpc/peer.pb-c.h"
#include "rpc_peer.h"

static struct loop *loop;
static struct rpc_peer *p;
static uint8_t secret[32], pub[32];

static struct {
	bool member, held, refreshed_makes_fresh;
	uint64_t snapshot, committed;
	int refreshes;
} node;

static bool member_at(const struct sockaddr *source, struct rpc_peer_member *out, void *arg)
{
	(void)arg;
	if (!node.member || source->sa_family != AF_INET)
		return false;
	memset(out->member_id, 7, 32);
	/* Each loopback address is a member of its own. */
	memcpy(out->member_id, &((const struct sockaddr_in *)source)->sin_addr, 4);
	memcpy(out->x_pub, pub, 32);
	return true;
}

static uint64_t snapshot_block(void *arg)
{
	(void)arg;
	return node.snapshot;
}

static uint64_t committed_block(uint32_t generation, void *arg)
{
	(void)generation, (void)arg;
	return node.committed;
}

static void refresh(void *arg)
{
	(void)arg;
	node.refreshes++;
}

static bool get_csk(uint32_t *generation, uint8_t key[32], void *arg)
{
	(void)arg;
	if (!node.held || *generation > 3)
		return false;
	if (!*generation)
		*generation = 3;
	memset(key, (int)*generation, 32);
	return true;
}

static const struct rpc_peer_ops ops = {
	member_at, snapshot_block, committed_block, refresh, get_csk,
};

static int listen_on_loopback(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return rpc_peer_listen(p, (struct sockaddr *)&addr, sizeof(addr), NULL);
}

static int setup(void **state)
{
	(void)state;
	memset(&node, 0, sizeof(node));
	node.member = node.held = true;
	node.snapshot = node.committed = 100;
	memset(secret, 0x42, 32);
	box_clamp(secret);
	assert_true(box_public(secret, pub));
	loop = loop_new();
	p = rpc_peer_new(loop, &ops, NULL);
	assert_non_null(p);
	return listen_on_loopback();
}

static int teardown(void **state)
{
	(void)state;
	rpc_peer_free(p);
	loop_free(loop);
	return 0;
}

/* Asks as the member that 127.0.0.1 belongs to, or as `claimed`. */
static struct grpc_client_call *ask(uint32_t generation, const uint8_t *claimed,
				    struct dialled *d)
{
	Attestmesh__Peer__V1__CskRequest r = ATTESTMESH__PEER__V1__CSK_REQUEST__INIT;
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(rpc_peer_port(p)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint8_t self[32];

	memset(self, 7, 32);
	memcpy(self, &addr.sin_addr, 4);
	r.requester_member_id.data = claimed ? (uint8_t *)claimed : self;
	r.requester_member_id.len = 32;
	r.generation = generation;
	return dial_unary(loop, (struct sockaddr *)&addr, sizeof(addr),
			  "/attestmesh.peer.v1.PeerControl/RequestClusterSharedKey", &r.base,
			  &attestmesh__peer__v1__sealed_csk__descriptor, DIAL_WAIT_MS, d);
}

static void assert_refused(uint32_t generation, const uint8_t *claimed,
			   enum grpc_status status)
{
	struct dialled d;

	ask(generation, claimed, &d);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, status);
	assert_int_equal(d.answer_len, 0);
}

static void assert_opens_to(const struct dialled *d, uint32_t generation)
{
	Attestmesh__Peer__V1__SealedCsk *answer =
		attestmesh__peer__v1__sealed_csk__unpack(NULL, d->answer_len, d->answer);
	uint8_t key[32], want[32];

	assert_int_equal(d->status, GRPC_OK);
	assert_non_null(answer);
	assert_int_equal(answer->generation, generation);
	assert_int_equal(answer->sealed_csk.len, 80);
	assert_true(box_open(key, answer->sealed_csk.data, 80, pub, secret));
	memset(want, (int)generation, 32);
	assert_memory_equal(key, want, 32);
	attestmesh__peer__v1__sealed_csk__free_unpacked(answer, NULL);
}

static void test_seals_to_the_member(void **state)
{
	struct dialled d;

	(void)state;
	ask(2, NULL, &d);
	DIAL_UNTIL(loop, d.done);
	assert_opens_to(&d, 2);
	assert_int_equal(rpc_peer_counts(p).served, 1);
}

static void test_generation_zero_is_the_newest(void **state)
{
	struct dialled d;

	(void)state;
	ask(0, NULL, &d);
	DIAL_UNTIL(loop, d.done);
	assert_opens_to(&d, 3);
}

static void test_refuses_strangers_and_false_names(void **state)
{
	uint8_t other[32] = { 9 };

	(void)state;
	assert_refused(1, other, GRPC_PERMISSION_DENIED);
	node.member = false;
	assert_refused(1, NULL, GRPC_PERMISSION_DENIED);
	node.member = true;
	assert_refused(4, NULL, GRPC_NOT_FOUND);
	node.held = false;
	assert_refused(1, NULL, GRPC_NOT_FOUND);
	assert_int_equal(rpc_peer_counts(p).served, 0);
	assert_int_equal(rpc_peer_counts(p).refused, 4);
}

static void test_one_answer_a_second(void **state)
{
	struct dialled d;
	int64_t first_ms;

	(void)state;
	ask(1, NULL, &d);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
	first_ms = clock_boot_ms();
	assert_refused(1, NULL, GRPC_RESOURCE_EXHAUSTED);
	DIAL_UNTIL(loop, clock_boot_ms() - first_ms > RPC_PEER_ANSWER_EVERY_MS);
	ask(1, NULL, &d);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, GRPC_OK);
}

static void test_an_old_snapshot_is_refreshed_once(void **state)
{
	struct dialled d[3];

	(void)state;
	node.committed = 101;
	ask(1, NULL, &d[0]);
	ask(1, NULL, &d[1]);
	DIAL_UNTIL(loop, node.refreshes == 1);
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 2);
	assert_int_equal(node.refreshes, 1);
	assert_false(d[0].done || d[1].done);
	node.snapshot = 101;
	rpc_peer_refreshed(p, true);
	DIAL_UNTIL(loop, d[0].done && d[1].done);
	/* The same requester: one of both is the second within a second. */
	assert_int_equal(rpc_peer_counts(p).served, 1);
	assert_true(d[0].status == GRPC_OK || d[1].status == GRPC_OK);
	/* Behind again within 5 s: no second refresh. */
	node.committed = 102;
	assert_refused(1, NULL, GRPC_UNAVAILABLE);
	assert_int_equal(node.refreshes, 1);
}

static void test_a_refresh_may_fail_or_unmake_a_member(void **state)
{
	struct dialled d;

	(void)state;
	node.committed = UINT64_MAX;
	ask(1, NULL, &d);
	DIAL_UNTIL(loop, node.refreshes == 1);
	rpc_peer_refreshed(p, false);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, GRPC_UNAVAILABLE);
	teardown(NULL);
	setup(NULL);
	node.committed = UINT64_MAX;
	ask(1, NULL, &d);
	DIAL_UNTIL(loop, node.refreshes == 1);
	node.member = false;
	rpc_peer_refreshed(p, true);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, GRPC_PERMISSION_DENIED);
}

static void test_who_waits_may_leave(void **state)
{
	struct grpc_client_call *call;
	struct dialled d;

	(void)state;
	node.committed = 101;
	call = ask(1, NULL, &d);
	DIAL_UNTIL(loop, node.refreshes == 1);
	grpc_unary_cancel(call);
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 2);
	rpc_peer_refreshed(p, true);
	assert_int_equal(rpc_peer_counts(p).served, 0);
}

static void test_four_connections_per_source(void **state)
{
	int fd[RPC_PEER_CONNECTIONS_PER_SOURCE + 1], other;
	char bytes[64];
	ssize_t n = 0;

	(void)state;
	for (int i = 0; i < RPC_PEER_CONNECTIONS_PER_SOURCE; i++) {
		fd[i] = dial("127.0.0.2", rpc_peer_port(p));
		/* The server speaks first: it is in. */
		DIAL_UNTIL(loop, dial_read(fd[i], bytes, sizeof(bytes)) > 0);
	}
	fd[RPC_PEER_CONNECTIONS_PER_SOURCE] = dial("127.0.0.2", rpc_peer_port(p));
	/* Refused without a word; one that is let in would be greeted. */
	DIAL_UNTIL(loop, (n = dial_read(fd[RPC_PEER_CONNECTIONS_PER_SOURCE], bytes, 1)));
	assert_int_equal(n, -1);
	other = dial("127.0.0.3", rpc_peer_port(p));
	DIAL_UNTIL(loop, dial_read(other, bytes, sizeof(bytes)) > 0);
	close(other);
	for (int i = 0; i <= RPC_PEER_CONNECTIONS_PER_SOURCE; i++)
		close(fd[i]);
}

static void test_punching_is_off(void **state)
{
	Attestmesh__Peer__V1__PunchReport r = ATTESTMESH__PEER__V1__PUNCH_REPORT__INIT;
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(rpc_peer_port(p)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct dialled d;

	(void)state;
	dial_unary(loop, (struct sockaddr *)&addr, sizeof(addr),
		   "/attestmesh.peer.v1.PeerControl/ReportPunch", &r.base,
		   &attestmesh__peer__v1__empty__descriptor, DIAL_WAIT_MS, &d);
	DIAL_UNTIL(loop, d.done);
	assert_int_equal(d.status, GRPC_UNIMPLEMENTED);
}

static void test_unlistening_hangs_up(void **state)
{
	int fd = dial(NULL, rpc_peer_port(p));
	char bytes[64];

	(void)state;
	DIAL_UNTIL(loop, dial_read(fd, bytes, sizeof(bytes)) > 0);
	rpc_peer_unlisten(p);
	DIAL_UNTIL(loop, dial_read(fd, bytes, sizeof(bytes)) < 0);
	close(fd);
	/* Nothing listens, and it says so; it can listen again. */
	assert_int_equal(rpc_peer_port(p), 0);
	assert_int_equal(listen_on_loopback(), 0);
	assert_int_not_equal(rpc_peer_port(p), 0);
	fd = dial(NULL, rpc_peer_port(p));
	DIAL_UNTIL(loop, dial_read(fd, bytes, sizeof(bytes)) > 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_seals_to_the_member),
		TEST(test_generation_zero_is_the_newest),
		TEST(test_refuses_strangers_and_false_names),
		TEST(test_one_answer_a_second),
		TEST(test_an_old_snapshot_is_refreshed_once),
		TEST(test_a_refresh_may_fail_or_unmake_a_member),
		TEST(test_who_waits_may_leave),
		TEST(test_four_connections_per_source),
		TEST(test_punching_is_off),
		TEST(test_unlistening_hangs_up),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
