/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eight signatures at a time with AVX-512 IFMA: hashing, digits, evaluation and
 * comparison, in pieces of at most one group so that each fits one FPU section.
 * The caller owns the sections and the order of the pieces (lanes.c); nothing
 * here may sleep, fault or allocate. Memory is the caller's scratch, because the
 * frames would otherwise be too large for a kernel stack.
 */
#ifndef ATTESTMESH_ED25519_IFMA_H
#define ATTESTMESH_ED25519_IFMA_H

#include "ed25519.h"

enum {
	IFMA_LANES = 8,
	IFMA_GROUPS = ED25519_BATCH / IFMA_LANES,
	IFMA_MSG_BLOCKS = 5,		/* R || A || M with padding, per lane */
};

/* One value in each lane; a field element is five of them. */
struct ifma_vec {
	u64 lane[IFMA_LANES];
} __aligned(64);

struct ifma_fe {
	struct ifma_vec limb[5];
};

/* Digits in the order of columns: [(comb * spacing + column) * 8 + lane]. */
struct ifma_digits {
	u16 index[(COMB_DIGITS_MAX + 8) * IFMA_LANES];
	u8 negative[COMB_DIGITS_MAX + 8];	/* a bit per lane */
} __aligned(64);

/* A group between its two halves, prepare and evaluate. */
struct ifma_pair {
	struct ifma_digits a, b;
	const struct comb_shape *shape;
	const struct ge_entry *table[IFMA_LANES];
};

struct ifma_result {
	struct ifma_fe x, y, z, prefix;
};

/* What a group's messages become before the FPU section, in plain C. */
struct ifma_input {
	u8 msg[IFMA_LANES][IFMA_MSG_BLOCKS * SHA512_BLOCK];
	u8 blocks[IFMA_LANES];
	u64 hash[IFMA_LANES][8];	/* already there where blocks is 0 */
	u64 s[IFMA_LANES][4];
	const struct comb_shape *shape;
	const struct ge_entry *table[IFMA_LANES];
} __aligned(64);

/* The point being added to, what is added, and the laws' intermediates. */
struct ifma_work {
	struct ifma_fe x, y, z, t;
	struct ifma_fe plus, minus, dxy;
	struct ifma_fe e, f, g, h;
};

struct ifma_scratch {
	struct ifma_input input;
	struct ifma_pair pair[2];
	struct ifma_result result[IFMA_GROUPS];
	struct ifma_vec bits_a[6], bits_b[6];	/* recoded scalars by word */
	struct ifma_work work;
	u8 encoding[IFMA_GROUPS][IFMA_LANES][32];
} __aligned(64);

/* input -> pair: SHA-512, reduction, recoding, digits. */
void ifma_prepare(struct ifma_pair *pair, struct ifma_scratch *w);

/* pair -> result[group]; rows of @next (or NULL) are prefetched. */
void ifma_evaluate(struct ifma_scratch *w, unsigned int group,
		   const struct ifma_pair *pair, const struct ifma_pair *next);

/* result[0..groups) -> encoding[0..groups), one inversion for all. */
void ifma_encode(struct ifma_scratch *w, unsigned int groups);

#endif
