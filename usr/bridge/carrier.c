// SPDX-License-Identifier: Apache-2.0
/*
 * Passage of datagrams between WireGuard's socket and a connection, in
 * batches both ways: recvmmsg() to one TLS record, one read to UDP_SEGMENT.
 */
#include "carrier.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct held {
	int64_t at_ms;
	size_t len;
	uint8_t datagram[CARRIER_HELD_BYTES];
};

struct carrier {
	struct loop *loop;
	struct loop_fd *watch;
	const struct carrier_events *events;
	void *arg;
	struct conn *conn;
	int fd;
	uint32_t ipv4;
	uint16_t port;
	int64_t heard_ms;
	struct bridge_counts counts;
	size_t held_count;
	struct held held[CARRIER_HELD_MAX];   /* oldest first */
};

/* One slot more than a datagram's size shows what was longer. */
enum { SLOT_BYTES = FRAME_DATAGRAM_MAX_BYTES + 1 };
static uint8_t slots[FRAME_SEGMENTS_MAX][SLOT_BYTES];
static uint8_t batch[FRAME_BATCH_MAX_BYTES];

/* Keeps a handshake message for when the connection takes bytes again; the
 * oldest gives way, since WireGuard only answers for its newest. */
static void hold(struct carrier *c, const uint8_t *datagram, size_t len)
{
	struct held *h;

	if (c->held_count == CARRIER_HELD_MAX) {
		c->counts.drop_blocked++;
		c->held_count--;
		memmove(c->held, c->held + 1, c->held_count * sizeof(c->held[0]));
	}
	h = &c->held[c->held_count++];
	h->at_ms = loop_now_ms(c->loop);
	h->len = len;
	memcpy(h->datagram, datagram, len);
}

static void send_batch(struct carrier *c, size_t *len)
{
	if (*len)
		conn_write(c->conn, batch, *len);
	*len = 0;
}

static void count_out(struct carrier *c, size_t len)
{
	c->counts.to_peer_datagrams++;
	c->counts.to_peer_bytes += len;
}

/* Into the batch, which is sent first when it is full; false if the
 * connection takes nothing now. */
static bool put(struct carrier *c, const uint8_t *datagram, size_t len,
		size_t *batch_len)
{
	if (!c->conn || conn_blocked(c->conn))
		return false;
	if (!frame_put(batch, sizeof(batch), batch_len, datagram, len))
		return true;
	send_batch(c, batch_len);
	return !conn_blocked(c->conn) &&
	       !frame_put(batch, sizeof(batch), batch_len, datagram, len);
}

static void take_from_wg(struct carrier *c, const uint8_t *datagram, size_t len,
			 size_t *batch_len)
{
	enum wg_kind kind = wg_kind(datagram, len);

	if (kind == WG_NONE) {
		c->counts.drop_shape++;
		return;
	}
	c->events->from_wg(c->arg, kind);
	if (put(c, datagram, len, batch_len))
		count_out(c, len);
	else if (kind != WG_DATA)
		hold(c, datagram, len);
	else
		c->counts.drop_blocked++;
}

