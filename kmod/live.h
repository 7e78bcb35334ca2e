/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Liveness of a mesh's peers: state, now -> verdict. It owns every change of
 * a peer's state, the deadlines and self-doubt; which peers there are and
 * their memory is peers.c, behind the same header. It reads no clock (boottime
 * is passed in, arrival time of a beat or the time of the pass), allocates
 * nothing, and sends nothing: what changed is told through
 * amesh_live.changed. Evidence is counted in evidence.h, convergence in
 * converge.h.
 *
 * How the caller drives it, all under the mesh's lock:
 *
 *  - beat verified and taken by the replay floor: amesh_live_accept(), and if
 *    it says so the peer into the wheel's next slot;
 *  - send work, first thing it does: amesh_live_late(), then amesh_live_fill()
 *    for the beat, then amesh_live_send_due() with the next due time;
 *  - expiry pass, every interval / 8, always: take now, drain the verify
 *    queue, amesh_live_pass(), amesh_live_check() for the peers whose wheel
 *    slot is due, amesh_live_judge() once, amesh_live_refresh() once;
 *  - after a group of accepted beats: amesh_live_refresh().
 */
#ifndef _AMESH_LIVE_H
#define _AMESH_LIVE_H

#include "link.h"
#include "row.h"

#define AMESH_LIVE_NEVER U64_MAX

/**
 * enum amesh_state - what this node holds of a peer; as in the uapi
 */
enum amesh_state {
	AMESH_STATE_UNKNOWN,
	AMESH_STATE_SILENT,
	AMESH_STATE_UP,
	AMESH_STATE_SUSPECT,
	AMESH_STATE_DOWN,
	AMESH_STATES,
};

/**
 * enum amesh_reason - why a peer is in its state; as in the uapi
 */
enum amesh_reason {
	AMESH_REASON_NONE,
	AMESH_REASON_BEAT,
	AMESH_REASON_SILENCE,
	AMESH_REASON_TIME,
	AMESH_REASON_UNREACHABLE,
	AMESH_REASON_OBSERVERS,
	AMESH_REASON_LEAVING,
	AMESH_REASON_KEY,
};

/**
 * struct amesh_live_config - what MESH_SET gives
 * @interval_ms: own beat interval
 * @miss: intervals (and a half) of silence until suspect
 * @convict: intervals (and a half) of silence until down
 * @min_peers: live peers that the latch needs
 */
struct amesh_live_config {
	u32 interval_ms;
	u32 miss;
	u32 convict;
	u32 min_peers;
};

/* Not an observer: see amesh_live_peer.seat. */
#define AMESH_NO_SEAT U16_MAX

/**
 * struct amesh_live_peer - liveness of one peer; part of the caller's peer
 * @row: its view
 * @link: figures of its link
 * @seen_ns: arrival of the last accepted beat (never goes back)
 * @seen_lost_ns: what amesh_live.lost_ns holds, or will, of the time up to it
 * @changed_ns: time of the last change of @state
 * @incarnation: of the last accepted beat; @row is of this one
 * @index: registration index
 * @interval_ms: of its last accepted beat, bounded; own before the first
 * @beat_live: live count in its last accepted beat
 * @beat_known: known count in it
 * @digest: live digest in it
 * @seat: place among the observers, or AMESH_NO_SEAT
 * @ev_has: at the last count, observers that hear it (suspects only)
 * @ev_lacks: at the last count, observers that lack it (suspects only)
 * @state: enum amesh_state
 * @reason: enum amesh_reason of the last change
 * @flags: of its last accepted beat
 * @version_max: in it
 * @heard: a beat was accepted under the present configuration of the peer
 * @agrees: is live and its digest and count equal the own ones (as of the
 *	last amesh_live_refresh() or beat)
 *
 * Zeroed by the caller; all of it belongs to the pure files, who read is
 * free under the mesh's lock.
 */
