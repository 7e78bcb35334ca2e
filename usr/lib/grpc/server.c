// SPDX-License-Identifier: Apache-2.0
/*
 * The server's life: methods, listeners, accepting within limits, draining.
 * Connections look after themselves (conn.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "grpc/internal.h"
#include "log.h"

enum {
	LISTEN_BACKLOG = 64,
	DRAIN_ROUND_TRIP_MS = 1000,  /* for the answer to the drain's PING */
};

struct grpc_limits grpc_limits_default(void)
{
	return (struct grpc_limits){
		.connections = 64,
		.streams = 100,
		.request_bytes = 256 << 10,
		.response_bytes = 4 << 20,
		.header_list_bytes = 8 << 10,
		.connection_request_bytes = 1 << 20,
		.server_request_bytes = 16 << 20,
		.call_high_bytes = 256 << 10,
		.call_low_bytes = 64 << 10,
		.connection_high_bytes = 1 << 20,
		.connection_low_bytes = 512 << 10,
		.handshake_ms = 5000,
		.idle_ms = 3600000,
		.request_ms = 10000,
		.call_ms = 0,
		.linger_ms = 30000,
		.control_burst = 400,
		.control_per_second = 100,
	};
}

struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_limits *limits)
{
	struct grpc_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->limits = *limits;
	if (grpc_conn_setup(s)) {
		grpc_server_free(s);
		return NULL;
	}
	return s;
}

