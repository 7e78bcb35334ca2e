// SPDX-License-Identifier: Apache-2.0
/*
 * hog SECONDS: takes every CPU for itself, by one real-time process each, all
 * over the same span: a machine that stands still for everything but
 * interrupts. One program that forks, for starting another needs the file
 * system, and that needs a CPU.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void hog(int cpu, double start, double end)
{
	struct sched_param prio = { .sched_priority = 98 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
	while (now() < start)
		usleep(1000);
	if (sched_setscheduler(0, SCHED_FIFO, &prio))
		_exit(1);
	while (now() < end)
		;
	_exit(0);
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), status, bad = 0;
	double start;

	if (argc != 2 || mlockall(MCL_CURRENT | MCL_FUTURE))
		return 2;
	start = now() + 0.3;
	for (int cpu = 0; cpu < cpus; cpu++) {
		if (!fork())
			hog(cpu, start, start + atof(argv[1]));
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad ? 1 : 0;
}
