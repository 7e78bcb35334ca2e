// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of floors.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_floors(struct amesh_selftest_memory *m)
{
	u8 id[AMESH_ID_LEN] = { 1 };

	memset(m->floor, 0, sizeof(m->floor));
	amesh_floors_init(&m->floors, 1);
	if (amesh_floors_find(&m->floors, id) ||
	    amesh_floors_insert(&m->floors, &m->floor[0], id) ||
	    amesh_floors_insert(&m->floors, &m->floor[1], id) != -EEXIST ||
	    amesh_floors_find(&m->floors, id) != &m->floor[0])
		return "floors: a member is not remembered once";
	m->floors.count = AMESH_FLOORS_MAX;
	id[0] = 2;
	if (amesh_floors_insert(&m->floors, &m->floor[1], id) != -ENOSPC)
		return "floors: the bound is not kept";
	return NULL;
}
