// SPDX-License-Identifier: Apache-2.0
/*
 * Decisions about peers and legs over a virtual clock: the difference of
 * peers, who dials when, when WireGuard gets a port, when the extra leg goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile.h"

enum { INTERVAL_MS = 2000 };

static struct mesh_peer want(uint8_t key, uint32_t addr)
{
	struct mesh_peer p = { .addr4 = addr, .has_addr6 = true };

	memset(p.key, key, sizeof(p.key));
	memset(p.addr6, (int)addr, sizeof(p.addr6));
	return p;
}

static struct mesh_peer_state have(uint8_t key, uint32_t addr)
{
	return (struct mesh_peer_state){ .peer = want(key, addr), .exact = true };
}

static void test_equal_lists_need_nothing(void **state)
{
	struct mesh_peer wanted[] = { want(3, 30), want(1, 10), want(2, 20) };
	struct mesh_peer_state present[] = { have(2, 20), have(3, 30), have(1, 10) };
	struct reconcile_step steps[6];

	(void)state;
	assert_int_equal(reconcile_peers(wanted, 3, present, 3, steps), 0);
	assert_int_equal(reconcile_peers(NULL, 0, NULL, 0, steps), 0);
}

static void test_deletions_come_before_additions(void **state)
{
	/* The address of the removed peer moves to a new one. */
	struct mesh_peer wanted[] = { want(9, 10), want(2, 20) };
	struct mesh_peer_state present[] = { have(2, 20), have(1, 10) };
	struct reconcile_step steps[4];

	(void)state;
	assert_int_equal(reconcile_peers(wanted, 2, present, 2, steps), 2);
	assert_int_equal(steps[0].action, RECONCILE_DEL);
	assert_int_equal(steps[0].at, 1);
	assert_int_equal(steps[1].action, RECONCILE_ADD);
	assert_int_equal(steps[1].at, 0);
}

static void test_every_deviation_is_fixed(void **state)
{
	struct mesh_peer wanted = want(1, 10);
	struct reconcile_step step[2];

	(void)state;
	for (int deviation = 0; deviation < 4; deviation++) {
		struct mesh_peer_state present = have(1, 10);

		switch (deviation) {
		case 0:
			present.exact = false;
			break;
		case 1:
			present.peer.addr4 = 11;
			break;
		case 2:
			present.peer.has_addr6 = false;
			break;
		case 3:
			present.peer.addr6[15] ^= 1;
			break;
		}
		assert_int_equal(reconcile_peers(&wanted, 1, &present, 1, step), 1);
		assert_int_equal(step[0].action, RECONCILE_FIX);
	}
}

static void test_all_go_when_none_is_wanted(void **state)
{
	struct mesh_peer_state present[200];
	struct reconcile_step steps[200];

	(void)state;
	for (int i = 0; i < 200; i++)
		present[i] = have((uint8_t)i, (uint32_t)i + 1);
	assert_int_equal(reconcile_peers(NULL, 0, present, 200, steps), 200);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(steps[i].action, RECONCILE_DEL);
}

/* ---- legs ---- */

struct scene {
	struct reconcile_leg leg;
	struct reconcile_facts facts;
	struct mesh_peer_state wg;
	struct bridge_link link;
};

static void begin(struct scene *s, bool we_dial)
{
	memset(s, 0, sizeof(*s));
	s->facts = (struct reconcile_facts){ .now_ms = 1000000, .interval_ms = INTERVAL_MS,
					     .we_dial = we_dial, .has_host = true, .wg = &s->wg };
	s->link.local_ipv4 = 0x7f400001;
	s->link.local_port = 4000;
}

static unsigned after(struct scene *s, int64_t ms)
{
	s->facts.now_ms += ms;
	return reconcile_leg(&s->leg, &s->facts);
}

static void link_state(struct scene *s, uint8_t state, uint32_t opened)
{
	s->facts.link = &s->link;
	s->link.state = state;
	s->link.opened = opened;
}

static void hear(struct scene *s)
{
	s->wg.rx_bytes += 100;
}

static void point_at(struct scene *s, uint32_t ipv4, uint16_t port)
{
	s->wg.has_endpoint = true;
	s->wg.endpoint4 = ipv4;
	s->wg.endpoint_port = port;
}

