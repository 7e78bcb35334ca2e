// SPDX-License-Identifier: Apache-2.0
/* Round trips, loss and direction out of beats and trailers. */
#include "cm.h"
#include "kmod/link.h"
#include "kmod/limits.h"

#define US AMESH_NS_PER_US

static void heard(struct amesh_link *link, u64 seq, u64 floor, u32 held_us,
		  u64 own_seq, u64 at_ns)
{
	struct amesh_trailer t = { floor, floor ? 9 : 0, held_us };

	amesh_link_heard(link, 1, seq, &t, 9, own_seq, at_ns);
}

static void test_rtt_is_total_less_held(void **state)
{
	struct amesh_link link = { 0 };

	(void)state;
	amesh_link_sent(&link, 5, 1000 * US);
	heard(&link, 1, 5, 300, 5, 2000 * US);
	assert_true(link.rtt_known);
	assert_int_equal(link.rtt_us, 700);
	amesh_link_sent(&link, 6, 3000 * US);
	heard(&link, 2, 6, 0, 6, 3060 * US);
	assert_int_equal(link.rtt_min_us, 60);
	assert_int_equal(link.rtt_us, 700 - (640 >> 3));
	amesh_link_sent(&link, 7, 4000 * US);
	heard(&link, 3, 7, 0, 7, 5420 * US);
	assert_int_equal(link.rtt_us, 620 + (800 >> 3));
	assert_int_equal(link.rtt_min_us, 60);
}

static void test_what_cannot_be_measured_is_no_sample(void **state)
{
	struct amesh_link link = { 0 };

	(void)state;
	heard(&link, 1, 5, 0, 5, 1000 * US); /* never sent to it */
	assert_false(link.rtt_known);
	amesh_link_sent(&link, 5, 1000 * US);
	heard(&link, 2, 5, U32_MAX, 5, 2000 * US); /* saturated */
	heard(&link, 3, 5, 1001, 5, 2000 * US); /* held longer than ago */
	heard(&link, 4, 5, 0, 5, 999 * US); /* before it was sent */
	amesh_link_sent(&link, 5 + AMESH_LINK_SENT, 1500 * US);
	heard(&link, 5, 5, 0, 13, 2000 * US); /* its place was taken */
	assert_false(link.rtt_known);
	heard(&link, 6, 13, 500, 13, 2000 * US);
	assert_true(link.rtt_known);
	assert_int_equal(link.rtt_us, 0);
}

static void test_direction_follows_the_last_16_beats(void **state)
{
	struct amesh_link link = { 0 };

	(void)state;
	assert_int_equal(link.way, AMESH_LINK_UNHEARD);
	heard(&link, 1, 0, 0, 100, 1);
	assert_int_equal(link.way, AMESH_LINK_ONE_WAY);
	heard(&link, 2, 85, 0, 100, 2);
	assert_int_equal(link.way, AMESH_LINK_TWO_WAY);
	heard(&link, 3, 84, 0, 100, 3);
	assert_int_equal(link.way, AMESH_LINK_ONE_WAY);
	heard(&link, 4, 101, 0, 100, 4); /* not sent by us */
	assert_int_equal(link.way, AMESH_LINK_ONE_WAY);
}

static void test_an_acknowledgement_of_another_incarnation_is_none(void **state)
{
	struct amesh_trailer t = { 5, 8, 0 };
	struct amesh_link link = { 0 };

	(void)state;
	amesh_link_sent(&link, 5, 1);
	amesh_link_heard(&link, 1, 1, &t, 9, 5, 1000 * US);
	assert_int_equal(link.way, AMESH_LINK_ONE_WAY);
	assert_false(link.rtt_known);
}

static void test_loss_settles_at_the_share_of_gaps(void **state)
{
	struct amesh_link link = { 0 };
	u32 permille;
	u64 i;

	(void)state;
	for (i = 1; i <= 4000; i++)
		if (i % 10)
			heard(&link, i, i, U32_MAX, i, i);
	permille = amesh_link_loss_permille(&link);
	assert_in_range(permille, 90, 115);
	for (; i <= 8000; i++)
		heard(&link, i, i, U32_MAX, i, i);
	assert_int_equal(amesh_link_loss_permille(&link), 0);
}

static void test_gaps_are_no_loss_while_the_peer_does_not_hear_us(void **state)
{
	struct amesh_link link = { 0 };
	u64 i;

	(void)state;
	for (i = 8; i <= 800; i += 8)
		heard(&link, i, 0, 0, i, i);
	assert_int_equal(link.loss, 0);
}

static void test_one_gap_is_bounded_and_a_new_incarnation_none(void **state)
{
	struct amesh_trailer t = { 1, 9, U32_MAX };
	struct amesh_link link = { 0 };

	(void)state;
	heard(&link, 1, 1, U32_MAX, 1, 1);
	heard(&link, U64_MAX - 1, 1, U32_MAX, 1, 2); /* ends, and soon */
	assert_true(amesh_link_loss_permille(&link) <= 1000);
	assert_true(link.loss < AMESH_LINK_LOSS_ONE);
	link.loss = 0;
	amesh_link_heard(&link, 2, 500, &t, 9, 1, 3);
	assert_int_equal(link.loss, 0);
	assert_false(link.rtt_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtt_is_total_less_held),
		cmocka_unit_test(test_what_cannot_be_measured_is_no_sample),
		cmocka_unit_test(test_direction_follows_the_last_16_beats),
		cmocka_unit_test(test_an_acknowledgement_of_another_incarnation_is_none),
		cmocka_unit_test(test_loss_settles_at_the_share_of_gaps),
		cmocka_unit_test(test_gaps_are_no_loss_while_the_peer_does_not_hear_us),
		cmocka_unit_test(test_one_gap_is_bounded_and_a_new_incarnation_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
