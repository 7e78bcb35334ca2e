/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener and the accepted links, called legs. Anybody can reach them
 * through the gateway: a leg is a stranger until WireGuard answers it, and
 * strangers are few, short and slow. Who is behind a leg only WireGuard knows.
 */
#ifndef BRIDGE_LEG_H
#define BRIDGE_LEG_H

#include "control.h"
#include "env.h"

enum {
	LEG_UNPROVEN_MS = 10 * 1000,        /* the longest life of a stranger */
	LEG_HANDSHAKES_PER_SECOND = 4,      /* messages of types 1 to 3 from one */
	LEG_DATA_PER_SECOND = 512,          /* of type 4 */
	LEG_BYTES_PER_SECOND = 1024 * 1024, /* of any kind; then it is not read from */
	LEG_TICK_MS = 250,
	LEG_ACCEPTS_PER_TURN = 64,
	LEG_ACCEPTS_PER_SECOND = 512,       /* TLS handshakes cost; the rest waits its turn */
};

struct legs;

/* The listener or a total changed. */
typedef void (*legs_status_fn)(void *arg);
typedef void (*legs_fn)(void *arg, const struct bridge_leg *leg);

struct legs *legs_new(const struct bridge_env *env, legs_status_fn notify, void *arg);
void legs_free(struct legs *s);
/* 0 or the negative errno of the listening socket. Accepted legs stay. */
int legs_listen(struct legs *s, bool on);
void legs_clear(struct legs *s);
/* Closes the leg with that local address. 0 or -ENOENT. */
int legs_del(struct legs *s, uint32_t ipv4, uint16_t port);
/* Fills all but `links`. */
void legs_status(const struct legs *s, struct bridge_status *out);
void legs_each(struct legs *s, legs_fn fn, void *arg);

#endif
