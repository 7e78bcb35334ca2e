/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the wanted peers onto WireGuard and the bridge: reads both, lets
 * reconcile.c decide, carries the decisions out, once a second and whenever
 * the bridge reports. It owns the comparison and its timers; it does not know
 * where the wanted peers come from, nor beats.
 */
#ifndef AGENT_CARRIAGE_H
#define AGENT_CARRIAGE_H

#include "bridgectl.h"
#include "loop.h"
#include "mesh.h"

enum {
	CARRIAGE_TICK_MS = 250,        /* while some peer is not settled */
	CARRIAGE_IDLE_TICK_MS = 1000,  /* else */
	CARRIAGE_TEXT_CHARS = 256,
};

struct carriage;

struct carriage_config {
	struct mesh *mesh;             /* the caller's, must outlive it */
	const char *runtime_dir;       /* where the bridge's socket is */
	const char *ifname;
	uint32_t interval_ms;          /* of the beats */
};

/* One member as the chain and its envelope show it. */
struct carriage_peer {
	uint8_t id[BRIDGE_PEER_ID_BYTES];
	uint32_t index;                /* registration index: the lower one dials */
	struct mesh_peer wg;
	char host[BRIDGE_HOST_MAX_CHARS + 1]; /* "" while unknown: not dialled */
	uint16_t port;
};

/* Where one peer stands, for `/healthz`, metrics and blocked_by. */
struct carriage_status {
	bool in_wireguard;
	bool dialled;                  /* our bridge has a link to it */
	uint8_t link_state;            /* enum bridge_link_state, 0 = none */
	bool handshake;                /* one was made since the device was made */
	int64_t heard_age_ms;          /* since WireGuard last received; -1 = never */
	char error[BRIDGE_TEXT_MAX_CHARS + 1]; /* of the dialled link */
};

/* change: readiness or some peer's status changed; ask again. */
struct carriage_callbacks {
	void (*change)(void *arg);
};

struct carriage *carriage_new(struct loop *loop, const struct carriage_config *config,
			      const struct carriage_callbacks *callbacks, void *arg);
/* Ends the handle; links, peers and bridge stay as they are. */
void carriage_free(struct carriage *c);

/*
 * Begins (the device exists; `created`: it was made just now) and sets this
 * node's index. Called again when either changes.
 */
void carriage_start(struct carriage *c, uint32_t own_index, bool created);
/* Replaces the wanted peers (copied). 0 or -ENOMEM. A peer that is no longer
 * wanted loses its WireGuard peer and its link. */
int carriage_peers(struct carriage *c, const struct carriage_peer *peers,
		   size_t count);
/* A peer was heard by other means (a beat): dial it at once. */
void carriage_heard(struct carriage *c, const uint8_t id[BRIDGE_PEER_ID_BYTES]);
/* Own removal: no peers, no links, listener off. */
void carriage_clear(struct carriage *c);

/* Bridge there, device readable, every wanted peer in WireGuard. */
bool carriage_ready(const struct carriage *c);
/* "" or what is missing ("bridge: …", "wireguard: …"). */
const char *carriage_waiting_for(const struct carriage *c);
/* "" or a warning to show (older bridge, port taken). */
const char *carriage_warning(const struct carriage *c);
/* False for a peer that is not wanted. */
bool carriage_peer_status(const struct carriage *c,
			  const uint8_t id[BRIDGE_PEER_ID_BYTES],
			  struct carriage_status *out);

#endif
