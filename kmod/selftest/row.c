// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of row.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_row(struct amesh_selftest_memory *m)
{
	struct amesh_row row = { 0 };

	memset(&m->beat, 0, sizeof(m->beat));
	amesh_row_place(&row, m->row[0], 1, true);
	m->beat.window[0] = 3;
	amesh_row_receive(&row, 0, m->beat.window, 5, true, 1);
	m->beat.window[0] = 1;
	amesh_row_receive(&row, 0, m->beat.window, 6, true, 1);
	amesh_row_receive(&row, 1, m->beat.window, 7, true, 1);
	amesh_row_receive(&row, 1024, m->beat.window, 7, true, 1);
	if (row.at_ns[0] != 6 || row.now[0] != 1 || row.had[0] != 3)
		return "row: wrong memory of windows";
	amesh_row_clear(&row);
	if (row.at_ns[0] || row.now[0] || row.had[0] || row.received)
		return "row: not cleared";
	return NULL;
}
