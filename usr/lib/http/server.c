// SPDX-License-Identifier: Apache-2.0
/* The GET-only server: connections in order of age, one request each. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

enum { LISTEN_BACKLOG = 64, ACCEPTS_PER_BATCH = 64, ACCEPT_PAUSE_MS = 100 };

struct http_call {
	struct http_server *server;
	struct http_call *next, **at;      /* oldest first */
	uint64_t id;
	int fd;
	struct loop_fd *watch;
	struct loop_timer deadline;
	bool loopback, asked, answered;
	struct buf in, out;
	size_t sent;
};

struct http_server {
	struct loop *loop;
	http_handler handler;
	void *arg;
	int fd;
	uint16_t port;
	struct loop_fd *watch;
	struct loop_timer pause;
	struct http_call *oldest, **newest;
	struct http_call *dead;
	struct loop_defer reap;
	uint64_t last_id;
	size_t outside;
	struct http_counts counts;
};

static void reap(void *arg)
{
	struct http_server *s = arg;
	struct http_call *call;

	while ((call = s->dead)) {
		s->dead = call->next;
		buf_free(&call->in);
		buf_free(&call->out);
		free(call);
	}
}

static void hang_up(struct http_call *call)
{
	struct http_server *s = call->server;

	if (call->fd < 0)
		return;
	loop_fd_del(call->watch);
	loop_timer_cancel(&call->deadline);
	close(call->fd);
	call->fd = -1;
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	else
		s->newest = call->at;
	s->counts.connections--;
	s->outside -= !call->loopback;
	/* A handler up the stack may still hold it. */
	call->next = s->dead;
	s->dead = call;
	loop_defer(s->loop, &s->reap, reap, s);
}

static void send_out(struct http_call *call)
{
	while (call->sent < call->out.len) {
		ssize_t n = send(call->fd, call->out.data + call->sent,
				 call->out.len - call->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (loop_fd_mod(call->watch, EPOLLIN | EPOLLOUT))
				hang_up(call);
			return;
		}
		if (n < 0) {
			hang_up(call);
			return;
		}
		call->sent += (size_t)n;
	}
	/* All is with the kernel. Closing with unread input would make it
	 * throw our answer away: say that no more comes, wait for the end. */
	if (shutdown(call->fd, SHUT_WR) || loop_fd_mod(call->watch, EPOLLIN))
		hang_up(call);
}

static const char *reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Status";
	}
}

void http_answer(struct http_call *call, int status, const char *type, const void *body,
		 size_t len)
{
	if (call->fd < 0 || call->answered)
		return;
	call->answered = true;
	buf_printf(&call->out, "HTTP/1.1 %d %s\r\n"
		   "Content-Type: %s\r\n"
		   "Content-Length: %zu\r\n"
		   "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
		   "%s"
		   "Connection: close\r\n\r\n",
		   status, reason(status), type ? type : "text/plain; charset=utf-8", len,
		   status == 405 ? "Allow: GET\r\n" : "");
	buf_add(&call->out, body, len);
	if (call->out.failed) {
		log_warn("http: an answer of %zu bytes could not be made", len);
		hang_up(call);
		return;
	}
	send_out(call);
}

static void refuse(struct http_call *call, int status)
{
	const char *text = reason(status);

	http_answer(call, status, NULL, text, strlen(text));
}

static void try_parse(struct http_call *call)
{
	struct http_server *s = call->server;
	struct http_request request;
	int status = http_parse((const char *)call->in.data, call->in.len, &request);

	if (!status)
		return;
	call->asked = true;
	if (status != 200) {
		s->counts.refused++;
		refuse(call, status);
		return;
	}
	s->counts.requests++;
	s->handler(call, &request, s->arg);
}

static void take_input(struct http_call *call)
{
	uint8_t bytes[2048];
	ssize_t n = recv(call->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(call);
		return;
	}
	/* After its request what a client says is thrown away. */
	if (call->asked)
		return;
	if (!buf_add(&call->in, bytes, (size_t)n)) {
		hang_up(call);
		return;
	}
	try_parse(call);
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct http_call *call = arg;

	(void)fd;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take_input(call);
	if (call->fd >= 0 && (events & EPOLLOUT) && call->answered)
		send_out(call);
}

static void on_deadline(void *arg)
{
	struct http_call *call = arg;

	/* Answered in full, it only waited for the client to hang up. */
	if (!call->answered || call->sent < call->out.len)
		call->server->counts.timed_out++;
	hang_up(call);
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;

	if (addr->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return addr->ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
		(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127));
}

