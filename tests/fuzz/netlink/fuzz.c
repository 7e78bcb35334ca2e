// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz SECONDS SEED KEYS [MESSAGES]: namespaces one after another, each with its
 * own seed and MESSAGES messages, until the time is up; then what was seen. Runs
 * as root where the modules are loaded. KEYS has valid public keys as the fifth
 * word of its lines. Fails on anything wrong, and if the messages were too tame
 * or too wild: each command has to have been obeyed and the usual refusals seen.
 * A slow machine gets up to PATIENCE times the time for that, for how many
 * messages fit into it says nothing about them.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PATIENCE = 10, REPORT_SECS = 60 };

static int read_keys(const char *file)
{
	FILE *f = fopen(file, "r");
	char hex[80];

	while (f && key_count < KEYS_MAX && fscanf(f, "%*s %*s %*s %*s %79s", hex) == 1) {
		for (int i = 0; i < 32; i++) {
			unsigned int v = 0;

			if (sscanf(hex + 2 * i, "%2x", &v) != 1)
				return -1;
			keys[key_count][i] = v;
		}
		key_count++;
	}
	if (f)
		fclose(f);
	return key_count ? 0 : -1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Return: what the messages did not get to. */
static int not_reached(bool aloud)
{
	static const int usual[] = { EPERM, ENOENT, ENODEV, EINVAL, ERANGE, EBUSY,
				     EEXIST, EOPNOTSUPP, EADDRNOTAVAIL };
	int missing = 0;

	for (int i = 0; i < spec_op_count; i++) {
		if (tally->ok[i][0] && (!spec_ops[i].dump || tally->ok[i][1]))
			continue;
		if (aloud)
			printf("WEAK: %s was never obeyed\n", spec_ops[i].name);
		missing++;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (tally->errors[usual[i]])
			continue;
		if (aloud)
			printf("WEAK: never refused with %s\n", strerror(usual[i]));
		missing++;
	}
	return missing;
}

/* Return: namespaces that broke. */
static int run(double seconds, uint64_t seed, int messages)
{
	double start = now(), said = start, t;
	struct rng rng = { seed };
	int broken = 0;

	while (tally->wrong < 20) {
		t = now();
		if (t - start >= seconds * PATIENCE ||
		    (t - start >= seconds && !not_reached(false)))
			break;
		if (t - said >= REPORT_SECS) {
			printf("fuzz: %.0f of %.0f s, %llu messages, %llu wrong\n", t - start,
			       seconds, (unsigned long long)tally->sent,
			       (unsigned long long)tally->wrong);
			said = t;
		}
		broken += world_run(rng_u64(&rng), messages);
	}
	return broken;
}

static void show_commands(void)
{
	for (int i = 0; i < spec_op_count; i++)
		printf("  %-12s obeyed %llu, dumps %llu\n", spec_ops[i].name,
		       (unsigned long long)tally->ok[i][0],
		       (unsigned long long)tally->ok[i][1]);
}

int main(int argc, char **argv)
{
	int messages = argc > 4 ? atoi(argv[4]) : 900, broken, missing;
	uint64_t seed;

	if (argc < 4) {
		fprintf(stderr, "usage: fuzz SECONDS SEED KEYS [MESSAGES]\n");
		return 2;
	}
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED || read_keys(argv[3])) {
		fprintf(stderr, "fuzz: no memory or no keys\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = strtoull(argv[2], NULL, 0);
	printf("seed %llu\n", (unsigned long long)seed);
	broken = run(atof(argv[1]), seed, messages);
	show_commands();
	missing = not_reached(true);
	printf("fuzz: %llu messages in %llu namespaces, %llu accepted, %llu refused, %llu dumps cut short, %llu interrupted, %llu events\n",
	       (unsigned long long)tally->sent, (unsigned long long)tally->worlds,
	       (unsigned long long)tally->accepted, (unsigned long long)tally->refused,
	       (unsigned long long)tally->cut_short,
	       (unsigned long long)tally->interrupted, (unsigned long long)tally->events);
	printf("fuzz: %llu wrong, %d broken namespaces, %d not reached\n",
	       (unsigned long long)tally->wrong, broken, missing);
	return tally->wrong || broken || missing;
}
