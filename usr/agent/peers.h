/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's picture of its peers: what the kernel last said of each, which
 * of that an application was told, and whose agent is away. Members and keys
 * come from the chain and the envelopes, verdicts from the kernel; it decides
 * neither and asks nobody.
 */
#ifndef AGENT_PEERS_H
#define AGENT_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attestmesh.h"
#include "member.h"

enum { PEERS_AWAY_MS = 600000 };

struct peer {
	uint8_t id[32];
	uint32_t index;
	uint32_t mesh_ip;          /* host order */
	uint32_t state;            /* enum attestmesh_state */
	bool told_up;              /* what applications were told last */
	bool agent_attached;       /* of the last beat */
	int64_t away_since_ms;     /* its agent; 0 = attached or never heard */
};

struct peers {
	struct peer *at;           /* by index, self and removed ones left out */
	size_t count;
};

struct peers_events {
	/* Filtered for applications: first up, down, up after down. */
	void (*liveness)(const struct peer *p, bool up, void *arg);
	void (*joined)(const struct peer *p, void *arg);
};

void peers_init(struct peers *p);
void peers_free(struct peers *p);
/* Takes over the current members but self; known ones keep their state. joined
 * is told for new ones unless `first`. 0 or -ENOMEM, then nothing changed. */
int peers_members(struct peers *p, const struct members *members, const uint8_t self[32],
		  bool first, const struct peers_events *events, void *arg);
/* What the kernel says of one peer now; ids that are unknown are ignored. */
void peers_state(struct peers *p, const uint8_t id[32], uint32_t state,
		 uint32_t beat_flags, int64_t now_ms, const struct peers_events *events,
		 void *arg);
const struct peer *peers_find(const struct peers *p, const uint8_t id[32]);
/* up or suspect. */
bool peer_live(const struct peer *p);
size_t peers_live(const struct peers *p);

#endif
