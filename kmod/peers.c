// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peers of a mesh by registration index, the observers' seats, and the
 * memory of both. Which state a peer is in changes in live.c, but for the
 * first one and for keys.
 */
#include "converge.h"
#include "live_priv.h"

int amesh_live_config_check(const struct amesh_live_config *config)
{
	if (config->interval_ms < AMESH_INTERVAL_MS_MIN ||
	    config->interval_ms > AMESH_INTERVAL_MS_MAX ||
	    config->miss < AMESH_MISS_MIN || config->miss > AMESH_MISS_MAX ||
	    config->convict < config->miss ||
	    config->convict > AMESH_CONVICT_MAX)
		return -ERANGE;
	return 0;
}

static size_t places(u32 windows)
{
	return (size_t)windows * AMESH_WINDOW_MEMBERS;
}

static u32 seats(u32 windows)
{
	u32 all = windows * AMESH_WINDOW_MEMBERS;

	return all < AMESH_OBSERVERS_MAX ? all : AMESH_OBSERVERS_MAX;
}

size_t amesh_live_bytes(u32 windows)
{
	return places(windows) * sizeof(struct amesh_live_peer *) +
	       amesh_view_bytes(windows) +
	       (size_t)windows * AMESH_WINDOW_BYTES +
	       seats(windows) * sizeof(u16);
}

/* In memory: peers by index, view, indices ever taken, seats. */
static void place(struct amesh_live *live, u8 *mem, u32 windows)
{
	memset(mem, 0, amesh_live_bytes(windows));
	live->by_index = (struct amesh_live_peer **)(void *)mem;
	mem += places(windows) * sizeof(struct amesh_live_peer *) +
	       amesh_view_bytes(windows);
	live->ever = mem;
	live->panel =
		(u16 *)(void *)(mem + (size_t)windows * AMESH_WINDOW_BYTES);
	live->panel_max = seats(windows);
}

static void *view_mem(struct amesh_live *live, u32 windows)
{
	return (u8 *)live->by_index +
	       places(windows) * sizeof(struct amesh_live_peer *);
}

static void mark_ever(struct amesh_live *live, u32 index)
{
	live->ever[index / 8] |= (u8)(1U << (index % 8));
}

static void raise_bound(struct amesh_live *live, u32 index)
{
	if (index > live->highest)
		live->highest = index;
	amesh_view_set_bound(&live->view, live->highest);
}

/* @index is free now; if it was the highest, find the next. */
static void lower_bound(struct amesh_live *live, u32 index)
{
	if (index != live->highest)
		return;
	while (live->highest && live->highest != live->own_index &&
	       !live->by_index[live->highest])
		live->highest--;
	amesh_view_set_bound(&live->view, live->highest);
}

int amesh_live_init(struct amesh_live *live,
		    const struct amesh_live_config *config, u32 own_index,
		    void *mem, u32 windows, amesh_live_changed_fn changed,
		    u64 now_ns)
{
	if (amesh_live_config_check(config) || windows < 1 ||
	    windows > AMESH_WINDOWS_MAX || own_index >= places(windows))
		return -ERANGE;
	memset(live, 0, sizeof(*live));
	live->config = *config;
	live->own_index = own_index;
	live->changed = changed;
	live->send_due_ns = AMESH_LIVE_NEVER;
	live->pass_ns = now_ns;
	live->peers_changed_ns = now_ns;
	live->agree_stale = true;
	place(live, mem, windows);
	amesh_view_init(&live->view, view_mem(live, windows), windows);
	amesh_view_set(&live->view, own_index, true, true);
	mark_ever(live, own_index);
	raise_bound(live, own_index);
	return 0;
}

void *amesh_live_grow(struct amesh_live *live, void *mem, u32 windows)
{
	struct amesh_live_peer **by_index = live->by_index;
	const u8 *ever = live->ever;
	const u16 *panel = live->panel;
	u32 old = live->view.windows;

	place(live, mem, windows);
	amesh_view_grow(&live->view, view_mem(live, windows), windows);
	memcpy(live->by_index, by_index, places(old) * sizeof(*by_index));
	memcpy(live->ever, ever, (size_t)old * AMESH_WINDOW_BYTES);
	memcpy(live->panel, panel, live->panel_len * sizeof(*panel));
	return by_index;
}

int amesh_live_configure(struct amesh_live *live,
			 const struct amesh_live_config *config)
{
	int ret = amesh_live_config_check(config);

	if (!ret)
		live->config = *config;
	return ret;
}

/* Observers said something of whoever had this index before. */
static void take_index(struct amesh_live *live, u32 index)
{
	u32 i;

	if (amesh_bit(live->ever, index))
		for (i = 0; i < live->panel_len; i++)
			amesh_row_forget(&live->by_index[live->panel[i]]->row,
					 index);
	mark_ever(live, index);
}

