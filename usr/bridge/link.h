/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialled links: one per peer that the agent asked for, each with its
 * loopback port for as long as it exists. It owns dialling, redialling,
 * replacement before the gateway's cut and after silence. Legs that others
 * dialled are leg.c's; who should be dialled is the agent's.
 */
#ifndef BRIDGE_LINK_H
#define BRIDGE_LINK_H

#include "control.h"
#include "env.h"

enum {
	LINK_HANDSHAKES_MAX = 32,      /* TLS handshakes in progress, all links */
	LINK_ADDRESS_MS = 30 * 1000,   /* how long a name's addresses are kept */
	LINK_DRAIN_MS = 1000,          /* a replaced connection stays this long after
					* the new one brought a datagram … */
	LINK_DRAIN_MAX_MS = 10 * 1000, /* … or this long without one */
	LINK_RENEW_MARGIN_MS = 2000,   /* dialling, draining and two ticks before the cut */
	LINK_TICK_MS = 250,
};

struct links;

/* A link changed its state, its connection or its port. */
typedef void (*links_fn)(void *arg, const struct bridge_link *link);

struct links *links_new(const struct bridge_env *env, links_fn notify, void *arg);
void links_free(struct links *s);
/* 0, -EINVAL (host or port), -ENOSPC, -ENOMEM or the socket's errno. */
int links_set(struct links *s, const struct bridge_link_set *want);
/* 0 or -ENOENT, both. */
int links_del(struct links *s, const uint8_t peer[BRIDGE_PEER_ID_BYTES]);
int links_kick(struct links *s, const uint8_t peer[BRIDGE_PEER_ID_BYTES]);
void links_clear(struct links *s);
size_t links_count(const struct links *s);
void links_each(struct links *s, links_fn fn, void *arg);

#endif
