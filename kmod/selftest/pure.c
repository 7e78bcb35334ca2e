// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the self-tests of the pure files, and the mesh that some share. See
 * pure.h.
 */
#include "pure.h"

static void ignore(struct amesh_live *live, struct amesh_live_peer *peer,
		   enum amesh_state old)
{
}

bool amesh_selftest_mesh(struct amesh_selftest_memory *m)
{
	static const struct amesh_live_config config = { 1000, 3, 5, 1 };
	u32 i;

	if (amesh_live_bytes(1) > sizeof(m->mesh) ||
	    amesh_row_bytes(1, true) > sizeof(m->row[0]) ||
	    amesh_live_init(&m->live, &config, 0, m->mesh, 1, ignore,
			    AMESH_SELFTEST_SEC))
		return false;
	memset(m->peer, 0, sizeof(m->peer));
	for (i = 0; i < AMESH_SELFTEST_PEERS; i++)
		if (amesh_live_add(&m->live, &m->peer[i], i + 1, true,
				   AMESH_SELFTEST_SEC) ||
		    amesh_live_row_give(&m->live, &m->peer[i], m->row[i],
					amesh_row_bytes(1, true)))
			return false;
	return true;
}

void amesh_selftest_hear(struct amesh_selftest_memory *m, u32 i, u64 up,
			 u64 at_ns)
{
	memset(&m->beat, 0, sizeof(m->beat));
	m->beat.incarnation = 1;
	m->beat.interval_ms = 1000;
	amesh_put_le64(m->beat.window, up);
	amesh_live_accept(&m->live, &m->peer[i], &m->beat, at_ns);
}

const char *amesh_selftest_pure(struct amesh_selftest_memory *m)
{
	static const char *(*const tests[])(struct amesh_selftest_memory *) = {
		amesh_selftest_beat, amesh_selftest_replay, amesh_selftest_own,
		amesh_selftest_floors, amesh_selftest_view, amesh_selftest_row,
		amesh_selftest_rowmem, amesh_selftest_link, amesh_selftest_pace, amesh_selftest_live,
		amesh_selftest_evidence, amesh_selftest_converge,
	};
	const char *wrong = NULL;
	u32 i;

	for (i = 0; !wrong && i < sizeof(tests) / sizeof(*tests); i++)
		wrong = tests[i](m);
	return wrong;
}
