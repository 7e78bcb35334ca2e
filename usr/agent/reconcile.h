/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pure decisions about peers: the difference between wanted and present
 * WireGuard peers, and what to do about the link to one peer at a moment that
 * is passed in. It reads no clock and changes nothing but the memory given.
 */
#ifndef AGENT_RECONCILE_H
#define AGENT_RECONCILE_H

#include "bridge/control.h"
#include "mesh.h"

enum {
	/* A side that should be dialled dials too after this silence … */
	RECONCILE_SILENCE_MS = 10000,
	RECONCILE_SILENCE_INTERVALS = 3,
	/* … or after this, if the dialler evidently holds a dead session. */
	RECONCILE_STRAY_MS = 1000,
	/* It gives WireGuard the port if no handshake came so long after TLS. */
	RECONCILE_HANDSHAKE_MS = 1000,
	/* It drops the extra link when WireGuard answers by an accepted port. */
	RECONCILE_SETTLED_INTERVALS = 2,
};

enum reconcile_action { RECONCILE_ADD, RECONCILE_FIX, RECONCILE_DEL };

struct reconcile_step {
	enum reconcile_action action;
	size_t at;   /* ADD, FIX: index into wanted; DEL: into present */
};

/*
 * Steps from present to wanted, deletions first (an address may move from a
 * removed peer to a new one). steps must have room for wanted + present.
 * Returns how many. Neither list need be sorted; keys are unique in each.
 */
size_t reconcile_peers(const struct mesh_peer *wanted, size_t wanted_count,
		       const struct mesh_peer_state *present,
		       size_t present_count, struct reconcile_step *steps);

/* What is remembered of one peer's legs between two decisions. Zeroed is new. */
struct reconcile_leg {
	bool seen;              /* the fields below have their first values */
	int64_t wanted_ms;      /* when the peer was first looked at */
	int64_t heard_ms;       /* when WireGuard's counter last rose; 0 = never */
	int64_t handshake_secs; /* the newest one seen */
	int64_t handshake_ms;   /* when it was first seen; 0 = never */
	uint64_t rx_bytes;
	int64_t stray_ms;       /* since when strays arrive; 0 = none */
	uint32_t opened;        /* connections of the link already acted upon */
	int64_t tls_ms;         /* when the present connection was first seen; 0 = none */
	bool tls_pending;       /* … and WireGuard was not given the port since */
	int64_t accepted_ms;    /* since when the endpoint is an accepted port; 0 = not */
};

/* The facts of one moment. */
struct reconcile_facts {
	int64_t now_ms;
	uint32_t interval_ms;
	bool we_dial;           /* own index below the peer's */
	bool has_host;
	/* NULL: not in WireGuard yet. A handshake that it shows was made with this
	 * device: a device made anew begins without any. */
	const struct mesh_peer_state *wg;
	const struct bridge_link *link;   /* NULL: the bridge has none */
	bool endpoint_accepted; /* WireGuard's endpoint is a leg of the bridge */
	bool strays;            /* datagrams arrive on a leg that no peer's endpoint names */
};

enum {
	RECONCILE_DIAL = 1,     /* the bridge should have a link */
	RECONCILE_DROP = 2,     /* … should not */
	RECONCILE_PORT = 4,     /* give WireGuard the link's port */
	RECONCILE_KICK = 8,     /* heard again: dial at once */
};

/* Updates leg, returns what to do (a set of the above; 0 = nothing). */
unsigned reconcile_leg(struct reconcile_leg *leg,
		       const struct reconcile_facts *facts);

#endif
