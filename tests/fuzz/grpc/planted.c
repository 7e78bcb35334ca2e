// SPDX-License-Identifier: Apache-2.0
/*
 * A defect on purpose: an answer with another payload than the seed's aborts. The fuzzer must find it,
 * or it does not reach what lies behind the wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/agent.pb-c.h"
#include "grpc/server.h"

void __real_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response);
void __wrap_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response);

void __wrap_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response)
{
	const Attestmesh__Agent__V1__IncomingMessage *m = (const void *)response;

	if (response->descriptor == &attestmesh__agent__v1__incoming_message__descriptor &&
	    (m->payload.len != 2 || memcmp(m->payload.data, "ok", 2))) {
		fputs("planted: reached\n", stderr);
		abort();
	}
	__real_grpc_call_answer(call, response);
}
