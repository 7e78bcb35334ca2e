// SPDX-License-Identifier: Apache-2.0
/*
 * Guest agent requests. The socket is searched at every request, because an
 * agent that restarts may leave another one; a path that exists but answers
 * nobody is told apart from none at all.
 */
#include "dstack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "parse.h"
#include "secret.h"

enum {
	DSTACK_CONNECT_MS = 3000,
	DSTACK_QUOTE_ANSWER_MAX_BYTES = 2 << 20,
	DSTACK_QUOTE_MAX_BYTES = 1 << 20,
};

enum kind { KIND_INFO, KIND_KEY, KIND_QUOTE, KINDS };

struct pending {
	struct dstack *d;
	struct http_call *http;   /* NULL: none in flight */
	union {
		dstack_info_fn info;
		dstack_key_fn key;
		dstack_quote_fn quote;
	} to;
	void *arg;
};

struct dstack {
	struct loop *loop;
	struct http *http;
	char *configured;         /* NULL: search */
	char socket[108];
	struct pending pending[KINDS];
};

static const char *const known_sockets[] = {
	"/var/run/dstack.sock", "/run/dstack.sock",
	"/var/run/dstack/dstack.sock", "/run/dstack/dstack.sock",
};

static void find_socket(struct dstack *d)
{
	const char *found = d->configured;

	for (size_t i = 0; !found && i < ARRAY_LEN(known_sockets); i++)
		if (access(known_sockets[i], F_OK) == 0)
			found = known_sockets[i];
	snprintf(d->socket, sizeof(d->socket), "%s", found ? found : known_sockets[0]);
}

/* ---- failures ---- */

static void transport_failure(const struct dstack *d, enum http_error e,
			      struct dstack_failure *why)
{
	const char *s = d->socket;

	switch (e) {
	case HTTP_NO_SOCKET:
		dstack_why(why, DSTACK_ABSENT,
			   "guest agent: %s does not exist; mount it or set DSTACK_SOCKET", s);
		break;
	case HTTP_STALE:
	case HTTP_CONNECT:
		if (access(s, R_OK | W_OK) < 0 && errno == EACCES)
			dstack_why(why, DSTACK_DENIED, "guest agent: no permission to open %s", s);
		else
			dstack_why(why, DSTACK_STALE,
				   "guest agent: %s is there but nobody listens behind it; a stale "
				   "mount of a restarted agent needs the container recreated", s);
		break;
	case HTTP_TIMEOUT:
		dstack_why(why, DSTACK_NO_ANSWER, "guest agent: no whole answer from %s in time", s);
		break;
	case HTTP_TOO_LARGE:
		dstack_why(why, DSTACK_MALFORMED, "guest agent: answer from %s is too large", s);
		break;
	case HTTP_OK:
	case HTTP_TLS:
	case HTTP_TLS_CLOCK:
	case HTTP_BROKEN:
		dstack_why(why, DSTACK_NO_ANSWER, "guest agent: answer from %s cut short or not "
			   "HTTP", s);
		break;
	}
}

/* True if there is a body to read. */
static bool judge(const struct dstack *d, const struct http_reply *reply,
		  struct dstack_failure *why)
{
	if (reply->error != HTTP_OK) {
		transport_failure(d, reply->error, why);
		return false;
	}
	switch (reply->status) {
	case 200:
		return true;
	case 400:
		why->error = DSTACK_REFUSED;
		dstack_parse_refusal(reply->body, reply->len, why);
		return false;
	case 404:
		return dstack_why(why, DSTACK_UNKNOWN,
				  "guest agent: method not served; dstack older than 0.5?");
	default:
		return dstack_why(why, DSTACK_MALFORMED, "guest agent: HTTP status %ld",
				  reply->status);
	}
}

/* ---- answers ---- */

static void on_info(const struct http_reply *reply, void *arg)
{
	struct pending *p = arg;
	struct dstack_failure why = { 0 };
	struct dstack_info info;
	json_t *root = NULL, *tcb = NULL;
	bool ok = false;

	p->http = NULL;
	if (judge(p->d, reply, &why))
		root = dstack_parse_object(reply->body, reply->len, &why);
	if (root)
		ok = dstack_parse_info(&info, root, &tcb, &why);
	p->to.info(ok ? &info : NULL, ok ? NULL : &why, p->arg);
	json_decref(tcb);
	json_decref(root);
}