struct amesh_live_peer {
	struct amesh_row row;
	struct amesh_link link;
	u64 seen_ns;
	u64 seen_lost_ns;
	u64 changed_ns;
	u64 incarnation;
	u32 index;
	u32 interval_ms;
	u32 beat_live;
	u32 beat_known;
	u8 digest[AMESH_DIGEST_LEN];
	u16 seat;
	u16 ev_has;
	u16 ev_lacks;
	u8 state;
	u8 reason;
	u8 flags;
	u8 version_max;
	bool heard;
	bool agrees;
};

struct amesh_live;

/**
 * typedef amesh_live_changed_fn - a peer changed its state
 * @live: the mesh
 * @peer: it; @peer->state and @peer->reason are the new ones
 * @old: state before
 *
 * Called under the mesh's lock, in the middle of the work: note it, kick the
 * send work if amesh_live_is_view_change() says so, call nothing back.
 */
typedef void (*amesh_live_changed_fn)(struct amesh_live *live,
				      struct amesh_live_peer *peer,
				      enum amesh_state old);

/**
 * struct amesh_live - liveness of one mesh
 * @config: as configured
 * @view: own view
 * @by_index: peers by registration index, @view.windows x 1024 places
 * @ever: bit set = the index was taken once; taken again, it may mean another
 *	member, and what observers said of it is forgotten
 * @panel: registration indices of the observers, @panel_len of @panel_max
 * @changed: told of every change of state
 * @lost_ns: time in which this node is known to have stood still, summed
 * @last_lost_ns: the last addition to it
 * @resumed_ns: when it noticed the last time; 0 = never
 * @pass_ns: last expiry pass
 * @send_due_ns: when the send work is due; AMESH_LIVE_NEVER = not armed
 * @peers_changed_ns: last change of the set of peers
 * @own_index: this node's registration index
 * @highest: highest index configured, the own one included
 * @peers: peers configured
 * @state_count: of these, in each state
 * @agree_count: live peers that agree (see amesh_live_peer.agrees)
 * @panel_len: observers
 * @panel_max: room for observers
 * @agree_stale: the live set changed since agreement was compared
 * @converged: as of the last amesh_live_refresh()
 * @first_converged: latched
 */
struct amesh_live {
	struct amesh_live_config config;
	struct amesh_view view;
	struct amesh_live_peer **by_index;
	u8 *ever;
	u16 *panel;
	amesh_live_changed_fn changed;
	u64 lost_ns;
	u64 last_lost_ns;
	u64 resumed_ns;
	u64 pass_ns;
	u64 send_due_ns;
	u64 peers_changed_ns;
	u32 own_index;
	u32 highest;
	u32 peers;
	u32 state_count[AMESH_STATES];
	u32 agree_count;
	u32 panel_len;
	u32 panel_max;
	bool agree_stale;
	bool converged;
	bool first_converged;
};

/**
 * amesh_live_config_check - are these values within bounds?
 * @config: what is wanted
 *
 * Return: 0 or -ERANGE (interval, miss, convict, convict below miss).
 */
int amesh_live_config_check(const struct amesh_live_config *config);

/**
 * amesh_live_bytes - memory that a mesh needs beside its peers
 * @windows: capacity in windows of 1,024 members
 */
size_t amesh_live_bytes(u32 windows);

/**
 * amesh_live_init - a mesh without peers
 * @live: filled in completely
 * @config: checked values
 * @own_index: this node's registration index, below @windows x 1024
 * @mem: amesh_live_bytes(@windows) bytes, 8-aligned
 * @windows: capacity, 1 to AMESH_WINDOWS_MAX
 * @changed: told of changes of state
 * @now_ns: boottime
 *
 * Return: 0, or -ERANGE (index past capacity, configuration out of bounds).
 */
int amesh_live_init(struct amesh_live *live,
		    const struct amesh_live_config *config, u32 own_index,
		    void *mem, u32 windows, amesh_live_changed_fn changed,
		    u64 now_ns);

