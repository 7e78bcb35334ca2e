/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node shows to anyone over HTTP: /healthz, /metrics, /attestation
 * and a page for people. It renders plain data that the phase logic fills in
 * on request; it decides nothing and holds nothing secret. Text fields may
 * hold foreign text: it is cut and escaped here.
 */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

enum {
	HEALTH_TEXT_CHARS = 256,     /* a sentence, terminator included */
	HEALTH_JOINED_CHARS = 1024,  /* several, each made harmless when it was made */
	HEALTH_WARNINGS_MAX = 16,
	HEALTH_AWAY_MAX = 32,        /* listed; the count may be higher */
	HEALTH_DROPS_MAX = 32,
	HEALTH_PEERS_MAX = 64,       /* rows on the page */
	HEALTH_PHASES = 8,
	HEALTH_QUOTE_INTERVAL_MS = 10000,
	HEALTH_NONCE_MAX_BYTES = 64,
	HEALTH_QUOTE_MAX_BYTES = 32768,
};

struct health_drop {
	char reason[32];             /* [a-z0-9_], else shown with '_' */
	uint64_t count;
};

struct health_peer {
	uint8_t member_id[32];
	uint32_t mesh_ip;            /* 10.1.2.3 = 0x0a010203 */
	char state[16];              /* up, suspect, down, leaving, ... */
	char path[16];               /* tcp, udp, - */
};

struct health_away {
	uint8_t member_id[32];
	uint32_t mesh_ip;
	uint64_t away_secs;          /* since its agent was last seen attached */
};

/* Zeroed before each fill. */
struct health_view {
	const char *phase;           /* static; one of the eight names */
	bool first_converged, csk_acquired;
	uint32_t live_peers;
	char blocked_by[HEALTH_JOINED_CHARS]; /* "" = nothing to say */
	char waiting_for[HEALTH_JOINED_CHARS];
	char refusal[HEALTH_TEXT_CHARS];      /* the current refusal of the chain */
	char progress[HEALTH_TEXT_CHARS];     /* of the search for envelopes */
	char clock[HEALTH_TEXT_CHARS];        /* both times, when they differ */
	char warnings[HEALTH_WARNINGS_MAX][HEALTH_TEXT_CHARS];
	size_t warning_count;
	struct health_away away[HEALTH_AWAY_MAX];
	size_t away_count;           /* may exceed HEALTH_AWAY_MAX */

	/* Who this node is; all zero until known. */
	bool has_self;
	uint64_t chain_id;
	uint8_t cluster[20], member_contract[20], member_id[32];
	uint8_t x_pub[32], wg_pub[32], ed_pub[32];
	uint32_t mesh_ip;
	uint8_t mesh_ip6[16];
	char version[32], module_version[64], kernel[64], bridge_version[32];
	char endpoints[4][HEALTH_TEXT_CHARS]; /* chain endpoints, as URLs */
	size_t endpoint_count;

	/* Numbers for /metrics. */
	double uptime_seconds;
	double phase_seconds[HEALTH_PHASES];  /* start to first entry; < 0 = not yet */
	uint32_t members;                     /* current ones, self included */
	uint32_t peers_up, peers_suspect, peers_down;
	uint64_t beats_sent, beats_accepted;
	struct health_drop drops[HEALTH_DROPS_MAX];
	size_t drop_count;
	uint64_t operations_sent, operations_failed, operations_pending;
	uint64_t envelopes_sent, envelopes_received;
	uint64_t messages_sent, messages_received;
	uint32_t links, links_up;
	uint64_t link_redials, link_drops;
	uint64_t chain_requests, chain_errors, chain_block;
	uint32_t csk_generation;              /* held; 0 = none */
	uint64_t reorgs;

	struct health_peer peers[HEALTH_PEERS_MAX];
	size_t peer_count;           /* may exceed HEALTH_PEERS_MAX */
};

/* The eight phase names in order, as health_view.phase uses them. */
extern const char *const health_phase_names[HEALTH_PHASES];

struct health;

struct health_ops {
	void (*fill)(struct health_view *view, void *arg);
	/*
	 * Asks for a quote over these 64 bytes; the answer comes by
	 * health_quote_done(), once. Non-zero: cannot be asked now, and no
	 * answer comes. NULL: this node has no quotes.
	 */
	int (*quote)(const uint8_t report_data[64], void *arg);
};

/* NULL when memory is short. */
struct health *health_new(struct loop *loop, const struct health_ops *ops, void *arg);
/* Listens on host (an IPv4 or IPv6 address in text form) and port. 0 or a
 * negative errno. */
int health_listen(struct health *h, const char *host, uint16_t port);
/* For port 0: the port that was given. */
uint16_t health_port(const struct health *h);
/* The quote that was asked for, as the guest agent gave it (binary), or NULL
 * and why it could not be had. */
void health_quote_done(struct health *h, const uint8_t *quote, size_t len,
		       const char *why);
void health_free(struct health *h);

#endif