int amesh_live_set_own_index(struct amesh_live *live, u32 own_index,
			     u64 now_ns)
{
	u32 old = live->own_index;

	if (own_index == old)
		return 0;
	if (own_index >= places(live->view.windows))
		return -ERANGE;
	if (live->by_index[own_index])
		return -EEXIST;
	amesh_view_set(&live->view, old, false, false);
	live->own_index = own_index;
	take_index(live, own_index);
	amesh_view_set(&live->view, own_index, true, true);
	live->agree_stale = true;
	live->peers_changed_ns = now_ns;
	raise_bound(live, own_index);
	lower_bound(live, old);
	return 0;
}

void amesh_live_seat(struct amesh_live *live, struct amesh_live_peer *peer)
{
	if (peer->seat != AMESH_NO_SEAT || live->panel_len >= live->panel_max)
		return;
	peer->seat = (u16)live->panel_len;
	live->panel[live->panel_len++] = (u16)peer->index;
}

static void leave_seat(struct amesh_live *live, struct amesh_live_peer *peer)
{
	u16 last;

	if (peer->seat == AMESH_NO_SEAT)
		return;
	last = live->panel[--live->panel_len];
	live->panel[peer->seat] = last;
	live->by_index[last]->seat = peer->seat;
	peer->seat = AMESH_NO_SEAT;
}

int amesh_live_add(struct amesh_live *live, struct amesh_live_peer *peer,
		   u32 index, bool key, u64 now_ns)
{
	if (index >= places(live->view.windows))
		return -ERANGE;
	if (index == live->own_index || live->by_index[index])
		return -EEXIST;
	if (live->peers >= AMESH_PEERS_MAX)
		return -ENOSPC;
	take_index(live, index);
	peer->index = index;
	peer->seat = AMESH_NO_SEAT;
	peer->interval_ms = live->config.interval_ms;
	peer->changed_ns = now_ns;
	peer->state = key ? AMESH_STATE_SILENT : AMESH_STATE_UNKNOWN;
	peer->reason = AMESH_REASON_NONE;
	live->by_index[index] = peer;
	live->peers++;
	live->state_count[peer->state]++;
	live->peers_changed_ns = now_ns;
	amesh_live_seat(live, peer);
	raise_bound(live, index);
	return 0;
}

void *amesh_live_remove(struct amesh_live *live, struct amesh_live_peer *peer,
			u64 now_ns)
{
	void *mem = peer->row.at_ns;

	leave_seat(live, peer);
	if (amesh_state_is_live(peer->state))
		live->agree_stale = true;
	live->state_count[peer->state]--;
	peer->state = AMESH_STATE_UNKNOWN;
	amesh_live_compare(live, peer);
	amesh_view_set(&live->view, peer->index, false, false);
	live->by_index[peer->index] = NULL;
	live->peers--;
	live->peers_changed_ns = now_ns;
	memset(&peer->row, 0, sizeof(peer->row));
	lower_bound(live, peer->index);
	return mem;
}

void amesh_live_key(struct amesh_live *live, struct amesh_live_peer *peer,
		    bool key, u64 now_ns)
{
	amesh_row_clear(&peer->row);
	live->peers_changed_ns = now_ns;
	if (!key) {
		peer->heard = false;
		if (peer->state != AMESH_STATE_UNKNOWN)
			amesh_live_set_state(live, peer, AMESH_STATE_UNKNOWN,
					     AMESH_REASON_KEY, now_ns);
	} else if (peer->state == AMESH_STATE_UNKNOWN) {
		amesh_live_set_state(live, peer, AMESH_STATE_SILENT,
				     AMESH_REASON_KEY, now_ns);
	}
}

size_t amesh_live_row_wants(const struct amesh_live *live,
			    const struct amesh_live_peer *peer)
{
	bool observer = peer->seat != AMESH_NO_SEAT;
	u32 windows = live->view.used;

	if (peer->row.windows >= windows && (!observer || peer->row.had))
		return 0;
	if (windows < peer->row.windows)
		windows = peer->row.windows;
	return amesh_row_bytes(windows, observer || peer->row.had);
}

void *amesh_live_row_give(struct amesh_live *live,
			  struct amesh_live_peer *peer, void *mem,
			  size_t bytes)
{
	bool observer = peer->seat != AMESH_NO_SEAT || peer->row.had;
	u32 windows = live->view.used;

	if (amesh_live_row_wants(live, peer) != bytes || !bytes)
		return mem;
	if (windows < peer->row.windows)
		windows = peer->row.windows;
	return amesh_row_place(&peer->row, mem, windows, observer);
}
