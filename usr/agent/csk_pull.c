// SPDX-License-Identifier: Apache-2.0
/*
 * Asking peers for the key that the chain commits to. A round asks the
 * committer first, then live peers, then the others, at most eight at once;
 * the first answer whose hash is the commitment ends it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "csk_priv.h"
#include "grpc/client.h"
#include "grpc/peer.pb-c.h"
#include "log.h"
#include "secret.h"

enum { ANSWER_MAX_BYTES = 256 };

static bool right_answer(struct csk *csk, const Attestmesh__Peer__V1__SealedCsk *answer,
			 uint8_t *key)
{
	uint8_t commitment[32];

	if (answer->sealed_csk.len != CSK_SEALED_BYTES ||
	    answer->generation != csk->pull_generation ||
	    !csk->ops->open(answer->sealed_csk.data, key, csk->arg))
		return false;
	csk_commitment(key, commitment);
	return !memcmp(commitment, csk->pull_commitment, 32);
}

static void on_answer(const struct grpc_result *result, void *arg)
{
	struct csk_pull *pull = arg;
	struct csk *csk = pull->csk;
	uint8_t *key;

	pull->call = NULL;
	csk->pulls--;
	if (result->status != GRPC_OK) {
		char clean[LOG_FOREIGN_MAX_CHARS + 1];

		log_debug("csk: peer %02x%02x%02x%02x: %s: %s", pull->member_id[0],
			  pull->member_id[1], pull->member_id[2], pull->member_id[3],
			  grpc_status_name(result->status),
			  log_foreign(clean, sizeof(clean), result->message,
				      strlen(result->message)));
		csk_pull_next(csk);
		return;
	}
	key = secret_alloc(CSK_BYTES);
	if (key && right_answer(csk, (const Attestmesh__Peer__V1__SealedCsk *)result->response,
				key)) {
		csk->rounds = 0;
		csk_hold(csk, key);
	} else {
		log_warn("csk: peer %02x%02x%02x%02x gave a key that is not the committed one",
			 pull->member_id[0], pull->member_id[1], pull->member_id[2],
			 pull->member_id[3]);
		csk_pull_next(csk);
	}
	secret_free(key);
}

static struct csk_pull *free_pull(struct csk *csk)
{
	for (size_t i = 0; i < CSK_PULLS_AT_ONCE; i++)
		if (!csk->pull[i].call)
			return &csk->pull[i];
	return NULL;
}

static void ask(struct csk *csk, struct csk_pull *pull, const struct csk_peer *peer)
{
	Attestmesh__Peer__V1__CskRequest request = ATTESTMESH__PEER__V1__CSK_REQUEST__INIT;
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(csk->config.port),
		.sin_addr.s_addr = htonl(peer->mesh_ip),
	};
	struct grpc_unary u = {
		.addr = (struct sockaddr *)&addr, .addr_len = sizeof(addr),
		.device = csk->device,
		.path = "/attestmesh.peer.v1.PeerControl/RequestClusterSharedKey",
		.request = &request.base,
		.response = &attestmesh__peer__v1__sealed_csk__descriptor,
		.connect_ms = CSK_PULL_CONNECT_MS, .answer_ms = CSK_PULL_ANSWER_MS,
		.response_bytes = ANSWER_MAX_BYTES,
	};

	request.requester_member_id.data = csk->view.self_id;
	request.requester_member_id.len = 32;
	request.generation = csk->pull_generation;
	memcpy(pull->member_id, peer->member_id, 32);
	pull->call = grpc_unary_start(csk->loop, &u, on_answer, pull);
	if (pull->call)
		csk->pulls++;
}

static size_t count_live(const struct csk *csk)
{
	size_t live = 0;

	for (size_t i = 0; i < csk->view.peer_count; i++)
		live += csk->peers[i].live;
	return live;
}

static void round_failed(struct csk *csk)
{
	csk->rounds++;
	csk->retry_ms = csk->retry_ms ? 2 * csk->retry_ms : CSK_RETRY_FIRST_MS;
	if (csk->retry_ms > CSK_RETRY_MOST_MS)
		csk->retry_ms = CSK_RETRY_MOST_MS;
	/* A peer that came up while this round was on is asked at once. */
	if (count_live(csk) > csk->pull_live)
		csk->retry_ms = 0;
	if (csk->rounds == CSK_UNSERVED_ROUNDS)
		log_warn("csk: no live peer serves generation %" PRIu32, csk->pull_generation);
	if (loop_timer_set(&csk->pull_timer, csk->retry_ms))
		log_error("csk: no memory for a timer; the next change tries again");
	csk_tell(csk);
}

