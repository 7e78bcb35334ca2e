/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Known answers of the pure files, run when the module is loaded: cheap, and
 * what they compare with was not computed by the code that they test. The
 * exhaustive tests are the unit tests and the simulator.
 */
#ifndef _AMESH_SELFTEST_PURE_H
#define _AMESH_SELFTEST_PURE_H

#include "../converge.h"
#include "../floors.h"
#include "../pace.h"
#include "../rowmem.h"

#define AMESH_SELFTEST_PEERS 5

/**
 * struct amesh_selftest_memory - what the tests work in; too large for a stack
 */
struct amesh_selftest_memory {
	struct amesh_live live;
	struct amesh_live_peer peer[AMESH_SELFTEST_PEERS];
	struct amesh_beat beat;
	struct amesh_floors floors;
	struct amesh_floor floor[2];
	struct amesh_rowmem rowmem;
	u64 block[512];
	u64 row[AMESH_SELFTEST_PEERS][40];
	u64 mesh[1400];
	u8 wire[AMESH_BEAT_LEN];
};

/* Each returns NULL, or what is wrong. */
const char *amesh_selftest_beat(struct amesh_selftest_memory *m);
const char *amesh_selftest_replay(struct amesh_selftest_memory *m);
const char *amesh_selftest_own(struct amesh_selftest_memory *m);
const char *amesh_selftest_floors(struct amesh_selftest_memory *m);
const char *amesh_selftest_view(struct amesh_selftest_memory *m);
const char *amesh_selftest_row(struct amesh_selftest_memory *m);
const char *amesh_selftest_rowmem(struct amesh_selftest_memory *m);
const char *amesh_selftest_link(struct amesh_selftest_memory *m);
const char *amesh_selftest_pace(struct amesh_selftest_memory *m);
const char *amesh_selftest_live(struct amesh_selftest_memory *m);
const char *amesh_selftest_evidence(struct amesh_selftest_memory *m);
const char *amesh_selftest_converge(struct amesh_selftest_memory *m);

/**
 * amesh_selftest_pure - run all of them
 * @m: memory, 8-aligned; contents do not matter
 *
 * Return: NULL, or the first thing that is wrong.
 */
const char *amesh_selftest_pure(struct amesh_selftest_memory *m);

/* A mesh of this node (index 0) and AMESH_SELFTEST_PEERS peers from index 1
 * on, interval 1 s, at time 0 + 1 s; for the tests that need one.
 */
bool amesh_selftest_mesh(struct amesh_selftest_memory *m);

/* A beat of peer @i at @at_ns that hears those in @up. */
void amesh_selftest_hear(struct amesh_selftest_memory *m, u32 i, u64 up,
			 u64 at_ns);

#define AMESH_SELFTEST_SEC (1000 * AMESH_NS_PER_MS)

#endif /* _AMESH_SELFTEST_PURE_H */