static void test_the_lower_index_dials_at_once(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, true);
	assert_int_equal(after(&s, 0), RECONCILE_DIAL);
	link_state(&s, BRIDGE_LINK_DIALLING, 0);
	assert_int_equal(after(&s, 100), 0);
	link_state(&s, BRIDGE_LINK_TLS, 1);
	assert_int_equal(after(&s, 100), RECONCILE_PORT);
	point_at(&s, s.link.local_ipv4, s.link.local_port);
	assert_int_equal(after(&s, 100), 0);
	link_state(&s, BRIDGE_LINK_UP, 1);
	assert_int_equal(after(&s, 60000), 0);
}

static void test_each_new_connection_makes_the_dialler_send(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, true);
	link_state(&s, BRIDGE_LINK_UP, 1);
	point_at(&s, s.link.local_ipv4, s.link.local_port);
	after(&s, 0);
	assert_int_equal(after(&s, 100), 0);
	link_state(&s, BRIDGE_LINK_UP, 2);
	assert_int_equal(after(&s, 100), RECONCILE_PORT);
	assert_int_equal(after(&s, 100), 0);
	/* Also when the peer's extra leg had taken the endpoint over. */
	point_at(&s, 0x7f600001, 5000);
	assert_int_equal(after(&s, 100), 0);
	link_state(&s, BRIDGE_LINK_TLS, 3);
	assert_int_equal(after(&s, 100), RECONCILE_PORT);
}

static void test_a_peer_added_anew_gets_the_open_port(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, true);
	link_state(&s, BRIDGE_LINK_UP, 1);
	point_at(&s, s.link.local_ipv4, s.link.local_port);
	after(&s, 0);
	s.wg.has_endpoint = false;
	assert_int_equal(after(&s, 100), RECONCILE_PORT);
}

static void test_the_dialled_side_waits_ten_seconds_or_three_intervals(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, false);
	assert_int_equal(after(&s, 0), 0);
	assert_int_equal(after(&s, 9999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DIAL);
	/* Hearing resets it. */
	begin(&s, false);
	after(&s, 0);
	after(&s, 9000);
	hear(&s);
	assert_int_equal(after(&s, 900), 0);
	assert_int_equal(after(&s, 9999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DIAL);
	begin(&s, false);
	s.facts.interval_ms = 30000;
	after(&s, 0);
	assert_int_equal(after(&s, 89999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DIAL);
}

static void test_strays_hasten_only_before_the_first_handshake(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, false);
	after(&s, 0);
	s.facts.strays = true;
	assert_int_equal(after(&s, 100), 0);
	assert_int_equal(after(&s, 999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DIAL);
	/* Interrupted strays begin again. */
	begin(&s, false);
	after(&s, 0);
	s.facts.strays = true;
	after(&s, 100);
	s.facts.strays = false;
	after(&s, 500);
	s.facts.strays = true;
	assert_int_equal(after(&s, 500), 0);
	assert_int_equal(after(&s, 999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DIAL);
	/* After a handshake with this device a stranger's noise is noise. */
	begin(&s, false);
	s.wg.handshake_secs = 500;
	after(&s, 0);
	s.facts.strays = true;
	assert_int_equal(after(&s, 5000), 0);
	assert_int_equal(after(&s, 4000), 0);
}

/* A dialled side whose own link has just opened. */
static void extra_leg(struct scene *s)
{
	begin(s, false);
	after(s, 0);
	assert_int_equal(after(s, 10000), RECONCILE_DIAL);
	link_state(s, BRIDGE_LINK_DIALLING, 0);
	assert_int_equal(after(s, 100), 0);
	link_state(s, BRIDGE_LINK_TLS, 1);
	assert_int_equal(after(s, 100), 0);
}

static void test_the_extra_leg_gets_the_port_after_a_second(void **state)
{
	struct scene s;

	(void)state;
	extra_leg(&s);
	assert_int_equal(after(&s, 999), 0);
	assert_int_equal(after(&s, 1), RECONCILE_PORT);
	assert_int_equal(after(&s, 1000), 0);
	/* Not if a handshake came meanwhile. */
	extra_leg(&s);
	s.wg.handshake_secs = 77;
	assert_int_equal(after(&s, 500), 0);
	assert_int_equal(after(&s, 500), 0);
	assert_int_equal(after(&s, 5000), 0);
}

static void test_the_extra_leg_goes_when_an_accepted_one_has_settled(void **state)
{
	struct scene s;

	(void)state;
	extra_leg(&s);
	assert_int_equal(after(&s, 1000), RECONCILE_PORT);
	point_at(&s, s.link.local_ipv4, s.link.local_port);
	assert_int_equal(after(&s, 60000), 0);
	point_at(&s, 0x7f600001, 5000);
	s.facts.endpoint_accepted = true;
	assert_int_equal(after(&s, 10), 0);
	assert_int_equal(after(&s, 2 * INTERVAL_MS - 1), 0);
	/* A moment back on the own port begins it anew. */
	s.facts.endpoint_accepted = false;
	assert_int_equal(after(&s, 1), 0);
	s.facts.endpoint_accepted = true;
	assert_int_equal(after(&s, 1), 0);
	assert_int_equal(after(&s, 2 * INTERVAL_MS - 1), 0);
	assert_int_equal(after(&s, 1), RECONCILE_DROP);
}

static void test_a_new_agent_judges_an_extra_leg_alike(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, false);
	link_state(&s, BRIDGE_LINK_UP, 4);
	point_at(&s, s.link.local_ipv4, s.link.local_port);
	assert_int_equal(after(&s, 0), 0);
	assert_int_equal(after(&s, 1000), 0);
	assert_int_equal(after(&s, 60000), 0);
	begin(&s, false);
	link_state(&s, BRIDGE_LINK_UP, 4);
	s.facts.endpoint_accepted = true;
	assert_int_equal(after(&s, 0), 0);
	assert_int_equal(after(&s, 2 * INTERVAL_MS), RECONCILE_DROP);
}

static void test_a_peer_heard_again_is_dialled_at_once(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, true);
	link_state(&s, BRIDGE_LINK_WAITING, 3);
	after(&s, 0);
	hear(&s);
	assert_int_equal(after(&s, 100), 0);
	hear(&s);
	assert_int_equal(after(&s, 3 * INTERVAL_MS - 1), 0);
	hear(&s);
	assert_int_equal(after(&s, 3 * INTERVAL_MS), RECONCILE_KICK);
	hear(&s);
	assert_int_equal(after(&s, 100), 0);
	/* An open link needs none. */
	link_state(&s, BRIDGE_LINK_UP, 3);
	after(&s, 100);
	hear(&s);
	assert_int_equal(after(&s, 60000) & RECONCILE_KICK, 0);
}

static void test_a_peer_added_anew_has_lost_its_session(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, false);
	s.wg.handshake_secs = 500;
	s.wg.rx_bytes = 5000;
	after(&s, 0);
	s.facts.strays = true;
	assert_int_equal(after(&s, 3000), 0);
	/* Counters that fall are no news of the peer; the lost handshake is. */
	s.wg.handshake_secs = 0;
	s.wg.rx_bytes = 0;
	assert_int_equal(after(&s, 1000), RECONCILE_DIAL);
	assert_int_equal(s.leg.heard_ms, 0);
	s.wg.rx_bytes = 92;
	after(&s, 100);
	assert_int_equal(s.leg.heard_ms, s.facts.now_ms);
}