void csk_pull_next(struct csk *csk)
{
	struct csk_pull *pull;

	while (csk->next_candidate < csk->candidates && (pull = free_pull(csk)))
		ask(csk, pull, &csk->candidate[csk->next_candidate++]);
	if (!csk->pulls)
		round_failed(csk);
}

static void add_candidate(struct csk *csk, const struct csk_peer *peer)
{
	if (peer->mesh_ip && csk->candidates < CSK_PULL_PEERS_MAX)
		csk->candidate[csk->candidates++] = *peer;
}

static bool is_committer(const struct csk *csk, const struct csk_peer *peer)
{
	return !memcmp(peer->member_id, csk->view.committer, 32);
}

/* Each node starts at its own index, so that all do not ask the same eight. */
static void add_others(struct csk *csk, bool live)
{
	size_t n = csk->view.peer_count;

	for (size_t i = 0; i < n; i++) {
		const struct csk_peer *peer = &csk->peers[(csk->view.self_index + i) % n];

		if (peer->live == live && !is_committer(csk, peer))
			add_candidate(csk, peer);
	}
}

static void start_round(struct csk *csk)
{
	loop_timer_cancel(&csk->pull_timer);
	csk->candidates = csk->next_candidate = 0;
	csk->pull_live = count_live(csk);
	for (size_t i = 0; i < csk->view.peer_count; i++)
		if (is_committer(csk, &csk->peers[i]))
			add_candidate(csk, &csk->peers[i]);
	add_others(csk, true);
	add_others(csk, false);
	csk_pull_next(csk);
}

static void on_timer(void *arg)
{
	csk_acquire(arg);
}

static bool same_target(const struct csk *csk)
{
	return csk->pull_generation == csk->view.committed &&
	       !memcmp(csk->pull_commitment, csk->view.commitment, 32);
}

void csk_pull_go(struct csk *csk)
{
	if (!csk->view.reachable) {
		csk_pull_stop(csk);
		return;
	}
	if (!same_target(csk)) {
		csk_pull_stop(csk);
		csk->pull_generation = csk->view.committed;
		memcpy(csk->pull_commitment, csk->view.commitment, 32);
	}
	if (csk->pulls)
		return;
	/* A new live peer is worth a round at once; else the pause counts. */
	if (loop_timer_pending(&csk->pull_timer)) {
		if (count_live(csk) <= csk->pull_live)
			return;
		csk->retry_ms = 0;
	}
	start_round(csk);
}

void csk_pull_stop(struct csk *csk)
{
	for (size_t i = 0; i < CSK_PULLS_AT_ONCE; i++) {
		grpc_unary_cancel(csk->pull[i].call);
		csk->pull[i].call = NULL;
	}
	csk->pulls = 0;
	csk->pull_generation = 0;
	csk->rounds = 0;
	csk->retry_ms = 0;
	loop_timer_cancel(&csk->pull_timer);
}

void csk_pull_init(struct csk *csk)
{
	for (size_t i = 0; i < CSK_PULLS_AT_ONCE; i++)
		csk->pull[i].csk = csk;
	loop_timer_init(&csk->pull_timer, csk->loop, on_timer, csk);
}
