/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One mesh: its identity, its parts, its locks and its life. A mesh belongs to
 * one WireGuard interface of one network namespace. Receiving is beat_rx.c,
 * sending beat_tx.c, time tick.c, peers peer.c and peer_set.c.
 *
 * Locks, outermost first:
 *
 *   RTNL			only while a mesh is created
 *   amesh_net.lock		list of meshes and identities of a namespace
 *   amesh_mesh.config		one configuration change or dump step at a time
 *   amesh_mesh.verify		one group of beats in verification; keys change
 *				under it, so a transform in use stays as it is
 *   amesh_mesh.lock		liveness, views, numbers, pace, wheel
 *   amesh_peer.lock (bh)	a peer's replay floor and token bucket
 *   amesh_rxq.lock (bh)	free and waiting slots
 *
 * The receive path (softirq) takes the last two only, never both at once.
 */
#ifndef _AMESH_MESH_H
#define _AMESH_MESH_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

#include "converge.h"
#include "ed25519/attestmesh_ed25519.h"
#include "live.h"
#include "own.h"
#include "pace.h"
#include "rowmem.h"
#include "stats.h"

struct amesh_identity;
struct amesh_net;
struct amesh_peer;
struct amesh_peer_table;
struct socket;

enum amesh_mesh_limits {
	/* A tick is interval / 8; 64 slots see eight intervals ahead, which is
	 * past the suspicion window of the default configuration. Peers with
	 * later deadlines are looked at once a turn.
	 */
	AMESH_WHEEL_SLOTS = 64,

	/* Datagrams between two pauses of the send work, and the pause: what
	 * WireGuard's ring of 1,024 packets takes without loss.
	 */
	AMESH_SLICE = 128,
	AMESH_SLICE_US = 1000,

	/* Waiting beats: room for 256 and 256 more for every 1,024 peers, at
	 * most 8,192, in blocks of 256.
	 */
	AMESH_SLOTS_PER_BLOCK = 256,
	AMESH_PEERS_PER_BLOCK = 1024,
	AMESH_BLOCKS_MAX = 32,

	/* Two leaving beats so that one lost packet does not hide the news,
	 * this far apart so that one burst does not lose both.
	 */
	AMESH_LEAVING_GAP_MS = 20,
};

/**
 * struct amesh_slot - a beat that passed the cheap checks and waits
 * @list: in amesh_rxq.free or .waiting
 * @peer: its sender; removal of a peer takes its slots out
 * @at_ns: arrival, boottime
 * @key_gen: generation of the sender's key at arrival
 * @wire: the packet
 */
struct amesh_slot {
	struct list_head list;
	struct amesh_peer *peer;
	u64 at_ns;
	u32 key_gen;
	u8 wire[AMESH_BEAT_LEN];
};

/**
 * struct amesh_rxq - beats between softirq and verification
 * @lock: protects all of it; taken from softirq
 * @free: slots to fill
 * @waiting: filled slots, oldest first
 * @waiting_len: how many
 * @block: memory of the slots
 * @blocks: how many of these are there
 */
struct amesh_rxq {
	spinlock_t lock;
	struct list_head free;
	struct list_head waiting;
	u32 waiting_len;
	struct amesh_slot *block[AMESH_BLOCKS_MAX];
	u32 blocks;
};

/**
 * struct amesh_group - slots being verified together
 * @slot: them
 * @item: what the provider is given of those that need it
 * @from: place in @slot of each item
 * @n: slots
 */
struct amesh_group {
	struct amesh_slot *slot[AMESH_ED25519_BATCH_MAX];
	struct amesh_ed25519_item item[AMESH_ED25519_BATCH_MAX];
	u8 from[AMESH_ED25519_BATCH_MAX];
	u32 n;
};

/**
 * struct amesh_target - one datagram to be sent
 * @addr4: to whom
 * @trailer: the part of the beat that is the recipient's alone
 * @peer_index: registration index of the recipient
 */
struct amesh_target {
	__be32 addr4;
	u32 peer_index;
	u8 trailer[AMESH_BEAT_TRAILER_LEN];
};

/**
 * struct amesh_tx - what the send work has in its hands; it alone uses it
 * @wire: signed part and signature of the beat being sent
 * @input: what is signed
 * @target: the present slice
 */
