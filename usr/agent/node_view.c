// SPDX-License-Identifier: Apache-2.0
/*
 * What a node shows of itself: which part waits for what, what blocks it, and
 * the figures of health answer and metrics. It reads all parts and changes none.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bytes.h"
#include "node_priv.h"
#include "privilege.h"
#include "version.h"

/* Joins the sentences that there are, each once; what does not fit is left out
 * whole. */
static void join(char out[NODE_JOINED_CHARS], const char *text)
{
	size_t at = strlen(out);

	if (!text || !*text || strstr(out, text))
		return;
	if (at + strlen(text) + 3 > NODE_JOINED_CHARS)
		return;
	snprintf(out + at, NODE_JOINED_CHARS - at, "%s%s", at ? "; " : "", text);
}

static const char *link_trouble(const struct node *n, char out[NODE_TEXT_CHARS])
{
	struct carriage_status status;
	char id[HEX_SIZE(4)];

	for (size_t i = 0; i < n->peers.count; i++) {
		const struct peer *p = &n->peers.at[i];

		if (peer_live(p) && p->state == ATTESTMESH_STATE_UP)
			continue;
		if (!carriage_peer_status(n->carriage, p->id, &status) || !status.error[0])
			continue;
		snprintf(out, NODE_TEXT_CHARS, "gateway: link to %s: %.140s; check that the "
			 "peer's gateway is reached from here", hex_encode(id, p->id, 4),
			 status.error);
		return out;
	}
	return NULL;
}

static void waiting_texts(struct node *n)
{
	char *w = n->waiting, link[NODE_TEXT_CHARS];

	w[0] = '\0';
	join(w, privilege_waiting());
	join(w, n->info_waiting);
	join(w, keys_waiting(n->keys));
	if (n->chain)
		join(w, chain_waiting(n->chain));
	if (n->identified) {
		join(w, reg_waiting(n->reg));
		join(w, bundler_waiting(n->bundler));
	}
	join(w, n->mesh_waiting);
	join(w, kern_waiting_for(n->kern));
	join(w, carriage_waiting_for(n->carriage));
	join(w, n->rpc_waiting);
	join(w, link_trouble(n, link));
	if (n->identified && reg_registered(n->reg)) {
		join(w, envelopes_progress(n->envelopes));
		join(w, csk_waiting_for(n->csk));
	}
}

static const char *convergence_blockers(const struct node *n, char out[NODE_TEXT_CHARS])
{
	size_t at;

	if (!n->has_kernel_mesh || n->kernel_mesh.converged || !n->kernel_mesh.blocker_count)
		return NULL;
	at = (size_t)snprintf(out, NODE_TEXT_CHARS, "views differ:");
	for (uint32_t i = 0; i < n->kernel_mesh.blocker_count && i < 4; i++) {
		char id[HEX_SIZE(8)];

		at += (size_t)snprintf(out + at, NODE_TEXT_CHARS - at, " %s",
				       hex_encode(id, n->kernel_mesh.blocker[i], 8));
	}
	return out;
}

void node_view_texts(struct node *n)
{
	char views[NODE_TEXT_CHARS];
	int64_t now = loop_now_ms(n->loop);

	waiting_texts(n);
	n->blocked[0] = '\0';
	join(n->blocked, n->stopped);
	if (n->chain)
		join(n->blocked, chain_fatal(n->chain));
	if (n->twin_ms && now - n->twin_ms < NODE_TWIN_SHOWN_MS)
		join(n->blocked, "another instance of this member is running; stop one");
	if (n->identified) {
		if (!n->stopped[0])
			join(n->blocked, reg_blocked(n->reg));
		join(n->blocked, bundler_blocked(n->bundler));
	}
	if (n->phases.now != PHASE_HEALTHY)
		join(n->blocked, convergence_blockers(n, views));
}

static void warn(struct health_view *v, const char *text)
{
	if (text && *text && v->warning_count < HEALTH_WARNINGS_MAX)
		snprintf(v->warnings[v->warning_count++], HEALTH_TEXT_CHARS, "%s", text);
}

static void fill_self(struct health_view *v, const struct node *n)
{
	const struct chain_snapshot *s = n->chain ? chain_now(n->chain) : NULL;

	v->chain_id = n->config->chain_id;
	if (!s || !s->self || !n->identified)
		return;
	v->has_self = true;
	memcpy(v->cluster, s->cluster, sizeof(v->cluster));
	memcpy(v->member_contract, s->self->contract, sizeof(v->member_contract));
	memcpy(v->member_id, s->self->id, sizeof(v->member_id));
	memcpy(v->x_pub, s->self->x_pub, sizeof(v->x_pub));
	memcpy(v->wg_pub, s->self->wg_pub, sizeof(v->wg_pub));
	memcpy(v->ed_pub, keys_beat_public(n->keys), sizeof(v->ed_pub));
	v->mesh_ip = s->self->mesh_ip;
	memcpy(v->mesh_ip6, s->self->mesh_ip6, sizeof(v->mesh_ip6));
	v->members = (uint32_t)members_live(&s->members);
}

