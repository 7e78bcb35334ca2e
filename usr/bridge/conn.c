// SPDX-License-Identifier: Apache-2.0
/*
 * TLS connections on the loop. All of them read into one shared buffer (there
 * is one thread); a connection keeps only the incomplete end of what it read,
 * which is less than one frame.
 */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"

enum conn_state { CONN_TCP, CONN_TLS, CONN_OPEN, CONN_OVER };

enum { REST_MAX_BYTES = FRAME_HEAD_BYTES + FRAME_DATAGRAM_MAX_BYTES };

struct conn {
	struct loop *loop;
	struct loop_fd *watch;
	const struct conn_events *events;
	void *arg;
	SSL *ssl;
	int fd;
	enum conn_state state;
	bool server, want_out, paused;
	struct loop_timer timer;      /* deadline, then the next turn of reading */
	int64_t opened_ms, sent_ms;
	uint8_t *unsent;              /* a record that the socket did not take */
	size_t unsent_len;
	size_t rest_len;
	uint8_t rest[REST_MAX_BYTES];
};

/* Callbacks may close the connection that is being served: whoever goes on
 * after one looks here first, and conn_close() clears it. */
static struct conn *live;

static uint8_t in_buffer[REST_MAX_BYTES + 4 * FRAME_BATCH_MAX_BYTES];

static void watch_again(struct conn *c)
{
	loop_fd_mod(c->watch, (c->paused ? 0 : (uint32_t)EPOLLIN) |
		    (c->want_out ? (uint32_t)EPOLLOUT : 0));
}

static void watch_for(struct conn *c, bool out)
{
	if (out == c->want_out)
		return;
	c->want_out = out;
	watch_again(c);
}

/* The last callback but for what the owner asks of it. */
static void over(struct conn *c, const char *why)
{
	if (c->state == CONN_OVER)
		return;
	c->state = CONN_OVER;
	loop_timer_cancel(&c->timer);
	loop_fd_del(c->watch);
	c->watch = NULL;
	c->events->ended(c->arg, why);
}

/* Sorts an SSL call's failure: true if it only has to be tried again. */
static bool ssl_again(struct conn *c, int ret, bool *out, char why[CONN_WHY_CHARS])
{
	int error = SSL_get_error(c->ssl, ret);
	int err = errno;
	unsigned long reason = ERR_peek_error();

	ERR_clear_error();
	*out = error == SSL_ERROR_WANT_WRITE;
	if (*out || error == SSL_ERROR_WANT_READ)
		return true;
	if (error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_SYSCALL && !err) ||
	    (error == SSL_ERROR_SSL &&
	     ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
		snprintf(why, CONN_WHY_CHARS, "closed by the other end");
	else if (error == SSL_ERROR_SYSCALL)
		snprintf(why, CONN_WHY_CHARS, "%s", strerror(err));
	else
		snprintf(why, CONN_WHY_CHARS, "TLS: %s", ERR_reason_error_string(reason) ?
			 ERR_reason_error_string(reason) : "protocol error");
	return false;
}

/* Shows the owner rest + fresh bytes and keeps the new rest. */
static int deliver(struct conn *c, size_t total)
{
	ptrdiff_t used = c->events->data(c->arg, in_buffer, total);

	if (live != c)
		return -ECANCELED;
	if (used < 0 || total - (size_t)used > REST_MAX_BYTES) {
		over(c, "sent what is no frame");
		return -EPROTO;
	}
	c->rest_len = total - (size_t)used;
	memcpy(c->rest, in_buffer + used, c->rest_len);
	return 0;
}

static void read_turn(struct conn *c)
{
	size_t turn = 0;

	while (turn < CONN_TURN_BYTES) {
		char why[CONN_WHY_CHARS];
		size_t total = c->rest_len;
		bool out, again = true;
		int ret;

		memcpy(in_buffer, c->rest, c->rest_len);
		do {
			errno = 0;
			ret = SSL_read(c->ssl, in_buffer + total,
				       (int)(sizeof(in_buffer) - total));
			if (ret > 0)
				total += (size_t)ret;
		} while (ret > 0 && total < sizeof(in_buffer));
		if (ret <= 0)
			again = ssl_again(c, ret, &out, why);
		if (total > c->rest_len) {
			turn += total - c->rest_len;
			if (deliver(c, total) || c->paused)
				return;
		}
		if (ret > 0)
			continue;
		if (!again)
			over(c, why);
		return;
	}
	/* OpenSSL may hold bytes that epoll knows nothing of. */
	if (loop_timer_set(&c->timer, 0))
		over(c, "no memory");
}

static void handshake(struct conn *c)
{
	char why[CONN_WHY_CHARS];
	bool out;
	int ret;

	errno = 0;
	ret = c->server ? SSL_accept(c->ssl) : SSL_connect(c->ssl);
	if (ret == 1) {
		c->state = CONN_OPEN;
		c->opened_ms = c->sent_ms = loop_now_ms(c->loop);
		loop_timer_cancel(&c->timer);
		watch_for(c, false);
		c->events->open(c->arg);
		/* What came together with the end of the handshake is in OpenSSL's
		 * buffer already, and epoll will not tell of it. */
		if (live == c)
			read_turn(c);
		return;
	}
	if (ssl_again(c, ret, &out, why))
		watch_for(c, out);
	else
		over(c, why);
}

static void tcp_done(struct conn *c)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		over(c, strerror(error));
		return;
	}
	c->state = CONN_TLS;
	if (loop_timer_set(&c->timer, CONN_TLS_MS)) {
		over(c, "no memory");
		return;
	}
	handshake(c);
}

