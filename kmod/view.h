/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This node's own view: the bitmaps of who is live and who is up, the digest
 * of the live set, and which window of it the next beat carries. What peers
 * say is row.h; who is live is decided in live.h, which writes here.
 */
#ifndef _AMESH_VIEW_H
#define _AMESH_VIEW_H

#include "beat.h"

/* What the digest covers before the bitmap: this text and its zero byte. It
 * stands right before the live bitmap in memory, so that one call hashes
 * both; the padding keeps the bitmap at a multiple of eight bytes.
 */
#define AMESH_VIEW_CONTEXT "attestmesh.view.v1"
#define AMESH_VIEW_CONTEXT_LEN sizeof(AMESH_VIEW_CONTEXT)
#define AMESH_VIEW_HEAD_LEN 24

static_assert(AMESH_VIEW_CONTEXT_LEN == 19, "zero byte included");

/**
 * struct amesh_view - own view of the cluster, by registration index
 * @up: bit set = member is up, self included; @windows x 128 bytes
 * @live: bit set = member is up or suspect, self included; same size
 * @changed: per window, when (as a count of changes) its oldest change in @up
 *	that no beat has carried yet came; 0 = nothing to report
 * @changes: changes so far
 * @live_count: bits set in @live
 * @windows: capacity of the bitmaps, in windows of 1,024 members
 * @used: windows up to the highest known index; at least 1
 * @cycle: window that the cycle sends next
 * @digest: of @live, valid unless @stale
 * @stale: @live has changed since @digest was computed
 *
 * Protected by the mesh's lock.
 */
struct amesh_view {
	u8 *up;
	u8 *live;
	u64 changed[AMESH_WINDOWS_MAX];
	u64 changes;
	u32 live_count;
	u32 windows;
	u32 used;
	u32 cycle;
	u8 digest[AMESH_DIGEST_LEN];
	bool stale;
};

static inline bool amesh_bit(const u8 *bits, u32 index)
{
	return bits[index / 8] >> (index % 8) & 1;
}

/* 64 members from @word x 64 on, bit i = member @word x 64 + i. */
static inline u64 amesh_word(const u8 *bits, u32 word)
{
	return amesh_get_le64(bits + 8 * (size_t)word);
}

/**
 * amesh_view_bytes - memory that a view needs
 * @windows: capacity, 1 to AMESH_WINDOWS_MAX
 */
size_t amesh_view_bytes(u32 windows);

/**
 * amesh_view_init - an empty view
 * @view: filled in completely
 * @mem: amesh_view_bytes(@windows) bytes, 8-aligned, kept by the view
 * @windows: capacity
 */
void amesh_view_init(struct amesh_view *view, void *mem, u32 windows);

/**
 * amesh_view_grow - move to larger memory
 * @view: the view
 * @mem: as in amesh_view_init()
 * @windows: new capacity, not below the old
 *
 * Return: the old memory, the caller's again.
 */
void *amesh_view_grow(struct amesh_view *view, void *mem, u32 windows);

/**
 * amesh_view_set - write one member
 * @view: the view
 * @index: below @view->windows x 1024
 * @live: is up or suspect
 * @up: is up (then @live too)
 */
void amesh_view_set(struct amesh_view *view, u32 index, bool live, bool up);

/**
 * amesh_view_set_bound - tell how far known indices go
 * @view: the view
 * @highest: highest index configured, this node's own included
 */
void amesh_view_set_bound(struct amesh_view *view, u32 highest);

/**
 * amesh_view_refresh - bring the digest up to date
 * @view: the view
 *
 * First 16 bytes of SHA-256 over context, zero byte and the live bitmap with
 * its trailing zero bytes cut. At most 8 KiB are hashed, only after a change.
 *
 * Return: true if the digest was stale.
 */
bool amesh_view_refresh(struct amesh_view *view);

/**
 * amesh_view_pick - choose and copy the window of the next beat
 * @view: the view
 * @sequence: of that beat
 * @window: AMESH_WINDOW_BYTES bytes, written
 *
 * Even sequence: the window with the oldest change not yet reported, else
 * the next of the cycle. Odd sequence: the next of the cycle, so that a whole
 * view takes at most two beats a window whatever changes. What is picked
 * counts as reported.
 *
 * Return: the window's base.
 */
u32 amesh_view_pick(struct amesh_view *view, u64 sequence, u8 *window);

#endif /* _AMESH_VIEW_H */
