/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files node*.c share: the parts of one node and the facts that the
 * wiring itself owns. No part includes this.
 */
#ifndef AGENT_NODE_PRIV_H
#define AGENT_NODE_PRIV_H

#include "attestor.h"
#include "backoff.h"
#include "bundler.h"
#include "calls.h"
#include "carriage.h"
#include "chain.h"
#include "config.h"
#include "csk.h"
#include "dstack.h"
#include "envelope.h"
#include "grpc/server.h"
#include "grpc/services.h"
#include "health.h"
#include "http.h"
#include "kern.h"
#include "keys.h"
#include "mesh.h"
#include "message.h"
#include "peers.h"
#include "phase.h"
#include "reg.h"
#include "registry.h"
#include "rpc_app.h"
#include "rpc_peer.h"

enum {
	NODE_TEXT_CHARS = 256,
	NODE_JOINED_CHARS = HEALTH_JOINED_CHARS,
	NODE_INFO_RETRY_FIRST_MS = 500,
	NODE_INFO_RETRY_MAX_MS = 15000,
	NODE_MESH_RETRY_MS = 2000,      /* a device or route that was refused */
	NODE_TICK_MS = 1000,            /* kernel figures and texts are reread */
	NODE_POLL_HEALTHY_MS = 4000,    /* chain poll without an indexer */
	NODE_TWIN_SHOWN_MS = 120000,    /* after the last sign of a second instance */
	NODE_REFRESH_MS = 5000,         /* a chain refresh for a peer's request */
	NODE_REFRESH_STEP_MS = 100,
	NODE_FLOOR_EVERY_MS = 60000,
};

/* A peer's beat key as an earlier agent gave it to the kernel. */
struct kept_key {
	uint8_t id[32], key[32];
};

struct node {
	struct loop *loop;
	const struct config *config;
	struct phase_log phases;

	/* parts, in the order in which they come to life */
	struct health *health;
	struct grpc_server *server;
	struct grpc_health *grpc_health;
	struct rpc_app *app;
	struct http *http;
	struct dstack *dstack;
	struct keys *keys;
	struct chain *chain;
	struct registry *registry;
	struct kern *kern;
	struct mesh *mesh;
	struct carriage *carriage;
	struct bundler *bundler;
	struct attestor *attestor;
	struct reg *reg;
	struct envelopes *envelopes;
	struct messages *messages;
	struct csk *csk;
	struct rpc_peer *rpc_peer;

	struct loop_timer info_timer, mesh_timer, tick, refresh_timer;
	struct backoff info_backoff;
	struct loop_defer update;

	/* facts owned here */
	bool has_info, keys_ready, identified;
	uint8_t app_id[20];
	char info_waiting[NODE_TEXT_CHARS];
	char stopped[NODE_TEXT_CHARS];
	char mesh_waiting[NODE_TEXT_CHARS];
	char rpc_waiting[NODE_TEXT_CHARS];
	bool kern_ready, device_ready, fenced, ipv6, peers_known;
	unsigned int wg_epoch;
	uint8_t wg_secret_pub[32];     /* public key that the device was given */
	struct peers peers;
	/* What the kernel held when this agent came: used for a peer until its
	 * envelope is found again, so that an agent's restart moves no verdict. */
	struct kept_key *kept;
	size_t kept_count;
	bool has_kernel_mesh;
	struct am_mesh kernel_mesh;    /* as last read */
	int64_t twin_ms, floor_ms;
	int64_t refresh_from_ms;
	uint64_t refresh_from_block;
	char waiting[NODE_JOINED_CHARS], blocked[NODE_JOINED_CHARS];
};

/* Facts changed somewhere: compute phase and texts once at the batch's end. */
void node_changed(struct node *n);

/* node_mesh.c: device, kernel peers, carriage. */
int node_mesh_init(struct node *n);
void node_mesh_free(struct node *n);
/* A snapshot, a registration or an envelope: bring the mesh in line. */
void node_mesh_update(struct node *n);
/* Own removal: leave, and forget every peer. */
void node_mesh_clear(struct node *n);
/* Rereads what the kernel says of the mesh and of every peer. */
void node_mesh_read(struct node *n);
/* A peer was reached, or there is none to reach. */
bool node_mesh_up(const struct node *n);

/* node_app.c: application and peer surfaces. */
int node_app_init(struct node *n, char error[CONFIG_ERROR_CHARS]);
int node_app_bound(struct node *n);   /* keys are bound: messages, csk, peer service */
void node_app_free(struct node *n);
void node_app_update(struct node *n); /* csk view, peer listener */
void node_app_message(struct node *n, const struct chain_message *m);
void node_app_removed(struct node *n);
extern const struct peers_events node_peer_events;

/* node_view.c: what is shown. */
void node_view_texts(struct node *n);
void node_view_fill(struct health_view *view, void *arg);

#endif
