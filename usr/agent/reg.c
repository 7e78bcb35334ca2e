// SPDX-License-Identifier: Apache-2.0
/*
 * Registration as a small table of states. What the chain shows decides in
 * every state: a snapshot with our record ends registration whoever submitted
 * it, and one without begins it again.
 */
#include "reg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "bytes.h"
#include "calls.h"
#include "keccak.h"
#include "log.h"
#include "secret.h"

enum {
	REG_RETRY_MS = 5000,       /* proof, owner: asked again */
	REG_TEXT_MAX = 512,
};

enum reg_state {
	REG_IDLE,         /* reg_start() has not come */
	REG_WAIT_CHAIN,   /* no snapshot yet */
	REG_OWNER,        /* asking whether the account has an owner */
	REG_PROVING,
	REG_SUBMITTED,    /* the operation is with the bundler */
	REG_RETRY,        /* waiting for the next attempt */
	REG_REGISTERED,
	REG_STOPPED,
};

struct reg {
	struct loop *loop;
	struct chain *chain;
	struct bundler *bundler;
	struct keys *keys;
	struct attestor *attestor;
	struct reg_events events;
	void *arg;
	enum reg_state state;
	struct attestor_binding binding;
	uint8_t attestor_id[32], self_id[32];
	bool bootstrap;               /* the account has no owner yet */
	bool removed;                 /* the chain says so; shown until readmitted */
	uint64_t register_ticket, publish_ticket; /* 0: none pending */
	struct loop_timer timer;
	char waiting[REG_TEXT_MAX], blocked[REG_TEXT_MAX];
};

/* ---- telling ---- */

static void say(struct reg *r, const char *waiting, const char *blocked)
{
	if (r->removed && r->state != REG_STOPPED)
		blocked = "removed";
	if (!strncmp(r->waiting, waiting, REG_TEXT_MAX - 1) &&
	    !strncmp(r->blocked, blocked, REG_TEXT_MAX - 1))
		return;
	if (*waiting || *blocked)
		log_info("registration: %s", *blocked ? blocked : waiting);
	snprintf(r->waiting, sizeof(r->waiting), "%s", waiting);
	snprintf(r->blocked, sizeof(r->blocked), "%s", blocked);
	if (r->events.on_status)
		r->events.on_status(r->arg);
}

static void stop(struct reg *r, const char *text)
{
	if (r->state == REG_STOPPED)
		return;
	r->state = REG_STOPPED;
	loop_timer_cancel(&r->timer);
	say(r, "", text);
	if (r->events.on_stopped)
		r->events.on_stopped(text, r->arg);
}

static void retry(struct reg *r, const char *waiting, const char *blocked)
{
	r->state = REG_RETRY;
	say(r, waiting, blocked);
	loop_timer_set(&r->timer, REG_RETRY_MS);
}

/* ---- the beat key ---- */

static const struct member *own_record(const struct reg *r)
{
	const struct chain_snapshot *now = chain_now(r->chain);

	return now ? now->self : NULL;
}

bool reg_beat_published(const struct reg *r)
{
	const struct member *self = own_record(r);

	return r->state == REG_REGISTERED && self &&
	       !memcmp(self->ed25519_pub, keys_beat_public(r->keys), 32);
}

static void on_published(const struct bundler_outcome *o, void *arg)
{
	struct reg *r = arg;

	r->publish_ticket = 0;
	if (o->result == BUNDLER_REFUSED)
		say(r, o->reason, "");
	/* Done: the next snapshot shows it. Refused: that snapshot asks anew. */
}

static void publish_beat_key(struct reg *r)
{
	struct call call = call_word("publishEd25519Key(bytes32)", keys_beat_public(r->keys));
	struct call check = call_word("ed25519KeyOf(bytes32)", r->self_id);
	struct bundler_job job = {
		.name = "publishEd25519Key", .own = true,
		.call = call.data, .call_len = call.len,
		.check = { .call = check.data, .call_len = check.len },
		.done = on_published, .arg = r,
	};

	if (r->publish_ticket || reg_beat_published(r))
		return;
	memcpy(job.check.expected, keys_beat_public(r->keys), 32);
	if (bundler_submit(r->bundler, &job, &r->publish_ticket))
		r->publish_ticket = 0; /* the next snapshot tries again */
}

/* ---- what the record says ---- */

static void registered(struct reg *r, const struct member *self, int epoch)
{
	bool news = r->state != REG_REGISTERED;

	keys_wg_epoch_set(r->keys, (unsigned int)epoch);
	memcpy(r->self_id, self->id, 32);
	r->removed = false;
	r->state = REG_REGISTERED;
	loop_timer_cancel(&r->timer);
	say(r, "", "");
	if (news) {
		log_info("registered as member %u", self->index);
		if (r->events.on_registered)
			r->events.on_registered(r->arg);
	}
	publish_beat_key(r);
}

