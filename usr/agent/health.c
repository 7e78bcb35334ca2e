// SPDX-License-Identifier: Apache-2.0
/*
 * The health server: paths to renderers, and quotes one at a time. A quote
 * costs the guest agent work and strangers may ask: at most one in ten
 * seconds is asked for, whoever wants it.
 */
#include "health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "bytes.h"
#include "clock.h"
#include "health_out.h"
#include "http/server.h"

struct health {
	struct loop *loop;
	struct http_server *http;
	const struct health_ops *ops;
	void *arg;
	struct health_view view;           /* scratch, too large for the stack */

	bool quoting, quoted_before;
	int64_t quoted_ms;                 /* when one was last asked for */
	uint64_t quote_call;
	uint8_t nonce[HEALTH_NONCE_MAX_BYTES];
	size_t nonce_len;
};

static void fill(struct health *h)
{
	memset(&h->view, 0, sizeof(h->view));
	h->ops->fill(&h->view, h->arg);
}

static void say(struct http_call *call, int status, const char *text)
{
	http_answer(call, status, NULL, text, strlen(text));
}

static void answer_buf(struct http_call *call, int status, const char *type,
		       struct buf *b)
{
	if (b->failed)
		say(call, 500, "the answer is too long\n");
	else
		http_answer(call, status, type, b->data, b->len);
	buf_free(b);
}

static void healthz(struct health *h, struct http_call *call)
{
	struct buf b;
	bool healthy;

	buf_init(&b, HTTP_ANSWER_MAX_BYTES);
	fill(h);
	healthy = h->view.phase && !strcmp(h->view.phase, health_phase_names[HEALTH_PHASES - 1]);
	health_out_json(&b, &h->view);
	answer_buf(call, healthy ? 200 : 503, "application/json", &b);
}

static void metrics(struct health *h, struct http_call *call)
{
	struct buf b;

	buf_init(&b, HTTP_ANSWER_MAX_BYTES);
	fill(h);
	health_out_metrics(&b, &h->view);
	answer_buf(call, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static void page(struct health *h, struct http_call *call)
{
	struct buf b;

	buf_init(&b, HTTP_ANSWER_MAX_BYTES);
	fill(h);
	health_out_page(&b, &h->view);
	answer_buf(call, 200, "text/html; charset=utf-8", &b);
}

static bool may_quote(const struct health *h, int64_t now_ms)
{
	return !h->quoting &&
	       (!h->quoted_before || now_ms - h->quoted_ms >= HEALTH_QUOTE_INTERVAL_MS);
}

static void attestation(struct health *h, struct http_call *call,
			const struct http_request *request)
{
	char text[HEX_SIZE(HEALTH_NONCE_MAX_BYTES) + 2];
	uint8_t nonce[HEALTH_NONCE_MAX_BYTES], data[64];
	int64_t now_ms = clock_boot_ms();
	size_t nonce_len;

	if (!h->ops->quote) {
		say(call, 404, "this node has no quotes\n");
		return;
	}
	if (http_query(request, "nonce", text, sizeof(text)) <= 0 ||
	    !hex_decode_var(nonce, sizeof(nonce), &nonce_len, text) || !nonce_len) {
		say(call, 400, "give ?nonce= with 2 to 128 hexadecimal digits\n");
		return;
	}
	fill(h);
	if (!h->view.has_self) {
		say(call, 503, "the keys are not known yet; ask later\n");
		return;
	}
	if (!may_quote(h, now_ms)) {
		say(call, 429, "one quote in 10 seconds; ask later\n");
		return;
	}
	h->quoting = h->quoted_before = true;
	h->quoted_ms = now_ms;
	h->quote_call = http_call_id(call);
	memcpy(h->nonce, nonce, nonce_len);
	h->nonce_len = nonce_len;
	health_report_data(data, &h->view, h->nonce, h->nonce_len);
	if (h->ops->quote(data, h->arg)) {
		h->quoting = false;
		say(call, 503, "no quote can be had now; ask later\n");
	}
}

void health_quote_done(struct health *h, const uint8_t *quote, size_t len, const char *why)
{
	struct http_call *call = http_call_find(h->http, h->quote_call);
	struct buf b;

	if (!h->quoting)
		return;
	h->quoting = false;
	if (!call)
		return;
	buf_init(&b, HTTP_ANSWER_MAX_BYTES);
	if (!quote || len > HEALTH_QUOTE_MAX_BYTES) {
		buf_add_str(&b, "{\"error\":");
		health_json_text(&b, quote ? "the quote is too long"
				 : why ? why : "no quote");
		buf_add_str(&b, "}\n");
		answer_buf(call, 503, "application/json", &b);
		return;
	}
	fill(h);
	health_out_attestation(&b, &h->view, h->nonce, h->nonce_len, quote, len);
	answer_buf(call, 200, "application/json", &b);
}

static void on_request(struct http_call *call, const struct http_request *request,
		       void *arg)
{
	struct health *h = arg;

	if (!strcmp(request->path, "/healthz"))
		healthz(h, call);
	else if (!strcmp(request->path, "/metrics"))
		metrics(h, call);
	else if (!strcmp(request->path, "/attestation"))
		attestation(h, call, request);
	else if (!strcmp(request->path, "/"))
		page(h, call);
	else
		say(call, 404, "try / /healthz /metrics /attestation?nonce=\n");
}

struct health *health_new(struct loop *loop, const struct health_ops *ops, void *arg)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->loop = loop;
	h->ops = ops;
	h->arg = arg;
	h->http = http_server_new(loop, on_request, h);
	if (!h->http) {
		free(h);
		return NULL;
	}
	return h;
}

int health_listen(struct health *h, const char *host, uint16_t port)
{
	return http_server_listen(h->http, host, port);
}

uint16_t health_port(const struct health *h)
{
	return http_server_port(h->http);
}

void health_free(struct health *h)
{
	if (!h)
		return;
	http_server_free(h->http);
	free(h);
}
