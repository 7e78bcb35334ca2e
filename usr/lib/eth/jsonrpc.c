// SPDX-License-Identifier: Apache-2.0
/*
 * JSON-RPC over http.h. A call waits in the queue until the endpoint's pause is
 * over and a slot is free; the answer is judged by rpc_decode(), which is pure.
 */
#include "jsonrpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "log.h"

enum {
	RPC_RECOVER_AFTER = 16,     /* good answers until a slot is given back */
	RPC_SLOWDOWN_MAX = 64,
	RPC_PAUSE_FIRST_MS = 1000,
	RPC_CODE_LIMIT = -32005,
	RPC_DETAIL_MAX = 100,
};

struct call {
	struct call *next;
	struct rpc *rpc;
	const void *owner;
	struct http_call *http;   /* NULL while it waits in the queue */
	uint64_t id;
	const char *method;       /* static text */
	char *body;
	rpc_fn fn;
	void *arg;
};

struct rpc {
	struct http *http;
	struct loop *loop;
	struct call *calls;       /* oldest first: waiting and in flight */
	struct loop_timer pump;
	char *name, *url;
	char public_url[128];
	uint64_t next_id, sent;
	unsigned int active, waiting, limit, good, slowdown;
	int64_t paused_until_ms;
};

/* ---- pure: encode and judge ---- */

char *rpc_encode(uint64_t id, const char *method, json_t *params)
{
	json_t *o = json_object();
	char *text = NULL;
	int bad = 0;

	bad |= json_object_set_new(o, "jsonrpc", json_string("2.0"));
	bad |= json_object_set_new(o, "id", json_integer((json_int_t)id));
	bad |= json_object_set_new(o, "method", json_string(method));
	bad |= json_object_set_new(o, "params", params ? params : json_array());
	if (!bad)
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* Depth of nesting outside strings; jansson's own bound is far above ours. */
static bool shallow(const char *body, size_t len)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = body[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > RPC_JSON_DEPTH_MAX)
				return false;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return true;
}

static bool means_too_much(const char *message)
{
	return strstr(message, "result") || strstr(message, "block range") ||
	       strstr(message, "response size");
}

static void set_message(struct rpc_reply *reply, const json_t *error, char *room, size_t size)
{
	const json_t *m = json_object_get(error, "message");

	reply->message = log_foreign(room, size, json_is_string(m) ? json_string_value(m) : "",
				     json_is_string(m) ? json_string_length(m) : 0);
}

static void judge_error(struct rpc_reply *reply, json_t *error, char *room, size_t size)
{
	json_t *code = json_object_get(error, "code");

	if (!json_is_object(error) || !json_is_integer(code)) {
		reply->class = RPC_FORMAT;
		return;
	}
	set_message(reply, error, room, size);
	reply->code = json_integer_value(code);
	reply->data = json_object_get(error, "data");
	reply->class = RPC_ERROR;
	if (reply->code == RPC_CODE_LIMIT || reply->code == 429)
		reply->class = means_too_much(reply->message) ? RPC_TOO_LARGE : RPC_RATE;
}

static bool id_fits(const json_t *root, uint64_t id)
{
	const json_t *got = json_object_get(root, "id");

	if (json_is_null(got)) /* allowed where the request could not be read */
		return json_object_get(root, "error") != NULL;
	return json_is_integer(got) && (uint64_t)json_integer_value(got) == id;
}

void rpc_decode(struct rpc_reply *reply, json_t **root, uint64_t id, long status,
		const void *body, size_t len)
{
	/* Lives as long as the text it is copied into; one thread, one at a time. */
	static char message[RPC_TEXT_MAX + 1];
	json_t *error;

	*reply = (struct rpc_reply){ .class = RPC_HTTP, .message = "", .code = status };
	*root = NULL;
	if (status == 429) {
		reply->class = RPC_RATE;
		return;
	}
	if (shallow(body, len))
		*root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	error = json_object_get(*root, "error");
	if (json_is_object(*root) && error && !json_is_null(error) && id_fits(*root, id)) {
		judge_error(reply, error, message, sizeof(message));
		return;
	}
	if (status != 200)
		return;
	reply->class = RPC_FORMAT;
	reply->result = json_object_get(*root, "result");
	if (reply->result && id_fits(*root, id))
		reply->class = RPC_OK;
}

bool rpc_transient(enum rpc_class class)
{
	switch (class) {
	case RPC_UNREACHABLE:
	case RPC_TIMEOUT:
	case RPC_HTTP:
	case RPC_RATE:
	case RPC_FORMAT:
	case RPC_CLOCK:
	case RPC_BUSY:
		return true;
	case RPC_OK:
	case RPC_TOO_LARGE:
	case RPC_ERROR:
		return false;
	}
	return false;
}

/* ---- restraint ---- */

