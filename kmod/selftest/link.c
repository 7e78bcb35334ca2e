// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of link.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_link(struct amesh_selftest_memory *m)
{
	struct amesh_trailer t = { 1, 9, 200 };
	struct amesh_link *link = &m->peer[0].link;

	memset(link, 0, sizeof(*link));
	amesh_link_sent(link, 1, 1000 * AMESH_NS_PER_US);
	amesh_link_heard(link, 1, 1, &t, 9, 1, 2000 * AMESH_NS_PER_US);
	if (link->way != AMESH_LINK_TWO_WAY || link->rtt_us != 800)
		return "link: wrong round trip";
	amesh_link_heard(link, 1, 2, &t, 8, 1, 2000 * AMESH_NS_PER_US);
	if (link->way != AMESH_LINK_ONE_WAY)
		return "link: wrong direction";
	return NULL;
}
