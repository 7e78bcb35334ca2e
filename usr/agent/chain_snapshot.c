// SPDX-License-Identifier: Apache-2.0
/*
 * One snapshot: every member page by page, addresses and commitments, all at
 * the same block. Several questions are under way at once; the first failure
 * ends the attempt.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "calls.h"
#include "chain_priv.h"

struct snapshot_build {
	struct chain *chain;
	struct chain_snapshot *made;
	snapshot_done_fn done;
	void *arg;
	char tag[20];
	unsigned int open;        /* questions without an answer yet */
};

void snapshot_free(struct chain_snapshot *s)
{
	if (!s)
		return;
	members_free(&s->members);
	free(s);
}

static void build_end(struct snapshot_build *b, const char *why)
{
	struct chain_snapshot *made = b->made;
	snapshot_done_fn done = b->done;
	void *arg = b->arg;

	chain_cancel(b->chain, b);
	b->chain->build = NULL;
	free(b);
	if (why) {
		snapshot_free(made);
		made = NULL;
	}
	done(made, why, arg);
}

void snapshot_abort(struct chain *c)
{
	struct snapshot_build *b = c->build;

	if (!b)
		return;
	chain_cancel(c, b);
	snapshot_free(b->made);
	free(b);
	c->build = NULL;
}

/* The last answer of all completes the snapshot. */
static void answered(struct snapshot_build *b)
{
	struct chain_snapshot *s = b->made;

	if (--b->open)
		return;
	s->self = members_by_contract(&s->members, b->chain->member);
	build_end(b, NULL);
}

/* The answer as words, or NULL after the attempt was ended. */
static const struct abi_dec *words_of(struct snapshot_build *b, const struct chain_answer *a,
				      const char *what, struct abi_dec *d)
{
	char why[CHAIN_TEXT_MAX];

	*d = (struct abi_dec){ a->data, a->len };
	if (a->class == RPC_OK && a->len >= ABI_WORD_BYTES)
		return d;
	if (a->class == RPC_OK)
		snprintf(why, sizeof(why), "cluster: %s answers nothing; is it a cluster?", what);
	else
		snprintf(why, sizeof(why), "%s", a->text);
	build_end(b, why);
	return NULL;
}

static void malformed(struct snapshot_build *b, const char *what)
{
	char why[CHAIN_TEXT_MAX];

	snprintf(why, sizeof(why), "rpc: the answer to %s is malformed", what);
	build_end(b, why);
}

static void ask(struct snapshot_build *b, const struct call *call, chain_call_fn fn)
{
	b->open++;
	chain_call_at(b->chain, b, b->tag, NULL, b->chain->cluster, call->data, call->len, fn, b);
}

/* ---- members ---- */

static void on_members(const struct chain_answer *a, void *arg);

static void ask_members(struct snapshot_build *b, uint32_t from)
{
	struct call c = call_two_u64("members(uint32,uint32)", from, MEMBER_PAGE);

	ask(b, &c, on_members);
}

static int add_page(struct members *to, const struct abi_dec *page, size_t count)
{
	struct member m;
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++) {
		ret = member_decode(&m, page, i);
		if (!ret)
			ret = members_add(to, &m);
	}
	return ret;
}

static void on_members(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct members *to = &b->made->members;
	struct abi_dec d, page;
	uint32_t next;
	size_t count;

	if (!words_of(b, a, "members()", &d))
		return;
	if (!abi_get_array(&d, 0, MEMBER_VIEW_WORDS, &page, &count) ||
	    !abi_get_u32(&d, 1, &next) || count > MEMBER_PAGE || add_page(to, &page, count) ||
	    (next && next != to->count)) {
		malformed(b, "members()");
		return;
	}
	if (next)
		ask_members(b, next);
	answered(b);
}

/* ---- the rest ---- */

