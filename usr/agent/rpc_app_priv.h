/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by rpc_app.c (registration, status, lists, keys), rpc_app_send.c
 * (sends) and rpc_app_stream.c (subscriptions). Nobody else includes it.
 */
#ifndef AGENT_RPC_APP_PRIV_H
#define AGENT_RPC_APP_PRIV_H

#include "rpc_app.h"

struct app_send;
struct app_stream;

struct send_name {
	uint8_t recipient[32], id[32];
};

struct rpc_app {
	struct loop *loop;
	const struct rpc_app_ops *ops;
	void *arg;
	uint64_t last_token;
	struct rpc_app_counts counts;

	struct app_send *sends;
	uint32_t sends_per_hour;
	int64_t *sent_ms;              /* ring of when, sends_per_hour long */
	size_t sent_at, sent_count;
	/* Sends whose outcome was left open: a repetition of one is no new
	 * message and must not be refused for want of allowance. */
	struct send_name open[RPC_APP_OPEN_MAX];
	size_t open_at, open_count;

	struct app_stream *streams;    /* of messages */
	struct app_stream *watchers;   /* of peer events */
};

/* False if the gate refused the call; it is finished then. */
bool app_gate(struct rpc_app *app, struct grpc_call *call, enum rpc_app_call which);

void app_send_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg);
void app_send_free(struct rpc_app *app);
void app_messages_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg);
void app_events_call(struct grpc_call *call, const ProtobufCMessage *message, void *arg);

#endif
