/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Known answers, run when the module loads: a failure refuses to load. Also
 * part of the userspace tests.
 */
#ifndef ATTESTMESH_ED25519_SELFTEST_H
#define ATTESTMESH_ED25519_SELFTEST_H

#include "ed25519.h"

/* Verifies a batch the way the caller wants it tested. */
typedef u64 (*selftest_batch)(void *ctx, const struct ed25519_job *jobs,
			      unsigned int n);

/* Any u64-aligned memory of this size, table 64-byte aligned. */
struct selftest_memory {
	struct ge_entry table[32];
	struct ed25519_key key;
	struct ed25519_job jobs[ED25519_BATCH];
	u8 scratch[COMB_SCRATCH_BYTES(32)] __aligned(8);
};

/* Keys, signing, single verification. NULL, or what failed. */
const char *selftest_scalar(struct selftest_memory *m);

/* Batches of 1, 2, 7, 8, 9 and 64 with one bad signature in every lane. */
const char *selftest_batches(struct selftest_memory *m, selftest_batch verify,
			     void *ctx);

#endif
