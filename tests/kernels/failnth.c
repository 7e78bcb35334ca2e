// SPDX-License-Identifier: Apache-2.0
/*
 * failnth MODULE.ko: loads a module again and again, each time with a later one
 * of the kernel's allocations failing, until nothing is left to fail. What could
 * be loaded in spite of it is unloaded. Prints how many were tried and how many
 * loaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES_MAX = 4000 };

/* Return: the allocation that was to fail was reached. */
static int try(const char *file, const char *name, int n, int *loaded)
{
	int nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int ko = open(file, O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	int ret;

	if (nth < 0 || ko < 0) {
		perror("failnth");
		exit(2);
	}
	dprintf(nth, "%d", n);
	ret = syscall(SYS_finit_module, ko, "", 0);
	if (pread(nth, text, sizeof(text) - 1, 0) < 0 || pwrite(nth, "0", 1, 0) < 0) {
		perror("failnth: fail-nth");
		exit(2);
	}
	close(nth);
	close(ko);
	*loaded = !ret;
	if (!ret && syscall(SYS_delete_module, name, 0)) {
		perror("failnth: unload");
		exit(1);
	}
	return atoi(text) == 0;
}

int main(int argc, char **argv)
{
	int n, loaded = 0, all = 0, step = argc > 2 ? atoi(argv[2]) : 1;
	char name[64];

	if (argc < 2 || step < 1)
		return 2;
	snprintf(name, sizeof(name), "%s", strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1]);
	*strchrnul(name, '.') = 0;
	for (n = 1; n < TRIES_MAX && try(argv[1], name, n, &loaded); n += step)
		all += loaded;
	printf("tried=%d loaded=%d last=%d\n", n - 1, all, loaded);
	return n == TRIES_MAX || !loaded;
}
