/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Batches in eight lanes: which signatures share a group, what happens in which
 * FPU section, and what is left to the scalar path.
 */
#ifndef ATTESTMESH_ED25519_LANES_H
#define ATTESTMESH_ED25519_LANES_H

#include "ifma.h"

/* Working memory of lanes_verify_batch(). */
struct lanes_scratch {
	struct ifma_scratch ifma;
	struct ed25519_batch_scratch scalar;
	struct ed25519_job rest[ED25519_BATCH];
	u8 order[ED25519_BATCH];	/* jobs by shape of their keys */
	u8 rest_of[ED25519_BATCH];
};

/*
 * Like ed25519_verify_batch(), and with the same verdicts: in eight lanes if the
 * FPU can be had for every section of the batch, else in scalar code. Each section
 * is at most one group of work. Only if fpu_has_lanes().
 */
u64 lanes_verify_batch(struct lanes_scratch *w, const struct ed25519_job *jobs,
		       unsigned int n);

#endif
