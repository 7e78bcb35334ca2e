/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application surface: the seven RPCs of attestmesh.agent.v1 on the
 * agent's unix socket. It checks what apps send, counts their sends, keeps
 * each stream's cursor and bounds; what the node knows comes by callbacks.
 */
#ifndef AGENT_RPC_APP_H
#define AGENT_RPC_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/server.h"
#include "loop.h"

enum {
	RPC_APP_PAYLOAD_MAX_BYTES = 65536 - 48,  /* ciphertext bound less the seal */
	RPC_APP_SENDS_MAX = 64,                  /* pending at once */
	RPC_APP_MESSAGE_STREAMS_MAX = 16,
	RPC_APP_EVENT_STREAMS_MAX = 32,
	RPC_APP_STREAM_BYTES = 1 << 20,          /* held for one slow reader */
	RPC_APP_READ_BYTES = 256 << 10,          /* one page of the logs */
	RPC_APP_READ_RETRY_MS = 2000,            /* after a read that failed */
	RPC_APP_READ_AGAIN_MS = 500,             /* the logs lag behind the live path */
	RPC_APP_SEEN_MAX = 4096,                 /* ids a stream remembers */
	RPC_APP_OPEN_MAX = 256,                  /* open outcomes remembered */
	RPC_APP_PEERS_MAX = 65536,
};

/* Which call a gate is asked about. */
enum rpc_app_call {
	RPC_APP_LIST_PEERS, RPC_APP_SEND, RPC_APP_MESSAGES, RPC_APP_EVENTS,
	RPC_APP_CSK, RPC_APP_SELF,
};

struct rpc_app_status {
	const char *phase;
	bool first_converged, csk_acquired;
	uint32_t live_peers;
	bool indexer_connected, indexer_caught_up;
	uint64_t indexer_cursor_block;
};

struct rpc_app_peer {
	uint8_t member_id[32];
	uint32_t mesh_ip;
	bool live;
};

struct rpc_app_self {
	uint8_t member_id[32], member_contract[20];
	uint32_t mesh_ip;
};

struct rpc_app_send {
	uint64_t token;               /* names it in rpc_app_send_done() */
	uint8_t recipient[32], envelope_id[32];
	bool own_id;                  /* drawn here just now: cannot be on chain yet */
	const uint8_t *payload;       /* valid during the callback only; secret */
	size_t payload_len;
};

struct rpc_app_cursor {
	uint64_t block, log_index;
};

struct rpc_app_message {
	uint8_t sender[32], envelope_id[32];
	struct rpc_app_cursor at;
	const uint8_t *payload;       /* decrypted */
	size_t payload_len;
};

struct rpc_app_ops {
	/* OK, or the code and the sentence that the call is refused with. */
	enum grpc_status (*gate)(enum rpc_app_call call, const char **why, void *arg);
	void (*get_status)(struct rpc_app_status *out, void *arg);
	/* Calls each for every current member but this one, in index order. */
	void (*list_peers)(void (*each)(const struct rpc_app_peer *peer, void *each_arg),
			   void *each_arg, void *arg);
	void (*get_self)(struct rpc_app_self *out, void *arg);
	/* Called after the gate said OK. False: not held after all. */
	bool (*get_csk)(uint8_t key[32], void *arg);
	/* True if the payload is of the kind reserved for endpoint envelopes. */
	bool (*reserved)(const uint8_t *payload, size_t len, void *arg);
	/*
	 * Seals and submits. OK: taken, rpc_app_send_done() follows, once (it
	 * may come from inside this call). Any other code: not taken, nothing
	 * follows. Without own_id the chain is asked first whether the
	 * envelope is there already: ours is OK, another's ALREADY_EXISTS.
	 */
	enum grpc_status (*send)(const struct rpc_app_send *send, const char **why,
				 void *arg);
	/*
	 * Reads messages to this node at or after `from` from the chain's
	 * logs, in order; rpc_app_read_done() follows, once (a failure may come
	 * from inside this call). At most max_bytes of payload unless the first
	 * is longer alone.
	 */
	void (*read)(uint64_t token, struct rpc_app_cursor from, size_t max_bytes,
		     void *arg);
};

struct rpc_app;

/* The bounds for the server that carries this service. */
struct grpc_limits rpc_app_limits(void);
/* Registers the service on the server. NULL when memory is short. */
struct rpc_app *rpc_app_new(struct loop *loop, struct grpc_server *server,
			    const struct rpc_app_ops *ops, void *arg,
			    uint32_t sends_per_hour);
/* After the server was freed. NULL is fine. */
void rpc_app_free(struct rpc_app *app);

/* How a send ended. OK: the chain shows it (tx_hash: 32 bytes, all zero if it
 * was found there from earlier). UNKNOWN: open. Others: not sent and never
 * will be. A token that is no longer known is ignored. */
void rpc_app_send_done(struct rpc_app *app, uint64_t token, enum grpc_status status,
		       const char *why, const uint8_t tx_hash[32]);
/* One page of a read. next: where to go on. more: the logs hold more at or
 * after next. With a status other than OK nothing was read; the stream asks
 * again after a while (FAILED_PRECONDITION ends it). */
void rpc_app_read_done(struct rpc_app *app, uint64_t token, enum grpc_status status,
		       const char *why, const struct rpc_app_message *messages,
		       size_t count, struct rpc_app_cursor next, bool more);
/* A message that has just come in, in the chain's order; after a
 * reorganisation those of the new blocks again. */
void rpc_app_message(struct rpc_app *app, const struct rpc_app_message *m);
/* Peer events, already filtered: first up, down, up after down. */
void rpc_app_joined(struct rpc_app *app, const uint8_t member_id[32], uint32_t mesh_ip);
void rpc_app_liveness(struct rpc_app *app, const uint8_t member_id[32], bool up);
/* Ends every stream, for example after this node was removed. Sends on their
 * way go on. */
void rpc_app_end_streams(struct rpc_app *app, enum grpc_status status, const char *why);

struct rpc_app_counts {
	size_t sends, message_streams, event_streams;
	uint64_t sends_total, messages_delivered, events_delivered;
};
struct rpc_app_counts rpc_app_counts(const struct rpc_app *app);

#endif
