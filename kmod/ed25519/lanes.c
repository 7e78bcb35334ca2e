// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of work of the eight-lane path. Plain C: packing and comparing are
 * done here, outside the FPU sections (fpu.c); ifma.c has the arithmetic.
 *
 * Section g prepares group g (hash, digits) and evaluates group g - 1, so that
 * the rows group g will need are prefetched meanwhile. One more evaluates the
 * last group and one encodes all results; nothing lives in registers between.
 * If the FPU is refused for any of them, the whole batch is done in scalar code.
 */
#ifdef __x86_64__

#include "lanes.h"
#include "fpu.h"

enum { SMALLEST_GROUP = 2 };	/* one alone is cheaper in scalar code */

/* R || A || head || msg with padding if it fits a lane, else its hash. */
static void pack_message(struct ifma_input *in, unsigned int lane,
			 const struct ed25519_job *job)
{
	size_t len = 64 + (size_t)job->head_bytes + job->msg_bytes;
	struct ed_sha512 hash;
	u8 *p = in->msg[lane];

	if (len + 17 <= sizeof(in->msg[lane])) {
		memcpy(p, job->sig, 32);
		memcpy(p + 32, job->key->pub, 32);
		if (job->head_bytes)
			memcpy(p + 64, job->head, job->head_bytes);
		if (job->msg_bytes)
			memcpy(p + 64 + job->head_bytes, job->msg,
			       job->msg_bytes);
		in->blocks[lane] = ed_sha512_pad(p, len);
		return;
	}
	in->blocks[lane] = 0;
	ed25519_hash_message(&hash, job);
	ed_sha512_final_words(&hash, in->hash[lane]);
}

/* A group is @n >= 1 jobs of one shape; idle lanes repeat the last. */
static void pack_group(struct lanes_scratch *w, const struct ed25519_job *jobs,
		       const u8 *order, unsigned int n)
{
	struct ifma_input *in = &w->ifma.input;
	const struct ed25519_job *job;
	unsigned int lane;
	int i;

	in->shape = jobs[order[0]].key->shape;
	for (lane = 0; lane < IFMA_LANES; lane++) {
		job = &jobs[order[lane < n ? lane : n - 1]];
		in->table[lane] = job->key->table;
		for (i = 0; i < 4; i++)
			in->s[lane][i] = load_le64(job->sig + 32 + 8 * i);
		pack_message(in, lane, job);
	}
}

/* Jobs sorted so that equal shapes are neighbours; stable, n is small. */
static void order_by_shape(u8 *order, const struct ed25519_job *jobs,
			   unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = i; j > 0 && jobs[order[j - 1]].key->shape >
				     jobs[i].key->shape; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

/* Length of the group that starts at @from: same shape, at most eight. */
static unsigned int group_at(const u8 *order, const struct ed25519_job *jobs,
			     unsigned int from, unsigned int n)
{
	const struct comb_shape *shape = jobs[order[from]].key->shape;
	unsigned int len = 1;

	while (len < IFMA_LANES && from + len < n &&
	       jobs[order[from + len]].key->shape == shape)
		len++;
	return len;
}

static u64 compare_group(const struct lanes_scratch *w, unsigned int group,
			 const struct ed25519_job *jobs, const u8 *order,
			 unsigned int n)
{
	unsigned int lane;
	u64 equal = 0;

	for (lane = 0; lane < n; lane++)
		if (!memcmp(w->ifma.encoding[group][lane],
			    jobs[order[lane]].sig, 32))
			equal |= 1ULL << order[lane];
	return equal;
}

struct groups {
	u8 start[IFMA_GROUPS];
	u8 len[IFMA_GROUPS];
	unsigned int count;
};

/* One more group than is filled is never opened: eight groups of any shape. */
static unsigned int split(struct lanes_scratch *w, struct groups *g,
			  const struct ed25519_job *jobs, unsigned int n)
{
	unsigned int at, len, rest = 0, i;

	g->count = 0;
	for (at = 0; at < n; at += len) {
		len = group_at(w->order, jobs, at, n);
		if (len >= SMALLEST_GROUP && g->count < IFMA_GROUPS) {
			g->start[g->count] = at;
			g->len[g->count++] = len;
			continue;
		}
		for (i = at; i < at + len; i++) {
			w->rest_of[rest] = w->order[i];
			w->rest[rest++] = jobs[w->order[i]];
		}
	}
	return rest;
}

/*
 * False as soon as a section is refused: whatever has been computed until then is
 * worth nothing without the sections that follow.
 */
static bool evaluate_groups(struct lanes_scratch *w, const struct groups *g,
			    const struct ed25519_job *jobs)
{
	struct ifma_scratch *v = &w->ifma;
	unsigned int i;

	for (i = 0; i < g->count; i++) {
		pack_group(w, jobs, w->order + g->start[i], g->len[i]);
		if (!fpu_enter())
			return false;
		ifma_prepare(&v->pair[i & 1], v);
		if (i)
			ifma_evaluate(v, i - 1, &v->pair[(i - 1) & 1],
				      &v->pair[i & 1]);
		fpu_leave();
		fpu_rest();
	}
	if (!fpu_enter())
		return false;
	ifma_evaluate(v, i - 1, &v->pair[(i - 1) & 1], NULL);
	fpu_leave();
	fpu_rest();
	if (!fpu_enter())
		return false;
	ifma_encode(v, g->count);
	fpu_leave();
	return true;
}

u64 lanes_verify_batch(struct lanes_scratch *w, const struct ed25519_job *jobs,
		       unsigned int n)
{
	u64 equal = 0, rest_equal;
	struct groups g;
	unsigned int i, rest;

	order_by_shape(w->order, jobs, n);
	rest = split(w, &g, jobs, n);
	if (g.count && !evaluate_groups(w, &g, jobs))
		return ed25519_verify_batch(&w->scalar, jobs, n);
	for (i = 0; i < g.count; i++)
		equal |= compare_group(w, i, jobs, w->order + g.start[i],
				       g.len[i]);
	for (i = 0; i < n; i++)
		if (!ed25519_sig_wellformed(jobs[i].sig))
			equal &= ~(1ULL << i);
	if (!rest)
		return equal;
	rest_equal = ed25519_verify_batch(&w->scalar, w->rest, rest);
	for (i = 0; i < rest; i++)
		if (rest_equal >> i & 1)
			equal |= 1ULL << w->rest_of[i];
	return equal;
}

#endif