int64_t rpc_pause_ms(const struct rpc *r)
{
	int64_t left = r->paused_until_ms - loop_now_ms(r->loop);

	return left > 0 ? left : 0;
}

unsigned int rpc_slowdown(const struct rpc *r)
{
	return r->slowdown;
}

static void be_restrained(struct rpc *r, int64_t retry_after_ms)
{
	int64_t pause = RPC_PAUSE_FIRST_MS * (int64_t)r->slowdown;

	if (retry_after_ms > pause)
		pause = retry_after_ms;
	if (pause > RPC_PAUSE_MAX_MS)
		pause = RPC_PAUSE_MAX_MS;
	r->paused_until_ms = loop_now_ms(r->loop) + pause;
	r->limit = r->limit > 1 ? r->limit / 2 : 1;
	r->slowdown = r->slowdown < RPC_SLOWDOWN_MAX ? r->slowdown * 2 : RPC_SLOWDOWN_MAX;
	r->good = 0;
}

static void be_encouraged(struct rpc *r)
{
	if (++r->good < RPC_RECOVER_AFTER)
		return;
	r->good = 0;
	if (r->limit < RPC_CONCURRENT_MAX)
		r->limit++;
	if (r->slowdown > 1)
		r->slowdown /= 2;
}

/* ---- calls ---- */

static void unlink_call(struct call *c)
{
	struct call **at = &c->rpc->calls;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->http)
		c->rpc->active--;
	else
		c->rpc->waiting--;
}

static void call_free(struct call *c)
{
	free(c->body);
	free(c);
}

static enum rpc_class class_of(enum http_error e)
{
	switch (e) {
	case HTTP_OK:
		return RPC_OK;
	case HTTP_TIMEOUT:
		return RPC_TIMEOUT;
	case HTTP_TLS_CLOCK:
		return RPC_CLOCK;
	case HTTP_TOO_LARGE:
		return RPC_TOO_LARGE;
	case HTTP_BROKEN:
		return RPC_FORMAT;
	case HTTP_CONNECT:
	case HTTP_NO_SOCKET:
	case HTTP_STALE:
	case HTTP_TLS:
		return RPC_UNREACHABLE;
	}
	return RPC_UNREACHABLE;
}

static int unreachable_len(const char *detail)
{
	const char *after = strstr(detail, " after ");
	size_t len = after ? (size_t)(after - detail) : strlen(detail);

	return len < RPC_DETAIL_MAX ? (int)len : RPC_DETAIL_MAX;
}

static void describe(struct rpc_reply *reply, const struct call *c, const char *detail)
{
	char *t = reply->text;
	size_t size = sizeof(reply->text);
	const char *where = c->rpc->public_url, *name = c->rpc->name;

	switch (reply->class) {
	case RPC_OK:
		break;
	case RPC_HTTP:
		snprintf(t, size, "%s %s: HTTP status %" PRId64, name, where, reply->code);
		break;
	case RPC_RATE:
		snprintf(t, size, "%s %s: asks for fewer requests", name, where);
		break;
	case RPC_TOO_LARGE:
		snprintf(t, size, "%s %s: answer to %s too large", name, where, c->method);
		break;
	case RPC_CLOCK:
		snprintf(t, size, "%s %s: certificate dates do not fit this clock: %.80s", name,
			 where, detail);
		break;
	case RPC_FORMAT:
		snprintf(t, size, "%s %s: not a JSON-RPC answer to %s", name, where, c->method);
		break;
	case RPC_ERROR:
		snprintf(t, size, "%s %s: %" PRId64 " %s", name, c->method, reply->code,
			 reply->message);
		break;
	case RPC_BUSY:
		snprintf(t, size, "%s %s: own queue is full", name, where);
		break;
	case RPC_TIMEOUT:
		snprintf(t, size, "%s %s: no answer in time", name, where);
		break;
	case RPC_UNREACHABLE:
		/* "… after 3 ms: …" would make every try a new text. */
		snprintf(t, size, "%s %s: %.*s", name, where, unreachable_len(detail), detail);
		break;
	}
}

static void on_http(const struct http_reply *http, void *arg)
{
	struct call *c = arg;
	struct rpc *r = c->rpc;
	struct rpc_reply reply = { .class = class_of(http->error), .message = "" };
	json_t *root = NULL;

	if (http->error == HTTP_OK)
		rpc_decode(&reply, &root, c->id, http->status, http->body, http->len);
	describe(&reply, c, http->detail);
	unlink_call(c);
	if (reply.class == RPC_RATE)
		be_restrained(r, http->retry_after_ms);
	else if (reply.class == RPC_OK)
		be_encouraged(r);
	loop_timer_set(&r->pump, rpc_pause_ms(r));
	c->fn(&reply, c->arg);
	json_decref(root);
	call_free(c);
}

