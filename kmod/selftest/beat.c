// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-test of beat.c. See pure.h.
 */
#include "pure.h"

const char *amesh_selftest_beat(struct amesh_selftest_memory *m)
{
	static const u8 head[] = { 'A', 'M', 'B', '1', 1, 3, 0x12, 0x34,
				   1, 2, 3, 4, 5, 6, 7, 8 };
	struct amesh_trailer trailer = { 7, 9, 11 };

	memset(&m->beat, 0, sizeof(m->beat));
	m->beat.version = 1;
	m->beat.flags = 3;
	m->beat.interval_ms = 0x1234;
	m->beat.incarnation = 0x0102030405060708ULL;
	m->beat.window_base = 0x400;
	m->beat.window[127] = 0x80;
	amesh_beat_encode(m->wire, &m->beat);
	amesh_trailer_encode(m->wire + AMESH_BEAT_TRAILER, &trailer);
	if (memcmp(m->wire, head, sizeof(head)) || m->wire[90] != 4 ||
	    m->wire[223] != 0x80 || m->wire[295] != 7 || m->wire[303] != 9 ||
	    m->wire[307] != 11)
		return "beat: a field is not at its offset";
	memset(&m->beat, 0, sizeof(m->beat));
	amesh_beat_decode(&m->beat, m->wire);
	if (m->beat.incarnation != 0x0102030405060708ULL ||
	    m->beat.interval_ms != 0x1234 || m->beat.window_base != 0x400)
		return "beat: it is read otherwise than written";
	if (amesh_beat_check(m->wire, AMESH_BEAT_LEN) != AMESH_BEAT_OK ||
	    amesh_beat_check(m->wire, AMESH_BEAT_LEN + 1) !=
		    AMESH_BEAT_BAD_LENGTH)
		return "beat: its length is not checked";
	return NULL;
}
