/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node: makes every part, tells each what the others found out, and knows
 * the phase. It is the only place that sees all parts; none of them sees it.
 */
#ifndef AGENT_NODE_H
#define AGENT_NODE_H

#include "config.h"
#include "loop.h"

struct node;

/*
 * Starts: the health answer first, then everything else as it becomes
 * possible. config must outlive it. NULL with a sentence in error when not even
 * that works (a port or a socket path taken, no memory).
 */
struct node *node_new(struct loop *loop, const struct config *config,
		      char error[CONFIG_ERROR_CHARS]);
/* Ends the agent's part only: interface, mesh, bridge and their state stay. */
void node_free(struct node *n);

#endif
