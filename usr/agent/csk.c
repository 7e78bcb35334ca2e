// SPDX-License-Identifier: Apache-2.0
/*
 * Which key this node should have, and how it comes by it. One function,
 * settle(), looks at the newest view and takes the next step; timers and
 * answers only lead back to it.
 */
#include "csk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "csk_priv.h"
#include "keccak.h"
#include "log.h"
#include "secret.h"

/* A commit whose receipt came but which the chain does not show. */
enum { COMMIT_UNSEEN_MS = 60000 };

void csk_commitment(const uint8_t key[CSK_BYTES], uint8_t out[32])
{
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_add(&k, key, CSK_BYTES);
	keccak256_done(&k, out);
	secret_wipe(&k, sizeof(k));
}

static void tell(void *arg)
{
	struct csk *csk = arg;

	csk->ops->changed(csk->arg);
}

/* Later, so that the owner may come back with a new view. */
void csk_tell(struct csk *csk)
{
	loop_defer(csk->loop, &csk->tell, tell, csk);
}

static bool matches(const struct csk *csk, const struct csk_key *key)
{
	return key->generation && key->generation == csk->view.committed &&
	       !memcmp(key->commitment, csk->view.commitment, 32);
}

static void forget(struct csk_key *key)
{
	if (key->bytes)
		secret_wipe(key->bytes, CSK_BYTES);
	key->generation = 0;
}

void csk_hold(struct csk *csk, const uint8_t key[CSK_BYTES])
{
	memcpy(csk->held.bytes, key, CSK_BYTES);
	csk->held.generation = csk->view.committed;
	memcpy(csk->held.commitment, csk->view.commitment, 32);
	forget(&csk->stored);
	csk_pull_stop(csk);
	csk_store_save(csk);
	log_info("csk: generation %" PRIu32 " is held", csk->held.generation);
	csk_tell(csk);
}

/* The committer can make the key again; a seed that makes another one means
 * that it was another machine's member once. */
static bool rederive(struct csk *csk)
{
	uint8_t *key, commitment[32];
	bool ok = false;

	if (memcmp(csk->view.committer, csk->view.self_id, 32) ||
	    (csk->underivable &&
	     !memcmp(csk->underivable_commitment, csk->view.commitment, 32)))
		return false;
	key = secret_alloc(CSK_BYTES);
	if (key && !csk->ops->derive(csk->view.committed, key, csk->arg)) {
		csk_commitment(key, commitment);
		ok = !memcmp(commitment, csk->view.commitment, 32);
		if (ok) {
			csk_hold(csk, key);
		} else {
			csk->underivable = true;
			memcpy(csk->underivable_commitment, csk->view.commitment, 32);
			log_warn("csk: generation %" PRIu32 " is committed by this member, "
				 "but its seed gives another key; pulling it instead",
				 csk->view.committed);
		}
	}
	secret_free(key);
	return ok;
}

static bool unwrap(struct csk *csk)
{
	if (!matches(csk, &csk->stored))
		return false;
	csk_hold(csk, csk->stored.bytes);
	return true;
}

void csk_acquire(struct csk *csk)
{
	if (!csk->view.committed || matches(csk, &csk->held)) {
		csk_pull_stop(csk);
		return;
	}
	/* The wrapped copy first: it costs nothing and proves itself. */
	if (csk->stored.generation == csk->view.committed && unwrap(csk))
		return;
	if (!rederive(csk))
		csk_pull_go(csk);
}

static size_t lower_live(const struct csk *csk)
{
	size_t rank = 0;

	for (size_t i = 0; i < csk->view.peer_count; i++)
		rank += csk->peers[i].live && csk->peers[i].index < csk->view.self_index;
	return rank;
}

/* The generation that this node should see to being committed; 0 = none. */
static uint32_t commit_target(const struct csk *csk)
{
	if (!csk->view.committed)
		return csk->view.originator ? 1 : 0;
	return csk->view.requested > csk->view.committed ? csk->view.requested : 0;
}

