// SPDX-License-Identifier: GPL-2.0-only
/*
 * Summing up a mesh's per-CPU counters.
 */
#include "stats.h"

#include <linux/string.h>

void amesh_stats_sum(const struct amesh_stats __percpu *stats,
		     struct amesh_stats *sum)
{
	unsigned int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct amesh_stats *s = per_cpu_ptr(stats, cpu);

		for (i = 0; i < AMESH_DROPS; i++)
			sum->drop[i] += READ_ONCE(s->drop[i]);
		for (i = 0; i < AMESH_COUNTS; i++)
			sum->count[i] += READ_ONCE(s->count[i]);
	}
}
