/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WireGuard interface of this node: fence routes, device, addresses,
 * peers, by netlink and by nothing else. It decides nothing: who is a peer and
 * where it is reached, it is told (reconcile.c, carriage.c). It owns no beat.
 * Calls are answered by the kernel at once; none waits for the network.
 */
#ifndef AGENT_MESH_H
#define AGENT_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MESH_KEY_BYTES = 32,
	MESH_ERROR_CHARS = 256,
	MESH_MTU = 1420,              /* a later direct path over UDP has to fit too */
	MESH_KEEPALIVE_SECS = 25,
	MESH_PREFIX4_MIN = 8,
	MESH_PREFIX4_MAX = 29,
	MESH_PREFIX6 = 48,
};

struct mesh;

struct mesh_config {
	const char *ifname;           /* copied */
	uint16_t listen_port;         /* WireGuard's, on this machine */
};

/* The cluster's networks and this node's place in them; network byte order. */
struct mesh_net {
	uint32_t net4;                /* cluster CIDR */
	uint8_t prefix4;
	uint32_t own4;
	uint8_t net6[16];             /* the cluster's /48 */
	uint8_t own6[16];
};

/* What the chain wants of a WireGuard peer. */
struct mesh_peer {
	uint8_t key[MESH_KEY_BYTES];
	uint32_t addr4;               /* network byte order, becomes a /32 */
	bool has_addr6;
	uint8_t addr6[16];            /* becomes a /128 */
};

/* What the kernel has. */
struct mesh_peer_state {
	struct mesh_peer peer;
	bool exact;                   /* allowed-ips are exactly that /32 and /128 */
	bool has_endpoint;
	uint32_t endpoint4;           /* host byte order; 0 if it is not IPv4 */
	uint16_t endpoint_port;
	uint16_t keepalive_secs;
	int64_t handshake_secs;       /* wall clock; 0 = never */
	uint64_t rx_bytes, tx_bytes;
};

/* 0 or a negative errno, and error has a sentence then, in all functions. */
int mesh_new(struct mesh **out, const struct mesh_config *config,
	     char error[MESH_ERROR_CHARS]);
/* Ends the handle only; interface and routes stay. */
void mesh_free(struct mesh *m);

/*
 * The unreachable routes, before anything else: without them packets to mesh
 * addresses leave in clear by the default route while there is no device.
 * Refuses (-ERANGE) a prefix out of bounds and (-EADDRINUSE) a network that
 * holds another interface's address, a gateway or a name server, by name.
 * Without IPv6 in this namespace *ipv6 becomes false and IPv4 goes on.
 */
int mesh_fence(struct mesh *m, const struct mesh_net *net, bool *ipv6,
	       char error[MESH_ERROR_CHARS]);

/*
 * Makes the device or adopts it: kind, private key, port, MTU, addresses, up.
 * An own device with another key or address is changed, one of another kind
 * is refused (-EEXIST). *created: it was not there. *ipv6 as above.
 */
int mesh_device(struct mesh *m, const struct mesh_net *net,
		const uint8_t private_key[MESH_KEY_BYTES], bool *created,
		bool *ipv6, char error[MESH_ERROR_CHARS]);
/* 0 while there is no device. */
uint32_t mesh_ifindex(const struct mesh *m);

/* Reads all peers; the array is the caller's to free(). -ENODEV: no device. */
int mesh_peers(struct mesh *m, struct mesh_peer_state **peers, size_t *count,
	       char error[MESH_ERROR_CHARS]);
/* Adds the peer or makes its allowed-ips exact; the endpoint is left alone. */
int mesh_peer_set(struct mesh *m, const struct mesh_peer *peer,
		  char error[MESH_ERROR_CHARS]);
/* Points it at a loopback port of the bridge, with keepalive, and makes
 * WireGuard send at once. Never adds a peer. Address in host byte order. */
int mesh_peer_endpoint(struct mesh *m, const uint8_t key[MESH_KEY_BYTES],
		       uint32_t ipv4, uint16_t port, char error[MESH_ERROR_CHARS]);
int mesh_peer_del(struct mesh *m, const uint8_t key[MESH_KEY_BYTES],
		  char error[MESH_ERROR_CHARS]);
/* Removes every peer (own removal from the cluster). */
int mesh_peers_clear(struct mesh *m, char error[MESH_ERROR_CHARS]);

#endif
