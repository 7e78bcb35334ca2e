// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows cut from blocks. See rowmem.h.
 */
#include "rowmem.h"

enum {
	/* Up to this much is asked for in one piece: what the last page of a
	 * block loses is then at most 112 bytes for each of its rows, and one
	 * block that is nearly free is nothing to a mesh that has large ones.
	 */
	BLOCK_BYTES_MAX = 256 * 1024,

	/* Blocks are whole pages, of the smallest there are. */
	PAGE_BYTES = 4096,

	/* A mesh grows by an eighth at a time: a small one needs no block of
	 * the largest size, a large one does not come back for each row.
	 */
	GROWTH_DIVISOR = 8,
};

/**
 * union place - what stands before each row
 * @block: that it is in, while it is taken
 * @next: free place of the same block, or NULL, while it is free
 * @align: rows are 8-aligned
 */
union place {
	struct amesh_rowblock *block;
	union place *next;
	u64 align;
};

/**
 * struct amesh_rowblock - memory for some rows of one size
 * @size: of these
 * @prev: block before it among those with a free place, or NULL
 * @next: block after it, or NULL
 * @free: a free place; NULL = none, and the block is in no list
 * @taken: places
 * @places: all; they follow
 */
struct amesh_rowblock {
	struct amesh_rowsize *size;
	struct amesh_rowblock *prev;
	struct amesh_rowblock *next;
	union place *free;
	u32 taken;
	u32 places;
};

static_assert(sizeof(struct amesh_rowblock) % sizeof(union place) == 0,
	      "the first place is aligned");

static size_t place_bytes(size_t bytes)
{
	return sizeof(union place) + bytes;
}

/* Return: where the size is, or AMESH_ROW_SIZES. */
static u32 find(const struct amesh_rowmem *rowmem, size_t bytes)
{
	u32 i;

	for (i = 0; i < AMESH_ROW_SIZES; i++) {
		if (rowmem->size[i].bytes == bytes)
			break;
	}
	return i;
}

static void make_roomy(struct amesh_rowblock *block)
{
	struct amesh_rowsize *size = block->size;

	block->prev = NULL;
	block->next = size->roomy;
	if (block->next)
		block->next->prev = block;
	size->roomy = block;
}

static void unlink_roomy(struct amesh_rowblock *block)
{
	if (block->prev)
		block->prev->next = block->next;
	else
		block->size->roomy = block->next;
	if (block->next)
		block->next->prev = block->prev;
}

size_t amesh_rowmem_wants(const struct amesh_rowmem *rowmem, size_t bytes)
{
	size_t most = (BLOCK_BYTES_MAX - sizeof(struct amesh_rowblock)) /
		      place_bytes(bytes);
	u32 at = find(rowmem, bytes);
	size_t places = 1, block_bytes;

	if (at < AMESH_ROW_SIZES) {
		if (rowmem->size[at].roomy)
			return 0;
		places += rowmem->size[at].places / GROWTH_DIVISOR;
	}
	if (places > most)
		places = most;
	block_bytes = sizeof(struct amesh_rowblock) + places * place_bytes(bytes);
	return (block_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void amesh_rowmem_add(struct amesh_rowmem *rowmem, size_t bytes, void *mem,
		      size_t block_bytes)
{
	struct amesh_rowblock *block = mem;
	u8 *at = (u8 *)(block + 1);
	struct amesh_rowsize *size;
	u32 i = find(rowmem, bytes);

	/* An entry without blocks is free, so there is one for each size. */
	if (i == AMESH_ROW_SIZES)
		i = find(rowmem, 0);
	size = &rowmem->size[i];
	size->bytes = (u32)bytes;
	block->size = size;
	block->free = NULL;
	block->taken = 0;
	block->places = (u32)((block_bytes - sizeof(*block)) /
			      place_bytes(bytes));
	for (i = 0; i < block->places; i++) {
		union place *place = (union place *)(void *)at;

		place->next = block->free;
		block->free = place;
		at += place_bytes(bytes);
	}
	size->places += block->places;
	make_roomy(block);
}

void *amesh_rowmem_get(struct amesh_rowmem *rowmem, size_t bytes)
{
	u32 at = find(rowmem, bytes);
	struct amesh_rowblock *block;
	union place *place;

	if (at == AMESH_ROW_SIZES || !rowmem->size[at].roomy)
		return NULL;
	block = rowmem->size[at].roomy;
	place = block->free;
	block->free = place->next;
	block->taken++;
	if (!block->free)
		unlink_roomy(block);
	place->block = block;
	return place + 1;
}

void *amesh_rowmem_put(void *row)
{
	struct amesh_rowblock *block;
	struct amesh_rowsize *size;
	union place *place = row;

	if (!row)
		return NULL;
	place--;
	block = place->block;
	if (!block->free)
		make_roomy(block);
	place->next = block->free;
	block->free = place;
	if (--block->taken)
		return NULL;
	unlink_roomy(block);
	size = block->size;
	size->places -= block->places;
	if (!size->places)
		size->bytes = 0;
	return block;
}
