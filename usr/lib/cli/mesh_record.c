// SPDX-License-Identifier: Apache-2.0
/*
 * What is shown of meshes, peers and events.
 */
#include "mesh_record.h"

#include <stdio.h>

static const char *const drop_keys[AM_DROPS] = {
	"drops.wrong_iif", "drops.short", "drops.magic", "drops.version", "drops.length",
	"drops.unknown_source", "drops.member_id", "drops.no_key", "drops.replay",
	"drops.rate", "drops.queue_full", "drops.bad_signature", "drops.stale_key",
};

static void record_drops(struct out_record *r, const struct am_drops *d)
{
	for (unsigned i = 0; i < AM_DROPS; i++)
		out_number(r, drop_keys[i], am_drop_value(d, i));
}

static void record_flags(struct out_record *r, const char *key, uint32_t flags)
{
	out_list(r, key);
	if (flags & ATTESTMESH_BEAT_AGENT)
		out_list_add(r, "agent");
	if (flags & ATTESTMESH_BEAT_SELF_DOUBT)
		out_list_add(r, "self-doubt");
	if (flags & ATTESTMESH_BEAT_LEAVING)
		out_list_add(r, "leaving");
}

static void record_counters(struct out_record *r, const struct am_counters *c)
{
	out_number(r, "counters.beats", c->beats);
	out_number(r, "counters.early_beats", c->early_beats);
	out_number(r, "counters.datagrams", c->datagrams);
	out_number(r, "counters.tx_again", c->tx_again);
	out_number(r, "counters.tx_late", c->tx_late);
	out_number(r, "counters.tx_no_endpoint", c->tx_no_endpoint);
	out_number(r, "counters.tx_error", c->tx_error);
	out_number(r, "counters.tx_icmp", c->tx_icmp);
	out_number(r, "counters.tx_spared", c->tx_spared);
	out_number(r, "counters.sign_errors", c->sign_errors);
	out_number(r, "counters.accepted", c->accepted);
	out_number(r, "counters.stalls", c->stalls);
	out_number(r, "counters.raises", c->raises);
	out_number(r, "counters.events_lost", c->events_lost);
}

static void record_blockers(struct out_record *r, const struct am_mesh *m)
{
	char id[OUT_ID_CHARS];

	out_number(r, "blockers", m->blockers);
	out_list(r, "blocked_by");
	for (uint32_t i = 0; i < m->blocker_count; i++) {
		for (int k = 0; k < AM_ID_LEN; k++)
			snprintf(id + 2 * k, 3, "%02x", m->blocker[i][k]);
		out_list_add(r, id);
	}
}

void record_mesh(struct out_record *r, const struct am_mesh *m)
{
	out_text(r, "interface", m->ifname);
	out_number(r, "ifindex", m->ifindex);
	out_hex(r, "member_id", m->member_id, AM_ID_LEN);
	out_number(r, "index", m->index);
	out_addr4(r, "mesh_ip", m->addr4);
	if (m->has_addr6)
		out_addr6(r, "mesh_ip6", m->addr6);
	else
		out_absent(r, "mesh_ip6", OUT_TEXT);
	out_hex(r, "domain", m->domain, AM_ID_LEN);
	out_hex(r, "public_key", m->public_key, AM_KEY_LEN);
	out_number(r, "port", m->port);
	out_number(r, "interval_ms", m->interval_ms);
	out_number(r, "miss", m->miss);
	out_number(r, "convict", m->convict);
	out_number(r, "min_peers", m->min_peers);
	if (m->linger_ms == ATTESTMESH_LINGER_FOREVER)
		out_absent(r, "linger_ms", OUT_NUMBER);
	else
		out_number(r, "linger_ms", m->linger_ms);
	record_flags(r, "flags", m->flags);
	out_number(r, "incarnation", m->incarnation);
	out_number(r, "sequence", m->sequence);
	out_number(r, "known", m->known);
	out_number(r, "live", m->live);
	out_bool(r, "converged", m->converged);
	out_bool(r, "first_converged", m->first_converged);
	record_blockers(r, m);
	out_hex(r, "digest", m->digest, AM_DIGEST_LEN);
	out_number(r, "epoch", m->epoch);
	out_number(r, "event_seq", m->event_seq);
	out_number(r, "peers_by_state.unknown", m->peers_unknown);
	out_number(r, "peers_by_state.silent", m->peers_silent);
	out_number(r, "peers_by_state.up", m->peers_up);
	out_number(r, "peers_by_state.suspect", m->peers_suspect);
	out_number(r, "peers_by_state.down", m->peers_down);
	record_counters(r, &m->counters);
	record_drops(r, &m->drops);
}

