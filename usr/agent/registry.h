/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chain's IndexerRegistry says: whether an indexer is named there.
 * Asked at the start and now and then; the answer is a sentence for people,
 * because chain logs are polled whatever it is. It opens no stream.
 */
#ifndef AGENT_REGISTRY_H
#define AGENT_REGISTRY_H

#include <stdint.h>

#include "chain.h"
#include "loop.h"

enum {
	REGISTRY_EVERY_MS = 600000,       /* a list that an owner changes by hand */
	REGISTRY_RETRY_MS = 60000,        /* the question itself failed */
	REGISTRY_ENDPOINT_MAX_BYTES = 256,
	REGISTRY_TEXT_CHARS = 384,
};

struct registry;

/* address: of the registry, or NULL where none is configured (then it never
 * asks). on_change: the sentence is another one. NULL when memory is short. */
struct registry *registry_new(struct loop *loop, struct chain *chain, const uint8_t *address,
			      void (*on_change)(void *arg), void *arg);
/* Asks now, and from then on by itself; once the chain is known to be the
 * right one. More calls change nothing. */
void registry_start(struct registry *r);
/* Never NULL; "" before the first answer. */
const char *registry_text(const struct registry *r);
void registry_free(struct registry *r);

#endif
