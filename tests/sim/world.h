/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated cluster: nodes that run the module's pure files as they are,
 * the network between them, the chain's time, and what the checks know that
 * no node knows. Each node drives the pure files as the module does: cheap
 * check at arrival, a verify queue, one send work, one expiry pass every
 * eighth of an interval; all works stand still while the node is stalled.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "kmod/converge.h"
#include "kmod/floors.h"
#include "kmod/pace.h"

#include "queue.h"
#include "rng.h"

#define MS AMESH_NS_PER_MS
#define SEC (1000 * MS)
#define HISTORY 16
#define QUEUE_SLOTS 4096

/* Longest that a packet can be under way, copies included; nodes are down
 * for longer than that before they start again.
 */
#define FLIGHT_NS (3300 * MS)
#define DOWN_MIN_NS (3500 * MS)

enum property {
	P_EARLY,	/* convicted within the suspicion window */
	P_BOUND,	/* a silent peer not convicted within the bound */
	P_CONVERGED,	/* converged against a live peer's last digest */
	P_LIAR,		/* more conceded to one liar than the design does */
	P_REPLAY,	/* a beat accepted again, or an older one after it */
	P_LOCKOUT,	/* a beat refused that rose past the floor it was told */
	P_WAKE,		/* convicted within a suspicion window of a stall */
	P_COUNTERS,	/* incremental counters differ from a recount */
	P_CALM,		/* without faults the cluster does not come together */
	PROPERTIES,
};

/**
 * struct oracle_view - what the checks remember of one peer's windows
 * @at_ns: per window, arrival of the last that is evidence
 * @windows_with: per member, evidence windows of this incarnation that had it
 * @last_had: per member, the last evidence window covering it had it
 * @incarnation: of these
 */
struct oracle_view {
	u64 incarnation;
	u64 at_ns[AMESH_WINDOWS_MAX];
	u32 *windows_with;
	u8 *last_had;
};

/**
 * struct pair - one peer of a node: the module's part, then the checks'
 */
struct pair {
	struct amesh_live_peer peer;
	struct amesh_floor *floor;
	u32 key;		/* configured key; 0 = none */
	bool configured;

	bool heard;		/* in this mesh, under this configuration */
	u8 flags;		/* of the last accepted beat */
	u32 interval_ms;	/* of it, bounded */
	u32 live;
	u8 digest[AMESH_DIGEST_LEN];
	u64 arrived_ns;
	u64 stalled_ns;		/* the node's stalls up to then */
	u32 stalls;		/* the node's stalls up to its last beat */
	bool was_configured;	/* in this mesh, now or before */
	u64 uid;		/* of the newest accepted in this namespace */
	u64 told_uid;		/* beats built after this one must be accepted */
	struct oracle_view *view;
};

/* A copied packet on its way to verification. */
struct slot {
	struct packet *packet;
	struct amesh_trailer trailer;
	u64 arrived_ns;
	u64 stalled_ns;
	u32 tells;
};

struct node {
	struct amesh_live live; /* first: the callback finds the node by it */
	struct world *world;
	u32 id;
	u32 life;
	u32 index;
	u8 member_id[AMESH_ID_LEN];
	bool member;	/* on the chain */
	bool alive;
	bool absent;	/* registered, never started */
	bool liar;
	u32 key;
	struct amesh_own own;
	struct amesh_pace pace;
	struct amesh_floors floors;
	struct amesh_floor *floor_of;	/* by node number */
	u64 mesh_number;
	struct pair *pair;		/* by node number */
	u64 *next_check_ns;	/* likewise: the wheel */
	struct amesh_live_config config;
	struct slot *slots;
	u32 slot_count;
	u32 gen[EV_TELL + 1];	/* newest event of each work */
	bool drain_armed;

	u64 started_ns;
	u64 boot_ns;	/* boottime at world time 0 */
	s64 wall_ns;	/* wall clock less world time */
	u64 floor_max;	/* highest floor ever given by MESH_SET */
	u64 floor_before;	/* the one before it */
	u64 floor_rose_ns;
	u64 agent_ns;	/* last MESH_SET */
	u64 may_start_ns;	/* nothing of its last life is under way by then */

