// SPDX-License-Identifier: Apache-2.0
/* See jobs.h. The parent only waits and talks; the children do the cases. */
#include "jobs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(2);
}

void *jobs_share(unsigned long bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static double now_secs(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* The child dies with its parent: nothing else would end it. */
static pid_t start(const struct jobs *j, unsigned int job, const sigset_t *old)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, old, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2);
	j->work(job);
	exit(0);
}

static void say(const struct jobs *j, double secs)
{
	uint64_t done = 0;
	unsigned int i;

	for (i = 0; i < j->n; i++)
		done += j->done(i);
	fprintf(stderr, "%.0f s: %llu of %llu cases, %.0f a second, no difference\n",
		secs, (unsigned long long)done, (unsigned long long)j->cases,
		done / secs);
}

/* Reaps what has ended. *running is how many are left; false: one failed. */
static bool reap(pid_t *pid, unsigned int n, unsigned int *running)
{
	bool ok = true;
	unsigned int i;
	int status;

	for (i = 0; i < n; i++) {
		if (!pid[i] || waitpid(pid[i], &status, WNOHANG) != pid[i])
			continue;
		pid[i] = 0;
		--*running;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			ok = false;
	}
	return ok;
}

static void end(pid_t *pid, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (pid[i]) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
}

bool jobs_run(const struct jobs *j)
{
	double t0 = now_secs(), next = j->progress_secs, secs;
	struct timespec tick = { .tv_sec = 1 };
	unsigned int i, running = j->n;
	pid_t pid[JOBS_MAX];
	sigset_t child, old;
	bool ok;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	for (i = 0; i < j->n; i++)
		pid[i] = start(j, i, &old);
	while ((ok = reap(pid, j->n, &running)) && running) {
		sigtimedwait(&child, NULL, &tick);
		secs = now_secs() - t0;
		if (j->progress_secs && secs >= next) {
			say(j, secs);
			next = secs + j->progress_secs;
		}
	}
	end(pid, j->n);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ok;
}
