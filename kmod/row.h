/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One peer's row of the matrix: what its windows said, when each arrived,
 * and whom an earlier window of the same incarnation had. It owns the row's
 * memory layout; counting rows is evidence.h.
 */
#ifndef _AMESH_ROW_H
#define _AMESH_ROW_H

#include "view.h"

/**
 * struct amesh_row - view of one peer, by registration index
 * @at_ns: per window, arrival (boottime) of the last one that may be
 *	evidence; 0 = none
 * @now: bits of the last window each, whether evidence or not
 * @had: bits that some earlier window of this incarnation had, as far as
 *	those were evidence; NULL if the peer is no observer
 * @received: bit w set = a window with base 1024 w came in this incarnation
 * @windows: capacity; a window past it is ignored until the row has grown
 *
 * One block of memory, which begins at @at_ns. Protected by the mesh's lock.
 */
struct amesh_row {
	u64 *at_ns;
	u8 *now;
	u8 *had;
	u64 received;
	u32 windows;
};

/**
 * amesh_row_bytes - memory that a row needs
 * @windows: capacity, 1 to AMESH_WINDOWS_MAX
 * @observer: with the second bitmap
 */
size_t amesh_row_bytes(u32 windows, bool observer);

/**
 * amesh_row_place - give a row its memory, or larger memory
 * @row: all zero at first; contents move along
 * @mem: amesh_row_bytes(@windows, @observer) bytes, 8-aligned
 * @windows: new capacity, not below the old
 * @observer: the row is to have the second bitmap. One that it gets late
 *	starts empty: the peer counts from its next window on.
 *
 * Return: the old memory, the caller's again, or NULL.
 */
void *amesh_row_place(struct amesh_row *row, void *mem, u32 windows,
		      bool observer);

/**
 * amesh_row_clear - forget all windows: another incarnation or another key
 * @row: the row
 */
void amesh_row_clear(struct amesh_row *row);

/**
 * amesh_row_receive - take in a window
 * @row: the row
 * @base: from the beat
 * @window: from the beat
 * @at_ns: arrival of the beat
 * @evidence: false if its sender doubts itself: shown, but counts for nothing
 * @used: windows that exist (struct amesh_view); others are ignored
 *
 * A base that is no multiple of 1,024 is ignored too; the beat that carries
 * it is still a beat.
 */
void amesh_row_receive(struct amesh_row *row, u32 base, const u8 *window,
		       u64 at_ns, bool evidence, u32 used);

/**
 * amesh_row_forget - a member's index now means another member
 * @row: the row
 * @index: the column to clear
 */
void amesh_row_forget(struct amesh_row *row, u32 index);

#endif /* _AMESH_ROW_H */
