// SPDX-License-Identifier: Apache-2.0
/*
 * A bare speaker of the attestmesh netlink family for the kernel's own tests:
 * it sends what it is told, well-formed or not, and prints what comes back as
 * name=value, errors with their extended acknowledgement. It shares no code
 * with the library that it would otherwise be testing.
 *
 *	amctl COMMAND [dump] [attribute=value]...
 *	amctl events SECONDS [COUNT]
 *	amctl slow SECONDS	a listener that overflows
 *	amctl own SECONDS attribute=value...	(mesh-set, then keeps the socket)
 *	amctl rekey SECONDS IFINDEX PEER PEER	(peer-set of the one and the other,
 *						as fast as it goes)
 *
 * With AMCTL_ECHO set, errors bring back the request and it is printed. With
 * AMCTL_FAIL_NTH=N the N-th allocation that the kernel makes for the request
 * fails, if its kernel can do that; injected=1 says that it came to it.
 */
#include "amctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/attestmesh.h>

static int usage(void)
{
	fprintf(stderr,
		"usage: amctl COMMAND [dump] [attribute=value]...\n"
		"       amctl peers IFINDEX EPOCH FIRST COUNT KEYHEX (bulk)\n"
		"       amctl events SECONDS [COUNT]\n"
		"       amctl own SECONDS attribute=value...\n"
		"       amctl rekey SECONDS IFINDEX PEER PEER\n");
	return 2;
}

static int request(int cmd, int argc, char **argv, struct nl_conn *conn)
{
	struct nl_out out;
	int dump = 0;

	if (argc > 0 && !strcmp(argv[0], "dump")) {
		dump = 1;
		argc--;
		argv++;
	}
	nl_out_begin(&out, conn, cmd, dump);
	for (int i = 0; i < argc; i++) {
		if (nl_out_arg(&out, cmd, argv[i])) {
			fprintf(stderr, "amctl: cannot read %s\n", argv[i]);
			return 2;
		}
	}
	return nl_exchange(conn, &out);
}

/* Peers in messages of 512: id, index and address from a running number. */
static int bulk(struct nl_conn *conn, char **argv)
{
	unsigned int first = strtoul(argv[2], NULL, 0);
	unsigned int count = strtoul(argv[3], NULL, 0);

	for (unsigned int done = 0; done < count;) {
		unsigned int n = count - done < 512 ? count - done : 512;
		char arg[256];
		struct nl_out out;
		int ret;

		nl_out_begin(&out, conn, ATTESTMESH_CMD_PEER_SET, 0);
		snprintf(arg, sizeof(arg), "ifindex=%s", argv[0]);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg);
		snprintf(arg, sizeof(arg), "epoch=%s", argv[1]);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg);
		for (unsigned int i = 0; i < n; i++) {
			unsigned int at = first + done + i;

			snprintf(arg, sizeof(arg), "peer=%064x,%u,10.%u.%u.%u,,%s",
				 at + 0x1000000, at, 64 + (at >> 16),
				 at >> 8 & 255, at & 255, argv[4]);
			if (nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg))
				return 2;
		}
		ret = nl_exchange(conn, &out);
		if (ret)
			return ret;
		done += n;
	}
	return 0;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int rekey(struct nl_conn *conn, char **argv)
{
	long long end = now_ms() + (long long)(atof(argv[0]) * 1000);

	for (int i = 0; now_ms() < end; i++) {
		char arg[600];
		struct nl_out out;

		nl_out_begin(&out, conn, ATTESTMESH_CMD_PEER_SET, 0);
		snprintf(arg, sizeof(arg), "ifindex=%s", argv[1]);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, "epoch=9");
		snprintf(arg, sizeof(arg), "peer=%s", argv[2 + i % 2]);
		if (nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg))
			return 2;
		if (nl_exchange(conn, &out))
			return 1;
	}
	return 0;
}

/* A listener with the smallest buffer that reads nothing until /tmp/slow.go is
 * there (or the time is up): it has to overflow and be told so.
 */
static int slow(struct nl_conn *conn, double seconds)
{
	long long end = now_ms() + (long long)(seconds * 1000);
	struct pollfd pfd = { .fd = conn->fd, .events = POLLIN };
	int size = 1;

	setsockopt(conn->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (nl_join(conn)) {
		perror("amctl: slow");
		return 1;
	}
	printf("listening\n");
	fflush(stdout);
	while (access("/tmp/slow.go", F_OK) && now_ms() < end)
		usleep(50000);
	while (poll(&pfd, 1, 200) > 0) {
		if (nl_print_pending(conn) < 0)
			printf("overflow\n");
	}
	return 0;
}

static int events(struct nl_conn *conn, double seconds, int count)
{
	long long end = now_ms() + (long long)(seconds * 1000);
	struct pollfd pfd = { .fd = conn->fd, .events = POLLIN };

	if (nl_join(conn)) {
		perror("amctl: events");
		return 1;
	}
	printf("listening\n");
	fflush(stdout);
	while (count) {
		long long left = end - now_ms();
		int n;

		if (left <= 0 || poll(&pfd, 1, left) <= 0)
			return 0;
		n = nl_print_pending(conn);
		fflush(stdout);
		if (n < 0) {
			printf("overflow\n");
			fflush(stdout);
			continue;
		}
		if (count > 0)
			count = n > count ? 0 : count - n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct nl_conn conn;
	int cmd, ret;

	if (argc < 2)
		return usage();
	ret = nl_open(&conn);
	if (ret) {
		fprintf(stderr, "amctl: no family attestmesh: %s\n", strerror(-ret));
		return 3;
	}
	if (!strcmp(argv[1], "events") && argc >= 3)
		return events(&conn, atof(argv[2]), argc > 3 ? atoi(argv[3]) : -1);
	if (!strcmp(argv[1], "slow") && argc == 3)
		return slow(&conn, atof(argv[2]));
	if (!strcmp(argv[1], "own") && argc >= 4) {
		ret = request(ATTESTMESH_CMD_MESH_SET, argc - 3, argv + 3, &conn);
		if (!ret)
			usleep(atof(argv[2]) * 1e6);
		return ret;
	}
	if (!strcmp(argv[1], "rekey") && argc == 6)
		return rekey(&conn, argv + 2);
	if (!strcmp(argv[1], "peers") && argc == 7)
		return bulk(&conn, argv + 2);
	cmd = nl_command(argv[1]);
	if (cmd < 0)
		return usage();
	return request(cmd, argc - 2, argv + 2, &conn);
}
