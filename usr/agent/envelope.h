/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoint envelopes: where a peer's listener is and which key signs its
 * beats, sealed to the reader and carried by the cluster contract. Sends one to
 * each peer, ever; finds the received ones in the logs; decides which key and
 * host hold for each peer.
 */
#ifndef AGENT_ENVELOPE_H
#define AGENT_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "bundler.h"
#include "chain.h"
#include "keys.h"

enum {
	ENVELOPE_HOST_MAX = 253,
	ENVELOPE_PORT = 443,
	ENVELOPE_PEERS_MAX = 64,        /* past it nobody sends envelopes */
	ENVELOPE_FALLBACK_MS = 60000,   /* then the on-chain key is taken */
	ENVELOPE_SQUAT_MAX = 16,        /* counters tried against squatted ids */
	ENVELOPE_PLAIN_MAX_BYTES = 2048,
};

struct envelope_config {
	uint64_t chain_id;
	const char *gateway_domain;       /* copied */
	uint16_t wg_tcp_port;
	const char *peer_gateway_domains; /* comma-separated; NULL or "": any */
};

/* What an envelope says. */
struct envelope {
	uint8_t member_id[32];
	char host[ENVELOPE_HOST_MAX + 1];
	uint16_t port;
	uint8_t wg_pub[32];
	uint8_t ed25519_pub[32];
	char udp_ip[46];                  /* "" if absent; understood, not used yet */
	uint16_t udp_port;
};

enum envelope_source { ENVELOPE_RECEIVED, ENVELOPE_FROM_CHAIN };

/* A peer that can be reached and heard. */
struct envelope_peer {
	uint8_t member_id[32];
	uint32_t index;
	char host[ENVELOPE_HOST_MAX + 1]; /* SNI and name to dial */
	uint16_t port;
	uint8_t ed25519_pub[32];
	enum envelope_source source;
};

struct envelope_events {
	/* First knowledge of a peer, or a change of it. */
	void (*on_peer)(const struct envelope_peer *p, void *arg);
	/* envelope_progress() changed. */
	void (*on_status)(void *arg);
};

struct envelopes;

struct envelopes *envelopes_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
				struct keys *keys, const struct envelope_config *cfg,
				const struct envelope_events *events, void *arg);
void envelopes_free(struct envelopes *e);
/* From main: after reg_registered(), with each snapshot, and once the beat key
 * is published (before that nothing is sent). */
void envelopes_snapshot(struct envelopes *e, const struct chain_snapshot *now,
			bool beat_published);
/* From main's chain listener, for each message to this node. True if it was an
 * envelope (of the reserved kind), valid or not. */
bool envelopes_message(struct envelopes *e, const struct chain_message *m);
/* What is known of a peer, or NULL. */
const struct envelope_peer *envelopes_peer(const struct envelopes *e, const uint8_t id[32]);
/* "envelopes: 3 of 5 peers found, search 40 %", or NULL when all are known. */
const char *envelopes_progress(const struct envelopes *e);
uint64_t envelopes_sent(const struct envelopes *e);
uint64_t envelopes_received(const struct envelopes *e);
uint64_t envelopes_rejected(const struct envelopes *e);

/* ---- the message itself, pure ---- */

/* Exact field order, definite lengths, keys as arrays of integers. 0 or length
 * of the plaintext; out has ENVELOPE_PLAIN_MAX_BYTES. */
size_t envelope_encode(const struct envelope *e, uint8_t *out);
enum envelope_parse { ENVELOPE_OK, ENVELOPE_OTHER_KIND, ENVELOPE_MALFORMED };
enum envelope_parse envelope_decode(struct envelope *out, const uint8_t *plain, size_t len);
/* True if the plaintext claims the reserved kind, well-formed or not. */
bool envelope_reserved(const uint8_t *plain, size_t len);
/* counter 0: the plain id; above: a squatted id is passed over. */
void envelope_id(uint8_t out[32], const uint8_t sender[32], const uint8_t recipient[32],
		 const uint8_t *plain, size_t len, const uint8_t secret[32],
		 unsigned int counter);
/* NULL if it may be taken, else why not. */
const char *envelope_refusal(const struct envelope *e, const struct member *sender,
			     const char *peer_gateway_domains);
/* "<contract>-<port>s.<domain>". False if it would be too long. */
bool envelope_host(char out[ENVELOPE_HOST_MAX + 1], const uint8_t contract[20], uint16_t port,
		   const char *domain);

#endif