/* Tries the kept record again. */
static void flush(struct conn *c)
{
	char why[CONN_WHY_CHARS];
	bool out;
	int ret;

	errno = 0;
	ret = SSL_write(c->ssl, c->unsent, (int)c->unsent_len);
	if (ret <= 0) {
		if (!ssl_again(c, ret, &out, why))
			over(c, why);
		return;
	}
	c->sent_ms = loop_now_ms(c->loop);
	c->unsent_len -= (size_t)ret;
	memmove(c->unsent, c->unsent + ret, c->unsent_len);
	if (c->unsent_len)
		return;
	free(c->unsent);
	c->unsent = NULL;
	watch_for(c, false);
	c->events->writable(c->arg);
}

static void on_ready(int fd, uint32_t epoll_events, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	live = c;
	switch (c->state) {
	case CONN_TCP:
		if (epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			tcp_done(c);
		break;
	case CONN_TLS:
		handshake(c);
		break;
	case CONN_OPEN:
		if (c->unsent && (epoll_events & EPOLLOUT))
			flush(c);
		if (live == c && c->state == CONN_OPEN && !c->paused &&
		    (epoll_events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
			read_turn(c);
		break;
	case CONN_OVER:
		break;
	}
	live = NULL;
}

static void on_timer(void *arg)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_TCP:
		over(c, "no TCP answer");
		break;
	case CONN_TLS:
		over(c, "no TLS answer");
		break;
	case CONN_OPEN:
		conn_resume(c);
		break;
	case CONN_OVER:
		break;
	}
}

void conn_pause(struct conn *c, int64_t ms)
{
	if (c->state != CONN_OPEN || loop_timer_set(&c->timer, ms))
		return;
	c->paused = true;
	watch_again(c);
}

/* Also the next turn of a connection that had much to say: bytes may be in
 * OpenSSL's buffer. */
void conn_resume(struct conn *c)
{
	if (c->state != CONN_OPEN)
		return;
	if (c->paused) {
		c->paused = false;
		watch_again(c);
	}
	live = c;
	read_turn(c);
	live = NULL;
}

static void tune(int fd)
{
	static const char congestion[] = "cubic";
	int one = 1, sndbuf = CONN_SNDBUF_BYTES, unsent = CONN_UNSENT_BYTES;
	unsigned timeout_ms = CONN_USER_TIMEOUT_MS;

	/* Each is an improvement that the connection works without. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof(congestion) - 1);
}

static struct conn *conn_new(struct loop *loop, SSL_CTX *ctx, int fd, bool server,
			     const struct conn_events *events, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct conn){ .loop = loop, .events = events, .arg = arg, .fd = fd,
			    .server = server, .state = server ? CONN_TLS : CONN_TCP };
	loop_timer_init(&c->timer, loop, on_timer, c);
	c->ssl = SSL_new(ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
		goto fail;
	c->want_out = !server;
	c->watch = loop_fd_add(loop, fd, EPOLLIN | (server ? 0 : (uint32_t)EPOLLOUT),
			       on_ready, c);
	if (!c->watch || loop_timer_set(&c->timer, server ? CONN_TLS_MS : CONN_TCP_MS))
		goto fail;
	tune(fd);
	return c;
fail:
	loop_fd_del(c->watch);
	loop_timer_cancel(&c->timer);
	SSL_free(c->ssl);
	free(c);
	errno = ENOMEM;
	return NULL;
}

/* Addresses that no peer's gateway has. */
static bool foreign_address(const struct sockaddr *to)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)to;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)to)->sin6_addr;

	if (to->sa_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(v6))
			return false;
		return !IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_UNSPECIFIED(v6) &&
		       !IN6_IS_ADDR_LINKLOCAL(v6) && !IN6_IS_ADDR_MULTICAST(v6);
	}
	if (to->sa_family == AF_INET) {
		uint32_t a = ntohl(v4->sin_addr.s_addr);

		return a >> 24 != 0 && a >> 24 != 127 && a >> 16 != 0xa9fe && a < 0xe0000000u;
	}
	return false;
}

