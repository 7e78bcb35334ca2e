// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of evidence.c. See pure.h.
 */
#include "../evidence.h"
#include "pure.h"

const char *amesh_selftest_evidence(struct amesh_selftest_memory *m)
{
	struct amesh_live_peer *x = &m->peer[4]; /* index 5 */
	u64 with = 1ULL << 5;
	u64 now = 2 * AMESH_SELFTEST_SEC;
	u32 i;

	if (!amesh_selftest_mesh(m))
		return "evidence: no mesh";
	for (i = 0; i < 4; i++)
		amesh_selftest_hear(m, i, with, now);
	amesh_selftest_hear(m, 4, 0, now + 1);
	for (i = 0; i < 3; i++)
		amesh_selftest_hear(m, i, 0, now + 1 + i); /* one too early */
	amesh_selftest_hear(m, 3, with, now + 2);
	amesh_evidence_count(&m->live, 0, with);
	if (x->ev_lacks != 2 || x->ev_has != 1)
		return "evidence: observers are miscounted";
	return NULL;
}