struct amesh_tx {
	u8 wire[AMESH_BEAT_TRAILER];
	u8 input[AMESH_BEAT_SIGN_INPUT_LEN];
	struct amesh_target target[AMESH_SLICE];
};

/**
 * struct amesh_mesh_config - identity and settings, as MESH_SET gives them
 * @domain: of the cluster
 * @member_id: own
 * @index: own registration index
 * @addr4: own address
 * @addr6: own IPv6 address, if @has_addr6
 * @has_addr6: there is one
 * @port: UDP port, host order
 * @linger_ms: ATTESTMESH_LINGER_FOREVER or a time
 * @floor: incarnation floor
 * @live: timing
 */
struct amesh_mesh_config {
	u8 domain[ATTESTMESH_ID_LEN];
	u8 member_id[ATTESTMESH_ID_LEN];
	u32 index;
	__be32 addr4;
	struct in6_addr addr6;
	bool has_addr6;
	u16 port;
	u32 linger_ms;
	u64 floor;
	struct amesh_live_config live;
};

/**
 * struct amesh_mesh - one mesh
 * @list: in amesh_net.meshes, by ifindex; RCU
 * @an: its namespace
 * @refs: the list's reference, that of works in flight and of handlers
 * @rcu: freed after readers of @list and of the sockets are done
 * @ifindex: its interface, for ever
 * @number: of its creation, never used twice
 * @dying: set once, under amesh_net.lock; no timer is armed after it
 * @gone: why it goes (enum attestmesh_gone), with @dying
 * @config: protects @cfg, @peers, @rxq.block, @identity's floors
 * @cfg: as configured; @cfg.live and @cfg.linger_ms also under @lock
 * @public_key: own
 * @head: domain-separation text, zero byte, domain: what every message that
 *	is verified begins with
 * @identity: replay floors and own incarnation, outlives the mesh
 * @sock4: bound to the own address, port and interface
 * @sock6: likewise, or NULL
 * @own_tfm: signs; used by the send work alone
 * @peers: lookup by id and by address, see peer.h; replaced under @config
 * @peer_count: peers; under @config
 * @member_seq: changes when peers come or go; under @config
 * @epoch: highest seen; under @config
 * @key_gen: last given to a key; under @config
 * @verify: one group at a time
 * @batch: working memory of the verification, under @verify
 * @group: likewise
 * @rxq: waiting beats
 * @lock: protects what follows down to @wheel
 * @live: liveness
 * @live_mem: memory of @live
 * @rowmem: memory of the peers' rows
 * @own: own incarnation and sequence
 * @pace: when beats are due
 * @tx_queued: the send work has a beat to send and was not there yet
 * @event_seq: number of the last event
 * @attached: an agent owns the mesh, as of the last look
 * @linger_until_ns: when the mesh goes, with @attached false after an owner
 * @twin_told: a twin was reported for the present floor
 * @stopped_told: raise-stopped was reported for the present floor
 * @tick_ns: the next look at the wheel
 * @tick_slot: slot of that look
 * @wheel: peers whose deadline may fall into a slot
 * @owner: netlink port of the agent's socket, 0 = none; by cmpxchg
 * @timer: fires at the earlier of @tick_ns and the next beat
 * @tick: expiry, then arms @timer
 * @tx_work: builds and sends
 * @verify_work: verifies what waits
 * @release: takes the mesh apart
 * @released: it is taken apart, its identity and port are free
 * @tx: the send work's
 * @stats: counters
 */
struct amesh_mesh {
	struct list_head list;
	struct amesh_net *an;
	struct kref refs;
	struct rcu_head rcu;
	u32 ifindex;
	u64 number;
	bool dying;
	u32 gone;

	struct mutex config; /* outermost of the mesh's, see above */
	struct amesh_mesh_config cfg;
	u8 public_key[ATTESTMESH_KEY_LEN];
	u8 head[AMESH_BEAT_CONTEXT_LEN + AMESH_DOMAIN_LEN];
	struct amesh_identity *identity;
	struct socket *sock4;
	struct socket *sock6;
	struct amesh_crypto_tfm *own_tfm;
	struct amesh_peer_table __rcu *peers;
	u32 peer_count;
	u32 member_seq;
	u64 epoch;
	u32 key_gen;