/**
 * amesh_live_grow - raise the capacity
 * @live: the mesh
 * @mem: amesh_live_bytes(@windows) bytes, 8-aligned
 * @windows: new capacity, not below the old
 *
 * Rows of peers grow by themselves, see amesh_live_row_wants().
 *
 * Return: the old memory, the caller's again.
 */
void *amesh_live_grow(struct amesh_live *live, void *mem, u32 windows);

/**
 * amesh_live_configure - MESH_SET on a mesh that exists
 * @live: the mesh
 * @config: checked values, in force from the next check on
 *
 * Every up peer's deadline may have come closer: check all of them at the
 * next pass, wherever they are in the wheel.
 *
 * Return: 0, or -ERANGE and nothing changed.
 */
int amesh_live_configure(struct amesh_live *live,
			 const struct amesh_live_config *config);

/**
 * amesh_live_set_own_index - this node's registration index has changed
 * @live: the mesh
 * @own_index: the new one
 * @now_ns: boottime
 *
 * Return: 0, -EEXIST (a peer has it), -ERANGE (past capacity).
 */
int amesh_live_set_own_index(struct amesh_live *live, u32 own_index,
			     u64 now_ns);

/**
 * amesh_live_add - a peer is configured
 * @live: the mesh
 * @peer: zeroed
 * @index: its registration index
 * @key: it has a valid key: silent, else unknown
 * @now_ns: boottime
 *
 * Return: 0, -EEXIST (a peer, or this node, has the index), -ERANGE (past
 * capacity: grow first), -ENOSPC (AMESH_PEERS_MAX are there).
 */
int amesh_live_add(struct amesh_live *live, struct amesh_live_peer *peer,
		   u32 index, bool key, u64 now_ns);

/**
 * amesh_live_remove - a peer is deleted
 * @live: the mesh
 * @peer: it; not told through @changed
 * @now_ns: boottime
 *
 * Return: its row's memory, the caller's again, or NULL.
 */
void *amesh_live_remove(struct amesh_live *live, struct amesh_live_peer *peer,
			u64 now_ns);

/**
 * amesh_live_key - a peer got another key, or lost it
 * @live: the mesh
 * @peer: it
 * @key: the new key is valid
 * @now_ns: boottime
 *
 * Its windows are forgotten. Without a valid key it is unknown. With one, a
 * peer that was heard keeps its state: an answer is owed for it, and only
 * beats under the new key can still put it off.
 */
void amesh_live_key(struct amesh_live *live, struct amesh_live_peer *peer,
		    bool key, u64 now_ns);

/**
 * amesh_live_row_wants - bytes of memory that a peer's row should have
 * @live: the mesh
 * @peer: it
 *
 * Ask before amesh_live_accept(), outside the lock if need be, and give the
 * memory with amesh_live_row_give(). While it is missing windows are ignored,
 * liveness by time works all the same.
 *
 * Return: bytes, or 0 if the row is as it should be.
 */
size_t amesh_live_row_wants(const struct amesh_live *live,
			    const struct amesh_live_peer *peer);

/**
 * amesh_live_row_give - give a peer's row its memory
 * @live: the mesh
 * @peer: it
 * @mem: memory, 8-aligned
 * @bytes: its size, from amesh_live_row_wants()
 *
 * Return: memory to free: the old one, or @mem itself if it is no longer what
 * is wanted (ask again), or NULL.
 */
void *amesh_live_row_give(struct amesh_live *live,
			  struct amesh_live_peer *peer, void *mem,
			  size_t bytes);

/**
 * amesh_live_accept - a beat was accepted
 * @live: the mesh
 * @peer: its sender; has a valid key, its replay floor has taken the beat
 * @beat: the beat
 * @at_ns: its arrival, boottime
 *
 * Return: true if the peer's deadline may now be earlier than the one that
 * amesh_live_check() last returned: it came up, or its interval became
 * shorter. Check it in the next pass, wherever it is in the wheel.
 */
bool amesh_live_accept(struct amesh_live *live, struct amesh_live_peer *peer,
		       const struct amesh_beat *beat, u64 at_ns);

