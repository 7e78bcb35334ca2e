/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the bridge's control socket: connects, says hello, keeps
 * a mirror of the bridge's links, sends requests. The bridge lives on without
 * it. It decides nothing: which links there should be is carriage.c's matter.
 */
#ifndef AGENT_BRIDGECTL_H
#define AGENT_BRIDGECTL_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/control.h"
#include "loop.h"

enum {
	BRIDGECTL_RETRY_MS = 250,
	BRIDGECTL_TEXT_CHARS = 256,
};

struct bridgectl;

/*
 * Called from the loop; may call back, but not bridgectl_free().
 *  up:     hello done and the first list is in (true), or the bridge is gone
 *          (false); text says what is missing or what is off ("bridge speaks
 *          protocol 0, this agent 1: …"), else "".
 *  link:   a link changed (also once for each in a list).
 *  listed: a list asked for by bridgectl_list() is complete; the legs are
 *          valid during the call.
 *  refused: a request was refused, in words.
 */
struct bridgectl_callbacks {
	void (*up)(void *arg, bool up, const char *text);
	void (*link)(void *arg, const struct bridge_link *link);
	void (*listed)(void *arg, const struct bridge_link *links, size_t link_count,
		       const struct bridge_leg *legs, size_t leg_count);
	void (*status)(void *arg, const struct bridge_status *status);
	void (*refused)(void *arg, enum bridge_type request, int status,
			const char *text);
};

/* path is copied. NULL when memory is short. Connects and goes on trying. */
struct bridgectl *bridgectl_new(struct loop *loop, const char *path,
				const struct bridgectl_callbacks *callbacks,
				void *arg);
void bridgectl_free(struct bridgectl *b);
bool bridgectl_is_up(const struct bridgectl *b);

/* Each sends one request; 0, -ENOTCONN or -EAGAIN (the socket is full: the
 * connection is given up and made anew, which lists and compares again). */
int bridgectl_list(struct bridgectl *b);
int bridgectl_link_set(struct bridgectl *b, const struct bridge_link_set *set);
int bridgectl_link_del(struct bridgectl *b, const uint8_t peer[BRIDGE_PEER_ID_BYTES]);
int bridgectl_link_kick(struct bridgectl *b, const uint8_t peer[BRIDGE_PEER_ID_BYTES]);
int bridgectl_leg_del(struct bridgectl *b, uint32_t local_ipv4, uint16_t local_port);
int bridgectl_listen(struct bridgectl *b, bool on);
int bridgectl_clear(struct bridgectl *b);

#endif