	u64 stall_from_ns;	/* last or present stall */
	u64 stall_till_ns;
	u64 stall_done_ns;	/* all stalls before it, summed */
	bool stall_deaf;	/* the network card stands still too */
	u32 stalls;
	u32 stumbles;		/* stalls still to follow one another */
	u64 big_till_ns;	/* end of the last stall that may be counted */
	u64 configured_ns;	/* last change of miss or convict */
	u64 configured_stalled_ns; /* how long it had stood still by then */
	u32 group;

	struct packet *history[HISTORY];
	struct amesh_trailer history_trailer[HISTORY];
	u32 history_at;
	u32 passes;
};

struct profile {
	u32 nodes;
	u32 windows;		/* capacity for registration indices */
	u32 interval_ms;
	bool mixed;		/* intervals and bounds differ by node */
	u32 loss_ppm;
	u32 latency_us;
	u32 dup_ppm;
	u64 chaos_ns;
	u64 calm_ns;
	u64 fault_every_ns;
	u64 block_ns;		/* time from block to block */
	bool absent;		/* one member never comes */
	bool liar;
	bool oracle;		/* check the observers' evidence */
	u32 check_every;	/* passes between full checks */
};

struct world {
	struct rng rng;
	struct queue queue;
	struct profile profile;
	u64 seed;
	u64 now_ns;
	u64 uids;
	u64 meshes;
	u64 hash;	/* of everything that happened */
	u64 steps;
	u64 accepted;
	u64 convictions[AMESH_REASON_KEY + 1];
	u64 alive_ns;
	u32 n;
	struct node *node;
	u64 *cut_till_ns;	/* [from * n + to] */
	u64 part_till_ns;
	u64 false_block_till_ns;
	s64 false_block_ns;
	bool calm;
	bool trace;
	u32 violations;
	u32 violation_of[PROPERTIES];
};

void *sim_alloc(size_t bytes);

/* world.c: runs one seed; returns violations found */
u32 world_run(struct world *world, u64 seed, u32 force_nodes, bool trace);
void world_profile(struct world *world, u32 force_nodes);
bool world_is_cut(const struct world *world, u32 from, u32 to);
void world_transmit(struct node *from, u32 to, struct packet *packet,
		    const struct amesh_trailer *trailer, u64 after_ns,
		    u32 tells);

/* node.c: the module around the pure files */
u64 node_boottime(const struct node *node);
void node_start(struct node *node, bool fresh_namespace);
void node_stop(struct node *node, bool leaving);
void node_forget(struct node *node);
void node_learn(struct node *node, u32 other);
void node_deliver(struct node *node, struct event *event);
void node_drain(struct node *node);
void node_send(struct node *node);
void node_pass(struct node *node);
void node_agent(struct node *node);
void node_resume(struct node *node);
void node_arm_send(struct node *node);
u64 node_floor_ms(const struct node *node);

/* liar.c: what the one lying member makes of its beats */
struct packet *liar_packet(struct node *node, const struct packet *honest);
void liar_trailer(struct node *node, u32 to, struct amesh_trailer *trailer);

/* fault.c: what goes wrong */
void fault_next(struct world *world);
void fault_stumble(struct node *node);
void fault_calm(struct world *world);

/* check.c: the properties */
u64 check_stalled_ns(const struct node *node, u64 at_ns);
void check_accept(struct node *node, u32 from, const struct slot *slot,
		  const struct amesh_beat *beat);
void check_refused(struct node *node, u32 from, const struct packet *packet);
void check_told(struct node *node, u32 from, const struct slot *slot);
void check_convicted(struct node *node, u32 other, enum amesh_reason reason);
void check_forget(struct node *node, u32 other);
void check_pass(struct node *node);
void check_full(struct node *node);
void check_end(struct world *world);
void violation(struct node *node, enum property property, u32 other,
	       const char *what);
const char *property_name(enum property property);

#endif
