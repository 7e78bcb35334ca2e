/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the kernel module: keeps what the kernel should know
 * (mesh, peers) set, through a missing module, a lost event, a family that
 * goes and returns; turns its events into callbacks. It computes no liveness
 * and knows no chain. The beat seed stays in the caller's locked memory.
 */
#ifndef AGENT_KERN_H
#define AGENT_KERN_H

#include "attestmesh.h"
#include "loop.h"

enum {
	KERN_LEVEL_MIN = 1,           /* interface level below which it refuses */
	KERN_RETRY_MS = 500,          /* while the module is missing */
	KERN_FLOOR_EVERY_MS = 60000,  /* MESH_SET repeated at most so often */
	KERN_TEXT_CHARS = 256,
};

struct kern;

struct kern_config {
	const char *ifname;           /* must outlive it */
	uint16_t port;
	uint32_t interval_ms, miss, convict, min_peers;
};

/* This node; `seed` must stay readable until kern_clear() or kern_free(). */
struct kern_identity {
	uint8_t domain[AM_ID_LEN], member_id[AM_ID_LEN];
	uint32_t index;
	uint32_t addr4;               /* network byte order */
	bool has_addr6;
	uint8_t addr6[AM_ADDR6_LEN];
	const uint8_t *seed;
};

/*
 * Called from the loop. May call back into kern, but not kern_free().
 *  ready:     everything wanted is set in the kernel, or not any more;
 *             waiting_for is "" or names what is missing.
 *  event:     a kernel event of our mesh (peer, converged, twin, raise stopped).
 *  resync:    events were lost or the mesh was made anew: read what you
 *             show again with kern_mesh() and kern_peers().
 */
struct kern_callbacks {
	void (*ready)(void *arg, bool ready, const char *waiting_for);
	void (*event)(void *arg, const struct am_event *event);
	void (*resync)(void *arg);
};

/* NULL when memory is short. Starts looking for the module at once. */
struct kern *kern_new(struct loop *loop, const struct kern_config *config,
		      const struct kern_callbacks *callbacks, void *arg);
/* Closes the sockets: the agent-attached flag clears, the mesh beats on. */
void kern_free(struct kern *k);

/*
 * Sets or changes the mesh; kept and repeated when needed. block_time_secs is
 * the newest block's timestamp: the incarnation floor is 1000 x the smaller of
 * it and the wall clock + 3,600 s.
 */
void kern_mesh_set(struct kern *k, const struct kern_identity *identity,
		   uint64_t block_time_secs);
/* A newer block: repeats MESH_SET with the higher floor, at most once a
 * minute, and at once after a stopped raise. */
void kern_block_time(struct kern *k, uint64_t block_time_secs);
/* Replaces all peers (copied). 0 or -ENOMEM. */
int kern_peers_set(struct kern *k, const struct am_peer_config *peers,
		   size_t count);
/* MESH_DEL (the leaving beat) and forget what was wanted. */
void kern_clear(struct kern *k);

/* Present state, straight from the kernel; -ENODEV while not ready. */
int kern_mesh(struct kern *k, struct am_mesh *out);
int kern_peers(struct kern *k, am_peer_fn fn, void *arg);
/* The module's versions; false while it is missing. */
bool kern_module(const struct kern *k, struct am_module *out);
/* "" or what is missing, in words. */
const char *kern_waiting_for(const struct kern *k);

#endif
