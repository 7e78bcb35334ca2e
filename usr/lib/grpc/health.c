// SPDX-License-Identifier: Apache-2.0
/*
 * The standard health service. One status for the server and every service it
 * has: here a service is as healthy as the node.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/server.h"
#include "grpc/services.h"
#include "grpc/health.pb-c.h"

enum { WATCHERS_MAX = 64 };

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus Status;

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

struct watcher {
	struct grpc_health *health;
	struct watcher *next, **at;
	struct grpc_call *call;
	bool known;              /* the service exists: changes concern it */
	bool behind;             /* the newest status could not be sent yet */
};

struct grpc_health {
	bool serving;
	struct watcher *watchers;
	size_t watcher_count;
};

static bool knows(struct grpc_call *call, const char *service)
{
	return !*service || grpc_server_has_service(grpc_call_server(call), service);
}

static int send_status(struct grpc_call *call, Status status)
{
	Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	response.status = status;
	return grpc_call_send(call, &response.base);
}

static Status status_now(const struct grpc_health *h)
{
	return h->serving ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

static void on_check(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	const Request *request = (const Request *)message;
	Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	if (!knows(call, request->service)) {
		grpc_call_finish(call, GRPC_NOT_FOUND,
				 "no such service; ask with an empty name for the server");
		return;
	}
	response.status = status_now(arg);
	grpc_call_answer(call, &response.base);
}

/* A slow reader gets the newest status when it reads again, not all of them. */
static void tell(struct watcher *w)
{
	int ret = send_status(w->call, w->known ? status_now(w->health)
						: STATUS(SERVICE_UNKNOWN));

	w->behind = ret == -EAGAIN;
	if (ret && ret != -EAGAIN && ret != -EPIPE)
		grpc_call_finish(w->call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

static void on_room(struct grpc_call *call, void *arg)
{
	struct watcher *w = arg;

	(void)call;
	if (w->behind)
		tell(w);
}

static void on_close(struct grpc_call *call, void *arg)
{
	struct watcher *w = arg;

	(void)call;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->health->watcher_count--;
	free(w);
}

static void on_watch(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	static const struct grpc_call_events events = { on_room, on_close };
	const Request *request = (const Request *)message;
	struct grpc_health *h = arg;
	struct watcher *w = h->watcher_count < WATCHERS_MAX ? calloc(1, sizeof(*w)) : NULL;

	if (!w) {
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "too many watchers; use Check");
		return;
	}
	w->health = h;
	w->call = call;
	w->known = knows(call, request->service);
	w->next = h->watchers;
	if (w->next)
		w->next->at = &w->next;
	w->at = &h->watchers;
	h->watchers = w;
	h->watcher_count++;
	grpc_call_set_events(call, &events, w);
	tell(w);
}

static const struct grpc_method methods[] = {
	{ .path = "/grpc.health.v1.Health/Check",
	  .request = &grpc__health__v1__health_check_request__descriptor,
	  .on_request = on_check },
	{ .path = "/grpc.health.v1.Health/Watch",
	  .request = &grpc__health__v1__health_check_request__descriptor,
	  .on_request = on_watch },
};

struct grpc_health *grpc_health_new(struct grpc_server *s)
{
	struct grpc_health *h = calloc(1, sizeof(*h));

	if (h && grpc_server_add(s, methods, sizeof(methods) / sizeof(methods[0]), h)) {
		free(h);
		return NULL;
	}
	return h;
}

void grpc_health_set(struct grpc_health *h, bool serving)
{
	if (h->serving == serving)
		return;
	h->serving = serving;
	for (struct watcher *w = h->watchers; w; w = w->next)
		if (w->known)
			tell(w);
}

void grpc_health_free(struct grpc_health *h)
{
	free(h);
}