/**
 * amesh_live_check - has an up peer fallen silent?
 * @live: the mesh
 * @peer: any peer
 * @now_ns: boottime, taken before the verify queue was drained
 *
 * Return: when to look at it next: its deadline while it is up, else
 * AMESH_LIVE_NEVER (a suspect is amesh_live_judge()'s).
 */
u64 amesh_live_check(struct amesh_live *live, struct amesh_live_peer *peer,
		     u64 now_ns);

/**
 * amesh_live_judge - convict those suspects that are due
 * @live: the mesh
 * @now_ns: as in amesh_live_check()
 *
 * Costs nothing without suspects; else one walk over the observers for each
 * 64 neighbouring indices with a suspect among them.
 */
void amesh_live_judge(struct amesh_live *live, u64 now_ns);

/**
 * amesh_live_send_due - the send work is armed
 * @live: the mesh
 * @due_ns: when it is due; AMESH_LIVE_NEVER when it is not armed
 */
void amesh_live_send_due(struct amesh_live *live, u64 due_ns);

/**
 * amesh_live_late - the send work runs: did it run late?
 * @live: the mesh
 * @now_ns: boottime
 *
 * The first thing that the send work does. Later than max(interval, 100 ms)
 * is a stall: its time is taken out of every peer's silence, and convictions
 * wait.
 *
 * Return: true if a stall was found now.
 */
bool amesh_live_late(struct amesh_live *live, u64 now_ns);

/**
 * amesh_live_pass - an expiry pass begins
 * @live: the mesh
 * @now_ns: boottime
 *
 * After a stall the pass may run before the send work: if no pass ran for as
 * long as a stall lasts, and the send work is late too, the stall is counted
 * here, and not again by the send work. A send work that is late while passes
 * run stops no verdict.
 *
 * Return: true if a stall was found now.
 */
bool amesh_live_pass(struct amesh_live *live, u64 now_ns);

/**
 * amesh_live_doubts - does this node doubt itself now?
 * @live: the mesh
 * @now_ns: boottime
 */
bool amesh_live_doubts(const struct amesh_live *live, u64 now_ns);

/**
 * amesh_live_fill - put liveness into an own beat
 * @live: the mesh
 * @beat: its sequence is set; written are digest, live, known, window_base,
 *	window, interval_ms and, in flags, AMESH_FLAG_SELF_DOUBT alone
 * @now_ns: boottime
 *
 * Call amesh_live_refresh() before, so that nobody sees a digest go out that
 * this node does not yet compare others with.
 */
void amesh_live_fill(struct amesh_live *live, struct amesh_beat *beat,
		     u64 now_ns);

/**
 * amesh_live_is_view_change - is a change of state worth an early beat?
 * @old: state before
 * @now: state after
 *
 * Return: true for a peer first heard, up again, or down.
 */
bool amesh_live_is_view_change(enum amesh_state old, enum amesh_state now);

/* The suspicion window of a peer (or, with the own interval, of this node):
 * (miss + 1/2) x interval.
 */
static inline u64 amesh_live_suspicion_ns(const struct amesh_live *live,
					  u32 interval_ms)
{
	return (2 * (u64)live->config.miss + 1) * interval_ms *
	       (AMESH_NS_PER_MS / 2);
}

/* (convict + 1/2) x interval */
static inline u64 amesh_live_conviction_ns(const struct amesh_live *live,
					   u32 interval_ms)
{
	return (2 * (u64)live->config.convict + 1) * interval_ms *
	       (AMESH_NS_PER_MS / 2);
}

/* Live peers: up or suspect; this node is not among them. */
static inline u32 amesh_live_count(const struct amesh_live *live)
{
	return live->state_count[AMESH_STATE_UP] +
	       live->state_count[AMESH_STATE_SUSPECT];
}

static inline bool amesh_state_is_live(enum amesh_state state)
{
	return state == AMESH_STATE_UP || state == AMESH_STATE_SUSPECT;
}

#endif /* _AMESH_LIVE_H */
