/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge's end of the control protocol (control.h): clients of its own
 * uid, their requests, the notices to them. Links and legs do the work.
 */
#ifndef BRIDGE_CONTROL_SERVER_H
#define BRIDGE_CONTROL_SERVER_H

#include "env.h"

struct control;

/* Opens the socket at path (0600), replacing a stale one. NULL with errno. */
struct control *control_new(const struct bridge_env *env, const char *path,
			    const char *ifname);
/* Ends clients, links, legs and listener, and removes the socket. */
void control_free(struct control *c);

#endif
