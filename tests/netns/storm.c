// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of the attestmesh family, one after another in no particular order,
 * while what they are about comes and goes. Each has to be answered: obeyed, or
 * refused because something is not there at the moment. A dump is now and then
 * left unread, a socket (and what it owns) closed. It knows nothing of what the
 * requests mean.
 *
 *	storm SECONDS SEED COMMAND [dump] [attribute=value]... [-- COMMAND ...]...
 *
 * Ends after SECONDS or at a SIGTERM, after the request under way. Prints
 * obeyed=N refused=N dumped=N away=N (the family was not there) reopened=N
 * wrong=N, and before that each wrong answer; status 1 if there was one, or none
 * was obeyed.
 */
#include "amctl.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

enum {
	REQUESTS_MAX = 32,
	ANSWER_SECS_MAX = 120,	/* also where every instruction is watched */
	PAUSE_US = 1000,	/* at least, and up to four times of it */
	PAUSE_SHARE = 3,	/* and so often what the request took */
	REOPEN_ONE_IN = 16,
	LEAVE_ONE_IN = 8,
};

struct request {
	const char *name;
	int cmd, dump, argc;
	char **argv;
};

static struct request requests[REQUESTS_MAX];
static int request_count;
static volatile sig_atomic_t stopped;
static unsigned long obeyed, refused, dumped, away, reopened, wrong;
static unsigned int state;

static void on_term(int sig)
{
	(void)sig;
	stopped = 1;
}

static unsigned int random_below(unsigned int n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A slow kernel is left the greater part of its time. */
static void pause_since(double asked_at)
{
	double took_us = (now() - asked_at) * 1e6;

	usleep(PAUSE_US + random_below(3 * PAUSE_US) +
	       (useconds_t)(PAUSE_SHARE * took_us));
}

static int parse(int argc, char **argv)
{
	while (argc > 0) {
		struct request *r = &requests[request_count];

		if (request_count++ == REQUESTS_MAX)
			return -1;
		r->name = argv[0];
		r->cmd = nl_command(argv[0]);
		if (r->cmd < 0)
			return -1;
		argc--;
		argv++;
		if (argc > 0 && !strcmp(argv[0], "dump")) {
			r->dump = 1;
			argc--;
			argv++;
		}
		r->argv = argv;
		while (argc > 0 && strcmp(argv[0], "--")) {
			r->argc++;
			argc--;
			argv++;
		}
		if (argc > 0) {
			argc--;
			argv++;
		}
	}
	return request_count ? 0 : -1;
}

/* The module may be unloaded at the moment. */
static bool open_again(struct nl_conn *conn)
{
	struct timeval patience = { .tv_sec = ANSWER_SECS_MAX };

	while (!stopped) {
		double asked_at = now();
		int ret = nl_open(conn);

		if (!ret) {
			setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				   sizeof(patience));
			return true;
		}
		if (conn->fd >= 0)
			close(conn->fd);
		if (ret != -ENOENT) {
			printf("wrong: the family: %s\n", strerror(-ret));
			wrong++;
			return false;
		}
		away++;
		pause_since(asked_at);
	}
	return false;
}

/* What an answer may say while interfaces, namespaces and the module go. */
static void judge(const struct request *r, int err)
{
	switch (err) {
	case 0:
		obeyed++;
		dumped += r->dump;
		break;
	case ENOENT: case ENODEV: case EBUSY: case EADDRNOTAVAIL:
		refused++;
		break;
	case EPROTONOSUPPORT: /* a dump of a module that is being unloaded */
		away++;
		break;
	default:
		printf("wrong: %s: %s\n", r->name, strerror(err));
		wrong++;
	}
}

/* Return: false if the connection is to be given up. */
static bool await(struct nl_conn *conn, const struct request *r, bool leave)
{
	static uint8_t buf[64 * 1024];

	for (;;) {
		ssize_t len = recv(conn->fd, buf, sizeof(buf), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0) {
			printf("wrong: %s: no answer: %s\n", r->name, strerror(errno));
			wrong++;
			return false;
		}
		for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			const struct nlmsgerr *err = NLMSG_DATA(nlh);

			if (nlh->nlmsg_seq != conn->seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
				judge(r, -err->error); /* at the same place in both */
				return true;
			}
		}
		if (leave)
			return false;
	}
}

static bool ask(struct nl_conn *conn, const struct request *r)
{
	static struct nl_out out;
	struct nlmsghdr *nlh = (struct nlmsghdr *)out.buf;

	nl_out_begin(&out, conn, r->cmd, r->dump);
	for (int i = 0; i < r->argc; i++) {
		if (nl_out_arg(&out, r->cmd, r->argv[i])) {
			fprintf(stderr, "storm: cannot read %s\n", r->argv[i]);
			exit(2);
		}
	}
	nlh->nlmsg_len = out.len;
	if (send(conn->fd, out.buf, out.len, 0) < 0) {
		printf("wrong: %s: not sent: %s\n", r->name, strerror(errno));
		wrong++;
		return false;
	}
	return await(conn, r, r->dump && !random_below(LEAVE_ONE_IN)) &&
	       random_below(REOPEN_ONE_IN);
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	struct nl_conn conn;
	bool open = false;
	double end, asked_at;

	if (argc < 4 || parse(argc - 3, argv + 3)) {
		fprintf(stderr, "usage: storm SECONDS SEED COMMAND [dump] [attribute=value]... [-- ...]\n");
		return 2;
	}
	sigaction(SIGTERM, &term, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	end = now() + atof(argv[1]);
	state = strtoul(argv[2], NULL, 0);
	while (!stopped && now() < end) {
		if (!open && !open_again(&conn))
			break;
		asked_at = now();
		open = ask(&conn, &requests[random_below(request_count)]);
		if (!open) {
			close(conn.fd);
			reopened++;
		}
		pause_since(asked_at);
	}
	printf("obeyed=%lu refused=%lu dumped=%lu away=%lu reopened=%lu wrong=%lu\n",
	       obeyed, refused, dumped, away, reopened, wrong);
	return wrong || !obeyed;
}
