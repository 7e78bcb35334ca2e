/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol between the agent and attestmesh-bridge: records over
 * a SOCK_SEQPACKET unix socket, `bridge-<ifname>.sock` (0600) in RUNTIME_DIR.
 * It owns the wire format alone; neither side's state lives here.
 *
 * One record is one packet: struct bridge_head, then the body of its type.
 * Both ends run on one machine, so numbers are in host order. Bodies only
 * ever grow at their end: a receiver takes what it knows of a longer body and
 * reads the missing end of a shorter one as zero (bridge_body()).
 *
 * Conversation:
 *  1. Both sides send BRIDGE_HELLO first. The bridge accepts only a peer of
 *     its own uid. A different `protocol` ends nothing: what the other does
 *     not know it answers with status EOPNOTSUPP ("unsupported"), and links
 *     stay as they are.
 *  2. Every request carries a `seq` of the client's choice. It is answered by
 *     one BRIDGE_REPLY with that seq; BRIDGE_LIST first sends any number of
 *     BRIDGE_LINK and BRIDGE_LEG records with it.
 *  3. Unasked, with seq 0, come BRIDGE_LINK whenever a dialled link changes
 *     its state or its port, and BRIDGE_STATUS when the listener changes.
 * Links belong to the bridge: they survive the client's end.
 */
#ifndef BRIDGE_CONTROL_H
#define BRIDGE_CONTROL_H

#include <stdint.h>
#include <string.h>

enum {
	BRIDGE_PROTOCOL = 1,
	BRIDGE_RECORD_MAX_BYTES = 1024,
	BRIDGE_CLIENTS_MAX = 8,       /* agent, `down`, `doctor` and their overlap */
	BRIDGE_LINKS_MAX = 8192,      /* dialled links: two descriptors each */
	BRIDGE_LEGS_MAX = 8192,       /* accepted links that are proven */
	BRIDGE_UNPROVEN_MAX = 256,    /* accepted links that are not */
	BRIDGE_HOST_MAX_CHARS = 253,  /* a DNS name */
	BRIDGE_PEER_ID_BYTES = 32,
	BRIDGE_TEXT_MAX_CHARS = 191,
};

enum bridge_type {
	BRIDGE_HELLO = 1,
	/* requests */
	BRIDGE_LIST = 2,       /* no body */
	BRIDGE_LINK_SET = 3,   /* struct bridge_link_set */
	BRIDGE_LINK_DEL = 4,   /* struct bridge_peer */
	BRIDGE_LINK_KICK = 5,  /* struct bridge_peer: dial now, schedule anew */
	BRIDGE_LISTEN = 6,     /* struct bridge_listen */
	BRIDGE_CLEAR = 7,      /* no body: every link and leg gone, listener off */
	BRIDGE_LEG_DEL = 8,    /* struct bridge_leg_name: close an accepted link */
	/* answers and notices */
	BRIDGE_REPLY = 64,     /* struct bridge_reply */
	BRIDGE_LINK = 65,      /* struct bridge_link */
	BRIDGE_LEG = 66,       /* struct bridge_leg */
	BRIDGE_STATUS = 67,    /* struct bridge_status */
};

struct bridge_head {
	uint16_t type;  /* enum bridge_type */
	uint16_t len;   /* of the body, bytes */
	uint32_t seq;   /* of the request; 0 in notices */
};

struct bridge_hello {
	uint32_t protocol;
	uint16_t wg_port;      /* bridge only: 127.0.0.1:wg_port is WireGuard */
	uint16_t tcp_port;     /* bridge only: where it listens when told to */
	char program[32];      /* "attestmesh-bridge 0.1.0", terminated */
	char ifname[16];       /* bridge only */
};

/* States of a dialled link, in the order they are reached. */
enum bridge_link_state {
	BRIDGE_LINK_WAITING = 1,  /* the next attempt has its time */
	BRIDGE_LINK_DIALLING = 2, /* name, TCP or queue for a TLS handshake */
	BRIDGE_LINK_TLS = 3,      /* carries datagrams; WireGuard may have the port */
	BRIDGE_LINK_UP = 4,       /* and a WireGuard response or data came over it */
};

/* Adds the link or changes it; an unchanged one is left alone. */
struct bridge_link_set {
	uint8_t peer[BRIDGE_PEER_ID_BYTES];
	char host[BRIDGE_HOST_MAX_CHARS + 1];  /* name to dial, and the SNI */
	uint16_t port;
	uint16_t want_port;    /* local UDP port asked for again; 0 = any */
	uint32_t want_ipv4;    /* local address asked for again, host order; 0 = any */
	uint32_t interval_ms;  /* of the beats it carries; 0: silence is no sign */
};

struct bridge_peer {
	uint8_t peer[BRIDGE_PEER_ID_BYTES];
};

struct bridge_listen {
	uint8_t on;
};

struct bridge_leg_name {
	uint32_t local_ipv4;   /* host order */
	uint16_t local_port;
	uint16_t pad;
};

struct bridge_reply {
	int32_t status;        /* 0 or a positive errno; EOPNOTSUPP: unsupported */
	char text[BRIDGE_TEXT_MAX_CHARS + 1];  /* the cause, for people */
};

struct bridge_counts {
	uint64_t to_peer_datagrams, to_peer_bytes;      /* WireGuard -> TLS */
	uint64_t from_peer_datagrams, from_peer_bytes;  /* TLS -> WireGuard */
	uint64_t drop_blocked;   /* the connection took no more */
	uint64_t drop_shape;     /* not one of WireGuard's types and lengths */
	uint64_t drop_rate;      /* an unproven leg's limits */
	uint64_t drop_local;     /* WireGuard's socket took no more */
};

struct bridge_link {
	uint8_t peer[BRIDGE_PEER_ID_BYTES];
	char host[BRIDGE_HOST_MAX_CHARS + 1];
	uint16_t port;
	uint16_t local_port;     /* what WireGuard gets as the endpoint … */
	uint32_t local_ipv4;     /* … host order, 127.64.0.0/10 */
	uint32_t interval_ms;
	uint8_t state;           /* enum bridge_link_state */
	uint8_t pad[3];
	uint32_t dials;          /* connections tried since the link was added */
	uint32_t opened;         /* TLS handshakes done */
	uint32_t cuts;           /* open connections that ended unasked */
	uint32_t renewals;       /* replaced before the gateway's cut */
	uint32_t silences;       /* replaced because nothing came */
	int64_t tls_age_ms;      /* since the present connection opened; -1 = none */
	int64_t rx_age_ms;       /* since the last datagram from the peer; -1 = none */
	struct bridge_counts counts;
	char error[BRIDGE_TEXT_MAX_CHARS + 1]; /* the last failure, or empty */
};

/* An accepted link. Who is behind it only WireGuard can tell. */
struct bridge_leg {
	uint32_t local_ipv4;     /* host order */
	uint16_t local_port;
	uint8_t proven;
	uint8_t pad;
	int64_t age_ms;
	int64_t rx_age_ms;       /* since the last datagram from the other end; -1 = none */
	struct bridge_counts counts;
};

struct bridge_status {
	uint8_t listening;
	uint8_t pad[3];
	uint32_t links, legs, unproven;
	uint32_t evicted;        /* unproven legs closed for newer ones */
	uint32_t expired;        /* unproven legs closed for their age */
	uint32_t refused;        /* accepted and closed: no room or no memory */
};

/* The body of a record as `size` bytes at out, as the head of this file says. */
static inline void bridge_body(void *out, size_t size, const void *body,
			       size_t len)
{
	memset(out, 0, size);
	memcpy(out, body, len < size ? len : size);
}

#endif