static void on_wg_published(const struct bundler_outcome *o, void *arg)
{
	struct reg *r = arg;

	r->register_ticket = 0;
	if (o->result == BUNDLER_REFUSED && strcmp(o->error_name, "WgKeyTaken"))
		keys_wg_epoch_set(r->keys, keys_wg_epoch(r->keys) - 1); /* not its fault */
	chain_wake(r->chain);
}

/* Another member registered with the key that we had published, so ours is
 * zero: the next epoch's key takes its place. */
static void publish_next_wg_key(struct reg *r, const struct member *self)
{
	unsigned int epoch = keys_wg_epoch(r->keys) + 1;
	uint8_t *secret = secret_alloc(32), pub[32];
	struct call call, check = call_word("wgPubKeyOf(bytes32)", self->id);
	struct bundler_job job = { .name = "publishWgKey", .own = true,
				   .check = { .call = check.data, .call_len = check.len },
				   .done = on_wg_published, .arg = r };

	retry(r, "the WireGuard key was taken by another member; publishing the next", "");
	if (!r->register_ticket && secret && keys_wg(r->keys, epoch, secret, pub)) {
		call = call_word("publishWgKey(bytes32)", pub);
		job.call = call.data;
		job.call_len = call.len;
		memcpy(job.check.expected, pub, 32);
		if (bundler_submit(r->bundler, &job, &r->register_ticket))
			r->register_ticket = 0; /* the timer tries again */
		else
			keys_wg_epoch_set(r->keys, epoch);
	}
	secret_free(secret);
}

static void judge_record(struct reg *r, const struct member *self)
{
	int epoch;

	if (memcmp(self->x_pub, keys_box_public(r->keys), 32)) {
		stop(r, "foreign keys on the member record: the chain holds another x25519 key "
			"than this TEE derives; the TEE identity behind this member was lost, "
			"or MEMBER_CONTRACT is another node's");
		return;
	}
	epoch = keys_wg_epoch_of(r->keys, self->wg_pub);
	/* Zero: another member registered with the key that we had published. */
	if (epoch < 0 && !bytes_are_zero(self->wg_pub, 32)) {
		stop(r, "foreign keys on the member record: the chain holds a WireGuard key that "
			"this TEE derives in no epoch");
		return;
	}
	if (epoch < 0) {
		publish_next_wg_key(r, self);
		return;
	}
	registered(r, self, epoch);
}

/* ---- attempts ---- */

static void attempt(struct reg *r);

static void next_epoch(struct reg *r)
{
	unsigned int next = keys_wg_epoch(r->keys) + 1;

	if (next > KEYS_WG_EPOCH_MAX) {
		stop(r, "every WireGuard key of this node is taken by other members");
		return;
	}
	keys_wg_epoch_set(r->keys, next);
	retry(r, "the WireGuard key is taken by another member; taking the next epoch", "");
}

static void on_register_done(const struct bundler_outcome *o, void *arg)
{
	struct reg *r = arg;

	r->register_ticket = 0;
	if (r->state != REG_SUBMITTED)
		return;
	switch (o->result) {
	case BUNDLER_DONE:
		r->state = REG_WAIT_CHAIN;
		chain_wake(r->chain);
		break;
	case BUNDLER_REFUSED:
		if (!strcmp(o->error_name, "WgKeyTaken"))
			next_epoch(r);
		else if (error_class(o->error_name) == REFUSAL_DONE)
			retry(r, o->reason, ""); /* the snapshot will show whose it is */
		else
			stop(r, o->reason);
		break;
	case BUNDLER_CANCELLED:
		break;
	}
}

static void submit(struct reg *r, const struct buf *call)
{
	struct call check = call_word("xPubKeyOf(bytes32)", r->self_id);
	struct bundler_job job = {
		.name = "dstack_register", .own = true, .bootstrap = r->bootstrap,
		.call = call->data, .call_len = call->len,
		.check = { .call = check.data, .call_len = check.len },
		.done = on_register_done, .arg = r,
	};
	int ret;

	memcpy(job.check.expected, r->binding.x_pub, 32);
	r->state = REG_SUBMITTED;
	ret = bundler_submit(r->bundler, &job, &r->register_ticket);
	if (ret)
		retry(r, "no room for the register operation", "");
	else
		say(r, "registration: operation on its way", "");
}

static void on_proof(const struct attestor_answer *a, void *arg)
{
	struct reg *r = arg;

	if (r->state != REG_PROVING)
		return;
	switch (a->verdict) {
	case ATTESTOR_READY:
		submit(r, a->call);
		break;
	case ATTESTOR_WAIT:
		retry(r, a->text, a->text);
		break;
	case ATTESTOR_STOP:
		stop(r, a->text);
		break;
	}
}

