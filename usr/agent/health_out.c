// SPDX-License-Identifier: Apache-2.0
/* Health views as JSON, metrics and attestation. The page is health_page.c. */
#include "health_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "keccak.h"
#include "log.h"

const char *const health_phase_names[HEALTH_PHASES] = {
	"booting", "registering", "subscribing", "waiting-peers",
	"wg-configuring", "pulling-csk", "heartbeating", "healthy",
};

static void escaped(struct buf *b, const char *text, size_t len)
{
	char clean[LOG_FOREIGN_MAX_CHARS + 1];

	log_foreign(clean, sizeof(clean), text, len);
	for (const char *p = clean; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_byte(b, '\\');
		buf_add_byte(b, (uint8_t)*p);
	}
}

void health_json_text(struct buf *b, const char *text)
{
	buf_add_byte(b, '"');
	escaped(b, text, strlen(text));
	buf_add_byte(b, '"');
}

/* Several sentences, whole: the limit of one is not for all together. */
static void joined_member(struct buf *b, const char *name, const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return;
	buf_printf(b, ",\"%s\":\"", name);
	for (size_t at = 0; at < len; at += LOG_FOREIGN_MAX_CHARS)
		escaped(b, text + at, len - at);
	buf_add_byte(b, '"');
}

static void text_member(struct buf *b, const char *name, const char *text)
{
	if (!*text)
		return;
	buf_printf(b, ",\"%s\":", name);
	health_json_text(b, text);
}

static void hex_member(struct buf *b, const char *name, const uint8_t *bytes, size_t len)
{
	char hex[HEX_SIZE(64)];

	buf_printf(b, ",\"%s\":\"0x%s\"", name, hex_encode(hex, bytes, len));
}

static void ip_text(char out[16], uint32_t ip)
{
	snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void json_away(struct buf *b, const struct health_view *v)
{
	size_t shown = v->away_count < HEALTH_AWAY_MAX ? v->away_count : HEALTH_AWAY_MAX;

	if (!v->away_count)
		return;
	buf_printf(b, ",\"agents_away\":[");
	for (size_t i = 0; i < shown; i++) {
		char id[HEX_SIZE(32)], ip[16];

		ip_text(ip, v->away[i].mesh_ip);
		buf_printf(b, "%s{\"member_id\":\"0x%s\",\"mesh_ip\":\"%s\",\"seconds\":%" PRIu64 "}",
			   i ? "," : "", hex_encode(id, v->away[i].member_id, 32), ip,
			   v->away[i].away_secs);
	}
	buf_printf(b, "],\"agents_away_count\":%zu", v->away_count);
}

static void json_warnings(struct buf *b, const struct health_view *v)
{
	size_t shown = v->warning_count < HEALTH_WARNINGS_MAX ? v->warning_count
							      : HEALTH_WARNINGS_MAX;

	if (!shown)
		return;
	buf_add_str(b, ",\"warnings\":[");
	for (size_t i = 0; i < shown; i++) {
		if (i)
			buf_add_byte(b, ',');
		health_json_text(b, v->warnings[i]);
	}
	buf_add_byte(b, ']');
}

void health_out_json(struct buf *b, const struct health_view *v)
{
	buf_printf(b, "{\"csk_acquired\":%s,\"first_converged\":%s,\"live_peers\":%" PRIu32
		   ",\"phase\":", v->csk_acquired ? "true" : "false",
		   v->first_converged ? "true" : "false", v->live_peers);
	health_json_text(b, v->phase ? v->phase : health_phase_names[0]);
	json_away(b, v);
	joined_member(b, "blocked_by", v->blocked_by);
	text_member(b, "clock", v->clock);
	text_member(b, "progress", v->progress);
	text_member(b, "refusal", v->refusal);
	joined_member(b, "waiting_for", v->waiting_for);
	json_warnings(b, v);
	buf_add_str(b, "}\n");
}

static void metric(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP attestmesh_%s %s\n# TYPE attestmesh_%s %s\n", name, help,
		   name, type);
}