static void fail(struct call *c, enum rpc_class class, const char *detail)
{
	struct rpc_reply reply = { .class = class, .message = "" };

	describe(&reply, c, detail);
	unlink_call(c);
	loop_timer_set(&c->rpc->pump, 0); /* before fn, which may free the rpc */
	c->fn(&reply, c->arg);
	call_free(c);
}

static unsigned int total_ms(const char *method)
{
	if (!strcmp(method, "eth_getLogs"))
		return RPC_LOGS_TOTAL_MS;
	if (!strncmp(method, "pm_", 3) || !strcmp(method, "eth_estimateUserOperationGas") ||
	    !strcmp(method, "eth_sendUserOperation"))
		return RPC_OPERATION_TOTAL_MS;
	return RPC_TOTAL_MS;
}

/* False if the call was answered with a failure. */
static bool start(struct call *c)
{
	struct rpc *r = c->rpc;
	struct http_request req = {
		.url = r->url, .body = c->body, .body_len = c->body ? strlen(c->body) : 0,
		.max_body_bytes = RPC_ANSWER_MAX_BYTES, .connect_ms = RPC_CONNECT_MS,
		.total_ms = total_ms(c->method),
	};

	if (c->body)
		c->http = http_start(r->http, &req, on_http, c);
	if (!c->http) {
		fail(c, RPC_BUSY, "");
		return false;
	}
	free(c->body);
	c->body = NULL;
	r->waiting--;
	r->active++;
	r->sent++;
	return true;
}

static struct call *first_waiting(struct rpc *r)
{
	struct call *c = r->calls;

	while (c && c->http)
		c = c->next;
	return c;
}

/* Those that had no room fail even while the endpoint is left alone. */
static bool fail_one_without_room(struct rpc *r)
{
	struct call *c = r->calls;

	while (c && (c->http || c->body))
		c = c->next;
	if (c)
		fail(c, RPC_BUSY, "");
	return c != NULL;
}

static void pump(struct rpc *r)
{
	struct call *c;

	if (fail_one_without_room(r))
		return;
	if (rpc_pause_ms(r)) {
		loop_timer_set(&r->pump, rpc_pause_ms(r));
		return;
	}
	while (r->active < r->limit && (c = first_waiting(r)))
		/* After a failure the callback may have changed everything; the
		 * timer comes back for the rest. */
		if (!start(c))
			return;
}

static void on_pump(void *arg)
{
	pump(arg);
}

/* A call without a body is one that had no room: it fails when its turn comes,
 * so that no callback ever runs from inside rpc_call(). */
void rpc_call(struct rpc *r, void *owner, const char *method, json_t *params,
	      rpc_fn fn, void *arg)
{
	struct call *c = calloc(1, sizeof(*c));
	struct call **at = &r->calls;
	uint64_t id = ++r->next_id;

	if (!c) {
		log_error("%s: out of memory for a request", r->name);
		exit(EXIT_FAILURE); /* the supervisor starts it again */
	}
	*c = (struct call){ .rpc = r, .owner = owner, .id = id, .fn = fn, .arg = arg,
			    .method = method };
	if (r->waiting < RPC_QUEUE_MAX)
		c->body = rpc_encode(id, method, params);
	else
		json_decref(params);
	while (*at)
		at = &(*at)->next;
	*at = c;
	r->waiting++;
	loop_timer_set(&r->pump, c->body ? rpc_pause_ms(r) : 0);
}

void rpc_cancel(struct rpc *r, const void *owner)
{
	struct call *c = r ? r->calls : NULL, *next;

	for (; c; c = next) {
		next = c->next;
		if (c->owner != owner)
			continue;
		unlink_call(c);
		if (c->http)
			http_cancel(c->http);
		call_free(c);
	}
}

struct rpc *rpc_new(struct http *h, struct loop *loop, const char *name, const char *url)
{
	struct rpc *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct rpc){ .http = h, .loop = loop, .name = strdup(name), .url = strdup(url),
			   .limit = RPC_CONCURRENT_MAX, .slowdown = 1 };
	http_url_public(r->public_url, sizeof(r->public_url), url);
	loop_timer_init(&r->pump, loop, on_pump, r);
	if (r->name && r->url)
		return r;
	rpc_free(r);
	return NULL;
}

void rpc_free(struct rpc *r)
{
	if (!r)
		return;
	while (r->calls) {
		struct call *c = r->calls;

		unlink_call(c);
		if (c->http)
			http_cancel(c->http);
		call_free(c);
	}
	loop_timer_cancel(&r->pump);
	free(r->name);
	free(r->url);
	free(r);
}

uint64_t rpc_count(const struct rpc *r)
{
	return r->sent;
}

const char *rpc_public_url(const struct rpc *r)
{
	return r->public_url;
}
