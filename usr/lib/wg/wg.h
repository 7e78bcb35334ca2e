/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's WireGuard over generic netlink: one interface's key, port and
 * peers. The private key goes in and is never read out of here: answers that
 * carry it are wiped unread.
 */
#ifndef WG_WG_H
#define WG_WG_H

#include <stdbool.h>
#include <stdint.h>

#include "nlreq.h"

enum { WG_KEY_BYTES = 32 };

struct wg;

struct wg_peer {
	uint8_t key[WG_KEY_BYTES];
	bool exact;               /* allowed-ips: one /32 and at most one /128, no others */
	uint32_t addr4;           /* the /32, network order; 0 = none */
	bool has_addr6;
	uint8_t addr6[16];        /* the /128 */
	bool has_endpoint;
	uint32_t endpoint4;       /* host order; 0 if it is not IPv4 */
	uint16_t endpoint_port;
	uint16_t keepalive_secs;
	int64_t handshake_secs;   /* wall clock; 0 = never */
	uint64_t rx_bytes, tx_bytes;
};

struct wg_device {
	uint8_t public_key[WG_KEY_BYTES];
	bool has_key;
	uint16_t listen_port;
	uint32_t ifindex;
};

/* 0 or a negative errno; -ENOENT: this kernel has no WireGuard loaded. */
int wg_open(struct wg **out);
void wg_close(struct wg *w);
const char *wg_error(const struct wg *w);

/* Reads the interface; peers (may be NULL) becomes an array to free(). */
int wg_get(struct wg *w, const char *ifname, struct wg_device *device,
	   struct wg_peer **peers, size_t *count);
/* private_key NULL: only the port. */
int wg_set(struct wg *w, const char *ifname, const uint8_t *private_key, uint16_t listen_port);
/* Adds the peer or replaces its allowed-ips. */
int wg_peer_set(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES],
		uint32_t addr4, const uint8_t *addr6);
/* Changes the endpoint (host order) of a peer that is there, and its keepalive
 * from 0 to keepalive_secs, at which WireGuard sends at once. */
int wg_peer_endpoint(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES],
		     uint32_t ipv4, uint16_t port, uint16_t keepalive_secs);
int wg_peer_del(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES]);
int wg_peers_clear(struct wg *w, const char *ifname);

#endif
