/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every constant of the module with its unit and its reason. What users may
 * set is bounded again by the netlink policy, which is generated from the
 * spec; nothing here is computed and nothing here is a default that a file
 * hides elsewhere.
 */
#ifndef _AMESH_LIMITS_H
#define _AMESH_LIMITS_H

enum amesh_limits {
	/* Registration indices are 16 bits wide in the window base's bound:
	 * 65,536 members ever, of whom one is this node.
	 */
	AMESH_INDEX_BOUND = 65536,
	AMESH_PEERS_MAX = 65536,

	/* Memory of a peer beside its key's table and its view's bitmap (an
	 * eighth of a byte for each index up to the highest): struct amesh_peer
	 * a quarter, the arrivals of its windows and its share of the observers'
	 * second bitmaps at most a quarter each, the rest is what lookup, floor,
	 * transform and queue take. `make bench-kernel` measures it.
	 */
	AMESH_PEER_BYTES_MAX = 2048,

	/* Meshes of one network namespace; each has two sockets, a timer and
	 * three works.
	 */
	AMESH_MESHES_MAX = 64,

	/* peers x 1000 / interval_ms: what one core signs for, sends and
	 * verifies with room left. More is refused, not sent late.
	 */
	AMESH_BEATS_PER_SEC_MAX = 50000,

	/* Members that one beat's window covers. 128 bytes keep the beat at
	 * 312 bytes in any cluster; 1,024 members are seen whole every beat.
	 */
	AMESH_WINDOW_MEMBERS = 1024,
	AMESH_WINDOW_BYTES = AMESH_WINDOW_MEMBERS / 8,
	AMESH_WINDOW_WORDS = AMESH_WINDOW_MEMBERS / 64,
	AMESH_WINDOWS_MAX = AMESH_INDEX_BOUND / AMESH_WINDOW_MEMBERS,

	/* Below 50 ms the jitter of softirq and WireGuard is no longer small
	 * against half an interval; above 30 s an answer takes minutes.
	 */
	AMESH_INTERVAL_MS_MIN = 50,
	AMESH_INTERVAL_MS_MAX = 30000,
	AMESH_INTERVAL_MS_DEFAULT = 2000,

	/* Intervals (and a half) of silence until suspect. At 1 % loss three
	 * give 7.5e-7 false suspicions a beat; four would make every answer
	 * an interval later.
	 */
	AMESH_MISS_MIN = 1,
	AMESH_MISS_MAX = 100,
	AMESH_MISS_DEFAULT = 3,

	/* Intervals (and a half) of silence until down, whoever says what;
	 * not below miss.
	 */
	AMESH_CONVICT_MAX = 200,
	AMESH_CONVICT_DEFAULT = 5,

	AMESH_MIN_PEERS_DEFAULT = 1,

	/* Observers that must lack a peer before it is convicted early: one
	 * that lies needs two honest ones to agree.
	 */
	AMESH_OBSERVERS_TO_CONVICT = 3,

	/* Peers whose views are evidence, the first configured: a second
	 * bitmap (what they ever said they heard) is kept for them alone, so
	 * that all of these together cost at most 512 bytes a peer in the
	 * largest mesh. Up to this size every peer is an observer.
	 */
	AMESH_OBSERVERS_MAX = 4096,

	/* A stall shorter than this is scheduling, not a reason to doubt
	 * oneself.
	 */
	AMESH_STALL_MS_MIN = 100,

	/* Width of a tick of the expiry wheel: interval / 8. It is the last
	 * term of the bound within which an answer is owed.
	 */
	AMESH_TICKS_PER_INTERVAL = 8,

	/* Own incarnation above the floor given by MESH_SET at most: an hour
	 * in its unit (ms). A peer that lies about its replay floor cannot
	 * push this node further than the next block brings it back.
	 */
	AMESH_RAISE_MS_MAX = 3600000,

	/* How far above its own incarnation a node must be shown another for
	 * it to be another start of this member: starts have floors of their
	 * own, whole seconds, while whatever a node of one start can meet
	 * again (a restored snapshot) is single raises away. A node that has
	 * found out about another instance raises by as much, so that the
	 * other one sees it too.
	 */
	AMESH_TWIN_APART_MS = 1000,

	/* Beats of one peer that show another start before this node raises
	 * past it: about two turns at a peer that two instances share
	 * (WireGuard makes a new session after 15 s of silence), so that the
	 * sign still stands at the second peer when that one is heard.
	 */
	AMESH_TWIN_SHOWS = 16,

	/* Beats of an incarnation before a node that knows of another instance
	 * raises again: time for the other one to be shown this one.
	 */
	AMESH_TWIN_TELL_BEATS = 8,

	/* A peer down this long gets only every eighth beat: enough for it to
	 * come back within eight intervals, an eighth of the traffic.
	 */
	AMESH_DOWN_SPARE_MS = 60000,
	AMESH_DOWN_SPARE_BEATS = 8,

	/* Jitter of regular beats: +-1/10 of the interval keeps nodes that
	 * were started together from sending together for ever.
	 */
	AMESH_JITTER_DIVISOR = 10,

	/* Beats out of whose acknowledgement a round trip can be measured;
	 * at 50 ms this covers paths of 350 ms.
	 */
	AMESH_LINK_SENT = 8,

	/* A peer that acknowledges one of our last 16 beats hears us: twice
	 * the beats, regular and early, of a default suspicion window.
	 */
	AMESH_LINK_LAG_BEATS = 16,

	/* Weights of the smoothed figures, as shifts: an eighth of each new
	 * round trip; a 64th of each beat's fate (about two minutes at 2 s).
	 */
	AMESH_LINK_RTT_SHIFT = 3,
	AMESH_LINK_LOSS_SHIFT = 6,

	/* Lost beats counted out of one gap; more is an outage, not loss, and
	 * leaves the smoothed figure near one anyhow.
	 */
	AMESH_LINK_GAP_MAX = 256,

	/* Members a namespace remembers per domain: all that can ever be. */
	AMESH_FLOORS_MAX = AMESH_INDEX_BOUND,
	AMESH_FLOORS_BUCKETS = 1024,

	/* Verified per peer: 4 x the expected rate, burst 8: early beats
	 * double the rate and a full ring may hold back half a second.
	 */
	AMESH_RATE_FACTOR = 4,
	AMESH_RATE_BURST = 8,
};

#define AMESH_NS_PER_MS 1000000ULL
#define AMESH_NS_PER_US 1000ULL

#endif /* _AMESH_LIMITS_H */
