// SPDX-License-Identifier: Apache-2.0
/* Member records: decoding at its bounds, lists by index, differences. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"
#include "backoff.h"
#include "bytes.h"
#include "calls.h"
#include "member.h"

static struct member made(uint32_t index)
{
	struct member m = { .index = index, .mesh_ip = 0x0a0d0001 + index };

	memset(m.id, (int)index + 1, 32);
	memset(m.contract, (int)index + 1, 20);
	memset(m.wg_pub, 7, 32);
	return m;
}

static void test_decoding(void **state)
{
	uint8_t raw[MEMBER_VIEW_WORDS * 32] = { 0 };
	struct abi_dec d = { raw, sizeof(raw) };
	struct member m;

	(void)state;
	assert_int_equal(member_decode(&m, &d, 0), -EBADMSG); /* a zero id */
	raw[0] = 1;
	raw[32 + 12] = 2;
	raw[2 * 32 + 31] = 9;
	raw[7 * 32 + 28] = 10;
	raw[7 * 32 + 31] = 1;
	raw[8 * 32] = 0xfd;
	raw[9 * 32 + 31] = 5;
	raw[11 * 32 + 31] = 6;
	assert_int_equal(member_decode(&m, &d, 0), 0);
	assert_int_equal(m.index, 9);
	assert_int_equal(m.mesh_ip, 0x0a000001);
	assert_int_equal(m.mesh_ip6[0], 0xfd);
	assert_int_equal(m.registered_at, 5);
	assert_int_equal(m.registered_block, 6);
	assert_true(member_live(&m));
	assert_int_equal(member_decode(&m, &d, 1), -EBADMSG);
	raw[8 * 32 + 31] = 1; /* bytes16 is padded with zeros */
	assert_int_equal(member_decode(&m, &d, 0), -EBADMSG);
	raw[8 * 32 + 31] = 0;
	raw[2 * 32 + 27] = 1; /* an index above 32 bits */
	assert_int_equal(member_decode(&m, &d, 0), -EBADMSG);
	raw[2 * 32 + 27] = 0;
	raw[32] = 1; /* an address above 160 bits */
	assert_int_equal(member_decode(&m, &d, 0), -EBADMSG);
}

static void test_lists_keep_order_and_bound(void **state)
{
	struct members list, copy;
	struct member m = made(1);

	(void)state;
	members_init(&list);
	assert_int_equal(members_add(&list, &m), -EBADMSG);
	for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
		m = made(0);
		m.index = i;
		assert_int_equal(members_add(&list, &m), 0);
	}
	m.index = MEMBERS_MAX;
	assert_int_equal(members_add(&list, &m), -E2BIG);
	assert_int_equal(members_copy(&copy, &list), 0);
	assert_int_equal(copy.count, MEMBERS_MAX);
	members_free(&copy);
	members_free(&list);
}

static void test_lookups(void **state)
{
	struct members list;
	struct member m;

	(void)state;
	members_init(&list);
	for (uint32_t i = 0; i < 5; i++) {
		m = made(i);
		m.removed_at = i == 2;
		members_add(&list, &m);
	}
	m = made(2);
	assert_int_equal(members_live(&list), 4);
	assert_ptr_equal(members_by_id(&list, m.id), &list.at[2]);
	assert_ptr_equal(members_by_contract(&list, m.contract), &list.at[2]);
	assert_null(members_by_ip(&list, m.mesh_ip)); /* removed: routes nowhere */
	assert_ptr_equal(members_by_ip(&list, m.mesh_ip + 1), &list.at[3]);
	members_free(&list);
}

static struct { unsigned int calls, changes[8]; uint32_t index[8]; } seen;

static void note(const struct member *now, unsigned int changes, void *arg)
{
	(void)arg;
	seen.index[seen.calls] = now->index;
	seen.changes[seen.calls++] = changes;
}

