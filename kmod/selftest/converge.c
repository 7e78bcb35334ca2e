// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of converge.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_converge(struct amesh_selftest_memory *m)
{
	u64 now = 2 * AMESH_SELFTEST_SEC;
	u16 who = 0;

	if (!amesh_selftest_mesh(m))
		return "converge: no mesh";
	amesh_selftest_hear(m, 2, 0, now);
	amesh_live_refresh(&m->live, now);
	if (amesh_live_converged(&m->live) ||
	    amesh_live_blockers(&m->live, &who, 1) != 1 || who != 3)
		return "converge: converged against a peer";
	memcpy(m->beat.digest, m->live.view.digest, AMESH_DIGEST_LEN);
	m->beat.live = 2;
	amesh_live_accept(&m->live, &m->peer[2], &m->beat, now);
	amesh_live_refresh(&m->live, now);
	if (!amesh_live_converged(&m->live) || m->live.first_converged)
		return "converge: not converged, or latched at once";
	amesh_live_refresh(&m->live, AMESH_SELFTEST_SEC +
			   3500 * AMESH_NS_PER_MS);
	if (!m->live.first_converged)
		return "converge: not latched after a window";
	return NULL;
}
