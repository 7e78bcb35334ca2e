// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exported verification of many signatures over transforms: sorts out which
 * are ours, and gives those to the eight-lane path or to the scalar one. Chooses,
 * computes nothing itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "engine.h"
#ifdef CONFIG_X86_64
#include "lanes.h"
#endif

#include <linux/export.h>
#include <linux/log2.h>
#include <linux/slab.h>

static_assert((int)AMESH_ED25519_BATCH_MAX == (int)ED25519_BATCH);

/**
 * struct amesh_ed25519_batch - working memory of one worker
 * @jobs: the items whose transforms are ours
 * @item_of: index of the item that each job came from
 * @lanes: of the eight-lane path, where there is one
 * @scalar: of the scalar path
 */
struct amesh_ed25519_batch {
	struct ed25519_job jobs[ED25519_BATCH];
	u8 item_of[ED25519_BATCH];
	union {
#ifdef CONFIG_X86_64
		struct lanes_scratch lanes;
#endif
		struct ed25519_batch_scratch scalar;
	};
};

struct amesh_ed25519_batch *amesh_ed25519_batch_alloc(gfp_t gfp)
{
	size_t bytes = sizeof(struct amesh_ed25519_batch);

	/* a power of two, because that is what makes it 64-byte aligned */
	return kvzalloc(roundup_pow_of_two(bytes), gfp);
}
EXPORT_SYMBOL_GPL(amesh_ed25519_batch_alloc);

void amesh_ed25519_batch_free(struct amesh_ed25519_batch *batch)
{
	kvfree(batch);
}
EXPORT_SYMBOL_GPL(amesh_ed25519_batch_free);

static u64 verify_jobs(struct amesh_ed25519_batch *b, unsigned int n)
{
	if (!n)
		return 0;
#ifdef CONFIG_X86_64
	if (amesh_ed25519_lanes)
		return lanes_verify_batch(&b->lanes, b->jobs, n);
#endif
	return ed25519_verify_batch(&b->scalar, b->jobs, n);
}

static void add_job(struct amesh_ed25519_batch *b, unsigned int job,
		    const struct ed25519_key *key, unsigned int index,
		    const struct amesh_ed25519_item *item)
{
	b->item_of[job] = index;
	b->jobs[job] = (struct ed25519_job){
		.key = key,
		.sig = item->sig,
		.head = item->head,
		.msg = item->msg,
		.head_bytes = item->head_bytes,
		.msg_bytes = item->msg_bytes,
	};
}

int amesh_ed25519_verify_batch(struct amesh_ed25519_batch *batch,
			       const struct amesh_ed25519_item *items,
			       unsigned int n, u64 *verdicts)
{
	struct amesh_ed25519_ctx *ctx;
	unsigned int i, jobs = 0;
	u64 good;

	*verdicts = 0;
	if (!n || n > AMESH_ED25519_BATCH_MAX)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		ctx = amesh_ed25519_ctx(items[i].tfm);
		if (ctx && ctx->key)
			add_job(batch, jobs++, ctx->key, i, &items[i]);
		else if (!ctx && amesh_ed25519_verify_foreign(&items[i]))
			*verdicts |= BIT_ULL(i);
	}
	good = verify_jobs(batch, jobs);
	for (i = 0; i < jobs; i++)
		if (good & BIT_ULL(i))
			*verdicts |= BIT_ULL(batch->item_of[i]);
	return 0;
}
EXPORT_SYMBOL_GPL(amesh_ed25519_verify_batch);

static u64 selftest_jobs(void *ctx, const struct ed25519_job *jobs,
			 unsigned int n)
{
	struct amesh_ed25519_batch *b = ctx;

	memcpy(b->jobs, jobs, n * sizeof(*jobs));
	return verify_jobs(b, n);
}

int amesh_ed25519_batch_selftest(struct selftest_memory *m)
{
	struct amesh_ed25519_batch *b = amesh_ed25519_batch_alloc(GFP_KERNEL);
	const char *failed;

	if (!b)
		return -ENOMEM;
	failed = selftest_batches(m, selftest_jobs, b);
	amesh_ed25519_batch_free(b);
	if (!failed)
		return 0;
	pr_err("known-answer test failed: %s (%s)\n", failed,
	       amesh_ed25519_impl());
	return -EBADMSG;
}