static void start_commit(struct csk *csk)
{
	uint8_t *key = secret_alloc(CSK_BYTES), commitment[32];
	int ret = -1;

	if (key)
		ret = csk->ops->derive(csk->commit_wanted, key, csk->arg);
	if (!ret) {
		csk_commitment(key, commitment);
		csk->committing = true;
		log_info("csk: committing generation %" PRIu32, csk->commit_wanted);
	}
	secret_free(key);
	csk->commit_not_before_ms = clock_boot_ms() + CSK_COMMIT_RETRY_MS;
	if (!ret)
		csk->ops->commit(csk->commit_wanted, commitment, csk->arg);
	else
		log_warn("csk: the key of generation %" PRIu32 " cannot be derived; "
			 "trying again", csk->commit_wanted);
}

static void commit(struct csk *csk)
{
	uint32_t target = commit_target(csk);
	int64_t now_ms = clock_boot_ms(), due_ms;

	if (target != csk->commit_wanted) {
		csk->commit_wanted = target;
		csk->commit_since_ms = now_ms;
		csk->commit_not_before_ms = now_ms;
		csk->committing = false;
		loop_timer_cancel(&csk->commit_timer);
	}
	if (!target || csk->committing)
		return;
	due_ms = csk->commit_since_ms;
	if (csk->view.committed)
		due_ms += (int64_t)lower_live(csk) * CSK_RANK_WAIT_MS;
	if (due_ms < csk->commit_not_before_ms)
		due_ms = csk->commit_not_before_ms;
	if (now_ms >= due_ms)
		start_commit(csk);
	if (!csk->committing && loop_timer_set(&csk->commit_timer,
					       due_ms > now_ms ? due_ms - now_ms
							       : CSK_COMMIT_RETRY_MS))
		log_error("csk: no memory for a timer; the next block tries again");
}

static void settle(struct csk *csk)
{
	if (!csk->view.member) {
		csk_pull_stop(csk);
		loop_timer_cancel(&csk->commit_timer);
		csk->commit_wanted = 0;
		csk->committing = false;
		if (csk->held.generation)
			csk_tell(csk);
		forget(&csk->held);
		return;
	}
	csk_acquire(csk);
	commit(csk);
}

static void on_commit_timer(void *arg)
{
	settle(arg);
}

static bool same_view(const struct csk *csk, const struct csk_view *v)
{
	struct csk_view now = csk->view, other = *v;

	/* By value, without the pointers; padding is zero in neither. */
	now.peers = other.peers = NULL;
	return now.member == other.member && now.self_index == other.self_index &&
	       now.committed == other.committed && now.requested == other.requested &&
	       now.originator == other.originator && now.reachable == other.reachable &&
	       now.peer_count == other.peer_count &&
	       !memcmp(now.self_id, other.self_id, 32) &&
	       !memcmp(now.commitment, other.commitment, 32) &&
	       !memcmp(now.committer, other.committer, 32);
}

static bool same_peers(const struct csk *csk, const struct csk_view *v)
{
	for (size_t i = 0; i < v->peer_count; i++) {
		const struct csk_peer *a = &csk->peers[i], *b = &v->peers[i];

		if (a->index != b->index || a->mesh_ip != b->mesh_ip || a->live != b->live ||
		    memcmp(a->member_id, b->member_id, 32))
			return false;
	}
	return true;
}

void csk_update(struct csk *csk, const struct csk_view *view)
{
	struct csk_peer *peers;

	if (same_view(csk, view) && same_peers(csk, view))
		return;
	peers = reallocarray(NULL, view->peer_count + 1, sizeof(*peers));
	if (!peers) {
		log_error("csk: no memory for %zu peers; keeping the older view",
			  view->peer_count);
		return;
	}
	if (view->peer_count)
		memcpy(peers, view->peers, view->peer_count * sizeof(*peers));
	free(csk->peers);
	csk->peers = peers;
	csk->view = *view;
	csk->view.peers = peers;
	settle(csk);
}

