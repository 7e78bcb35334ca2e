// SPDX-License-Identifier: Apache-2.0
/*
 * SendMessage. A send outlives the call that asked for it: when the call's
 * deadline passes, the message is still on its way, and a repetition with the
 * same envelope id joins it instead of starting another.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "grpc/agent.pb-c.h"
#include "keccak.h"
#include "rpc_app_priv.h"
#include "secret.h"

enum { HOUR_MS = 3600000 };

typedef Attestmesh__Agent__V1__SendRequest Request;

/* A call that waits for a send. */
struct waiter {
	struct waiter *next, **at;
	struct grpc_call *call;
};

struct app_send {
	struct app_send *next, **at;
	struct send_name name;
	uint64_t token;
	uint8_t payload_hash[32];
	struct waiter *waiters;
};

static struct app_send *find_send(struct rpc_app *app, const struct send_name *name)
{
	for (struct app_send *s = app->sends; s; s = s->next)
		if (!memcmp(&s->name, name, sizeof(*name)))
			return s;
	return NULL;
}

static void on_close(struct grpc_call *call, void *arg)
{
	struct waiter *w = arg;

	(void)call;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	free(w);
}

static bool wait_for(struct app_send *s, struct grpc_call *call)
{
	static const struct grpc_call_events events = { .on_close = on_close };
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later");
		return false;
	}
	w->call = call;
	w->next = s->waiters;
	if (w->next)
		w->next->at = &w->next;
	w->at = &s->waiters;
	s->waiters = w;
	grpc_call_set_events(call, &events, w);
	return true;
}

static void forget_send(struct rpc_app *app, struct app_send *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	app->counts.sends--;
	free(s);
}

/* Waiters leave the list here; their calls are told by the caller. */
static struct waiter *take_waiter(struct app_send *s)
{
	struct waiter *w = s->waiters;

	if (!w)
		return NULL;
	s->waiters = w->next;
	if (w->next)
		w->next->at = &s->waiters;
	/* Its call may live on for its trailers: on_close must find a list. */
	w->next = NULL;
	w->at = &w->next;
	return w;
}

static bool was_open(const struct rpc_app *app, const struct send_name *name)
{
	for (size_t i = 0; i < app->open_count; i++)
		if (!memcmp(&app->open[i], name, sizeof(*name)))
			return true;
	return false;
}

static void remember_open(struct rpc_app *app, const struct send_name *name)
{
	if (was_open(app, name))
		return;
	app->open[app->open_at] = *name;
	app->open_at = (app->open_at + 1) % RPC_APP_OPEN_MAX;
	if (app->open_count < RPC_APP_OPEN_MAX)
		app->open_count++;
}

/* The allowance is exact: never more than that many in any hour. */
static bool take_allowance(struct rpc_app *app)
{
	int64_t now_ms = clock_boot_ms();

	if (!app->sends_per_hour)
		return false;
	if (app->sent_count == app->sends_per_hour) {
		if (now_ms - app->sent_ms[app->sent_at] < HOUR_MS)
			return false;
		app->sent_count--;
	}
	app->sent_ms[app->sent_at] = now_ms;
	app->sent_at = (app->sent_at + 1) % app->sends_per_hour;
	app->sent_count++;
	return true;
}

static void draw_id(struct rpc_app *app, const uint8_t recipient[32], uint8_t id[32])
{
	struct rpc_app_self self = { 0 };
	uint8_t parts[96];

	app->ops->get_self(&self, app->arg);
	memcpy(parts, self.member_id, 32);
	memcpy(parts + 32, recipient, 32);
	secret_random(parts + 64, 32);
	keccak256(id, parts, sizeof(parts));
}

/* What is wrong with a request, or NULL. */
static const char *fault(struct rpc_app *app, const Request *request)
{
	if (request->recipient_member_id.len != 32)
		return "recipient_member_id must have 32 bytes";
	if (request->envelope_id.len && request->envelope_id.len != 32)
		return "envelope_id must have 32 bytes or be empty";
	if (request->payload.len > RPC_APP_PAYLOAD_MAX_BYTES)
		return "the payload is over 65488 bytes; send it over the mesh";
	if (app->ops->reserved(request->payload.data, request->payload.len, app->arg))
		return "this kind of payload is the agent's own; change the payload";
	return NULL;
}

static struct app_send *new_send(struct rpc_app *app, const struct send_name *name,
				 const uint8_t hash[32])
{
	struct app_send *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->name = *name;
	s->token = ++app->last_token;
	memcpy(s->payload_hash, hash, 32);
	s->next = app->sends;
	if (s->next)
		s->next->at = &s->next;
	s->at = &app->sends;
	app->sends = s;
	app->counts.sends++;
	return s;
}

