// SPDX-License-Identifier: Apache-2.0
/* Peers by index: bounds, seats, growth, keys, memory. */
#include "kmod/floors.h"
#include "net.h"

static void test_configuration_is_bounded(void **state)
{
	struct amesh_live_config ok = { 50, 1, 1, 0 }, c;

	(void)state;
	assert_int_equal(amesh_live_config_check(&ok), 0);
	c = (struct amesh_live_config){ 30000, 100, 200, 65536 };
	assert_int_equal(amesh_live_config_check(&c), 0);
	c = ok, c.interval_ms = 49;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
	c = ok, c.interval_ms = 30001;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
	c = ok, c.miss = 0;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
	c = ok, c.miss = 101, c.convict = 101;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
	c = ok, c.convict = 201;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
	c = ok, c.miss = 4, c.convict = 3;
	assert_int_equal(amesh_live_config_check(&c), -ERANGE);
}

static void test_an_index_belongs_to_one(void **state)
{
	struct net *net = net_new(2);
	struct amesh_live_peer p = { 0 };

	(void)state;
	assert_int_equal(amesh_live_add(&net->live, &p, 0, true, net->now),
			 -EEXIST); /* this node's */
	assert_int_equal(amesh_live_add(&net->live, &p, 1, true, net->now),
			 -EEXIST);
	assert_int_equal(amesh_live_add(&net->live, &p, 1024, true, net->now),
			 -ERANGE);
	assert_int_equal(amesh_live_set_own_index(&net->live, 2, net->now),
			 -EEXIST);
	assert_int_equal(amesh_live_set_own_index(&net->live, 1024, net->now),
			 -ERANGE);
	assert_int_equal(amesh_live_add(&net->live, &p, 1023, false, net->now),
			 0);
	assert_int_equal(p.state, AMESH_STATE_UNKNOWN);
	assert_int_equal(net->live.peers, 3);
	free(amesh_live_remove(&net->live, &p, net->now));
	assert_int_equal(net->live.peers, 2);
	assert_int_equal(net->live.state_count[AMESH_STATE_UNKNOWN], 0);
	net_free(net);
}

static void test_the_own_index_moves_with_its_bits(void **state)
{
	struct net *net = net_new(2);

	(void)state;
	assert_int_equal(amesh_live_set_own_index(&net->live, 9, net->now), 0);
	assert_false(amesh_bit(net->live.view.up, 0));
	assert_true(amesh_bit(net->live.view.up, 9));
	assert_true(amesh_bit(net->live.view.live, 9));
	assert_int_equal(net->live.view.live_count, 1);
	assert_int_equal(net->live.highest, 9);
	assert_int_equal(amesh_live_set_own_index(&net->live, 0, net->now), 0);
	assert_int_equal(net->live.highest, 2);
	net_free(net);
}

static void ignore(struct amesh_live *live, struct amesh_live_peer *peer,
		   enum amesh_state old)
{
	(void)live, (void)peer, (void)old;
}

/* Every place from 0 to 65,535 but the own: the 65,536th peer has none. */
static void test_65535_peers_fill_the_indices(void **state)
{
	struct amesh_live_config config = { 30000, 3, 5, 1 };
	struct amesh_live live;
	struct amesh_live_peer *peer = calloc(65536, sizeof(*peer));
	u32 i;

	(void)state;
	assert_int_equal(amesh_live_init(&live, &config, 65536,
					 peer, 64, ignore, 1), -ERANGE);
	assert_int_equal(amesh_live_init(&live, &config, 0, peer, 65,
					 ignore, 1), -ERANGE);
	assert_int_equal(amesh_live_init(&live, &config, 65535,
					 malloc(amesh_live_bytes(64)), 64,
					 ignore, 1), 0);
	for (i = 0; i < 65535; i++)
		assert_int_equal(amesh_live_add(&live, &peer[i], i, true, 1),
				 0);
	assert_int_equal(amesh_live_add(&live, &peer[i], 65535, true, 1),
			 -EEXIST);
	assert_int_equal(amesh_live_add(&live, &peer[i], 65536, true, 1),
			 -ERANGE);
	assert_int_equal(live.peers, 65535);
	assert_int_equal(live.panel_len, AMESH_OBSERVERS_MAX);
	assert_int_equal(peer[4095].seat, 4095);
	assert_int_equal(peer[4096].seat, AMESH_NO_SEAT);
	/* A seat that falls free goes to the next who speaks without one. */
	amesh_live_remove(&live, &peer[7], 2);
	assert_int_equal(live.panel_len, AMESH_OBSERVERS_MAX - 1);
	assert_int_equal(peer[4095].seat, 7);
	{
		struct amesh_beat beat = { .incarnation = 1, .sequence = 1 };

		amesh_live_accept(&live, &peer[60000], &beat, 3);
	}
	assert_int_equal(peer[60000].seat, 4095);
	assert_int_equal(live.panel[4095], 60000);
	free(live.by_index);
	free(peer);
}

/* What the bound on memory promises, with the row's stamps and the average
 * share of the observers' second bitmap.
 */
