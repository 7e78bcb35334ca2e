// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of view.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_view(struct amesh_selftest_memory *m)
{
	/* Of the members 0, 1 and 2. */
	static const u8 digest[AMESH_DIGEST_LEN] = {
		0xb4, 0x3e, 0xd1, 0xa7, 0xff, 0x59, 0xae, 0x33,
		0xd3, 0x59, 0x41, 0x6f, 0xa7, 0xd7, 0x12, 0x60
	};
	struct amesh_view *view = &m->live.view;

	if (amesh_view_bytes(2) > sizeof(m->mesh))
		return "view: no room";
	amesh_view_init(view, m->mesh, 2);
	amesh_view_set_bound(view, 2047);
	amesh_view_set(view, 0, true, true);
	amesh_view_set(view, 1, true, false);
	amesh_view_set(view, 2, true, true);
	amesh_view_refresh(view);
	if (memcmp(view->digest, digest, sizeof(digest)))
		return "view: wrong digest";
	if (amesh_view_pick(view, 1, m->beat.window) != 0 ||
	    m->beat.window[0] != 5 ||
	    amesh_view_pick(view, 3, m->beat.window) != 1024)
		return "view: windows do not cycle";
	amesh_view_set(view, 1030, true, true);
	if (amesh_view_pick(view, 4, m->beat.window) != 1024)
		return "view: a change is not told first";
	return NULL;
}
