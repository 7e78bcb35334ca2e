// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of own.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_own(struct amesh_selftest_memory *m)
{
	struct amesh_trailer t = { .floor_sequence = 3,
				   .floor_incarnation = 1000 };
	struct amesh_own_peer peer = { 0 };
	struct amesh_own own;

	if (amesh_own_init(&own, 1000, 1) || own.incarnation != 1000)
		return "own: wrong start";
	if (amesh_own_trailer(&own, &peer, 1, &t) != AMESH_OWN_RAISED ||
	    own.incarnation != 1001)
		return "own: an unsent floor is not passed";
	t.floor_incarnation = 1001;
	if (amesh_own_trailer(&own, &peer, 1, &t) != AMESH_OWN_TWIN)
		return "own: a peer raises twice";
	t.floor_incarnation = 1000 + AMESH_RAISE_MS_MAX;
	peer.raised = false;
	if (amesh_own_trailer(&own, &peer, 1, &t) != AMESH_OWN_STOPPED)
		return "own: a raise passes the hour";
	return NULL;
}