static void fill_versions(struct health_view *v, const struct node *n)
{
	struct am_module module;
	struct utsname os;

	snprintf(v->version, sizeof(v->version), "%s", ATTESTMESH_VERSION);
	if (kern_module(n->kern, &module))
		snprintf(v->module_version, sizeof(v->module_version), "%s", module.version);
	if (!uname(&os))
		snprintf(v->kernel, sizeof(v->kernel), "%.63s", os.release);
	for (size_t i = 0; i < n->config->rpc_urls && i < 4; i++)
		config_url_public(v->endpoints[v->endpoint_count++], HEALTH_TEXT_CHARS,
				  n->config->rpc_url[i]);
}

static void fill_beats(struct health_view *v, const struct node *n)
{
	const struct am_mesh *m = &n->kernel_mesh;

	if (!n->has_kernel_mesh)
		return;
	v->first_converged = m->first_converged;
	v->beats_sent = m->counters.beats;
	v->beats_accepted = m->counters.accepted;
	v->peers_up = m->peers_up;
	v->peers_suspect = m->peers_suspect;
	v->peers_down = m->peers_down;
	for (unsigned i = 0; i < AM_DROPS && i < HEALTH_DROPS_MAX; i++) {
		snprintf(v->drops[i].reason, sizeof(v->drops[i].reason), "%s", am_drop_name(i));
		v->drops[i].count = am_drop_value(&m->drops, i);
		v->drop_count++;
	}
}

static void fill_peers(struct health_view *v, const struct node *n)
{
	int64_t now = loop_now_ms(n->loop);

	v->live_peers = (uint32_t)peers_live(&n->peers);
	for (size_t i = 0; i < n->peers.count; i++) {
		const struct peer *p = &n->peers.at[i];
		struct carriage_status status;

		if (carriage_peer_status(n->carriage, p->id, &status)) {
			v->links++;
			v->links_up += status.handshake;
		}
		if (v->peer_count++ < HEALTH_PEERS_MAX) {
			struct health_peer *row = &v->peers[v->peer_count - 1];

			memcpy(row->member_id, p->id, sizeof(row->member_id));
			row->mesh_ip = p->mesh_ip;
			snprintf(row->state, sizeof(row->state), "%s", am_state_name(p->state));
			snprintf(row->path, sizeof(row->path), "tcp");
		}
		if (!p->away_since_ms || now - p->away_since_ms < PEERS_AWAY_MS)
			continue;
		if (v->away_count++ < HEALTH_AWAY_MAX) {
			struct health_away *row = &v->away[v->away_count - 1];

			memcpy(row->member_id, p->id, sizeof(row->member_id));
			row->mesh_ip = p->mesh_ip;
			row->away_secs = (uint64_t)(now - p->away_since_ms) / 1000;
		}
	}
}

static void fill_chain(struct health_view *v, const struct node *n)
{
	if (!n->chain)
		return;
	v->chain_requests = chain_requests(n->chain);
	v->chain_block = chain_head(n->chain);
	warn(v, chain_warning(n->chain));
	if (n->registry)
		warn(v, registry_text(n->registry));
	if (!n->identified)
		return;
	v->operations_sent = bundler_operations_sent(n->bundler);
	v->operations_pending = bundler_pending(n->bundler);
	v->envelopes_sent = envelopes_sent(n->envelopes);
	v->envelopes_received = envelopes_received(n->envelopes);
	v->messages_sent = messages_sent(n->messages);
	v->messages_received = messages_received(n->messages);
	if (envelopes_progress(n->envelopes))
		snprintf(v->progress, sizeof(v->progress), "%s", envelopes_progress(n->envelopes));
}

void node_view_fill(struct health_view *v, void *arg)
{
	struct node *n = arg;

	v->phase = health_phase_names[n->phases.now];
	v->csk_acquired = n->csk && csk_acquired(n->csk);
	v->csk_generation = n->csk ? csk_held(n->csk) : 0;
	snprintf(v->waiting_for, sizeof(v->waiting_for), "%s", n->waiting);
	snprintf(v->blocked_by, sizeof(v->blocked_by), "%s", n->blocked);
	v->uptime_seconds = (double)(loop_now_ms(n->loop) - n->phases.started_ms) / 1000;
	for (int i = 0; i < HEALTH_PHASES; i++)
		v->phase_seconds[i] = phase_log_seconds(&n->phases, (enum phase)i);
	if (n->config->rpc_urls == 1)
		warn(v, "one RPC endpoint alone: what it says of the chain is not cross-checked");
	else
		warn(v, "several RPC endpoints, but only the first is asked: nothing is cross-checked");
	warn(v, carriage_warning(n->carriage));
	if (!n->config->paymaster_url)
		warn(v, "no PAYMASTER_URL: the member account must hold ETH");
	fill_self(v, n);
	fill_versions(v, n);
	fill_beats(v, n);
	fill_peers(v, n);
	fill_chain(v, n);
}
