// SPDX-License-Identifier: Apache-2.0
/*
 * Subscriptions. A message stream is either live (each message goes out as it
 * comes) or behind: then it reads pages of the chain's logs from its cursor
 * until it has passed everything the live path offered meanwhile. What a slow
 * reader does not take is not kept: the logs have it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/agent.pb-c.h"
#include "rpc_app_priv.h"

enum { SEEN_FIRST = 32 };

typedef Attestmesh__Agent__V1__SubscribeRequest Request;

struct app_stream {
	struct rpc_app *app;
	struct app_stream *next, **at;
	struct grpc_call *call;

	/* Message streams only. */
	bool behind;
	bool full;                     /* the call took no more; on_room follows */
	uint64_t reading;              /* token of the page asked for; 0 = none */
	struct rpc_app_cursor cursor;  /* first position not delivered */
	struct rpc_app_cursor until;   /* newest position offered while behind */
	struct rpc_app_cursor low;     /* a reorganisation moved one to here */
	bool has_low;
	struct loop_timer again;
	uint8_t (*seen)[32];           /* ring of delivered envelope ids */
	size_t seen_size, seen_count, seen_at;
};

static bool before(struct rpc_app_cursor a, struct rpc_app_cursor b)
{
	return a.block != b.block ? a.block < b.block : a.log_index < b.log_index;
}

static bool was_seen(const struct app_stream *st, const uint8_t id[32])
{
	for (size_t i = 0; i < st->seen_count; i++)
		if (!memcmp(st->seen[i], id, 32))
			return true;
	return false;
}

/* Grows to its bound, then forgets the oldest. False when memory is short. */
static bool remember(struct app_stream *st, const uint8_t id[32])
{
	if (st->seen_count == st->seen_size && st->seen_size < RPC_APP_SEEN_MAX) {
		size_t size = st->seen_size ? 2 * st->seen_size : SEEN_FIRST;
		void *grown = reallocarray(st->seen, size, sizeof(*st->seen));

		if (!grown)
			return false;
		st->seen = grown;
		st->seen_size = size;
		st->seen_at = st->seen_count;
	}
	memcpy(st->seen[st->seen_at], id, 32);
	st->seen_at = (st->seen_at + 1) % st->seen_size;
	if (st->seen_count < st->seen_size)
		st->seen_count++;
	return true;
}

/* 0, also for one it had before; -EAGAIN when the reader is slow; anything
 * else has ended the stream. */
static int deliver(struct app_stream *st, const struct rpc_app_message *m)
{
	Attestmesh__Agent__V1__IncomingMessage out =
		ATTESTMESH__AGENT__V1__INCOMING_MESSAGE__INIT;
	int ret;

	if (was_seen(st, m->envelope_id))
		return 0;
	out.sender_member_id.data = (uint8_t *)m->sender;
	out.sender_member_id.len = 32;
	out.payload.data = (uint8_t *)m->payload;
	out.payload.len = m->payload_len;
	out.block_number = m->at.block;
	out.log_index = m->at.log_index;
	out.envelope_id.data = (uint8_t *)m->envelope_id;
	out.envelope_id.len = 32;
	ret = grpc_call_send(st->call, &out.base);
	if (!ret && remember(st, m->envelope_id)) {
		st->app->counts.messages_delivered++;
		return 0;
	}
	if (ret != -EAGAIN && ret != -EPIPE) {
		grpc_call_finish(st->call, GRPC_RESOURCE_EXHAUSTED,
				 "out of memory; subscribe again from the last message");
		return ret ? ret : -ENOMEM;
	}
	return ret;
}

static void catch_up(struct app_stream *st)
{
	struct rpc_app *app = st->app;

	if (!st->behind || st->reading || st->full || grpc_call_finished(st->call))
		return;
	loop_timer_cancel(&st->again);
	st->reading = ++app->last_token;
	app->ops->read(st->reading, st->cursor, RPC_APP_READ_BYTES, app->arg);
}