static void test_without_a_host_nothing_is_dialled(void **state)
{
	struct scene s;

	(void)state;
	for (int we_dial = 0; we_dial < 2; we_dial++) {
		begin(&s, we_dial);
		s.facts.has_host = false;
		assert_int_equal(after(&s, 0), 0);
		assert_int_equal(after(&s, 60000), 0);
		link_state(&s, BRIDGE_LINK_UP, 1);
		assert_int_equal(after(&s, 0), RECONCILE_DROP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_lists_need_nothing),
		cmocka_unit_test(test_deletions_come_before_additions),
		cmocka_unit_test(test_every_deviation_is_fixed),
		cmocka_unit_test(test_all_go_when_none_is_wanted),
		cmocka_unit_test(test_the_lower_index_dials_at_once),
		cmocka_unit_test(test_each_new_connection_makes_the_dialler_send),
		cmocka_unit_test(test_a_peer_added_anew_gets_the_open_port),
		cmocka_unit_test(test_the_dialled_side_waits_ten_seconds_or_three_intervals),
		cmocka_unit_test(test_strays_hasten_only_before_the_first_handshake),
		cmocka_unit_test(test_the_extra_leg_gets_the_port_after_a_second),
		cmocka_unit_test(test_the_extra_leg_goes_when_an_accepted_one_has_settled),
		cmocka_unit_test(test_a_new_agent_judges_an_extra_leg_alike),
		cmocka_unit_test(test_a_peer_heard_again_is_dialled_at_once),
		cmocka_unit_test(test_a_peer_added_anew_has_lost_its_session),
		cmocka_unit_test(test_without_a_host_nothing_is_dialled),
	};

	return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