	struct mutex verify; /* held while a group is verified and accepted */
	struct amesh_ed25519_batch *batch;
	struct amesh_group *group;
	struct amesh_rxq rxq;

	struct mutex lock; /* liveness; see the list above */
	struct amesh_live live;
	void *live_mem;
	struct amesh_rowmem *rowmem;
	struct amesh_own own;
	struct amesh_pace pace;
	bool tx_queued;
	u64 event_seq;
	bool attached;
	u64 linger_until_ns;
	bool twin_told;
	bool stopped_told;
	u64 tick_ns;
	u32 tick_slot;
	struct list_head wheel[AMESH_WHEEL_SLOTS];

	u32 owner;
	struct hrtimer timer;
	struct work_struct tick;
	struct work_struct tx_work;
	struct work_struct verify_work;
	struct work_struct release;
	struct completion released;
	struct amesh_tx *tx;
	struct amesh_stats __percpu *stats;
};

static inline void amesh_drop(struct amesh_mesh *mesh, enum amesh_drop why)
{
	this_cpu_inc(mesh->stats->drop[why]);
}

static inline void amesh_count(struct amesh_mesh *mesh, enum amesh_count what)
{
	this_cpu_inc(mesh->stats->count[what]);
}

static inline struct amesh_mesh *amesh_mesh_of(struct amesh_live *live)
{
	return container_of(live, struct amesh_mesh, live);
}

/* Reads a flag that is only ever set. */
static inline bool amesh_mesh_is_dying(const struct amesh_mesh *mesh)
{
	return READ_ONCE(mesh->dying);
}

/**
 * amesh_mesh_create - a mesh on an interface
 * @an: the namespace; its lock is held, and RTNL
 * @ifindex: of the interface, which is there and stays while RTNL is held
 * @cfg: complete and within bounds
 * @own_tfm: holds the seed; the mesh's if one is returned
 * @public_key: that belongs to the seed
 * @owner: netlink port of the agent's socket, 0 = none
 * @wait: see below
 * @extack: told why not
 *
 * Return: the mesh, in the list and beating; -EBUSY (port taken, another mesh
 * is this member), -ENOSPC, -ENOMEM, what socket creation returned, or -EAGAIN
 * if a dying mesh still has the identity: *@wait is it then, with a reference,
 * and the caller waits for amesh_mesh.released without any lock.
 */
struct amesh_mesh *amesh_mesh_create(struct amesh_net *an, u32 ifindex,
				     const struct amesh_mesh_config *cfg,
				     struct amesh_crypto_tfm *own_tfm,
				     const u8 *public_key, u32 owner,
				     struct amesh_mesh **wait,
				     struct netlink_ext_ack *extack);

/**
 * amesh_mesh_unlink - take a mesh out of its namespace's list
 * @mesh: it
 * @gone: why
 *
 * Takes amesh_net.lock. Nothing finds the mesh after it; what has a reference
 * sees it dying.
 *
 * Return: true for the one caller that unlinked it: it owns the list's
 * reference now and has to see to the release, by amesh_mesh_release() or
 * amesh_mesh_release_later().
 */
bool amesh_mesh_unlink(struct amesh_mesh *mesh, u32 gone);

/* Takes an unlinked mesh apart and drops the caller's reference; sleeps long.
 * Sends the leaving beats first if @leaving.
 */
void amesh_mesh_release(struct amesh_mesh *mesh, bool leaving);

/* The same from a work: for callers that hold RTNL or are the mesh's works. */
void amesh_mesh_release_later(struct amesh_mesh *mesh);

static inline void amesh_mesh_get(struct amesh_mesh *mesh)
{
	kref_get(&mesh->refs);
}

void amesh_mesh_put(struct amesh_mesh *mesh);

/* The own incarnation rose: remember it for as long as the namespace lives.
 * Under amesh_mesh.lock.
 */
void amesh_mesh_note_incarnation(struct amesh_mesh *mesh);

/* Makes room for peers up to registration index @highest; under
 * amesh_mesh.config. Return: 0 or -ENOMEM.
 */
int amesh_mesh_grow(struct amesh_mesh *mesh, u32 highest);

#endif /* _AMESH_MESH_H */
