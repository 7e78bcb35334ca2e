// SPDX-License-Identifier: Apache-2.0
/*
 * Runs seeds until time is up, on several processes, and says in one line
 * what came of it. A seed names a whole run: the same seed does the same
 * again, in any process.
 *
 *   sim [--seed N] [--seconds S] [--nodes N] [--jobs N] [--one] [--twice]
 *       [--find PROPERTY]
 *
 * --one runs the seed alone; --twice runs it twice and compares; --find ends
 * with success as soon as that property is violated, and fails if it is not.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

struct options {
	u64 seed;
	u32 seconds;
	u32 nodes;
	u32 jobs;
	bool one;
	bool twice;
	const char *find;
};

struct result {
	u64 seeds;
	u64 alive_ns;
	u64 violations;
	u64 steps;
	u64 accepted;
	u64 convictions[AMESH_REASON_KEY + 1];
	bool found;
};

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * SEC + (u64)ts.tv_nsec;
}

static void add_world(struct result *result, const struct world *world,
		      const char *find)
{
	u32 i;

	result->seeds++;
	result->alive_ns += world->alive_ns;
	result->violations += world->violations;
	result->steps += world->steps;
	result->accepted += world->accepted;
	for (i = 0; i <= AMESH_REASON_KEY; i++)
		result->convictions[i] += world->convictions[i];
	for (i = 0; find && i < PROPERTIES; i++)
		if (world->violation_of[i] && !strcmp(property_name(i), find))
			result->found = true;
}

/* Job @job of all runs every jobs-th seed. The first seed of the first job
 * may be the large cluster.
 */
static struct result run_job(const struct options *o, u32 job)
{
	static struct world world;
	u64 end = clock_ns() + o->seconds * SEC;
	struct result result = { 0 };
	u64 seed = o->seed + job;

	do {
		world_run(&world, seed, o->nodes, !o->find);
		add_world(&result, &world, o->find);
		if (world.violations && !o->find) {
			printf("replay: SEED=%llu make sim\n",
			       (unsigned long long)seed);
			fflush(stdout);
		}
		seed += o->jobs;
	} while (!o->one && !result.found && clock_ns() < end &&
		 (o->find || result.violations < 20));
	return result;
}

static int run_twice(const struct options *o)
{
	static struct world world;
	u64 hash, steps;

	world_run(&world, o->seed, o->nodes, true);
	hash = world.hash;
	steps = world.steps;
	world_run(&world, o->seed, o->nodes, true);
	printf("seed %llu: %llu events, trace %016llx, again %016llx\n",
	       (unsigned long long)o->seed, (unsigned long long)steps,
	       (unsigned long long)hash, (unsigned long long)world.hash);
	return hash != world.hash || steps != world.steps;
}

static struct result run_all(const struct options *o)
{
	struct result sum = { 0 }, part;
	int fd[2];
	u32 i, k;

	if (pipe(fd))
		abort();
	fflush(stdout);
	for (i = 0; i < o->jobs; i++) {
		if (fork() == 0) {
			part = run_job(o, i);
			if (write(fd[1], &part, sizeof(part)) !=
			    (ssize_t)sizeof(part))
				_exit(1);
			fflush(stdout);
			_exit(0);
		}
	}
	close(fd[1]);
	for (i = 0; i < o->jobs; i++) {
		if (read(fd[0], &part, sizeof(part)) != (ssize_t)sizeof(part)) {
			fprintf(stderr, "sim: a process ended early\n");
			sum.violations++;
			break;
		}
		sum.seeds += part.seeds;
		sum.alive_ns += part.alive_ns;
		sum.violations += part.violations;
		sum.steps += part.steps;
		sum.accepted += part.accepted;
		sum.found |= part.found;
		for (k = 0; k <= AMESH_REASON_KEY; k++)
			sum.convictions[k] += part.convictions[k];
	}
	while (wait(NULL) > 0)
		;
	return sum;
}

static int report(const struct options *o, const struct result *r)
{
	if (o->find) {
		printf("%s after %llu seeds\n", r->found ? "found" : "NOT found",
		       (unsigned long long)r->seeds);
		return !r->found;
	}
	printf("sim: events %llu, beats accepted %llu, down by observers %llu, time %llu, unreachable %llu, leaving %llu\n",
	       (unsigned long long)r->steps, (unsigned long long)r->accepted,
	       (unsigned long long)r->convictions[AMESH_REASON_OBSERVERS],
	       (unsigned long long)r->convictions[AMESH_REASON_TIME],
	       (unsigned long long)r->convictions[AMESH_REASON_UNREACHABLE],
	       (unsigned long long)r->convictions[AMESH_REASON_LEAVING]);
	printf("sim: seeds %llu from %llu, simulated node-years %.4f, violations %llu\n",
	       (unsigned long long)r->seeds, (unsigned long long)o->seed,
	       (double)r->alive_ns / 1e9 / 86400 / 365.25,
	       (unsigned long long)r->violations);
	return r->violations != 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "nodes", required_argument, NULL, 'n' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "one", no_argument, NULL, '1' },
		{ "twice", no_argument, NULL, '2' },
		{ "find", required_argument, NULL, 'f' },
		{ 0 },
	};
	struct options o = { .seed = 1, .seconds = 30, .jobs = 1 };
	struct result result;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's': o.seed = strtoull(optarg, NULL, 10); break;
		case 't': o.seconds = (u32)strtoul(optarg, NULL, 10); break;
		case 'n': o.nodes = (u32)strtoul(optarg, NULL, 10); break;
		case 'j': o.jobs = (u32)strtoul(optarg, NULL, 10); break;
		case '1': o.one = true; break;
		case '2': o.twice = true; break;
		case 'f': o.find = optarg; break;
		default: return 2;
		}
	}
	if (o.one)
		o.jobs = 1;
	if (o.twice)
		return run_twice(&o);
	result = run_all(&o);
	return report(&o, &result);
}