static void counter(struct buf *b, const char *name, uint64_t value, const char *help)
{
	metric(b, name, "counter", help);
	buf_printf(b, "attestmesh_%s %" PRIu64 "\n", name, value);
}

static void gauge(struct buf *b, const char *name, uint64_t value, const char *help)
{
	metric(b, name, "gauge", help);
	buf_printf(b, "attestmesh_%s %" PRIu64 "\n", name, value);
}

/* A label value: only what needs no escape. */
static void label(struct buf *b, const char *text)
{
	char clean[LOG_FOREIGN_MAX_CHARS + 1];

	log_foreign(clean, sizeof(clean), text, strlen(text));
	for (const char *p = clean; *p; p++)
		buf_add_byte(b, *p == '"' || *p == '\\' ? '_' : (uint8_t)*p);
}

static void metrics_phase(struct buf *b, const struct health_view *v)
{
	metric(b, "phase", "gauge", "The phase the node is in: 1 for one of them.");
	for (int i = 0; i < HEALTH_PHASES; i++)
		buf_printf(b, "attestmesh_phase{phase=\"%s\"} %d\n", health_phase_names[i],
			   v->phase && !strcmp(v->phase, health_phase_names[i]));
	metric(b, "phase_entered_seconds", "gauge",
	       "Seconds from the agent's start to its first entry into a phase.");
	for (int i = 0; i < HEALTH_PHASES; i++)
		if (v->phase_seconds[i] >= 0)
			buf_printf(b, "attestmesh_phase_entered_seconds{phase=\"%s\"} %.3f\n",
				   health_phase_names[i], v->phase_seconds[i]);
	metric(b, "uptime_seconds", "gauge", "Seconds since the agent's start.");
	buf_printf(b, "attestmesh_uptime_seconds %.3f\n", v->uptime_seconds);
}

static void metrics_mesh(struct buf *b, const struct health_view *v)
{
	size_t drops = v->drop_count < HEALTH_DROPS_MAX ? v->drop_count : HEALTH_DROPS_MAX;

	gauge(b, "members", v->members, "Current members, this node included.");
	gauge(b, "live_peers", v->live_peers, "Peers up or suspect.");
	metric(b, "peers", "gauge", "Peers by verdict.");
	buf_printf(b, "attestmesh_peers{state=\"up\"} %" PRIu32 "\n"
		   "attestmesh_peers{state=\"suspect\"} %" PRIu32 "\n"
		   "attestmesh_peers{state=\"down\"} %" PRIu32 "\n",
		   v->peers_up, v->peers_suspect, v->peers_down);
	gauge(b, "first_converged", v->first_converged, "The convergence latch.");
	gauge(b, "csk_acquired", v->csk_acquired, "The shared key held matches the chain.");
	gauge(b, "csk_generation", v->csk_generation, "Generation of the shared key held.");
	gauge(b, "agents_away", v->away_count, "Peers without an agent for over ten minutes.");
	counter(b, "beats_sent_total", v->beats_sent, "Beats sent by the kernel.");
	counter(b, "beats_accepted_total", v->beats_accepted, "Beats verified and accepted.");
	metric(b, "beats_dropped_total", "counter", "Beats dropped, by reason.");
	for (size_t i = 0; i < drops; i++) {
		buf_add_str(b, "attestmesh_beats_dropped_total{reason=\"");
		label(b, v->drops[i].reason);
		buf_printf(b, "\"} %" PRIu64 "\n", v->drops[i].count);
	}
	gauge(b, "links", v->links, "Links that the bridge keeps.");
	gauge(b, "links_up", v->links_up, "Links over which a handshake passed.");
	counter(b, "link_redials_total", v->link_redials, "Times a link was dialled again.");
	counter(b, "link_drops_total", v->link_drops, "Datagrams dropped by the bridge.");
}

