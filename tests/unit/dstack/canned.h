/* SPDX-License-Identifier: Apache-2.0 */
/* A unix-socket server on the test's own loop that answers every connection
 * with a given text, at once, byte by byte, or never, and can keep it open. */
#ifndef TEST_CANNED_H
#define TEST_CANNED_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop.h"

enum { CANNED_CONNECTIONS = 8 };

struct canned {
	struct loop *loop;
	struct loop_fd *watch;
	struct { struct loop_fd *watch; int fd; } open[CANNED_CONNECTIONS];
	int fd;
	int accepted;
	const char *answer;       /* NULL: never answers */
	bool hang_up;             /* close after the answer */
	char path[64];
	char request[4096];       /* of the last connection */
	size_t request_len;
};

static void canned_read(int fd, uint32_t events, void *arg)
{
	struct canned *c = arg;
	ssize_t n = read(fd, c->request + c->request_len,
			 sizeof(c->request) - 1 - c->request_len);

	(void)events;
	if (n <= 0) {
		for (int i = 0; i < CANNED_CONNECTIONS; i++)
			if (c->open[i].watch && c->open[i].fd == fd) {
				loop_fd_del(c->open[i].watch);
				c->open[i].watch = NULL;
				close(fd);
			}
		return;
	}
	c->request_len += (size_t)n;
	c->request[c->request_len] = '\0';
	if (!c->answer || !strstr(c->request, "\r\n\r\n"))
		return;
	if (write(fd, c->answer, strlen(c->answer)) < 0)
		abort();
	if (c->hang_up)
		shutdown(fd, SHUT_RDWR);
}

static void canned_accept(int fd, uint32_t events, void *arg)
{
	struct canned *c = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (conn < 0)
		return;
	c->accepted++;
	c->request_len = 0;
	for (int i = 0; i < CANNED_CONNECTIONS; i++)
		if (!c->open[i].watch) {
			c->open[i].fd = conn;
			c->open[i].watch = loop_fd_add(c->loop, conn, EPOLLIN, canned_read, c);
			return;
		}
	abort();
}

static void canned_start(struct canned *c, struct loop *loop)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof(*c));
	c->loop = loop;
	snprintf(c->path, sizeof(c->path), "/tmp/t-canned-%d.sock", (int)getpid());
	unlink(c->path);
	strcpy(a.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(c->fd, 8) < 0)
		abort();
	c->watch = loop_fd_add(loop, c->fd, EPOLLIN, canned_accept, c);
}

static void canned_stop(struct canned *c)
{
	for (int i = 0; i < CANNED_CONNECTIONS; i++)
		if (c->open[i].watch) {
			loop_fd_del(c->open[i].watch);
			close(c->open[i].fd);
		}
	loop_fd_del(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	unlink(c->path);
}

#endif
