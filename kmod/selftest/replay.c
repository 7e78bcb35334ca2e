// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of replay.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_replay(struct amesh_selftest_memory *m)
{
	struct amesh_replay r = { 0, 0 };

	if (amesh_replay_is_newer(&r, 5, 0) ||
	    !amesh_replay_accept(&r, 5, 1, false) ||
	    amesh_replay_accept(&r, 5, 1, false) ||
	    amesh_replay_accept(&r, 4, 9, false))
		return "replay: an old beat is accepted";
	if (!amesh_replay_accept(&r, 5, 2, true) ||
	    amesh_replay_is_newer(&r, 5, U64_MAX) ||
	    !amesh_replay_is_newer(&r, 6, 1))
		return "replay: leaving does not end an incarnation";
	return NULL;
}