static void listener_free(struct grpc_listener *l)
{
	struct stat st;

	loop_fd_del(l->watch);
	loop_timer_cancel(&l->pause);
	if (l->fd >= 0)
		close(l->fd);
	/* Only our own: another process may have put its socket there since. */
	if (l->path && !lstat(l->path, &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	free(l);
}

void grpc_server_unlisten(struct grpc_server *s)
{
	struct grpc_listener *l;

	while ((l = s->listeners)) {
		s->listeners = l->next;
		listener_free(l);
	}
	s->port = 0;
}

void grpc_server_hang_up(struct grpc_server *s)
{
	while (s->conns)
		grpc_conn_close(s->conns);
}

static void reap(void *arg)
{
	struct grpc_server *s = arg;
	struct grpc_call *call;
	struct grpc_conn *c;

	while ((call = s->dead_calls)) {
		s->dead_calls = call->next;
		grpc_call_free(call);
	}
	while ((c = s->dead_conns)) {
		s->dead_conns = c->next;
		nghttp2_session_del(c->session);
		if (c->out)
			explicit_bzero(c->out, c->out_len);
		free(c->out);
		free(c);
	}
}

void grpc_server_reap_later(struct grpc_server *s)
{
	loop_defer(s->loop, &s->reap, reap, s);
}

void grpc_server_free(struct grpc_server *s)
{
	if (!s)
		return;
	s->draining = false;
	grpc_server_unlisten(s);
	loop_timer_cancel(&s->drain_final);
	loop_timer_cancel(&s->drain_end);
	grpc_server_hang_up(s);
	loop_defer_cancel(s->loop, &s->reap);
	reap(s);
	nghttp2_session_callbacks_del(s->callbacks);
	nghttp2_option_del(s->option);
	free(s->entries);
	free(s);
}

const struct grpc_entry *grpc_server_find(const struct grpc_server *s,
					  const uint8_t *path, size_t len)
{
	for (size_t i = 0; i < s->entry_count; i++) {
		const char *have = s->entries[i].method->path;

		if (strlen(have) == len && !memcmp(have, path, len))
			return &s->entries[i];
	}
	return NULL;
}

int grpc_server_add(struct grpc_server *s, const struct grpc_method *methods,
		    size_t count, void *arg)
{
	struct grpc_entry *entries;

	/* Open calls point into the table, so it must not move under them. */
	if (s->conns)
		return -EBUSY;
	for (size_t i = 0; i < count; i++)
		if (grpc_server_find(s, (const uint8_t *)methods[i].path,
				     strlen(methods[i].path)))
			return -EEXIST;
	entries = reallocarray(s->entries, s->entry_count + count, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	s->entries = entries;
	for (size_t i = 0; i < count; i++)
		s->entries[s->entry_count++] =
			(struct grpc_entry){ .method = &methods[i], .arg = arg };
	return 0;
}

/* The "package.Service" in "/package.Service/Method". */
static size_t service_len(const struct grpc_entry *e)
{
	return strcspn(e->method->path + 1, "/");
}

static bool same_service(const struct grpc_entry *e, const char *service, size_t len)
{
	return service_len(e) == len && !memcmp(e->method->path + 1, service, len);
}

bool grpc_server_has_service(const struct grpc_server *s, const char *service)
{
	for (size_t i = 0; i < s->entry_count; i++)
		if (same_service(&s->entries[i], service, strlen(service)))
			return true;
	return false;
}

void grpc_server_each_service(const struct grpc_server *s,
			      void (*fn)(const char *service, size_t len, void *arg),
			      void *arg)
{
	for (size_t i = 0; i < s->entry_count; i++) {
		const char *name = s->entries[i].method->path + 1;
		size_t len = service_len(&s->entries[i]), j = 0;

		while (!same_service(&s->entries[j], name, len))
			j++;
		if (j == i)
			fn(name, len, arg);
	}
}

static bool same_source(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 &&
	       !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

static bool admitted(const struct grpc_server *s, const struct sockaddr_storage *peer)
{
	size_t same = 0;

	if (s->counts.connections >= s->limits.connections)
		return false;
	if (!s->limits.connections_per_source || peer->ss_family == AF_UNIX)
		return true;
	for (const struct grpc_conn *c = s->conns; c; c = c->next)
		same += same_source(&c->peer, peer);
	return same < s->limits.connections_per_source;
}

static void accept_pause_over(void *arg)
{
	struct grpc_listener *l = arg;

	if (loop_fd_mod(l->watch, EPOLLIN) &&
	    loop_timer_set(&l->pause, GRPC_ACCEPT_PAUSE_MS))
		log_error("grpc: a listener could not be resumed; restart the service");
}

static void accept_failed(struct grpc_listener *l)
{
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* Out of descriptors or memory: the listener stays readable, so it is
	 * not watched for a moment. Without a timer it stays watched. */
	if (!loop_timer_set(&l->pause, GRPC_ACCEPT_PAUSE_MS))
		loop_fd_mod(l->watch, 0);
}

static void on_listener(int fd, uint32_t events, void *arg)
{
	struct grpc_listener *l = arg;
	struct grpc_server *s = l->server;
	const int on = 1;

	(void)events;
	for (int i = 0; i < GRPC_ACCEPTS_PER_BATCH; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int conn = accept4(fd, (struct sockaddr *)&peer, &len,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn < 0) {
			accept_failed(l);
			return;
		}
		if (l->path)
			peer.ss_family = AF_UNIX;
		if (!admitted(s, &peer)) {
			s->counts.refused_connections++;
			close(conn);
			continue;
		}
		if (!l->path)
			setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		grpc_conn_open(s, conn, &peer);
	}
}

static struct grpc_listener *listener_new(struct grpc_server *s, int family)
{
	struct grpc_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->server = s;
	loop_timer_init(&l->pause, s->loop, accept_pause_over, l);
	l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return l;
}

static int listener_start(struct grpc_server *s, struct grpc_listener *l)
{
	if (listen(l->fd, LISTEN_BACKLOG) < 0)
		return -errno;
	l->watch = loop_fd_add(s->loop, l->fd, EPOLLIN, on_listener, l);
	if (!l->watch)
		return -errno;
	return 0;
}

static void listener_join(struct grpc_server *s, struct grpc_listener *l)
{
	l->next = s->listeners;
	s->listeners = l;
}

static int unix_address(struct sockaddr_un *addr, const char *path, const char *suffix)
{
	int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s%s", path, suffix);

	addr->sun_family = AF_UNIX;
	return n < 0 || (size_t)n >= sizeof(addr->sun_path) ? -ENAMETOOLONG : 0;
}

/* Binds beside the path, gives it its mode, and moves it into place. */
static int unix_start(struct grpc_server *s, struct grpc_listener *l, unsigned int mode)
{
	struct sockaddr_un addr = { 0 };
	struct stat st;
	int ret = unix_address(&addr, l->path, ".new");

	if (ret)
		return ret;
	if (!lstat(l->path, &st) && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (unlink(addr.sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(l->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (chmod(addr.sun_path, mode) < 0 || lstat(addr.sun_path, &st) < 0)
		ret = -errno;
	if (!ret)
		ret = listener_start(s, l);
	if (!ret && rename(addr.sun_path, l->path) < 0)
		ret = -errno;
	if (ret) {
		unlink(addr.sun_path);
		return ret;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int grpc_server_listen_unix(struct grpc_server *s, const char *path, unsigned int mode)
{
	struct grpc_listener *l = listener_new(s, AF_UNIX);
	int ret;

	if (!l)
		return -ENOMEM;
	ret = l->fd < 0 ? -errno : 0;
	l->path = strdup(path);
	if (!ret && !l->path)
		ret = -ENOMEM;
	if (!ret)
		ret = unix_start(s, l, mode);
	if (ret) {
		listener_free(l);
		return ret;
	}
	listener_join(s, l);
	return 0;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

static int tcp_start(struct grpc_server *s, struct grpc_listener *l,
		     const struct sockaddr *addr, socklen_t len, const char *device)
{
	const int on = 1;

	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (addr->sa_family == AF_INET6 &&
	    setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (device && setsockopt(l->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				 (socklen_t)strlen(device) + 1) < 0)
		return -errno;
	if (bind(l->fd, addr, len) < 0)
		return -errno;
	return listener_start(s, l);
}

int grpc_server_listen_tcp(struct grpc_server *s, const struct sockaddr *addr,
			   socklen_t len, const char *device)
{
	struct grpc_listener *l = listener_new(s, addr->sa_family);
	int ret;

	if (!l)
		return -ENOMEM;
	ret = l->fd < 0 ? -errno : tcp_start(s, l, addr, len, device);
	if (ret) {
		listener_free(l);
		return ret;
	}
	s->port = bound_port(l->fd);
	listener_join(s, l);
	return 0;
}

uint16_t grpc_server_port(const struct grpc_server *s)
{
	return s->port;
}

struct grpc_server_counts grpc_server_counts(const struct grpc_server *s)
{
	return s->counts;
}

void grpc_server_conn_gone(struct grpc_server *s)
{
	loop_fn done = s->drained;

	if (!s->draining || s->conns || !done)
		return;
	s->drained = NULL;
	loop_timer_cancel(&s->drain_final);
	loop_timer_cancel(&s->drain_end);
	done(s->drained_arg);
}

static void drain_final(void *arg)
{
	struct grpc_server *s = arg;

	for (struct grpc_conn *c = s->conns; c; c = c->next)
		grpc_conn_drain_final(c);
}

static void drain_end(void *arg)
{
	struct grpc_server *s = arg;

	for (struct grpc_conn *c = s->conns; c; c = c->next) {
		for (struct grpc_call *call = c->calls; call; call = call->next)
			grpc_call_finish(call, GRPC_UNAVAILABLE,
					 "the server is going down; connect anew");
		/* The trailers must leave before the connection does. */
		grpc_conn_drain_final(c);
		grpc_conn_last_words(c);
	}
}

static void drain_empty(void *arg)
{
	grpc_server_conn_gone(arg);
}

void grpc_server_drain(struct grpc_server *s, uint32_t grace_ms, loop_fn done, void *arg)
{
	uint32_t final_ms = grace_ms / 2 < DRAIN_ROUND_TRIP_MS ? grace_ms / 2
							       : DRAIN_ROUND_TRIP_MS;

	if (s->draining)
		return;
	s->draining = true;
	s->drained = done;
	s->drained_arg = arg;
	grpc_server_unlisten(s);
	for (struct grpc_conn *c = s->conns; c; c = c->next)
		grpc_conn_drain_notice(c);
	loop_timer_init(&s->drain_final, s->loop, drain_final, s);
	loop_timer_init(&s->drain_end, s->loop, s->conns ? drain_end : drain_empty, s);
	/* Without timers there is no order to keep: end it now. */
	if (loop_timer_set(&s->drain_final, final_ms) ||
	    loop_timer_set(&s->drain_end, s->conns ? grace_ms : 0))
		drain_end(s);
}
