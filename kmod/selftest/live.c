// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of live.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_live(struct amesh_selftest_memory *m)
{
	u64 heard = 2 * AMESH_SELFTEST_SEC;
	u64 suspect = heard + 3500 * AMESH_NS_PER_MS;
	u64 down = heard + 5500 * AMESH_NS_PER_MS;
	struct amesh_live_peer *p = &m->peer[0];

	if (!amesh_selftest_mesh(m))
		return "live: no mesh";
	amesh_selftest_hear(m, 0, 0, heard);
	if (p->state != AMESH_STATE_UP ||
	    amesh_live_check(&m->live, p, suspect - 1) != suspect ||
	    amesh_live_check(&m->live, p, suspect) != AMESH_LIVE_NEVER ||
	    p->state != AMESH_STATE_SUSPECT)
		return "live: suspect at the wrong time";
	amesh_live_judge(&m->live, down - 1);
	if (p->state != AMESH_STATE_SUSPECT)
		return "live: down too early";
	amesh_live_judge(&m->live, down);
	if (p->state != AMESH_STATE_DOWN || p->reason != AMESH_REASON_TIME ||
	    m->peer[1].state != AMESH_STATE_SILENT)
		return "live: not down in time";
	amesh_live_send_due(&m->live, down);
	if (amesh_live_late(&m->live, down + AMESH_SELFTEST_SEC) ||
	    !amesh_live_late(&m->live, down + AMESH_SELFTEST_SEC + 1) ||
	    !amesh_live_doubts(&m->live, down + AMESH_SELFTEST_SEC + 1))
		return "live: no doubt after a stall";
	return NULL;
}
