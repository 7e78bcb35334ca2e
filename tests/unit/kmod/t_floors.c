// SPDX-License-Identifier: Apache-2.0
/* What a namespace remembers: found again, bounded, never evicted. */
#include "cm.h"
#include "kmod/floors.h"

static void id_of(u8 *id, u32 n)
{
	memset(id, 0, AMESH_ID_LEN); /* as short addresses are: zeros first */
	amesh_put_be32(id + 28, n);
}

static void test_a_member_is_found_again(void **state)
{
	struct amesh_floors *f = malloc(sizeof(*f));
	struct amesh_floor a = { 0 }, b = { 0 };
	u8 id[32];

	(void)state;
	amesh_floors_init(f, 42);
	id_of(id, 1);
	assert_null(amesh_floors_find(f, id));
	assert_int_equal(amesh_floors_insert(f, &a, id), 0);
	a.replay.incarnation = 7;
	assert_int_equal(amesh_floors_insert(f, &b, id), -EEXIST);
	assert_ptr_equal(amesh_floors_find(f, id), &a);
	id[0] = 1; /* every byte of the id counts */
	assert_null(amesh_floors_find(f, id));
	assert_ptr_equal(amesh_floors_pop(f), &a);
	assert_null(amesh_floors_pop(f));
	free(f);
}

static void test_65536_members_and_not_one_more(void **state)
{
	struct amesh_floors *f = malloc(sizeof(*f));
	struct amesh_floor *e = calloc(AMESH_FLOORS_MAX + 1, sizeof(*e));
	u8 id[32];
	u32 i, longest = 0;

	(void)state;
	amesh_floors_init(f, 1);
	for (i = 0; i < AMESH_FLOORS_MAX; i++) {
		id_of(id, i);
		assert_int_equal(amesh_floors_insert(f, &e[i], id), 0);
	}
	id_of(id, i);
	assert_int_equal(amesh_floors_insert(f, &e[i], id), -ENOSPC);
	assert_int_equal(f->count, 65536);
	for (i = 0; i < AMESH_FLOORS_BUCKETS; i++) {
		u32 n = 0;

		for (struct amesh_floor *p = f->bucket[i]; p; p = p->next)
			n++;
		longest = n > longest ? n : longest;
	}
	assert_true(longest < 64 * 2); /* twice the mean */
	for (i = 0; i < AMESH_FLOORS_MAX; i += 997) {
		id_of(id, i);
		assert_ptr_equal(amesh_floors_find(f, id), &e[i]);
	}
	for (i = 0; amesh_floors_pop(f); i++)
		;
	assert_int_equal(i, 65536);
	free(e);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_member_is_found_again),
		cmocka_unit_test(test_65536_members_and_not_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