static void test_differences(void **state)
{
	struct members before, now;
	struct member m;

	(void)state;
	members_init(&before);
	members_init(&now);
	for (uint32_t i = 0; i < 4; i++) {
		m = made(i);
		m.removed_at = i == 3;
		members_add(&before, &m);
		m.removed_at = i == 1;
		m.wg_pub[0] ^= i == 0;
		members_add(&now, &m);
	}
	m = made(4);
	members_add(&now, &m);
	memset(&seen, 0, sizeof(seen));
	members_diff(NULL, &before, note, NULL);
	assert_int_equal(seen.calls, 3); /* the removed one never joined */
	memset(&seen, 0, sizeof(seen));
	members_diff(&before, &now, note, NULL);
	assert_int_equal(seen.calls, 4);
	assert_int_equal(seen.changes[0], MEMBER_WG_KEY);
	assert_int_equal(seen.changes[1], MEMBER_REMOVED);
	assert_int_equal(seen.index[2], 3);
	assert_int_equal(seen.changes[2], MEMBER_JOINED); /* readmitted */
	assert_int_equal(seen.changes[3], MEMBER_JOINED);
	memset(&seen, 0, sizeof(seen));
	members_diff(&now, &now, note, NULL);
	assert_int_equal(seen.calls, 0);
	now.count = 4; /* a reorg took the newest away */
	memset(&seen, 0, sizeof(seen));
	m = made(4);
	members_add(&before, &m);
	before.at[0] = now.at[0];
	before.at[1] = now.at[1];
	before.at[3] = now.at[3];
	members_diff(&before, &now, note, NULL);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.changes[0], MEMBER_REMOVED);
	members_free(&before);
	members_free(&now);
}

static void test_member_id(void **state)
{
	uint8_t cluster[20], contract[20], attestor[32], id[32], want[32];

	(void)state;
	memset(cluster, 0xaa, 20);
	memset(contract, 0xbb, 20);
	abi_topic(attestor, "attestmesh.attestor.dstack");
	hex_decode(want, 32, "0e43198e1f2ff4287baf7806bd8213cc708af2d46eab4dd02b0b27dc442bd6ce");
	member_id_of(id, cluster, contract, attestor);
	assert_memory_equal(id, want, 32);
}

static void expect_error(const char *selector, const char *name, enum refusal class)
{
	uint8_t s[4];

	hex_decode(s, 4, selector);
	assert_string_equal(error_name(s), name);
	assert_int_equal(error_class(name), class);
}

static void test_contract_errors(void **state)
{
	(void)state;
	expect_error("3d30ea79", "NotOurMember", REFUSAL_WAIT);
	expect_error("ee3124dc", "MemberBarred", REFUSAL_WAIT);
	expect_error("35565c11", "InvalidSigChain", REFUSAL_WAIT);
	expect_error("744943e4", "DuplicateEnvelope", REFUSAL_DONE);
	assert_null(error_name((const uint8_t *)"\0\0\0\0"));
	assert_int_equal(error_class(""), REFUSAL_RETRY);
	assert_int_equal(error_class("Not"), REFUSAL_RETRY);
	assert_int_equal(error_class("CodeIdMismatch"), REFUSAL_STOP);
	assert_int_equal(error_class("BindingMismatch"), REFUSAL_STOP);
	assert_int_equal(error_class("AlreadyRegistered"), REFUSAL_DONE);
}

static void test_calldata(void **state)
{
	uint8_t a[32], b[32], want[4 + 64];
	struct call c;

	(void)state;
	memset(a, 1, 32);
	memset(b, 2, 32);
	c = call_two_words("envelopeSenderOf(bytes32,bytes32)", a, b);
	assert_int_equal(c.len, 68);
	abi_selector(want, "envelopeSenderOf(bytes32,bytes32)");
	memcpy(want + 4, a, 32);
	memcpy(want + 36, b, 32);
	assert_memory_equal(c.data, want, 68);
	c = call_commit_csk(1, a);
	abi_selector(want, "setCskCommitment(bytes32)");
	assert_memory_equal(c.data, want, 4);
	assert_int_equal(c.len, 36);
	c = call_commit_csk(2, a);
	abi_selector(want, "commitCsk(uint32,bytes32)");
	assert_memory_equal(c.data, want, 4);
	assert_int_equal(c.data[35], 2);
	c = call_get_nonce(a, b);
	assert_int_equal(c.data[4 + 32 + 7], 0); /* 192 bits in a word */
	assert_int_equal(c.data[4 + 32 + 8], 2);
}

static void test_backoff(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 100, 1000);
	assert_int_equal(backoff_next(&b, 0), 50);
	assert_int_equal(backoff_next(&b, 100), 200);
	assert_int_equal(backoff_next(&b, 0), 200);
	for (uint32_t r = 0; r < 2000; r++) {
		unsigned int d = backoff_next(&b, r);

		assert_in_range(d, 250, 1000);
		assert_true(b.step_ms <= 1000);
	}
	assert_in_range(backoff_next(&b, 0), 500, 500);
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, 50), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_lists_keep_order_and_bound),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_member_id),
		cmocka_unit_test(test_contract_errors),
		cmocka_unit_test(test_calldata),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
