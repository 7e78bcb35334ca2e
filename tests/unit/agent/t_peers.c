// SPDX-License-Identifier: Apache-2.0
/*
 * The picture of the peers: members come and go by index, applications hear
 * of the first up, of down, and of up after down, and of nothing between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "peers.h"

static struct { int up, down, joined; uint32_t last_joined; } heard;

static void on_liveness(const struct peer *p, bool up, void *arg)
{
	(void)p;
	(void)arg;
	if (up)
		heard.up++;
	else
		heard.down++;
}

static void on_joined(const struct peer *p, void *arg)
{
	(void)arg;
	heard.joined++;
	heard.last_joined = p->index;
}

static const struct peers_events events = { on_liveness, on_joined };

static void fill(struct member *at, size_t count)
{
	memset(at, 0, count * sizeof(*at));
	for (size_t i = 0; i < count; i++) {
		at[i].id[0] = (uint8_t)(i + 1);
		at[i].index = (uint32_t)i;
		at[i].mesh_ip = 0x0a000001 + (uint32_t)i;
	}
}

static void test_members_come_go_and_keep_their_state(void **state)
{
	struct member at[5];
	struct members members = { at, 3 };
	struct peers p;

	(void)state;
	memset(&heard, 0, sizeof(heard));
	fill(at, 5);
	peers_init(&p);
	assert_int_equal(peers_members(&p, &members, at[1].id, true, &events, NULL), 0);
	assert_int_equal(p.count, 2);
	assert_int_equal(heard.joined, 0);
	assert_null(peers_find(&p, at[1].id));
	peers_state(&p, at[2].id, ATTESTMESH_STATE_UP, ATTESTMESH_BEAT_AGENT, 5, &events, NULL);

	members.count = 5;
	at[0].removed_at = 9;
	assert_int_equal(peers_members(&p, &members, at[1].id, false, &events, NULL), 0);
	assert_int_equal(heard.joined, 2);
	assert_int_equal(heard.last_joined, 4);
	assert_int_equal(p.count, 3);
	assert_null(peers_find(&p, at[0].id));
	assert_int_equal(peers_find(&p, at[2].id)->state, ATTESTMESH_STATE_UP);
	assert_int_equal(peers_live(&p), 1);

	/* Readmitted: new to this node, and told so. */
	at[0].removed_at = 0;
	assert_int_equal(peers_members(&p, &members, at[1].id, false, &events, NULL), 0);
	assert_int_equal(heard.joined, 3);
	assert_int_equal(heard.last_joined, 0);
	peers_free(&p);
}

static void test_applications_hear_only_of_up_and_down(void **state)
{
	struct member at[2];
	struct members members = { at, 2 };
	struct peers p;

	(void)state;
	memset(&heard, 0, sizeof(heard));
	fill(at, 2);
	peers_init(&p);
	assert_int_equal(peers_members(&p, &members, at[0].id, true, &events, NULL), 0);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_SILENT, 0, 1, &events, NULL);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, 0, 2, &events, NULL);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_SUSPECT, 0, 3, &events, NULL);
	assert_int_equal(peers_live(&p), 1);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, 0, 4, &events, NULL);
	assert_int_equal(heard.up, 1);
	assert_int_equal(heard.down, 0);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_DOWN, 0, 5, &events, NULL);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_DOWN, 0, 6, &events, NULL);
	assert_int_equal(heard.down, 1);
	assert_int_equal(peers_live(&p), 0);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, 0, 7, &events, NULL);
	assert_int_equal(heard.up, 2);
	peers_free(&p);
}

static void test_an_agent_is_away_from_the_first_beat_without_it(void **state)
{
	struct member at[2];
	struct members members = { at, 2 };
	struct peers p;

	(void)state;
	fill(at, 2);
	peers_init(&p);
	assert_int_equal(peers_members(&p, &members, at[0].id, true, &events, NULL), 0);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_SILENT, 0, 10, &events, NULL);
	assert_int_equal(peers_find(&p, at[1].id)->away_since_ms, 0);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, 0, 20, &events, NULL);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, 0, 30, &events, NULL);
	assert_int_equal(peers_find(&p, at[1].id)->away_since_ms, 20);
	peers_state(&p, at[1].id, ATTESTMESH_STATE_UP, ATTESTMESH_BEAT_AGENT, 40, &events, NULL);
	assert_int_equal(peers_find(&p, at[1].id)->away_since_ms, 0);
	peers_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_come_go_and_keep_their_state),
		cmocka_unit_test(test_applications_hear_only_of_up_and_down),
		cmocka_unit_test(test_an_agent_is_away_from_the_first_beat_without_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
