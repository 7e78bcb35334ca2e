/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WireGuard end of one link: a UDP socket on a loopback address of its
 * own, connected to WireGuard's port, and the passage of datagrams between it
 * and a TLS connection in either direction. Dialled links and accepted legs
 * both hold one; who may send how much is asked of them.
 */
#ifndef BRIDGE_CARRIER_H
#define BRIDGE_CARRIER_H

#include <stdbool.h>

#include "conn.h"
#include "control.h"
#include "frame.h"

enum {
	CARRIER_RCVBUF_BYTES = 256 * 1024,
	CARRIER_HELD_MAX = 4,         /* handshake messages kept while blocked */
	CARRIER_HELD_MS = 5000,       /* WireGuard makes a new one after this */
	CARRIER_HELD_BYTES = 148,     /* the longest of them */
};

struct carrier;

/*
 *  from_wg:   WireGuard sent a datagram of this kind.
 *  from_peer: one came from the peer; false refuses it (counted as drop_rate).
 */
struct carrier_events {
	void (*from_wg)(void *arg, enum wg_kind kind);
	bool (*from_peer)(void *arg, enum wg_kind kind);
};

/*
 * Opens the socket at ipv4:port (host order; port 0 = any free one) and
 * connects it to 127.0.0.1:wg_port. NULL with errno; EADDRINUSE if taken.
 */
struct carrier *carrier_new(struct loop *loop, uint32_t ipv4, uint16_t port,
			    uint16_t wg_port, const struct carrier_events *events,
			    void *arg);
void carrier_free(struct carrier *c);

uint32_t carrier_ipv4(const struct carrier *c);
uint16_t carrier_port(const struct carrier *c);
const struct bridge_counts *carrier_counts(const struct carrier *c);
/* Boottime of the last datagram from the peer; 0 = none. */
int64_t carrier_heard_ms(const struct carrier *c);

/* Datagrams of WireGuard's go to conn from now on (NULL: to nowhere); what
 * was held goes first. */
void carrier_attach(struct carrier *c, struct conn *conn);
/* conn_events.data and .writable of every connection of this link. */
ptrdiff_t carrier_data(struct carrier *c, const uint8_t *in, size_t len);
void carrier_writable(struct carrier *c);
/* Sends an empty frame if the attached connection sent nothing for idle_ms. */
void carrier_keep(struct carrier *c, int64_t idle_ms);

#endif