static void submit(struct rpc_app *app, struct app_send *s, const Request *request,
		   bool own_id)
{
	struct rpc_app_send send = {
		.token = s->token, .own_id = own_id,
		.payload = request->payload.data, .payload_len = request->payload.len,
	};
	uint64_t token = s->token;
	const char *why = "the message cannot be sent now";
	enum grpc_status status;

	memcpy(send.recipient, s->name.recipient, 32);
	memcpy(send.envelope_id, s->name.id, 32);
	app->counts.sends_total++;
	status = app->ops->send(&send, &why, app->arg);
	if (status != GRPC_OK)
		rpc_app_send_done(app, token, status, why, NULL);
}

static void start(struct rpc_app *app, struct grpc_call *call, const Request *request,
		  const struct send_name *name, const uint8_t hash[32], bool own_id)
{
	struct app_send *s;

	if (app->counts.sends >= RPC_APP_SENDS_MAX) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "too many messages are on their way; try later");
		return;
	}
	if (!was_open(app, name) && !take_allowance(app)) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "the allowance of %u messages an hour is used up; bulk data "
				 "belongs on the mesh", app->sends_per_hour);
		return;
	}
	s = new_send(app, name, hash);
	if (!s) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later");
		return;
	}
	if (!wait_for(s, call)) {
		forget_send(app, s);
		return;
	}
	submit(app, s, request, own_id);
}

static void join(struct grpc_call *call, struct app_send *s, const uint8_t hash[32])
{
	if (memcmp(s->payload_hash, hash, 32))
		grpc_call_finish(call, GRPC_INVALID_ARGUMENT,
				 "another payload is being sent under this envelope id");
	else
		wait_for(s, call);
}

void app_send_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	const Request *request = (const Request *)message;
	struct rpc_app *app = arg;
	bool own_id = !request->envelope_id.len;
	struct send_name name;
	char hex[HEX_SIZE(32)];
	struct app_send *s;
	const char *text;
	uint8_t hash[32];

	if (!app_gate(app, call, RPC_APP_SEND))
		return;
	text = fault(app, request);
	if (text) {
		grpc_call_finish(call, GRPC_INVALID_ARGUMENT, "%s", text);
		return;
	}
	memcpy(name.recipient, request->recipient_member_id.data, 32);
	if (own_id)
		draw_id(app, name.recipient, name.id);
	else
		memcpy(name.id, request->envelope_id.data, 32);
	/* From here on every end of the call tells the id. */
	grpc_call_trailer(call, "attestmesh-envelope-id", hex_encode(hex, name.id, 32));
	keccak256(hash, request->payload.data, request->payload.len);
	s = find_send(app, &name);
	if (s)
		join(call, s, hash);
	else
		start(app, call, request, &name, hash, own_id);
}

static void tell(struct grpc_call *call, const struct send_name *name,
		 enum grpc_status status, const char *why, const uint8_t *tx_hash)
{
	Attestmesh__Agent__V1__SendResponse answer =
		ATTESTMESH__AGENT__V1__SEND_RESPONSE__INIT;

	if (status != GRPC_OK) {
		grpc_call_finish(call, status, "%s", why && *why ? why : "not sent");
		return;
	}
	answer.envelope_id.data = (uint8_t *)name->id;
	answer.envelope_id.len = 32;
	if (tx_hash && !bytes_are_zero(tx_hash, 32)) {
		answer.tx_hash.data = (uint8_t *)tx_hash;
		answer.tx_hash.len = 32;
	}
	grpc_call_answer(call, &answer.base);
}

static void end_send(struct rpc_app *app, struct app_send *s, enum grpc_status status,
		     const char *why, const uint8_t *tx_hash)
{
	struct waiter *w;

	/* Open, or ended while nobody waited: it may be asked for again. */
	if (status == GRPC_UNKNOWN || status == GRPC_DEADLINE_EXCEEDED || !s->waiters)
		remember_open(app, &s->name);
	while ((w = take_waiter(s)))
		tell(w->call, &s->name, status, why, tx_hash);
	forget_send(app, s);
}

void rpc_app_send_done(struct rpc_app *app, uint64_t token, enum grpc_status status,
		       const char *why, const uint8_t tx_hash[32])
{
	for (struct app_send *s = app->sends; s; s = s->next)
		if (s->token == token) {
			end_send(app, s, status, why, tx_hash);
			return;
		}
}

void app_send_free(struct rpc_app *app)
{
	while (app->sends)
		forget_send(app, app->sends);
}
