/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes that share the cases of one fuzzing run: starting them,
 * saying every so often how far they are, ending all when one finds something.
 * Knows nothing of what a case is.
 */
#ifndef TESTS_FUZZ_ED25519_JOBS_H
#define TESTS_FUZZ_ED25519_JOBS_H

#include <stdbool.h>
#include <stdint.h>

enum { JOBS_MAX = 16 };

/**
 * struct jobs - one run
 * @n: processes, 1..JOBS_MAX
 * @cases: of all of them together
 * @progress_secs: a line on standard error so often; 0: none
 * @work: the body of process @job; what it leaves behind is in shared memory
 * @done: cases that process @job has done so far, read while it runs
 */
struct jobs {
	unsigned int n;
	uint64_t cases;
	unsigned int progress_secs;
	void (*work)(unsigned int job);
	uint64_t (*done)(unsigned int job);
};

/* Zeroed memory that the processes share; never fails. */
void *jobs_share(unsigned long bytes);

/* True if every process returned from its work; false ends the others. */
bool jobs_run(const struct jobs *j);

#endif
