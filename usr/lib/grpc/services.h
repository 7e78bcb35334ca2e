/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two services that every gRPC client may expect of a server: health
 * (grpc.health.v1, Check and Watch) and reflection (v1 and v1alpha, over the
 * descriptors built in from proto/).
 */
#ifndef GRPC_SERVICES_H
#define GRPC_SERVICES_H

#include <stdbool.h>

struct grpc_server;
struct grpc_health;

/* Registers the health service. Every registered service is known to it and
 * shares one status with the server itself (the empty name). Not serving at
 * first. Must be freed after the server. NULL when memory is short. */
struct grpc_health *grpc_health_new(struct grpc_server *s);
/* Sets the status and tells the watchers if it changed. */
void grpc_health_set(struct grpc_health *h, bool serving);
void grpc_health_free(struct grpc_health *h);

/* Registers both reflection services. 0 or a negative errno. */
int grpc_reflection_add(struct grpc_server *s);

#endif