static void metrics_chain(struct buf *b, const struct health_view *v)
{
	counter(b, "operations_sent_total", v->operations_sent, "Operations submitted.");
	counter(b, "operations_failed_total", v->operations_failed, "Operations that failed.");
	gauge(b, "operations_pending", v->operations_pending, "Operations not settled yet.");
	counter(b, "envelopes_sent_total", v->envelopes_sent, "Endpoint envelopes sent.");
	counter(b, "envelopes_received_total", v->envelopes_received,
		"Endpoint envelopes accepted.");
	counter(b, "messages_sent_total", v->messages_sent, "Application messages sent.");
	counter(b, "messages_received_total", v->messages_received,
		"Application messages received.");
	counter(b, "chain_requests_total", v->chain_requests, "Requests to chain endpoints.");
	counter(b, "chain_errors_total", v->chain_errors, "Chain requests that failed.");
	gauge(b, "chain_block", v->chain_block, "Block of the newest snapshot.");
	counter(b, "reorgs_total", v->reorgs, "Reorganisations seen.");
}

void health_out_metrics(struct buf *b, const struct health_view *v)
{
	metric(b, "info", "gauge", "Versions, as labels.");
	buf_add_str(b, "attestmesh_info{version=\"");
	label(b, v->version);
	buf_add_str(b, "\",module=\"");
	label(b, v->module_version);
	buf_add_str(b, "\",bridge=\"");
	label(b, v->bridge_version);
	buf_add_str(b, "\"} 1\n");
	metrics_phase(b, v);
	metrics_mesh(b, v);
	metrics_chain(b, v);
}

/* One 32-byte word of an ABI encoding: a value flush right. */
static void word(struct keccak256 *k, const uint8_t *bytes, size_t len)
{
	static const uint8_t zero[32];

	keccak256_add(k, zero, 32 - len);
	keccak256_add(k, bytes, len);
}

static void word_number(struct keccak256 *k, uint64_t value)
{
	uint8_t be[8];

	store_be64(be, value);
	word(k, be, sizeof(be));
}

void health_report_data(uint8_t out[64], const struct health_view *v,
			const uint8_t *nonce, size_t nonce_len)
{
	static const char tag[32] = "attestmesh.node.v1";
	struct keccak256 k;

	/* abi.encode(string, uint256, address, address, bytes32 x 3): seven
	 * words, the first the offset of the text behind them. */
	keccak256_init(&k);
	word_number(&k, 7 * 32);
	word_number(&k, v->chain_id);
	word(&k, v->cluster, 20);
	word(&k, v->member_contract, 20);
	word(&k, v->x_pub, 32);
	word(&k, v->wg_pub, 32);
	word(&k, v->ed_pub, 32);
	word_number(&k, strlen(tag));
	keccak256_add(&k, tag, sizeof(tag));
	keccak256_done(&k, out);
	keccak256(out + 32, nonce, nonce_len);
}

void health_out_attestation(struct buf *b, const struct health_view *v,
			    const uint8_t *nonce, size_t nonce_len,
			    const uint8_t *quote, size_t quote_len)
{
	uint8_t data[64];
	char pair[HEX_SIZE(1)];

	health_report_data(data, v, nonce, nonce_len);
	buf_printf(b, "{\"chain_id\":%" PRIu64, v->chain_id);
	hex_member(b, "cluster", v->cluster, 20);
	hex_member(b, "member", v->member_contract, 20);
	hex_member(b, "member_id", v->member_id, 32);
	hex_member(b, "x_pub", v->x_pub, 32);
	hex_member(b, "wg_pub", v->wg_pub, 32);
	hex_member(b, "ed_pub", v->ed_pub, 32);
	hex_member(b, "nonce", nonce, nonce_len);
	buf_add_str(b, ",\"recipe\":\"report_data = keccak256(abi.encode("
		    "'attestmesh.node.v1', chain_id, cluster, member, x_pub, wg_pub, ed_pub))"
		    " || keccak256(nonce), the types being string, uint256, address, address,"
		    " bytes32, bytes32, bytes32\"");
	hex_member(b, "report_data", data, sizeof(data));
	buf_add_str(b, ",\"quote\":\"0x");
	for (size_t i = 0; i < quote_len; i++)
		buf_add_str(b, hex_encode(pair, quote + i, 1));
	buf_add_str(b, "\"}\n");
}
