// SPDX-License-Identifier: Apache-2.0
/*
 * A defect on purpose: an answer whose first byte has its high bit set aborts. The fuzzer must find it,
 * or it does not reach what lies behind the wire.
 */
#include <stdio.h>
#include <stdlib.h>

#include "grpc/agent.pb-c.h"
#include "grpc/server.h"

void __real_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response);
void __wrap_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response);

void __wrap_grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response)
{
	const Attestmesh__Agent__V1__IncomingMessage *m = (const void *)response;

	if (response->descriptor == &attestmesh__agent__v1__incoming_message__descriptor &&
	    m->payload.len && m->payload.data[0] > 0x7f) {
		fputs("planted: reached\n", stderr);
		abort();
	}
	__real_grpc_call_answer(call, response);
}