static void on_again(void *arg)
{
	catch_up(arg);
}

static void catch_up_later(struct app_stream *st, int64_t delay_ms)
{
	if (loop_timer_set(&st->again, delay_ms))
		grpc_call_finish(st->call, GRPC_RESOURCE_EXHAUSTED,
				 "out of memory; subscribe again from the last message");
}

static void fall_behind(struct app_stream *st, struct rpc_app_cursor at)
{
	st->behind = true;
	st->full = true;
	st->cursor = st->until = at;
	st->has_low = false;
}

static void offer(struct app_stream *st, const struct rpc_app_message *m)
{
	if (!st->behind) {
		if (deliver(st, m) == -EAGAIN)
			fall_behind(st, m->at);
		return;
	}
	if (before(st->until, m->at))
		st->until = m->at;
	if (before(m->at, st->cursor) && !was_seen(st, m->envelope_id) &&
	    (!st->has_low || before(m->at, st->low))) {
		st->low = m->at;
		st->has_low = true;
	}
}

void rpc_app_message(struct rpc_app *app, const struct rpc_app_message *m)
{
	for (struct app_stream *st = app->streams; st; st = st->next)
		offer(st, m);
}

/* Moves the cursor past a page and decides what comes next. */
static void page_done(struct app_stream *st, struct rpc_app_cursor next, bool more)
{
	bool stood = !before(st->cursor, next);

	st->cursor = next;
	if (st->has_low && before(st->low, st->cursor))
		st->cursor = st->low;
	else if (!more && before(st->until, next))
		st->behind = false;
	st->has_low = false;
	if (!st->behind)
		return;
	/* Logs that lag, or a reader of them that stands still, get time. */
	if (more && !stood)
		catch_up(st);
	else
		catch_up_later(st, RPC_APP_READ_AGAIN_MS);
}

static struct app_stream *reader(struct rpc_app *app, uint64_t token)
{
	for (struct app_stream *st = app->streams; st; st = st->next)
		if (st->reading == token)
			return st;
	return NULL;
}

void rpc_app_read_done(struct rpc_app *app, uint64_t token, enum grpc_status status,
		       const char *why, const struct rpc_app_message *messages,
		       size_t count, struct rpc_app_cursor next, bool more)
{
	struct app_stream *st = token ? reader(app, token) : NULL;

	if (!st)
		return;
	st->reading = 0;
	if (status == GRPC_FAILED_PRECONDITION) {
		grpc_call_finish(st->call, status, "%s", why);
		return;
	}
	if (status != GRPC_OK) {
		catch_up_later(st, RPC_APP_READ_RETRY_MS);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		int ret = deliver(st, &messages[i]);

		if (ret == -EAGAIN) {
			st->full = true;
			st->cursor = messages[i].at;
			if (before(st->until, st->cursor))
				st->until = st->cursor;
		}
		if (ret)
			return;
	}
	page_done(st, next, more);
}

static void on_room(struct grpc_call *call, void *arg)
{
	struct app_stream *st = arg;

	(void)call;
	st->full = false;
	/* A page that was cut short left a low mark unserved: start there. */
	if (st->has_low && before(st->low, st->cursor))
		st->cursor = st->low;
	st->has_low = false;
	catch_up(st);
}

static void leave(struct app_stream *st)
{
	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	loop_timer_cancel(&st->again);
	free(st->seen);
	free(st);
}

static void on_stream_close(struct grpc_call *call, void *arg)
{
	struct app_stream *st = arg;

	(void)call;
	st->app->counts.message_streams--;
	leave(st);
}

static struct app_stream *enter(struct rpc_app *app, struct app_stream **list,
				struct grpc_call *call,
				const struct grpc_call_events *events)
{
	struct app_stream *st = calloc(1, sizeof(*st));

	if (!st) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later");
		return NULL;
	}
	st->app = app;
	st->call = call;
	loop_timer_init(&st->again, app->loop, on_again, st);
	st->next = *list;
	if (st->next)
		st->next->at = &st->next;
	st->at = list;
	*list = st;
	grpc_call_set_events(call, events, st);
	grpc_call_open_response(call);
	return st;
}

