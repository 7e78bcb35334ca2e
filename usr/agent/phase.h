/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phase of a node as a function of facts, computed anew at every change,
 * and the moments at which phases were first entered. Pure; it waits for
 * nothing and asks nobody.
 */
#ifndef AGENT_PHASE_H
#define AGENT_PHASE_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of a node's life; the names are those of the health answer. */
enum phase {
	PHASE_BOOTING, PHASE_REGISTERING, PHASE_SUBSCRIBING, PHASE_WAITING_PEERS,
	PHASE_WG_CONFIGURING, PHASE_PULLING_CSK, PHASE_HEARTBEATING, PHASE_HEALTHY,
	PHASES
};

struct phase_facts {
	bool identified;       /* keys are there and the cluster is known */
	bool registered;       /* the chain has this node, not removed, with our keys */
	bool subscribed;       /* events are taken in and the beat key is on chain */
	bool alone;            /* no other member, and one is needed */
	bool mesh_up;          /* device, kernel part and bridge set, a peer reached */
	bool csk_acquired;
	bool first_converged;  /* the kernel's latch */
};

/* before: the phase until now; a healthy node stays so while it is registered,
 * holds the CSK and the latch stands. */
enum phase phase_of(const struct phase_facts *facts, enum phase before);

struct phase_log {
	enum phase now;
	int64_t started_ms;            /* boottime */
	int64_t entered_ms[PHASES];    /* first entry; -1: not yet */
};

void phase_log_init(struct phase_log *log, int64_t now_ms);
/* True if the phase changed. Phases passed over count as entered with the one
 * reached: no time was spent in them. */
bool phase_log_enter(struct phase_log *log, enum phase phase, int64_t now_ms);
/* Seconds from the start to the first entry; negative if not yet. */
double phase_log_seconds(const struct phase_log *log, enum phase phase);

#endif