static bool fill_binding(struct reg *r)
{
	uint8_t *secret = secret_alloc(32);
	bool ok;

	memcpy(r->binding.cluster, chain_cluster(r->chain), 20);
	memcpy(r->binding.member, chain_member_contract(r->chain), 20);
	memcpy(r->binding.x_pub, keys_box_public(r->keys), 32);
	ok = secret && keys_wg(r->keys, keys_wg_epoch(r->keys), secret, r->binding.wg_pub);
	secret_free(secret);
	return ok;
}

static void on_owner(const struct chain_answer *a, void *arg)
{
	struct reg *r = arg;
	struct abi_dec d = { a->data, a->len };
	uint8_t owner[20], ours[20];

	if (r->state != REG_OWNER)
		return;
	if (a->class != RPC_OK || !abi_get_address(&d, 0, owner)) {
		retry(r, a->class != RPC_OK ? a->text : "member contract: owner() answers nothing",
		      "");
		return;
	}
	keys_owner_address(r->keys, ours);
	r->bootstrap = bytes_are_zero(owner, 20);
	if (!r->bootstrap && memcmp(owner, ours, 20)) {
		stop(r, "the member account's owner is another key than this TEE's binding key; "
			"the TEE identity behind this member was lost");
		return;
	}
	if (!fill_binding(r)) {
		retry(r, "keys: the WireGuard key could not be derived", "");
		return;
	}
	member_id_of(r->self_id, r->binding.cluster, r->binding.member, r->attestor_id);
	r->state = REG_PROVING;
	attestor_prove(r->attestor, &r->binding, on_proof, r);
}

static void attempt(struct reg *r)
{
	struct call call = call_none("owner()");

	r->state = REG_OWNER;
	chain_call(r->chain, r, chain_member_contract(r->chain), call.data, call.len, on_owner, r);
}

static void on_timer(void *arg)
{
	struct reg *r = arg;
	const struct member *self = own_record(r);

	if (r->state != REG_RETRY)
		return;
	if (self && member_live(self))
		judge_record(r, self);
	else
		attempt(r);
}

/* ---- public ---- */

static void lost(struct reg *r)
{
	log_warn("this node was removed from the cluster");
	r->state = REG_WAIT_CHAIN;
	say(r, "", "");
	if (r->events.on_removed)
		r->events.on_removed(r->arg);
}

void reg_snapshot(struct reg *r, const struct chain_snapshot *now)
{
	const struct member *self = now->self;
	bool live = self && member_live(self);

	if (r->state == REG_IDLE || r->state == REG_STOPPED)
		return;
	if (live) {
		judge_record(r, self);
		return;
	}
	/* A reorg may take the record away altogether: then it is no removal. */
	r->removed = self != NULL;
	if (r->state == REG_REGISTERED)
		lost(r);
	if (r->state != REG_WAIT_CHAIN)
		return;
	/* The contract tells a removed member so (MemberBarred) until it is
	 * readmitted; trying slowly finds that out. */
	if (r->removed)
		retry(r, "", "");
	else
		attempt(r);
}

void reg_start(struct reg *r)
{
	const struct chain_snapshot *now = chain_now(r->chain);

	if (r->state != REG_IDLE)
		return;
	r->state = REG_WAIT_CHAIN;
	if (now)
		reg_snapshot(r, now);
}

bool reg_registered(const struct reg *r)
{
	return r->state == REG_REGISTERED;
}

const char *reg_waiting(const struct reg *r)
{
	return r->waiting[0] ? r->waiting : NULL;
}

const char *reg_blocked(const struct reg *r)
{
	return r->blocked[0] ? r->blocked : NULL;
}

struct reg *reg_new(struct loop *loop, struct chain *chain, struct bundler *bundler,
		    struct keys *keys, struct attestor *attestor,
		    const struct reg_events *events, void *arg)
{
	struct reg *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct reg){ .loop = loop, .chain = chain, .bundler = bundler, .keys = keys,
			   .attestor = attestor, .events = *events, .arg = arg };
	keccak256(r->attestor_id, attestor->ops->id_name, strlen(attestor->ops->id_name));
	loop_timer_init(&r->timer, loop, on_timer, r);
	return r;
}

void reg_free(struct reg *r)
{
	if (!r)
		return;
	loop_timer_cancel(&r->timer);
	if (r->register_ticket)
		bundler_forget(r->bundler, r->register_ticket);
	if (r->publish_ticket)
		bundler_forget(r->bundler, r->publish_ticket);
	chain_cancel(r->chain, r);
	free(r);
}
