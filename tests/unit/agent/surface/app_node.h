/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node of plain data behind the application's RPCs, for their tests, and
 * unary calls to it over its socket.
 */
#ifndef TEST_APP_NODE_H
#define TEST_APP_NODE_H

#include "../../grpc/raw.h"
#include "dial.h"
#include "grpc/agent.pb-c.h"
#include "rpc_app.h"

#define AGENT "/attestmesh.agent.v1.Agent/"

enum { LOG_MAX = 3000 };

extern struct bench b;
extern struct rpc_app *app;

extern struct app_node {
	enum grpc_status gate;
	enum rpc_app_call gated;
	bool has_csk, reserved, answer_at_once;
	enum grpc_status send_status;
	struct rpc_app_send sent;
	uint8_t payload[64];
	int sends;
	struct { struct rpc_app_cursor at; uint8_t id; size_t len; } log[LOG_MAX];
	size_t log_len;
	uint64_t head;                 /* block up to which logs can be read */
	uint64_t read_token;           /* of the read that waits; 0 = none */
	struct rpc_app_cursor read_from;
	int reads;
	size_t page;                   /* most messages in a page */
} node;

/* For cmocka: 3 sends an hour, pages of eight messages. */
int app_node_open(void **state);
int app_node_close(void **state);

struct grpc_client_call *call(const char *path, const ProtobufCMessage *request,
			      const ProtobufCMessageDescriptor *response,
			      uint32_t answer_ms, struct dialled *d);
/* Asks with an empty request and waits for the end. */
struct dialled *ask(const char *path, const ProtobufCMessageDescriptor *response);

#endif
