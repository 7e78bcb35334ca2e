// SPDX-License-Identifier: Apache-2.0
/* The service that the server's tests talk to. */
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/agent.pb-c.h"

typedef Attestmesh__Agent__V1__SendRequest SendRequest;
typedef Attestmesh__Agent__V1__IncomingMessage IncomingMessage;
typedef Attestmesh__Agent__V1__SubscribeRequest SubscribeRequest;

struct stream {
	struct service *sv;
	uint64_t left;
	size_t size;
	uint8_t *bytes;
};

static void echo(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	const SendRequest *request = (const SendRequest *)message;
	IncomingMessage answer = ATTESTMESH__AGENT__V1__INCOMING_MESSAGE__INIT;
	struct service *sv = arg;

	sv->calls++;
	answer.payload = request->payload;
	answer.block_number = request->payload.len;
	grpc_call_answer(call, &answer.base);
}

static void pump(struct grpc_call *call, struct stream *st)
{
	IncomingMessage item = ATTESTMESH__AGENT__V1__INCOMING_MESSAGE__INIT;

	item.payload.data = st->bytes;
	item.payload.len = st->size;
	while (st->left) {
		item.log_index = st->left;
		if (grpc_call_send(call, &item.base)) {
			st->sv->refused_sends++;
			break;
		}
		st->left--;
		if (grpc_call_queued(call) > st->sv->most_queued)
			st->sv->most_queued = grpc_call_queued(call);
	}
	if (!st->left)
		grpc_call_finish(call, GRPC_OK, NULL);
}

static void on_room(struct grpc_call *call, void *arg)
{
	struct stream *st = arg;

	st->sv->rooms++;
	pump(call, st);
}

static void on_stream_close(struct grpc_call *call, void *arg)
{
	struct stream *st = arg;

	(void)call;
	st->sv->closes++;
	free(st->bytes);
	free(st);
}

static void stream(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	static const struct grpc_call_events events = { on_room, on_stream_close };
	const SubscribeRequest *request = (const SubscribeRequest *)message;
	struct stream *st = calloc(1, sizeof(*st));

	st->sv = arg;
	st->sv->calls++;
	st->left = request->from_block;
	st->size = request->from_log_index;
	st->bytes = malloc(st->size + 1);
	memset(st->bytes, 's', st->size);
	grpc_call_set_events(call, &events, st);
	pump(call, st);
}

static void on_hold_close(struct grpc_call *call, void *arg)
{
	struct service *sv = arg;

	(void)call;
	sv->closes++;
	sv->held = NULL;
}

static void hold(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	static const struct grpc_call_events events = { NULL, on_hold_close };
	struct service *sv = arg;

	(void)message;
	sv->calls++;
	sv->held = call;
	grpc_call_trailer(call, "attestmesh-envelope-id", "00ff");
	grpc_call_set_events(call, &events, sv);
}

static void chat(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	const SendRequest *request = (const SendRequest *)message;
	IncomingMessage answer = ATTESTMESH__AGENT__V1__INCOMING_MESSAGE__INIT;
	struct service *sv = arg;

	sv->calls++;
	answer.payload = request->payload;
	if (grpc_call_send(call, &answer.base))
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "slow");
}

static void chat_end(struct grpc_call *call, void *arg)
{
	(void)arg;
	grpc_call_finish(call, GRPC_OK, NULL);
}

static const struct grpc_method methods[] = {
	{ .path = PATH_ECHO, .request = &attestmesh__agent__v1__send_request__descriptor,
	  .on_request = echo },
	{ .path = PATH_STREAM,
	  .request = &attestmesh__agent__v1__subscribe_request__descriptor,
	  .on_request = stream },
	{ .path = PATH_HOLD, .request = &attestmesh__agent__v1__empty__descriptor,
	  .on_request = hold },
	{ .path = PATH_CHAT, .request = &attestmesh__agent__v1__send_request__descriptor,
	  .many_requests = true, .on_request = chat, .on_requests_end = chat_end },
};

void service_add(struct grpc_server *s, struct service *sv)
{
	if (grpc_server_add(s, methods, sizeof(methods) / sizeof(methods[0]), sv))
		abort();
}