static void on_key(const struct http_reply *reply, void *arg)
{
	struct pending *p = arg;
	struct dstack_failure why = { 0 };
	struct dstack_key *key = secret_alloc(sizeof(*key));
	bool ok = false;

	p->http = NULL;
	if (!key)
		dstack_why(&why, DSTACK_NO_ANSWER, "no locked memory left for a key");
	else if (judge(p->d, reply, &why))
		ok = dstack_parse_key(key, reply->body, reply->len, &why);
	p->to.key(ok ? key : NULL, ok ? NULL : &why, p->arg);
	secret_free(key);
}

static void on_quote(const struct http_reply *reply, void *arg)
{
	struct pending *p = arg;
	struct dstack_failure why = { 0 };
	json_t *root = NULL;
	struct buf quote;
	bool ok = false;

	p->http = NULL;
	buf_init(&quote, DSTACK_QUOTE_MAX_BYTES);
	if (judge(p->d, reply, &why))
		root = dstack_parse_object(reply->body, reply->len, &why);
	if (root)
		ok = dstack_parse_quote(&quote, root, &why);
	p->to.quote(ok ? quote.data : NULL, ok ? quote.len : 0, ok ? NULL : &why, p->arg);
	buf_free(&quote);
	json_decref(root);
}

/* ---- requests ---- */

static const unsigned int total_ms[KINDS] = {
	[KIND_INFO] = DSTACK_INFO_MS, [KIND_KEY] = DSTACK_KEY_MS, [KIND_QUOTE] = DSTACK_QUOTE_MS,
};

static int ask(struct dstack *d, enum kind kind, const char *method, json_t *args,
	       size_t max_bytes, http_fn fn)
{
	char *body = args ? json_dumps(args, JSON_COMPACT) : NULL;
	char url[64];
	struct http_request req = {
		.url = url, .unix_socket = d->socket, .body = body,
		.body_len = body ? strlen(body) : 0, .max_body_bytes = max_bytes,
		.connect_ms = DSTACK_CONNECT_MS, .total_ms = total_ms[kind],
		.secret = kind == KIND_KEY,
	};

	json_decref(args);
	if (!body)
		return -ENOMEM;
	find_socket(d);
	snprintf(url, sizeof(url), "http://dstack/%s", method);
	d->pending[kind].d = d;
	d->pending[kind].http = http_start(d->http, &req, fn, &d->pending[kind]);
	free(body);
	return d->pending[kind].http ? 0 : -ENOMEM;
}

int dstack_info(struct dstack *d, dstack_info_fn fn, void *arg)
{
	struct pending *p = &d->pending[KIND_INFO];

	if (p->http)
		return -EBUSY;
	p->to.info = fn;
	p->arg = arg;
	return ask(d, KIND_INFO, "Info", json_object(), DSTACK_INFO_ANSWER_MAX_BYTES, on_info);
}

int dstack_get_key(struct dstack *d, const char *path, const char *purpose,
		   dstack_key_fn fn, void *arg)
{
	struct pending *p = &d->pending[KIND_KEY];

	if (p->http)
		return -EBUSY;
	p->to.key = fn;
	p->arg = arg;
	return ask(d, KIND_KEY, "GetKey", json_pack("{s:s, s:s}", "path", path, "purpose", purpose),
		   DSTACK_KEY_ANSWER_MAX_BYTES, on_key);
}

int dstack_get_quote(struct dstack *d, const uint8_t report_data[DSTACK_REPORT_DATA_BYTES],
		     dstack_quote_fn fn, void *arg)
{
	struct pending *p = &d->pending[KIND_QUOTE];
	char hex[HEX_SIZE(DSTACK_REPORT_DATA_BYTES)];

	if (p->http)
		return -EBUSY;
	p->to.quote = fn;
	p->arg = arg;
	hex_encode(hex, report_data, DSTACK_REPORT_DATA_BYTES);
	return ask(d, KIND_QUOTE, "GetQuote", json_pack("{s:s}", "report_data", hex),
		   DSTACK_QUOTE_ANSWER_MAX_BYTES, on_quote);
}

const char *dstack_socket(const struct dstack *d)
{
	return d->socket;
}

struct dstack *dstack_new(struct loop *loop, struct http *h, const char *socket_path)
{
	struct dstack *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->loop = loop;
	d->http = h;
	if (socket_path && *socket_path) {
		d->configured = strdup(socket_path);
		if (!d->configured) {
			free(d);
			return NULL;
		}
	}
	return d;
}

void dstack_free(struct dstack *d)
{
	if (!d)
		return;
	for (int i = 0; i < KINDS; i++)
		if (d->pending[i].http)
			http_cancel(d->pending[i].http);
	free(d->configured);
	free(d);
}