static void test_memory_per_peer_leaves_room_for_the_rest(void **state)
{
	u32 windows = 64;
	size_t stamps = windows * sizeof(u64);
	size_t had = (size_t)AMESH_OBSERVERS_MAX * windows * 128 / 65536;

	(void)state;
	assert_true(sizeof(struct amesh_live_peer) <= 384);
	assert_true(sizeof(struct amesh_floor) <= 96);
	assert_int_equal(had, 512);
	assert_true(sizeof(struct amesh_live_peer) +
		    sizeof(struct amesh_floor) + stamps + had <= 1536);
}

static void test_growing_keeps_peers_bits_and_seats(void **state)
{
	struct net *net = net_new(3);
	struct amesh_live_peer far = { 0 };

	(void)state;
	net_beat(net, 1, 7);
	free(amesh_live_grow(&net->live, malloc(amesh_live_bytes(3)), 3));
	assert_int_equal(amesh_live_add(&net->live, &far, 2500, true,
					net->now), 0);
	assert_int_equal(net->live.view.used, 3);
	assert_ptr_equal(net->live.by_index[2], &net->peer[1]);
	assert_true(amesh_bit(net->live.view.live, 2));
	assert_int_equal(net->live.panel_len, 4);
	assert_int_equal(net->live.panel[1], 2);
	/* Rows follow: what they hold stays. */
	assert_int_equal(amesh_live_row_wants(&net->live, &net->peer[1]),
			 amesh_row_bytes(3, true));
	net_row(net, &net->peer[1]);
	assert_int_equal(amesh_live_row_wants(&net->live, &net->peer[1]), 0);
	assert_int_equal(amesh_word(net->peer[1].row.now, 0), 7);
	free(amesh_live_remove(&net->live, &far, net->now));
	assert_int_equal(net->live.view.used, 1);
	net_free(net);
}

static void test_memory_that_is_no_longer_wanted_comes_back(void **state)
{
	struct net *net = net_new(1);
	void *mem = malloc(8);

	(void)state;
	assert_ptr_equal(amesh_live_row_give(&net->live, &net->peer[0], mem, 8),
			 mem);
	assert_ptr_equal(amesh_live_row_give(&net->live, &net->peer[0], mem, 0),
			 mem);
	free(mem);
	net_free(net);
}

static void test_a_reused_index_inherits_no_evidence(void **state)
{
	struct net *net = net_new(2);
	u8 bits;

	(void)state;
	net_beat(net, 0, 0x7);
	net_beat(net, 0, 0x7);
	bits = net->peer[0].row.had[0];
	assert_int_equal(bits, 7);
	free(amesh_live_remove(&net->live, &net->peer[1], net->now));
	memset(&net->peer[1], 0, sizeof(net->peer[1]));
	assert_int_equal(net->peer[0].row.had[0], 7); /* deleting is cheap */
	assert_int_equal(amesh_live_add(&net->live, &net->peer[1], 2, true,
					net->now), 0);
	assert_int_equal(net->peer[0].row.had[0], 3);
	assert_int_equal(net->peer[0].row.now[0], 3);
	net_free(net);
}

static void test_a_removed_peer_leaves_nothing_in_the_view(void **state)
{
	struct net *net = net_new(3);
	struct amesh_live *live = &net->live;

	(void)state;
	net_beat(net, 2, 0);
	amesh_live_refresh(live, net->now);
	free(amesh_live_remove(live, &net->peer[2], net->now));
	assert_false(amesh_bit(live->view.up, 3));
	assert_false(amesh_bit(live->view.live, 3));
	assert_int_equal(live->view.live_count, 1);
	assert_int_equal(amesh_live_count(live), 0);
	assert_int_equal(live->agree_count, 0);
	net_free(net);
}

static void test_keys_come_and_go(void **state)
{
	struct net *net = net_new(2);
	struct amesh_live_peer *p = &net->peer[0];

	(void)state;
	amesh_live_key(&net->live, p, false, net->now);
	assert_int_equal(p->state, AMESH_STATE_UNKNOWN);
	assert_int_equal(p->reason, AMESH_REASON_KEY);
	net_beat(net, 0, 0); /* its verdict came too late: no effect */
	assert_int_equal(p->state, AMESH_STATE_UNKNOWN);
	amesh_live_key(&net->live, p, true, net->now);
	assert_int_equal(p->state, AMESH_STATE_SILENT);
	net_beat(net, 0, 3);
	net_beat(net, 0, 3);
	net_run(net, 1000);
	amesh_live_key(&net->live, p, true, net->now);
	assert_int_equal(p->state, AMESH_STATE_UP);
	assert_int_equal(amesh_word(p->row.had, 0), 0);
	assert_int_equal(p->row.at_ns[0], 0);
	net_run(net, 5000); /* the new key never speaks: an answer is owed */
	assert_int_equal(p->state, AMESH_STATE_DOWN);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configuration_is_bounded),
		cmocka_unit_test(test_an_index_belongs_to_one),
		cmocka_unit_test(test_the_own_index_moves_with_its_bits),
		cmocka_unit_test(test_65535_peers_fill_the_indices),
		cmocka_unit_test(test_memory_per_peer_leaves_room_for_the_rest),
		cmocka_unit_test(test_growing_keeps_peers_bits_and_seats),
		cmocka_unit_test(test_memory_that_is_no_longer_wanted_comes_back),
		cmocka_unit_test(test_a_reused_index_inherits_no_evidence),
		cmocka_unit_test(test_a_removed_peer_leaves_nothing_in_the_view),
		cmocka_unit_test(test_keys_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