void csk_commit_done(struct csk *csk, uint32_t generation, bool ok)
{
	if (generation != csk->commit_wanted)
		return;
	csk->committing = false;
	csk->commit_not_before_ms = clock_boot_ms() +
		(ok ? COMMIT_UNSEEN_MS : CSK_COMMIT_RETRY_MS);
	/* May be called from inside settle(): only a timer leads back to it. */
	if (loop_timer_set(&csk->commit_timer, ok ? COMMIT_UNSEEN_MS : CSK_COMMIT_RETRY_MS))
		log_error("csk: no memory for a timer; the next block tries again");
}

bool csk_acquired(const struct csk *csk)
{
	return csk->view.member && matches(csk, &csk->held);
}

uint32_t csk_held(const struct csk *csk)
{
	return csk->held.generation;
}

bool csk_get(const struct csk *csk, uint32_t generation, uint8_t key[CSK_BYTES])
{
	if (!csk->held.generation || (generation && generation != csk->held.generation))
		return false;
	memcpy(key, csk->held.bytes, CSK_BYTES);
	return true;
}

const char *csk_waiting_for(const struct csk *csk)
{
	struct csk *c = (struct csk *)csk; /* only its scratch text changes */

	if (csk_acquired(csk))
		return NULL;
	if (!csk->view.member)
		return "csk: registration";
	if (!csk->view.committed)
		return csk->view.originator
			? "csk: this node's commitment of generation 1 on chain"
			: "csk: the first member's commitment of generation 1 on chain";
	if (!csk->view.reachable)
		return "csk: the mesh, to ask a peer";
	snprintf(c->waiting, sizeof(c->waiting), csk->rounds >= CSK_UNSERVED_ROUNDS
		 ? "csk: generation %" PRIu32 " is served by none of %zu live peers; it comes "
		   "back with its committer 0x%02x%02x%02x%02x, or after a rotation"
		 : "csk: generation %" PRIu32 " from one of %zu live peers",
		 csk->view.committed, csk->pull_live, csk->view.committer[0],
		 csk->view.committer[1], csk->view.committer[2], csk->view.committer[3]);
	return csk->waiting;
}

static bool take_config(struct csk *csk, const struct csk_config *config)
{
	csk->config = *config;
	csk->held.bytes = secret_alloc(CSK_BYTES);
	csk->stored.bytes = secret_alloc(CSK_BYTES);
	if (!csk->held.bytes || !csk->stored.bytes)
		return false;
	if (config->device && !(csk->device = strdup(config->device)))
		return false;
	if (!config->state_path)
		return true;
	csk->state_path = strdup(config->state_path);
	csk->wrap_key = secret_alloc(32);
	if (!csk->state_path || !csk->wrap_key)
		return false;
	memcpy(csk->wrap_key, config->wrap_key, 32);
	return true;
}

struct csk *csk_new(struct loop *loop, const struct csk_config *config,
		    const struct csk_ops *ops, void *arg)
{
	struct csk *csk = calloc(1, sizeof(*csk));

	if (!csk)
		return NULL;
	csk->loop = loop;
	csk->ops = ops;
	csk->arg = arg;
	loop_timer_init(&csk->commit_timer, loop, on_commit_timer, csk);
	csk_pull_init(csk);
	if (!take_config(csk, config)) {
		csk_free(csk);
		return NULL;
	}
	if (csk->state_path)
		csk_store_load(csk);
	return csk;
}

void csk_free(struct csk *csk)
{
	if (!csk)
		return;
	csk_pull_stop(csk);
	loop_timer_cancel(&csk->commit_timer);
	loop_defer_cancel(csk->loop, &csk->tell);
	secret_free(csk->held.bytes);
	secret_free(csk->stored.bytes);
	secret_free(csk->wrap_key);
	free(csk->state_path);
	free(csk->device);
	free(csk->peers);
	free(csk);
}
