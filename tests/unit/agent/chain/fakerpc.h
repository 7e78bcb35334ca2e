/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON-RPC endpoint on the test's own loop, on a loopback port: HTTP with
 * keep-alive, one handler for all methods. It serves tests only.
 */
#ifndef TEST_FAKERPC_H
#define TEST_FAKERPC_H

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "loop.h"

enum { FAKERPC_CONNECTIONS = 32, FAKERPC_REQUEST_MAX = 1 << 20 };

/* Returns the result, or NULL with *error set ({code, message, data}). */
typedef json_t *(*fakerpc_fn)(const char *method, const json_t *params, json_t **error, void *arg);

struct fakerpc;

struct fakerpc_connection {
	struct fakerpc *server;
	struct loop_fd *watch;
	struct buf in;
	int fd;
};

struct fakerpc {
	struct loop *loop;
	struct loop_fd *watch;
	struct fakerpc_connection conn[FAKERPC_CONNECTIONS];
	int fd;
	int status;               /* HTTP status of every answer; 0: 200 */
	unsigned int asked;
	char url[64];
	fakerpc_fn fn;
	void *arg;
};

static inline void fakerpc_hang_up(struct fakerpc_connection *c)
{
	loop_fd_del(c->watch);
	c->watch = NULL;
	close(c->fd);
	buf_free(&c->in);
}

static inline void fakerpc_answer(struct fakerpc_connection *c, const char *body, size_t len)
{
	struct fakerpc *s = c->server;
	json_t *request = json_loadb(body, len, 0, NULL), *error = NULL, *result, *reply;
	char *text, head[128];
	int n;

	if (!request)
		abort();
	s->asked++;
	result = s->fn(json_string_value(json_object_get(request, "method")),
		       json_object_get(request, "params"), &error, s->arg);
	reply = error ? json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id",
				  json_object_get(request, "id"), "error", error) :
			json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id",
				  json_object_get(request, "id"), "result",
				  result ? result : json_null());
	text = json_dumps(reply, 0);
	n = sprintf(head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
		    s->status ? s->status : 200, strlen(text));
	/* The other side may have gone away: that is its right. */
	if (send(c->fd, head, (size_t)n, MSG_NOSIGNAL) == n)
		send(c->fd, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	json_decref(reply);
	json_decref(request);
}

static inline void fakerpc_read(int fd, uint32_t events, void *arg)
{
	struct fakerpc_connection *c = arg;
	uint8_t *room = buf_reserve(&c->in, 65536);
	const char *end, *length;
	size_t need;
	ssize_t n = read(fd, room, 65536);

	(void)events;
	if (n <= 0) {
		fakerpc_hang_up(c);
		return;
	}
	c->in.len += (size_t)n;
	c->in.data[c->in.len] = '\0';
	for (;;) {
		end = c->in.len ? strstr((char *)c->in.data, "\r\n\r\n") : NULL;
		length = end ? strcasestr((char *)c->in.data, "content-length:") : NULL;
		if (!length)
			return;
		need = (size_t)(end + 4 - (char *)c->in.data) + strtoul(length + 15, NULL, 10);
		if (c->in.len < need)
			return;
		fakerpc_answer(c, end + 4, need - (size_t)(end + 4 - (char *)c->in.data));
		buf_drop(&c->in, need);
	}
}

static inline void fakerpc_accept(int fd, uint32_t events, void *arg)
{
	struct fakerpc *s = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	for (int i = 0; conn >= 0 && i < FAKERPC_CONNECTIONS; i++) {
		struct fakerpc_connection *c = &s->conn[i];

		if (c->watch)
			continue;
		c->server = s;
		c->fd = conn;
		buf_init(&c->in, FAKERPC_REQUEST_MAX);
		c->watch = loop_fd_add(s->loop, conn, EPOLLIN, fakerpc_read, c);
		return;
	}
	abort();
}

static inline void fakerpc_start(struct fakerpc *s, struct loop *loop, fakerpc_fn fn, void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->fn = fn;
	s->arg = arg;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->fd, 16) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	s->watch = loop_fd_add(loop, s->fd, EPOLLIN, fakerpc_accept, s);
}

static inline void fakerpc_stop(struct fakerpc *s)
{
	for (int i = 0; i < FAKERPC_CONNECTIONS; i++)
		if (s->conn[i].watch)
			fakerpc_hang_up(&s->conn[i]);
	loop_fd_del(s->watch);
	close(s->fd);
}

#endif
