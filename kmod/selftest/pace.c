// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of pace.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_pace(struct amesh_selftest_memory *m)
{
	struct amesh_pace pace;
	u64 start = AMESH_SELFTEST_SEC;

	amesh_pace_init(&pace, start);
	amesh_pace_sent(&pace, 1000, start, 0);
	if (pace.due_ns != start + 900 * AMESH_NS_PER_MS)
		return "pace: wrong jitter";
	amesh_pace_want(&pace, start);
	if (amesh_pace_next(&pace, 1000) != start + 250 * AMESH_NS_PER_MS)
		return "pace: an early beat at the wrong time";
	if (!amesh_pace_spares(AMESH_DOWN_SPARE_MS * AMESH_NS_PER_MS, 1, 0) ||
	    amesh_pace_spares(AMESH_DOWN_SPARE_MS * AMESH_NS_PER_MS, 8, 0))
		return "pace: not every eighth";
	return NULL;
}
