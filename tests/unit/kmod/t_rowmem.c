// SPDX-License-Identifier: Apache-2.0
/*
 * Memory of rows: rows never overlap, whatever comes and goes; all of it comes
 * back; and what it loses stays within the bound of memory a peer.
 */
#include "cm.h"
#include "kmod/rowmem.h"

struct row {
	u8 *mem;
	size_t bytes;
	u8 mark;
};

enum {
	LOST_BYTES = 112,
	BLOCK_BYTES = 256 * 1024,
};

static size_t in_blocks, blocks;

static u8 *get(struct amesh_rowmem *rm, size_t bytes)
{
	size_t block_bytes = amesh_rowmem_wants(rm, bytes);
	u8 *mem;

	if (block_bytes) {
		void *block = malloc(block_bytes);

		assert_int_equal(block_bytes % 4096, 0);
		assert_true(block_bytes <= BLOCK_BYTES);
		assert_null(amesh_rowmem_get(rm, bytes));
		amesh_rowmem_add(rm, bytes, block, block_bytes);
		in_blocks += block_bytes;
		blocks++;
		assert_int_equal(amesh_rowmem_wants(rm, bytes), 0);
	}
	mem = amesh_rowmem_get(rm, bytes);
	assert_non_null(mem);
	assert_int_equal((uintptr_t)mem % 8, 0);
	return mem;
}

static void put(u8 *mem)
{
	void *block = amesh_rowmem_put(mem);

	blocks -= !!block;
	free(block);
}

static void assert_unharmed(const struct row *row)
{
	size_t i;

	for (i = 0; i < row->bytes; i++)
		assert_int_equal(row->mem[i], row->mark);
}

/* Under the sanitizers a row that left its block would be a report too. */
static void test_rows_that_come_and_go_never_overlap(void **state)
{
	enum { ROWS = 3000, STEPS = 60000 };
	struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
	struct row *rows = calloc(ROWS, sizeof(*rows));
	u32 step, i;

	(void)state;
	srandom(7);
	in_blocks = blocks = 0;
	for (step = 0; step < STEPS; step++) {
		struct row *row = &rows[(u32)random() % ROWS];

		if (row->mem) {
			assert_unharmed(row);
			put(row->mem);
			row->mem = NULL;
			continue;
		}
		row->bytes = amesh_row_bytes((u32)random() % 4 + 1, random() & 1);
		row->mark = (u8)random();
		row->mem = get(rm, row->bytes);
		memset(row->mem, row->mark, row->bytes);
	}
	for (i = 0; i < ROWS; i++) {
		if (!rows[i].mem)
			continue;
		assert_unharmed(&rows[i]);
		put(rows[i].mem);
	}
	assert_int_equal(blocks, 0);
	for (i = 0; i < AMESH_ROW_SIZES; i++) {
		assert_int_equal(rm->size[i].bytes, 0);
		assert_int_equal(rm->size[i].places, 0);
		assert_null(rm->size[i].roomy);
	}
	free(rows);
	free(rm);
}

/* A free place is used before there is another block, wherever it is. */
static void test_a_hole_is_filled_first(void **state)
{
	enum { ROWS = 1000 };
	struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
	size_t bytes = amesh_row_bytes(2, false);
	u8 *row[ROWS];
	u32 i, round;
	size_t most;

	(void)state;
	in_blocks = blocks = 0;
	for (i = 0; i < ROWS; i++)
		row[i] = get(rm, bytes);
	most = blocks;
	for (round = 0; round < 20; round++) {
		for (i = round % 3; i < ROWS; i += 3)
			put(row[i]);
		for (i = round % 3; i < ROWS; i += 3)
			row[i] = get(rm, bytes);
		assert_int_equal(blocks, most);
	}
	for (i = 0; i < ROWS; i++)
		put(row[i]);
	assert_int_equal(blocks, 0);
	free(rm);
}

static void test_every_size_there_is_at_once(void **state)
{
	struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
	struct row rows[AMESH_ROW_SIZES];
	u32 i;

	(void)state;
	in_blocks = blocks = 0;
	for (i = 0; i < AMESH_ROW_SIZES; i++) {
		rows[i].bytes = amesh_row_bytes(i / 2 + 1, i % 2);
		rows[i].mark = (u8)i;
		rows[i].mem = get(rm, rows[i].bytes);
		memset(rows[i].mem, rows[i].mark, rows[i].bytes);
	}
	for (i = 0; i < AMESH_ROW_SIZES; i++) {
		assert_unharmed(&rows[i]);
		put(rows[i].mem);
	}
	assert_int_equal(blocks, 0);
	assert_null(amesh_rowmem_put(NULL));
	free(rm);
}

/* What a mesh of each size loses beside what its rows are: this much of the
 * bound of memory a peer may go to where they lie, and a block of each size may
 * be nearly free.
 */
static void test_little_is_lost_in_a_mesh_of_any_size(void **state)
{
	u32 windows;

	(void)state;
	for (windows = 1; windows <= AMESH_WINDOWS_MAX; windows += 3) {
		struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
		u32 all = windows * AMESH_WINDOW_MEMBERS, i;
		u32 peers = all < 2 * AMESH_OBSERVERS_MAX ?
			    all : 2 * AMESH_OBSERVERS_MAX;
		u8 **row = calloc(peers, sizeof(*row));
		size_t needed = 0;

		in_blocks = blocks = 0;
		for (i = 0; i < peers; i++) {
			size_t bytes = amesh_row_bytes(windows,
						       i < AMESH_OBSERVERS_MAX);

			needed += bytes;
			row[i] = get(rm, bytes);
		}
		assert_true(in_blocks - needed <=
			    (size_t)peers * LOST_BYTES + 2 * BLOCK_BYTES);
		for (i = 0; i < peers; i++)
			put(row[i]);
		assert_int_equal(blocks, 0);
		free(row);
		free(rm);
	}
}

/* Room for later is bought as the mesh grows, never for as many again. */
static void test_a_quarter_is_free_at_most(void **state)
{
	enum { ROWS = 900 };
	struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
	size_t bytes = amesh_row_bytes(1, true), with_head = bytes + 8;
	u8 *row[ROWS];
	u32 i;

	(void)state;
	in_blocks = blocks = 0;
	for (i = 0; i < ROWS; i++) {
		row[i] = get(rm, bytes);
		assert_true(in_blocks <= (i + 1) * with_head * 5 / 4 + 4096);
	}
	for (i = 0; i < ROWS; i++)
		put(row[i]);
	assert_int_equal(blocks, 0);
	free(rm);
}

/* A mesh of three takes a page, not what a large one's block is. */
static void test_a_small_mesh_takes_a_page(void **state)
{
	struct amesh_rowmem *rm = calloc(1, sizeof(*rm));
	size_t bytes = amesh_row_bytes(1, true);
	u8 *row[3];
	u32 i;

	(void)state;
	in_blocks = blocks = 0;
	for (i = 0; i < 3; i++)
		row[i] = get(rm, bytes);
	assert_int_equal(in_blocks, 4096);
	assert_int_equal(blocks, 1);
	for (i = 0; i < 3; i++)
		put(row[i]);
	assert_int_equal(blocks, 0);
	free(rm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_that_come_and_go_never_overlap),
		cmocka_unit_test(test_a_hole_is_filled_first),
		cmocka_unit_test(test_every_size_there_is_at_once),
		cmocka_unit_test(test_little_is_lost_in_a_mesh_of_any_size),
		cmocka_unit_test(test_a_quarter_is_free_at_most),
		cmocka_unit_test(test_a_small_mesh_takes_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
