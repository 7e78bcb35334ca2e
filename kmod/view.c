// SPDX-License-Identifier: GPL-2.0-only
/*
 * Own view: bitmaps, digest, choice of window. See view.h.
 */
#include "view.h"

static size_t bitmap_bytes(u32 windows)
{
	return (size_t)windows * AMESH_WINDOW_BYTES;
}

size_t amesh_view_bytes(u32 windows)
{
	return AMESH_VIEW_HEAD_LEN + 2 * bitmap_bytes(windows);
}

/* The live bitmap comes first, right behind what is hashed before it. */
static void place(struct amesh_view *view, u8 *mem, u32 windows)
{
	memset(mem, 0, amesh_view_bytes(windows));
	memcpy(mem + AMESH_VIEW_HEAD_LEN - AMESH_VIEW_CONTEXT_LEN,
	       AMESH_VIEW_CONTEXT, AMESH_VIEW_CONTEXT_LEN);
	view->live = mem + AMESH_VIEW_HEAD_LEN;
	view->up = view->live + bitmap_bytes(windows);
	view->windows = windows;
}

void amesh_view_init(struct amesh_view *view, void *mem, u32 windows)
{
	memset(view, 0, sizeof(*view));
	place(view, mem, windows);
	view->used = 1;
	view->stale = true;
}

void *amesh_view_grow(struct amesh_view *view, void *mem, u32 windows)
{
	const u8 *live = view->live, *up = view->up;
	size_t bytes = bitmap_bytes(view->windows);

	place(view, mem, windows);
	memcpy(view->live, live, bytes);
	memcpy(view->up, up, bytes);
	return (void *)(uintptr_t)(live - AMESH_VIEW_HEAD_LEN);
}

static bool write_bit(u8 *bits, u32 index, bool value)
{
	u8 mask = (u8)(1U << (index % 8));
	u8 old = bits[index / 8];

	bits[index / 8] = (u8)(value ? old | mask : old & ~mask);
	return bits[index / 8] != old;
}

void amesh_view_set(struct amesh_view *view, u32 index, bool live, bool up)
{
	u32 window = index / AMESH_WINDOW_MEMBERS;

	if (write_bit(view->live, index, live)) {
		view->live_count += live ? 1 : -1U;
		view->stale = true;
	}
	if (!write_bit(view->up, index, up))
		return;
	view->changes++;
	if (!view->changed[window])
		view->changed[window] = view->changes;
}

void amesh_view_set_bound(struct amesh_view *view, u32 highest)
{
	view->used = highest / AMESH_WINDOW_MEMBERS + 1;
	if (view->cycle >= view->used)
		view->cycle = 0;
}

bool amesh_view_refresh(struct amesh_view *view)
{
	size_t len = bitmap_bytes(view->windows);
	u8 hash[32];

	if (!view->stale)
		return false;
	while (len && !view->live[len - 1])
		len--;
	amesh_sha256(view->live - AMESH_VIEW_CONTEXT_LEN,
		     (u32)(AMESH_VIEW_CONTEXT_LEN + len), hash);
	memcpy(view->digest, hash, AMESH_DIGEST_LEN);
	view->stale = false;
	return true;
}

static u32 oldest_change(const struct amesh_view *view)
{
	u32 w, best = view->used;

	for (w = 0; w < view->used; w++) {
		if (!view->changed[w])
			continue;
		if (best == view->used || view->changed[w] < view->changed[best])
			best = w;
	}
	return best;
}

u32 amesh_view_pick(struct amesh_view *view, u64 sequence, u8 *window)
{
	u32 w = view->used;

	if (sequence % 2 == 0)
		w = oldest_change(view);
	if (w == view->used) {
		w = view->cycle;
		view->cycle = w + 1 < view->used ? w + 1 : 0;
	}
	view->changed[w] = 0;
	memcpy(window, view->up + bitmap_bytes(w), AMESH_WINDOW_BYTES);
	return w * AMESH_WINDOW_MEMBERS;
}
