// SPDX-License-Identifier: Apache-2.0
/* The page for people: what the node does, what holds it up, who is there. */
#include "health_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "log.h"

static const char head[] =
	"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	"<meta http-equiv=\"refresh\" content=\"5\"><title>AttestMesh node</title><style>"
	":root{color-scheme:light dark}"
	"body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem}"
	"table{border-collapse:collapse;width:100%}"
	"td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884;"
	"vertical-align:top}"
	"code{font:13px ui-monospace,monospace;word-break:break-all}"
	".phases span{padding:.1rem .5rem;margin:0 .2rem .2rem 0;border:1px solid #8886;"
	"border-radius:1rem;display:inline-block}"
	".phases .now{background:#2a7;color:#fff;border-color:#2a7}"
	".bad{border-left:4px solid #c33;padding-left:.75rem}"
	".wait{border-left:4px solid #d90;padding-left:.75rem}"
	"</style></head><body><h1>AttestMesh node</h1>";

static void text(struct buf *b, const char *foreign)
{
	char clean[LOG_FOREIGN_MAX_CHARS + 1];

	log_foreign(clean, sizeof(clean), foreign, strlen(foreign));
	for (const char *p = clean; *p; p++) {
		switch (*p) {
		case '<': buf_add_str(b, "&lt;"); break;
		case '>': buf_add_str(b, "&gt;"); break;
		case '&': buf_add_str(b, "&amp;"); break;
		case '"': buf_add_str(b, "&quot;"); break;
		case '\'': buf_add_str(b, "&#39;"); break;
		default: buf_add_byte(b, (uint8_t)*p);
		}
	}
}

/* Scheme, host and port: the rest of a URL may be a token. */
static void url_text(struct buf *b, const char *url)
{
	char shown[HEALTH_TEXT_CHARS];
	const char *host = strstr(url, "://"), *at;
	size_t scheme, len;

	host = host ? host + 3 : url;
	scheme = (size_t)(host - url);
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	snprintf(shown, sizeof(shown), "%.*s%.*s", (int)scheme, url, (int)len, host);
	text(b, shown);
}

static void note(struct buf *b, const char *class, const char *what, const char *foreign)
{
	if (!*foreign)
		return;
	buf_printf(b, "<p class=\"%s\"><b>%s</b> ", class, what);
	text(b, foreign);
	buf_add_str(b, "</p>");
}

static void row_hex(struct buf *b, const char *what, const uint8_t *bytes, size_t len)
{
	char hex[HEX_SIZE(32)];

	buf_printf(b, "<tr><th>%s</th><td><code>0x%s</code></td></tr>", what,
		   hex_encode(hex, bytes, len));
}

static void row_text(struct buf *b, const char *what, const char *foreign)
{
	if (!*foreign)
		return;
	buf_printf(b, "<tr><th>%s</th><td>", what);
	text(b, foreign);
	buf_add_str(b, "</td></tr>");
}

static void row_number(struct buf *b, const char *what, uint64_t value)
{
	buf_printf(b, "<tr><th>%s</th><td>%" PRIu64 "</td></tr>", what, value);
}

static void ip_text(char out[16], uint32_t ip)
{
	snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void phases(struct buf *b, const struct health_view *v)
{
	const char *now = v->phase ? v->phase : health_phase_names[0];

	buf_add_str(b, "<p class=\"phases\">");
	for (int i = 0; i < HEALTH_PHASES; i++)
		buf_printf(b, "<span%s>%s</span>",
			   strcmp(now, health_phase_names[i]) ? "" : " class=\"now\"",
			   health_phase_names[i]);
	buf_add_str(b, "</p>");
}

static void self(struct buf *b, const struct health_view *v)
{
	char ip[16];

	buf_add_str(b, "<h2>This node</h2><table>");
	if (v->has_self) {
		ip_text(ip, v->mesh_ip);
		row_text(b, "mesh address", ip);
		row_hex(b, "member id", v->member_id, 32);
		row_hex(b, "member contract", v->member_contract, 20);
		row_hex(b, "cluster", v->cluster, 20);
		row_number(b, "chain", v->chain_id);
		row_hex(b, "WireGuard key", v->wg_pub, 32);
	}
	row_text(b, "agent", v->version);
	row_text(b, "kernel module", v->module_version);
	row_text(b, "bridge", v->bridge_version);
	row_text(b, "kernel", v->kernel);
	for (size_t i = 0; i < v->endpoint_count && i < 4; i++) {
		buf_add_str(b, "<tr><th>chain endpoint</th><td>");
		url_text(b, v->endpoints[i]);
		buf_add_str(b, "</td></tr>");
	}
	buf_add_str(b, "</table>");
}

static void numbers(struct buf *b, const struct health_view *v)
{
	buf_add_str(b, "<h2>Figures</h2><table>");
	row_number(b, "members", v->members);
	row_number(b, "live peers", v->live_peers);
	row_number(b, "shared key generation", v->csk_generation);
	row_number(b, "beats sent", v->beats_sent);
	row_number(b, "beats accepted", v->beats_accepted);
	row_number(b, "operations sent", v->operations_sent);
	row_number(b, "messages received", v->messages_received);
	row_number(b, "newest block read", v->chain_block);
	buf_add_str(b, "</table>");
}

static void peers(struct buf *b, const struct health_view *v)
{
	size_t shown = v->peer_count < HEALTH_PEERS_MAX ? v->peer_count : HEALTH_PEERS_MAX;

	if (!shown)
		return;
	buf_add_str(b, "<h2>Peers</h2><table><tr><th>mesh address</th><th>member id</th>"
		    "<th>state</th><th>path</th></tr>");
	for (size_t i = 0; i < shown; i++) {
		char id[HEX_SIZE(32)], ip[16];

		ip_text(ip, v->peers[i].mesh_ip);
		buf_printf(b, "<tr><td>%s</td><td><code>0x%s</code></td><td>", ip,
			   hex_encode(id, v->peers[i].member_id, 32));
		text(b, v->peers[i].state);
		buf_add_str(b, "</td><td>");
		text(b, v->peers[i].path);
		buf_add_str(b, "</td></tr>");
	}
	buf_add_str(b, "</table>");
	if (v->peer_count > shown)
		buf_printf(b, "<p>and %zu more</p>", v->peer_count - shown);
}

void health_out_page(struct buf *b, const struct health_view *v)
{
	size_t warnings = v->warning_count < HEALTH_WARNINGS_MAX ? v->warning_count
								 : HEALTH_WARNINGS_MAX;

	buf_add_str(b, head);
	phases(b, v);
	note(b, "bad", "blocked by:", v->blocked_by);
	note(b, "bad", "refused:", v->refusal);
	note(b, "wait", "waiting for:", v->waiting_for);
	note(b, "wait", "progress:", v->progress);
	note(b, "wait", "clock:", v->clock);
	for (size_t i = 0; i < warnings; i++)
		note(b, "wait", "warning:", v->warnings[i]);
	self(b, v);
	peers(b, v);
	numbers(b, v);
	buf_add_str(b, "<p><a href=\"/healthz\">healthz</a> &middot; "
		    "<a href=\"/metrics\">metrics</a></p></body></html>\n");
}