static void record_beat(struct out_record *r, const struct am_peer *p)
{
	if (p->has_beat)
		out_number(r, "beat_age_ms", p->beat_age_ms);
	else
		out_absent(r, "beat_age_ms", OUT_NUMBER);
	record_flags(r, "flags", p->beat_flags);
	out_bool(r, "agent_attached", p->beat_flags & ATTESTMESH_BEAT_AGENT);
	out_number(r, "interval_ms", p->beat_interval_ms);
	out_number(r, "incarnation", p->incarnation);
	out_number(r, "sequence", p->sequence);
	if (p->has_rtt) {
		out_number(r, "rtt_us", p->rtt_us);
		out_number(r, "rtt_min_us", p->rtt_min_us);
	} else {
		out_absent(r, "rtt_us", OUT_NUMBER);
		out_absent(r, "rtt_min_us", OUT_NUMBER);
	}
	out_number(r, "loss_permille", p->loss_permille);
	out_bool(r, "hears_us", p->link & ATTESTMESH_LINK_HEARS_US);
	out_bool(r, "one_way", p->link & ATTESTMESH_LINK_ONE_WAY);
	out_bool(r, "agrees", p->agrees);
}

void record_peer(struct out_record *r, const struct am_peer *p)
{
	out_hex(r, "member_id", p->id, AM_ID_LEN);
	out_number(r, "index", p->index);
	out_addr4(r, "mesh_ip", p->addr4);
	if (p->has_addr6)
		out_addr6(r, "mesh_ip6", p->addr6);
	else
		out_absent(r, "mesh_ip6", OUT_TEXT);
	if (p->has_key)
		out_hex(r, "key", p->key, AM_KEY_LEN);
	else
		out_absent(r, "key", OUT_TEXT);
	out_text(r, "key_status", am_key_status_name(p->key_status));
	out_text(r, "state", am_state_name(p->state));
	out_text(r, "reason", am_reason_name(p->reason));
	out_bool(r, "live", p->state == ATTESTMESH_STATE_UP ||
			    p->state == ATTESTMESH_STATE_SUSPECT);
	out_number(r, "state_age_ms", p->state_age_ms);
	record_beat(r, p);
	out_number(r, "live_count", p->live);
	out_number(r, "known_count", p->known);
	out_number(r, "accepted", p->accepted);
	out_number(r, "datagrams", p->datagrams);
	record_drops(r, &p->drops);
}

void record_peer_brief(struct out_record *r, const struct am_peer *p)
{
	char text[32];

	out_number(r, "index", p->index);
	out_addr4(r, "address", p->addr4);
	out_text(r, "state", am_state_name(p->state));
	out_text(r, "reason", am_reason_name(p->reason));
	if (p->has_beat) {
		snprintf(text, sizeof(text), "%.1f s", (double)p->beat_age_ms / 1000);
		out_text(r, "heard", text);
	} else {
		out_absent(r, "heard", OUT_TEXT);
	}
	if (p->has_rtt) {
		snprintf(text, sizeof(text), "%.1f ms", (double)p->rtt_us / 1000);
		out_text(r, "rtt", text);
	} else {
		out_absent(r, "rtt", OUT_TEXT);
	}
	snprintf(text, sizeof(text), "%.1f %%", (double)p->loss_permille / 10);
	out_text(r, "loss", text);
	out_bool(r, "agent", p->beat_flags & ATTESTMESH_BEAT_AGENT);
	out_bool(r, "agrees", p->agrees);
	out_hex(r, "member", p->id, 8);
}

void record_event(struct out_record *r, const struct am_event *e)
{
	static const char *const names[] = {
		[AM_EVENT_PEER] = "peer", [AM_EVENT_CONVERGED] = "converged",
		[AM_EVENT_GONE] = "gone", [AM_EVENT_TWIN] = "twin",
		[AM_EVENT_RAISE_STOPPED] = "raise-stopped",
	};

	out_text(r, "event", names[e->type]);
	out_number(r, "ifindex", e->ifindex);
	out_number(r, "seq", e->seq);
	if (e->type == AM_EVENT_CONVERGED) {
		out_bool(r, "converged", e->converged);
		out_bool(r, "first_converged", e->first_converged);
		out_number(r, "live", e->live);
		return;
	}
	if (e->type == AM_EVENT_GONE) {
		out_text(r, "reason", am_gone_name(e->gone));
		return;
	}
	out_hex(r, "member_id", e->id, AM_ID_LEN);
	out_number(r, "index", e->index);
	if (e->type != AM_EVENT_PEER) {
		out_number(r, "incarnation", e->incarnation);
		return;
	}
	out_text(r, "old", am_state_name(e->old_state));
	out_text(r, "new", am_state_name(e->new_state));
	out_text(r, "reason", am_reason_name(e->reason));
	record_flags(r, "flags", e->beat_flags);
	out_number(r, "live", e->live);
}
