/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer service: attestmesh.peer.v1 on this node's mesh address, bound to
 * the WireGuard device. It says who asks by the source address, bounds how
 * often, and hands out the CSK sealed to the member's on-chain key.
 */
#ifndef AGENT_RPC_PEER_H
#define AGENT_RPC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "grpc/server.h"
#include "loop.h"

enum {
	RPC_PEER_ANSWER_EVERY_MS = 1000,      /* per requester */
	RPC_PEER_REFRESH_EVERY_MS = 5000,     /* for all */
	RPC_PEER_CONNECTIONS_PER_SOURCE = 4,
	RPC_PEER_WAITING_MAX = 64,            /* requests that wait for a refresh */
	RPC_PEER_RECENT_MAX = 1024,           /* requesters answered within a second */
	RPC_PEER_REQUEST_BYTES = 4096,
	RPC_PEER_CALL_MS = 5000,
};

struct rpc_peer_member {
	uint8_t member_id[32];
	uint8_t x_pub[32];
};

struct rpc_peer_ops {
	/* The current member that owns this mesh address (IPv4 or IPv6), per
	 * the newest snapshot. False: none. */
	bool (*member_at)(const struct sockaddr *source, struct rpc_peer_member *out,
			  void *arg);
	/* Block of the newest snapshot. */
	uint64_t (*snapshot_block)(void *arg);
	/* Block in which the generation (0: the one held) was committed, as far
	 * as known; UINT64_MAX if it is not known. */
	uint64_t (*committed_block)(uint32_t generation, void *arg);
	/* Reads the chain again; rpc_peer_refreshed() follows. */
	void (*refresh)(void *arg);
	/* Copies the key held for *generation; 0 asks for the newest and is
	 * replaced by its number. */
	bool (*get_csk)(uint32_t *generation, uint8_t key[32], void *arg);
};

struct rpc_peer;

/* NULL when memory is short. */
struct rpc_peer *rpc_peer_new(struct loop *loop, const struct rpc_peer_ops *ops, void *arg);
void rpc_peer_free(struct rpc_peer *p);
/* Listens; again for each mesh address. 0 or a negative errno. */
int rpc_peer_listen(struct rpc_peer *p, const struct sockaddr *addr, socklen_t len,
		    const char *device);
/* The device went: its listeners end, connections are closed. */
void rpc_peer_unlisten(struct rpc_peer *p);
uint16_t rpc_peer_port(const struct rpc_peer *p);
/* A refresh ended; ok: the snapshot is newer than when it was asked for. */
void rpc_peer_refreshed(struct rpc_peer *p, bool ok);

struct rpc_peer_counts {
	uint64_t served, refused;
};
struct rpc_peer_counts rpc_peer_counts(const struct rpc_peer *p);

#endif
