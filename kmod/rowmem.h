/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the rows of one mesh (row.h). All rows of a mesh have one of a few
 * sizes, which its highest index decides, up to 17 KB and mostly just above
 * what an allocator rounds to: a slab of 32 KiB holds three of the largest
 * mesh's 8,704 bytes and loses 2.2 KB for each. So rows are cut from blocks.
 * It owns where a row lies; what is in it is row.h's. Blocks come from the
 * caller and go back to it.
 */
#ifndef _AMESH_ROWMEM_H
#define _AMESH_ROWMEM_H

#include "row.h"

struct amesh_rowblock;

/* All that can be: each capacity with and without the second bitmap. */
#define AMESH_ROW_SIZES (2 * AMESH_WINDOWS_MAX)

/**
 * struct amesh_rowsize - places of one size
 * @roomy: first of the blocks that have a free place
 * @bytes: of a place; 0 = this entry is free
 * @places: in all blocks, taken or free
 */
struct amesh_rowsize {
	struct amesh_rowblock *roomy;
	u32 bytes;
	u32 places;
};

/**
 * struct amesh_rowmem - memory of a mesh's rows; all zero is "none"
 * @size: the sizes there are
 *
 * Protected by the mesh's lock.
 */
struct amesh_rowmem {
	struct amesh_rowsize size[AMESH_ROW_SIZES];
};

/**
 * amesh_rowmem_wants - does it need a block for one more row?
 * @rowmem: the memory
 * @bytes: of the row, from amesh_row_bytes()
 *
 * Return: bytes of the block to be given with amesh_rowmem_add(), whole pages;
 * 0 if there is a free place.
 */
size_t amesh_rowmem_wants(const struct amesh_rowmem *rowmem, size_t bytes);

/**
 * amesh_rowmem_add - give it a block
 * @rowmem: the memory
 * @bytes: of the rows it is for
 * @mem: 8-aligned; contents do not matter
 * @block_bytes: what amesh_rowmem_wants() said just now
 */
void amesh_rowmem_add(struct amesh_rowmem *rowmem, size_t bytes, void *mem,
		      size_t block_bytes);

/**
 * amesh_rowmem_get - take a place
 * @rowmem: the memory
 * @bytes: of the row
 *
 * Return: @bytes bytes, 8-aligned, with any contents; NULL if none is free.
 */
void *amesh_rowmem_get(struct amesh_rowmem *rowmem, size_t bytes);

/**
 * amesh_rowmem_put - give a place back
 * @row: it, or NULL
 *
 * Return: the block, the caller's again, if nothing is left in it; else NULL.
 * With a mesh's last row its last block has come back.
 */
void *amesh_rowmem_put(void *row);

#endif /* _AMESH_ROWMEM_H */