static void on_cidr(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct abi_dec d;
	uint32_t prefix;

	if (!words_of(b, a, "meshCidr()", &d))
		return;
	if (!abi_get_u32(&d, 0, &b->made->cidr_ip) || !abi_get_u32(&d, 1, &prefix) ||
	    prefix > 32) {
		malformed(b, "meshCidr()");
		return;
	}
	b->made->cidr_prefix = (uint8_t)prefix;
	answered(b);
}

static void on_owner(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct abi_dec d;

	if (!words_of(b, a, "clusterOwner()", &d))
		return;
	if (!abi_get_address(&d, 0, b->made->cluster_owner)) {
		malformed(b, "clusterOwner()");
		return;
	}
	answered(b);
}

static void on_requested(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct abi_dec d;

	if (!words_of(b, a, "cskRequestedGeneration()", &d))
		return;
	if (!abi_get_u32(&d, 0, &b->made->csk.requested)) {
		malformed(b, "cskRequestedGeneration()");
		return;
	}
	answered(b);
}

static void on_commitment(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct abi_dec d;

	if (!words_of(b, a, "cskCommitmentAt()", &d))
		return;
	abi_get_word(&d, 0, b->made->csk.commitment);
	answered(b);
}

static void on_committer(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	struct abi_dec d;

	if (!words_of(b, a, "cskCommitterOf()", &d))
		return;
	abi_get_word(&d, 0, b->made->csk.committer);
	answered(b);
}

static void on_generation(const struct chain_answer *a, void *arg)
{
	struct snapshot_build *b = arg;
	uint32_t *g = &b->made->csk.generation;
	struct abi_dec d;
	struct call c;

	if (!words_of(b, a, "cskGeneration()", &d))
		return;
	if (!abi_get_u32(&d, 0, g)) {
		malformed(b, "cskGeneration()");
		return;
	}
	if (*g) {
		c = call_u64("cskCommitmentAt(uint32)", *g);
		ask(b, &c, on_commitment);
		c = call_u64("cskCommitterOf(uint32)", *g);
		ask(b, &c, on_committer);
	}
	answered(b);
}

int snapshot_start(struct chain *c, snapshot_done_fn done, void *arg)
{
	struct snapshot_build *b = calloc(1, sizeof(*b));
	struct chain_snapshot *s = calloc(1, sizeof(*s));
	struct call call;

	if (!b || !s) {
		free(b);
		free(s);
		return -ENOMEM;
	}
	*b = (struct snapshot_build){ .chain = c, .made = s, .done = done, .arg = arg, .open = 1 };
	c->build = b;
	snprintf(b->tag, sizeof(b->tag), "0x%llx", (unsigned long long)c->head.number);
	s->block = c->head.number;
	s->block_time_s = c->head.time_s;
	memcpy(s->block_hash, c->head.hash, 32);
	memcpy(s->cluster, c->cluster, 20);
	call = call_none("meshCidr()");
	ask(b, &call, on_cidr);
	call = call_none("clusterOwner()");
	ask(b, &call, on_owner);
	call = call_none("cskRequestedGeneration()");
	ask(b, &call, on_requested);
	call = call_none("cskGeneration()");
	ask(b, &call, on_generation);
	/* Last, so that `open` cannot reach zero before all are asked. */
	b->open--;
	ask_members(b, 0);
	return 0;
}

static void note_change(const struct member *now, unsigned int changes, void *arg)
{
	(void)now;
	(void)changes;
	*(bool *)arg = true;
}

bool snapshot_differs(const struct chain_snapshot *a, const struct chain_snapshot *b)
{
	bool differs = a->members.count != b->members.count ||
		       memcmp(a->cluster_owner, b->cluster_owner, 20) ||
		       a->cidr_ip != b->cidr_ip || a->cidr_prefix != b->cidr_prefix ||
		       a->csk.generation != b->csk.generation ||
		       a->csk.requested != b->csk.requested ||
		       memcmp(a->csk.commitment, b->csk.commitment, 32) ||
		       memcmp(a->csk.committer, b->csk.committer, 32);

	members_diff(&a->members, &b->members, note_change, &differs);
	return differs;
}