void app_messages_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	static const struct grpc_call_events events = { on_room, on_stream_close };
	const Request *request = (const Request *)message;
	struct rpc_app *app = arg;
	struct app_stream *st;

	if (!app_gate(app, call, RPC_APP_MESSAGES))
		return;
	if (app->counts.message_streams >= RPC_APP_MESSAGE_STREAMS_MAX) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "too many message streams are open; close one");
		return;
	}
	/* Payloads were private on the way here and stay so. */
	grpc_call_mark_secret(call);
	st = enter(app, &app->streams, call, &events);
	if (!st)
		return;
	app->counts.message_streams++;
	st->cursor.block = request->from_block;
	st->cursor.log_index = request->from_log_index;
	st->behind = request->from_block || request->from_log_index;
	catch_up(st);
}

static void on_watcher_close(struct grpc_call *call, void *arg)
{
	struct app_stream *st = arg;

	(void)call;
	st->app->counts.event_streams--;
	leave(st);
}

void app_events_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	static const struct grpc_call_events events = { NULL, on_watcher_close };
	struct rpc_app *app = arg;

	(void)message;
	if (!app_gate(app, call, RPC_APP_EVENTS))
		return;
	if (app->counts.event_streams >= RPC_APP_EVENT_STREAMS_MAX) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "too many event streams are open; close one");
		return;
	}
	if (enter(app, &app->watchers, call, &events))
		app->counts.event_streams++;
}

static void tell_watchers(struct rpc_app *app, Attestmesh__Agent__V1__PeerEvent *event)
{
	for (struct app_stream *st = app->watchers; st; st = st->next) {
		int ret = grpc_call_send(st->call, &event->base);

		if (!ret)
			app->counts.events_delivered++;
		else if (ret != -EPIPE)
			/* A gap would lie about the peers; an end does not. */
			grpc_call_finish(st->call, GRPC_RESOURCE_EXHAUSTED,
					 "events were not read; subscribe again and list "
					 "the peers");
	}
}

void rpc_app_joined(struct rpc_app *app, const uint8_t member_id[32], uint32_t mesh_ip)
{
	Attestmesh__Agent__V1__PeerEvent event = ATTESTMESH__AGENT__V1__PEER_EVENT__INIT;
	Attestmesh__Agent__V1__PeerJoined joined = ATTESTMESH__AGENT__V1__PEER_JOINED__INIT;

	joined.member_id.data = (uint8_t *)member_id;
	joined.member_id.len = 32;
	joined.mesh_ip = mesh_ip;
	event.kind_case = ATTESTMESH__AGENT__V1__PEER_EVENT__KIND_JOINED;
	event.joined = &joined;
	tell_watchers(app, &event);
}

void rpc_app_liveness(struct rpc_app *app, const uint8_t member_id[32], bool up)
{
	Attestmesh__Agent__V1__PeerEvent event = ATTESTMESH__AGENT__V1__PEER_EVENT__INIT;
	Attestmesh__Agent__V1__PeerLiveness liveness =
		ATTESTMESH__AGENT__V1__PEER_LIVENESS__INIT;

	liveness.member_id.data = (uint8_t *)member_id;
	liveness.member_id.len = 32;
	liveness.up = up;
	event.kind_case = ATTESTMESH__AGENT__V1__PEER_EVENT__KIND_LIVENESS;
	event.liveness = &liveness;
	tell_watchers(app, &event);
}

void rpc_app_end_streams(struct rpc_app *app, enum grpc_status status, const char *why)
{
	for (struct app_stream *st = app->streams; st; st = st->next)
		grpc_call_finish(st->call, status, "%s", why);
	for (struct app_stream *st = app->watchers; st; st = st->next)
		grpc_call_finish(st->call, status, "%s", why);
}
