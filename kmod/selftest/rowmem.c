// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of rowmem.c: one block is filled, none of its places shares a byte
 * with another, and it comes back with the last of them. See pure.h.
 */
#include "pure.h"

#define ROW_BYTES 264	/* of an observer in a mesh of 1,024 */
#define PLACES 14	/* in 4,096 bytes, each with its 8, beside the head */

const char *amesh_selftest_rowmem(struct amesh_selftest_memory *m)
{
	struct amesh_rowmem *rowmem = &m->rowmem;
	u8 *row[PLACES];
	u32 i;

	memset(rowmem, 0, sizeof(*rowmem));
	if (amesh_row_bytes(1, true) != ROW_BYTES ||
	    amesh_rowmem_wants(rowmem, ROW_BYTES) != sizeof(m->block))
		return "rowmem: the first block is not a page";
	amesh_rowmem_add(rowmem, ROW_BYTES, m->block, sizeof(m->block));
	for (i = 0; i < PLACES; i++) {
		row[i] = amesh_rowmem_get(rowmem, ROW_BYTES);
		if (!row[i])
			return "rowmem: a place is missing";
		memset(row[i], (int)i, ROW_BYTES);
	}
	if (amesh_rowmem_get(rowmem, ROW_BYTES) ||
	    !amesh_rowmem_wants(rowmem, ROW_BYTES))
		return "rowmem: there is a place too many";
	for (i = 0; i < PLACES; i++) {
		if (row[i][0] != i || row[i][ROW_BYTES - 1] != i)
			return "rowmem: two rows share memory";
		if (!amesh_rowmem_put(row[i]) != (i < PLACES - 1))
			return "rowmem: the block does not come back";
	}
	return NULL;
}
