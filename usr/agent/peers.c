// SPDX-License-Identifier: Apache-2.0
/* The picture of the peers, and the filter between kernel and applications. */
#include "peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void peers_init(struct peers *p)
{
	*p = (struct peers){ 0 };
}

void peers_free(struct peers *p)
{
	free(p->at);
	peers_init(p);
}

static struct peer *find(const struct peers *p, const uint8_t id[32])
{
	for (size_t i = 0; i < p->count; i++)
		if (!memcmp(p->at[i].id, id, 32))
			return &p->at[i];
	return NULL;
}

const struct peer *peers_find(const struct peers *p, const uint8_t id[32])
{
	return find(p, id);
}

bool peer_live(const struct peer *p)
{
	return p->state == ATTESTMESH_STATE_UP || p->state == ATTESTMESH_STATE_SUSPECT;
}

size_t peers_live(const struct peers *p)
{
	size_t live = 0;

	for (size_t i = 0; i < p->count; i++)
		live += peer_live(&p->at[i]);
	return live;
}

int peers_members(struct peers *p, const struct members *members, const uint8_t self[32],
		  bool first, const struct peers_events *events, void *arg)
{
	struct peers now = { 0 };
	size_t known = 0;
	struct peer *row;

	now.at = calloc(members->count ? members->count : 1, sizeof(*now.at));
	if (!now.at)
		return -ENOMEM;
	for (size_t i = 0; i < members->count; i++) {
		const struct member *m = &members->at[i];

		if (!member_live(m) || !memcmp(m->id, self, 32))
			continue;
		/* Both lists are by index: the old row is never behind `known`. */
		while (known < p->count && p->at[known].index < m->index)
			known++;
		row = &now.at[now.count++];
		if (known < p->count && !memcmp(p->at[known].id, m->id, 32))
			*row = p->at[known];
		memcpy(row->id, m->id, 32);
		row->index = m->index;
		row->mesh_ip = m->mesh_ip;
		if (!first && (known == p->count || memcmp(p->at[known].id, m->id, 32)))
			events->joined(row, arg);
	}
	free(p->at);
	*p = now;
	return 0;
}

static void note_agent(struct peer *row, uint32_t beat_flags, int64_t now_ms)
{
	row->agent_attached = beat_flags & ATTESTMESH_BEAT_AGENT;
	if (row->agent_attached)
		row->away_since_ms = 0;
	else if (!row->away_since_ms)
		row->away_since_ms = now_ms;
}

void peers_state(struct peers *p, const uint8_t id[32], uint32_t state,
		 uint32_t beat_flags, int64_t now_ms, const struct peers_events *events,
		 void *arg)
{
	struct peer *row = find(p, id);

	if (!row)
		return;
	row->state = state;
	if (state != ATTESTMESH_STATE_UNKNOWN && state != ATTESTMESH_STATE_SILENT)
		note_agent(row, beat_flags, now_ms);
	if (state == ATTESTMESH_STATE_UP && !row->told_up) {
		row->told_up = true;
		events->liveness(row, true, arg);
	} else if (state == ATTESTMESH_STATE_DOWN && row->told_up) {
		row->told_up = false;
		events->liveness(row, false, arg);
	}
}
