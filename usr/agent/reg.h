/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration: finds out whether the chain already has this node with these
 * keys, otherwise proves, registers, and waits until the chain shows it; then
 * publishes the beat key. Tells apart what to wait for and what to stop at.
 */
#ifndef AGENT_REG_H
#define AGENT_REG_H

#include <stdbool.h>

#include "attestor.h"
#include "bundler.h"
#include "chain.h"
#include "keys.h"

struct reg_events {
	/* The chain has our record with our keys; WireGuard epoch is set. Again
	 * after a removal and readmission. */
	void (*on_registered)(void *arg);
	/* This node's record was removed. It goes on trying (readmission). */
	void (*on_removed)(void *arg);
	/* Never going to work: show the text, stay in `registering`. */
	void (*on_stopped)(const char *text, void *arg);
	/* reg_waiting() or reg_blocked() changed. */
	void (*on_status)(void *arg);
};

struct reg;

/* keys must be bound. Listens to the chain: make it before chain_start(), or
 * call reg_start() once keys are bound. */
struct reg *reg_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
		    struct keys *keys, struct attestor *attestor,
		    const struct reg_events *events, void *arg);
void reg_free(struct reg *r);
/* Keys are bound and a proof can be made: begin. */
void reg_start(struct reg *r);
/* For main's chain listener: a snapshot is there. */
void reg_snapshot(struct reg *r, const struct chain_snapshot *now);
bool reg_registered(const struct reg *r);
/* The beat key is on chain (envelopes wait for it). */
bool reg_beat_published(const struct reg *r);
const char *reg_waiting(const struct reg *r);
/* "removed", "foreign keys …", "MemberBarred …", or NULL. */
const char *reg_blocked(const struct reg *r);

#endif