static void on_udp(int fd, uint32_t epoll_events, void *arg)
{
	struct mmsghdr messages[FRAME_SEGMENTS_MAX] = { 0 };
	struct iovec vectors[FRAME_SEGMENTS_MAX];
	struct carrier *c = arg;
	size_t batch_len = 0;
	int got;

	(void)epoll_events;
	for (size_t i = 0; i < FRAME_SEGMENTS_MAX; i++) {
		vectors[i] = (struct iovec){ slots[i], SLOT_BYTES };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	/* An error here is WireGuard's port being closed (ECONNREFUSED); reading
	 * it clears it, and what was sent meanwhile is counted where it was sent. */
	got = recvmmsg(fd, messages, FRAME_SEGMENTS_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		take_from_wg(c, slots[i], messages[i].msg_len, &batch_len);
	send_batch(c, &batch_len);
}

/* `count` datagrams of one size (the last may be shorter) in one call. */
static ssize_t send_segments(int fd, struct iovec *vectors, size_t count)
{
	uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct msghdr message = { .msg_iov = vectors, .msg_iovlen = count };

	if (count > 1) {
		uint16_t size = (uint16_t)vectors[0].iov_len;
		struct cmsghdr *head;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_UDP;
		head->cmsg_type = UDP_SEGMENT;
		head->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(head), &size, sizeof(size));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT);
}

static void send_to_wg(struct carrier *c, struct iovec *vectors, size_t count)
{
	if (!count)
		return;
	/* A pending ECONNREFUSED of an earlier datagram is reported by the next
	 * call, which then sends nothing: once more. */
	if (send_segments(c->fd, vectors, count) >= 0 ||
	    (errno == ECONNREFUSED && send_segments(c->fd, vectors, count) >= 0)) {
		c->counts.from_peer_datagrams += count;
		for (size_t i = 0; i < count; i++)
			c->counts.from_peer_bytes += vectors[i].iov_len;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		/* Without segmentation (an old kernel): one by one. */
		if (count > 1 && (errno == EINVAL || errno == EIO) &&
		    send(c->fd, vectors[i].iov_base, vectors[i].iov_len, MSG_DONTWAIT) >= 0) {
			c->counts.from_peer_datagrams++;
			c->counts.from_peer_bytes += vectors[i].iov_len;
			errno = EINVAL;
		} else {
			c->counts.drop_local++;
		}
	}
}

/* Whether a datagram of this length can join the segments gathered so far. */
static bool joins(const struct iovec *vectors, size_t count, size_t len)
{
	size_t size = count ? vectors[0].iov_len : len;

	return count < FRAME_SEGMENTS_MAX && len <= size &&
	       (!count || vectors[count - 1].iov_len == size) &&
	       (count + 1) * size <= FRAME_SEGMENTS_MAX_BYTES;
}

static bool admit(struct carrier *c, const uint8_t *datagram, size_t len)
{
	enum wg_kind kind = wg_kind(datagram, len);

	if (kind == WG_NONE) {
		c->counts.drop_shape++;
		return false;
	}
	if (!c->events->from_peer(c->arg, kind)) {
		c->counts.drop_rate++;
		return false;
	}
	c->heard_ms = loop_now_ms(c->loop);
	return true;
}

ptrdiff_t carrier_data(struct carrier *c, const uint8_t *in, size_t len)
{
	struct iovec vectors[FRAME_SEGMENTS_MAX];
	size_t done = 0, count = 0;

	for (;;) {
		const uint8_t *datagram;
		size_t datagram_len, used;
		int got = frame_take(in + done, len - done, &datagram, &datagram_len, &used);

		if (got < 0)
			return -1;
		if (!got)
			break;
		done += used;
		if (!datagram_len || !admit(c, datagram, datagram_len))
			continue;
		if (!joins(vectors, count, datagram_len)) {
			send_to_wg(c, vectors, count);
			count = 0;
		}
		vectors[count++] = (struct iovec){ (void *)datagram, datagram_len };
	}
	send_to_wg(c, vectors, count);
	return (ptrdiff_t)done;
}

/* Held handshake messages that WireGuard still waits for go out. */
static void release_held(struct carrier *c)
{
	int64_t now_ms = loop_now_ms(c->loop);
	size_t batch_len = 0;

	for (size_t i = 0; i < c->held_count; i++) {
		if (now_ms - c->held[i].at_ms >= CARRIER_HELD_MS ||
		    frame_put(batch, sizeof(batch), &batch_len, c->held[i].datagram,
			      c->held[i].len))
			c->counts.drop_blocked++;
		else
			count_out(c, c->held[i].len);
	}
	c->held_count = 0;
	send_batch(c, &batch_len);
}

void carrier_attach(struct carrier *c, struct conn *conn)
{
	c->conn = conn;
	if (conn && !conn_blocked(conn))
		release_held(c);
}

void carrier_writable(struct carrier *c)
{
	if (c->conn && !conn_blocked(c->conn))
		release_held(c);
}

void carrier_keep(struct carrier *c, int64_t idle_ms)
{
	static const uint8_t empty[FRAME_HEAD_BYTES];

	if (c->conn && !conn_blocked(c->conn) &&
	    loop_now_ms(c->loop) - conn_sent_ms(c->conn) >= idle_ms)
		conn_write(c->conn, empty, sizeof(empty));
}

struct carrier *carrier_new(struct loop *loop, uint32_t ipv4, uint16_t port,
			    uint16_t wg_port, const struct carrier_events *events,
			    void *arg)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(ipv4) };
	struct sockaddr_in wg = { .sin_family = AF_INET, .sin_port = htons(wg_port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct carrier *c = calloc(1, sizeof(*c));
	socklen_t len = sizeof(at);
	int rcvbuf = CARRIER_RCVBUF_BYTES, err;

	if (!c)
		return NULL;
	*c = (struct carrier){ .loop = loop, .events = events, .arg = arg, .ipv4 = ipv4 };
	c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		goto fail;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (bind(c->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    connect(c->fd, (struct sockaddr *)&wg, sizeof(wg)) ||
	    getsockname(c->fd, (struct sockaddr *)&at, &len))
		goto fail;
	c->port = ntohs(at.sin_port);
	c->watch = loop_fd_add(loop, c->fd, EPOLLIN, on_udp, c);
	if (c->watch)
		return c;
fail:
	err = errno;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	errno = err;
	return NULL;
}

void carrier_free(struct carrier *c)
{
	if (!c)
		return;
	loop_fd_del(c->watch);
	close(c->fd);
	free(c);
}

uint32_t carrier_ipv4(const struct carrier *c)
{
	return c->ipv4;
}

uint16_t carrier_port(const struct carrier *c)
{
	return c->port;
}

const struct bridge_counts *carrier_counts(const struct carrier *c)
{
	return &c->counts;
}

int64_t carrier_heard_ms(const struct carrier *c)
{
	return c->heard_ms;
}