/* Only an address of this machine can be bound to. */
static bool own_address(const struct sockaddr *to, socklen_t to_len)
{
	struct sockaddr_storage at;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool own;

	if (fd < 0)
		return false;
	memcpy(&at, to, to_len);
	if (to->sa_family == AF_INET)
		((struct sockaddr_in *)&at)->sin_port = 0;
	else
		((struct sockaddr_in6 *)&at)->sin6_port = 0;
	own = !bind(fd, (struct sockaddr *)&at, to_len);
	close(fd);
	return own;
}

struct conn *conn_dial(struct loop *loop, SSL_CTX *client,
		       const struct sockaddr *to, socklen_t to_len,
		       const char *sni, const struct conn_events *events, void *arg)
{
	struct conn *c;
	int fd;

	if (!foreign_address(to) || own_address(to, to_len)) {
		errno = EADDRNOTAVAIL;
		return NULL;
	}
	fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, to, to_len) && errno != EINPROGRESS)
		goto fail;
	c = conn_new(loop, client, fd, false, events, arg);
	if (!c)
		goto fail;
	if (SSL_set_tlsext_host_name(c->ssl, sni) != 1) {
		conn_close(c);
		errno = EINVAL;
		return NULL;
	}
	return c;
fail:
	close(fd);
	return NULL;
}

struct conn *conn_accepted(struct loop *loop, SSL_CTX *server, int fd,
			   const struct conn_events *events, void *arg)
{
	struct conn *c = conn_new(loop, server, fd, true, events, arg);

	if (!c)
		close(fd);
	return c;
}

void conn_close(struct conn *c)
{
	if (!c)
		return;
	if (live == c)
		live = NULL;
	loop_timer_cancel(&c->timer);
	loop_fd_del(c->watch);
	if (c->state == CONN_OPEN) {
		/* Best effort: a close_notify tells the other end at once. */
		(void)SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	SSL_free(c->ssl);
	close(c->fd);
	free(c->unsent);
	free(c);
}

bool conn_is_open(const struct conn *c)
{
	return c && c->state == CONN_OPEN;
}

bool conn_blocked(const struct conn *c)
{
	return !conn_is_open(c) || c->unsent;
}

void conn_write(struct conn *c, const uint8_t *bytes, size_t len)
{
	char why[CONN_WHY_CHARS];
	bool out;
	int ret;

	errno = 0;
	ret = SSL_write(c->ssl, bytes, (int)len);
	if (ret > 0)
		c->sent_ms = loop_now_ms(c->loop);
	else if (!ssl_again(c, ret, &out, why)) {
		/* Not from here: the caller is in the middle of its own work, and
		 * the read side reports the same end in a moment. */
		(void)shutdown(c->fd, SHUT_RDWR);
		return;
	}
	if (ret == (int)len)
		return;
	if (ret < 0)
		ret = 0;
	c->unsent_len = len - (size_t)ret;
	c->unsent = malloc(c->unsent_len);
	if (!c->unsent) {
		(void)shutdown(c->fd, SHUT_RDWR);
		return;
	}
	memcpy(c->unsent, bytes + ret, c->unsent_len);
	watch_for(c, true);
}

int64_t conn_opened_ms(const struct conn *c)
{
	return c->opened_ms;
}

int64_t conn_sent_ms(const struct conn *c)
{
	return c->sent_ms;
}
