/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small service for the server's tests: it echoes, streams within what the
 * call takes, holds calls open, and counts what it is told.
 */
#ifndef TEST_SERVICE_H
#define TEST_SERVICE_H

#include <stddef.h>

#include "grpc/server.h"

#define PATH_ECHO "/t.Test/Echo"      /* SendRequest -> IncomingMessage */
#define PATH_STREAM "/t.Test/Stream"  /* SubscribeRequest{count, size} */
#define PATH_HOLD "/t.Test/Hold"      /* never answers; sets the trailer */
#define PATH_CHAT "/t.Test/Chat"      /* echoes each request */

struct service {
	size_t calls, closes, rooms, refused_sends, most_queued;
	struct grpc_call *held;
};

/* Registers it; sv must outlive the server. */
void service_add(struct grpc_server *s, struct service *sv);

#endif