/* Makes room by closing the oldest connection from outside, if need be. */
static bool make_room(struct http_server *s, bool loopback)
{
	struct http_call *call = s->oldest;

	if (s->counts.connections < HTTP_CONNECTIONS &&
	    (loopback || s->outside < HTTP_CONNECTIONS - HTTP_LOOPBACK_KEPT))
		return true;
	while (call && call->loopback)
		call = call->next;
	if (!call)
		return false;
	s->counts.evicted++;
	hang_up(call);
	return true;
}

static void open_call(struct http_server *s, int fd, bool loopback)
{
	struct http_call *call = make_room(s, loopback) ? calloc(1, sizeof(*call)) : NULL;

	if (!call) {
		close(fd);
		return;
	}
	*call = (struct http_call){ .server = s, .fd = fd, .loopback = loopback,
				    .id = ++s->last_id };
	buf_init(&call->in, HTTP_HEAD_MAX_BYTES + 2048);
	buf_init(&call->out, HTTP_ANSWER_MAX_BYTES);
	loop_timer_init(&call->deadline, s->loop, on_deadline, call);
	call->watch = loop_fd_add(s->loop, fd, EPOLLIN, on_socket, call);
	if (!call->watch || loop_timer_set(&call->deadline, HTTP_REQUEST_MS)) {
		loop_fd_del(call->watch);
		close(fd);
		free(call);
		return;
	}
	call->at = s->newest;
	*s->newest = call;
	s->newest = &call->next;
	s->counts.connections++;
	s->outside += !loopback;
}

static void pause_over(void *arg)
{
	struct http_server *s = arg;

	if (loop_fd_mod(s->watch, EPOLLIN) && loop_timer_set(&s->pause, ACCEPT_PAUSE_MS))
		log_error("http: the listener could not be resumed; restart the service");
}

static void on_listener(int fd, uint32_t events, void *arg)
{
	struct http_server *s = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_BATCH; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int conn = accept4(fd, (struct sockaddr *)&peer, &len,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn >= 0) {
			open_call(s, conn, is_loopback(&peer));
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED &&
		    !loop_timer_set(&s->pause, ACCEPT_PAUSE_MS))
			loop_fd_mod(s->watch, 0);
		return;
	}
}

struct http_server *http_server_new(struct loop *loop, http_handler handler, void *arg)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct http_server){ .loop = loop, .handler = handler, .arg = arg, .fd = -1 };
	s->newest = &s->oldest;
	loop_timer_init(&s->pause, loop, pause_over, s);
	return s;
}

static int make_address(struct sockaddr_storage *addr, socklen_t *len, const char *host,
			uint16_t port)
{
	struct sockaddr_in *in = (void *)addr;
	struct sockaddr_in6 *in6 = (void *)addr;

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		*len = sizeof(*in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		*len = sizeof(*in6);
		return 0;
	}
	return -EINVAL;
}

static int start_listening(struct http_server *s, const struct sockaddr_storage *addr,
			   socklen_t len)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t bound_len = sizeof(bound);
	const int on = 1;

	if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(s->fd, (const struct sockaddr *)addr, len) < 0 ||
	    listen(s->fd, LISTEN_BACKLOG) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&bound, &bound_len) < 0)
		return -errno;
	s->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
	s->watch = loop_fd_add(s->loop, s->fd, EPOLLIN, on_listener, s);
	return s->watch ? 0 : -errno;
}

int http_server_listen(struct http_server *s, const char *host, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int ret = make_address(&addr, &len, host, port);

	if (ret)
		return ret;
	if (s->fd >= 0)
		return -EALREADY;
	s->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	ret = start_listening(s, &addr, len);
	if (ret) {
		close(s->fd);
		s->fd = -1;
	}
	return ret;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	while (s->oldest)
		hang_up(s->oldest);
	loop_defer_cancel(s->loop, &s->reap);
	reap(s);
	loop_timer_cancel(&s->pause);
	loop_fd_del(s->watch);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

uint64_t http_call_id(const struct http_call *call)
{
	return call->id;
}

struct http_call *http_call_find(struct http_server *s, uint64_t id)
{
	for (struct http_call *call = s->oldest; call; call = call->next)
		if (call->id == id && !call->answered)
			return call;
	return NULL;
}

struct http_counts http_server_counts(const struct http_server *s)
{
	return s->counts;
}
