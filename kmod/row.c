// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer's row of the matrix. See row.h.
 */
#include "row.h"

static size_t bitmap_bytes(u32 windows)
{
	return (size_t)windows * AMESH_WINDOW_BYTES;
}

size_t amesh_row_bytes(u32 windows, bool observer)
{
	return windows * sizeof(u64) + bitmap_bytes(windows) * (observer ? 2 : 1);
}

void *amesh_row_place(struct amesh_row *row, void *mem, u32 windows,
		      bool observer)
{
	struct amesh_row old = *row;

	memset(mem, 0, amesh_row_bytes(windows, observer));
	row->at_ns = mem;
	row->now = (u8 *)(row->at_ns + windows);
	row->had = observer ? row->now + bitmap_bytes(windows) : NULL;
	row->windows = windows;
	if (!old.windows)
		return NULL;
	memcpy(row->at_ns, old.at_ns, old.windows * sizeof(u64));
	memcpy(row->now, old.now, bitmap_bytes(old.windows));
	if (row->had && old.had)
		memcpy(row->had, old.had, bitmap_bytes(old.windows));
	return old.at_ns;
}

void amesh_row_clear(struct amesh_row *row)
{
	row->received = 0;
	if (row->windows)
		memset(row->at_ns, 0,
		       amesh_row_bytes(row->windows, !!row->had));
}

/* What the last window said becomes what an earlier one said. */
static void remember(struct amesh_row *row, u32 w)
{
	size_t at = bitmap_bytes(w);
	u32 i;

	for (i = 0; i < AMESH_WINDOW_BYTES; i += 8)
		amesh_put_le64(row->had + at + i,
			       amesh_get_le64(row->had + at + i) |
			       amesh_get_le64(row->now + at + i));
}

void amesh_row_receive(struct amesh_row *row, u32 base, const u8 *window,
		       u64 at_ns, bool evidence, u32 used)
{
	u32 w = base / AMESH_WINDOW_MEMBERS;

	if (base % AMESH_WINDOW_MEMBERS || w >= used || w >= row->windows)
		return;
	if (row->had && row->at_ns[w])
		remember(row, w);
	memcpy(row->now + bitmap_bytes(w), window, AMESH_WINDOW_BYTES);
	row->at_ns[w] = evidence ? at_ns : 0;
	row->received |= 1ULL << w;
}

void amesh_row_forget(struct amesh_row *row, u32 index)
{
	u8 keep = (u8)~(1U << (index % 8));

	if (index / AMESH_WINDOW_MEMBERS >= row->windows)
		return;
	row->now[index / 8] &= keep;
	if (row->had)
		row->had[index / 8] &= keep;
}
