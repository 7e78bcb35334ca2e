// SPDX-License-Identifier: Apache-2.0
/*
 * Client of the bridge's control socket. A lost connection is made again for
 * ever; what was lost with it is found by the list that each one begins with.
 */
#include "bridgectl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "version.h"

enum {
	RECORDS_PER_TURN = 512,
	SEND_BUFFER_BYTES = 8 * 1024 * 1024, /* a link for every peer at once */
	TYPE_BITS = 8,          /* of a seq name the request that it belongs to */
	LIST_MAX = BRIDGE_LINKS_MAX,
	LEGS_MAX = BRIDGE_LEGS_MAX + BRIDGE_UNPROVEN_MAX,
};

struct bridgectl {
	struct loop *loop;
	const struct bridgectl_callbacks *callbacks;
	void *arg;
	struct sockaddr_un at;
	struct loop_fd *watch;
	struct loop_timer retry;
	int fd;                 /* -1: not connected */
	bool greeted, up, listing;
	bool said;              /* `up` was called with the present text */
	uint32_t counter, list_seq;
	struct bridge_link *links;
	struct bridge_leg *legs;
	size_t link_count, link_size, leg_count, leg_size;
	char text[BRIDGECTL_TEXT_CHARS];
};

static void say(struct bridgectl *b, bool up, const char *text)
{
	if (b->said && b->up == up && !strcmp(b->text, text))
		return;
	b->said = true;
	b->up = up;
	snprintf(b->text, sizeof(b->text), "%s", text);
	b->callbacks->up(b->arg, up, b->text);
}

static void disconnect(struct bridgectl *b, const char *text)
{
	loop_fd_del(b->watch);
	b->watch = NULL;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->greeted = b->listing = false;
	b->link_count = b->leg_count = 0;
	loop_timer_set(&b->retry, BRIDGECTL_RETRY_MS);
	say(b, false, text);
}

static int send_record(struct bridgectl *b, enum bridge_type type, const void *body,
		       size_t len, uint32_t *seq)
{
	uint8_t record[BRIDGE_RECORD_MAX_BYTES];
	struct bridge_head head = { .type = (uint16_t)type, .len = (uint16_t)len };

	if (b->fd < 0)
		return -ENOTCONN;
	head.seq = ++b->counter << TYPE_BITS | (uint32_t)type;
	memcpy(record, &head, sizeof(head));
	if (len)
		memcpy(record + sizeof(head), body, len);
	if (seq)
		*seq = head.seq;
	if (send(b->fd, record, sizeof(head) + len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	/* Not from here: the caller is in its own work. The read side ends it. */
	(void)shutdown(b->fd, SHUT_RDWR);
	return -EAGAIN;
}

/* Room for one more in a list; false past the bound or without memory. */
static bool room(void **list, size_t *size, size_t count, size_t most, size_t each)
{
	size_t grown = *size ? 2 * *size : 16;
	void *p;

	if (count < *size)
		return true;
	if (count >= most)
		return false;
	p = reallocarray(*list, grown, each);
	if (!p)
		return false;
	*list = p;
	*size = grown;
	return true;
}

static void on_hello(struct bridgectl *b, const uint8_t *body, size_t len)
{
	struct bridge_hello hello;
	char text[BRIDGECTL_TEXT_CHARS];

	bridge_body(&hello, sizeof(hello), body, len);
	hello.program[sizeof(hello.program) - 1] = '\0';
	b->greeted = true;
	text[0] = '\0';
	if (hello.protocol != BRIDGE_PROTOCOL)
		snprintf(text, sizeof(text), "bridge: %s speaks protocol %u, this agent %d; "
			 "start a bridge of this agent's version when the links may be interrupted",
			 hello.program, hello.protocol, BRIDGE_PROTOCOL);
	snprintf(b->text, sizeof(b->text), "%s", text);
	if (bridgectl_list(b))
		disconnect(b, "bridge: its control socket takes nothing");
}

static void on_link(struct bridgectl *b, uint32_t seq, const uint8_t *body, size_t len)
{
	struct bridge_link link;

	bridge_body(&link, sizeof(link), body, len);
	link.host[BRIDGE_HOST_MAX_CHARS] = '\0';
	link.error[BRIDGE_TEXT_MAX_CHARS] = '\0';
	if (seq && b->listing && seq == b->list_seq &&
	    room((void **)&b->links, &b->link_size, b->link_count, LIST_MAX, sizeof(link)))
		b->links[b->link_count++] = link;
	b->callbacks->link(b->arg, &link);
}

static void on_leg(struct bridgectl *b, uint32_t seq, const uint8_t *body, size_t len)
{
	if (b->listing && seq == b->list_seq &&
	    room((void **)&b->legs, &b->leg_size, b->leg_count, LEGS_MAX, sizeof(b->legs[0])))
		bridge_body(&b->legs[b->leg_count++], sizeof(b->legs[0]), body, len);
}

static void on_reply(struct bridgectl *b, uint32_t seq, const uint8_t *body, size_t len)
{
	struct bridge_reply reply;
	char text[BRIDGECTL_TEXT_CHARS];

	bridge_body(&reply, sizeof(reply), body, len);
	reply.text[BRIDGE_TEXT_MAX_CHARS] = '\0';
	if (b->listing && seq == b->list_seq) {
		b->listing = false;
		memcpy(text, b->text, sizeof(text));
		if (!b->up) {
			b->said = false;
			say(b, true, text);
		}
		b->callbacks->listed(b->arg, b->links, b->link_count, b->legs, b->leg_count);
	} else if (reply.status) {
		b->callbacks->refused(b->arg, (enum bridge_type)(seq & ((1u << TYPE_BITS) - 1)),
				      reply.status, reply.text);
	}
}

static void on_record(struct bridgectl *b, const uint8_t *record, size_t len)
{
	struct bridge_status status;
	struct bridge_head head;
	const uint8_t *body = record + sizeof(head);

	if (len < sizeof(head))
		return;
	memcpy(&head, record, sizeof(head));
	if (head.len != len - sizeof(head))
		return;
	if (!b->greeted && head.type != BRIDGE_HELLO)
		return;
	switch (head.type) {
	case BRIDGE_HELLO:
		on_hello(b, body, head.len);
		return;
	case BRIDGE_LINK:
		on_link(b, head.seq, body, head.len);
		return;
	case BRIDGE_LEG:
		on_leg(b, head.seq, body, head.len);
		return;
	case BRIDGE_STATUS:
		bridge_body(&status, sizeof(status), body, head.len);
		b->callbacks->status(b->arg, &status);
		return;
	case BRIDGE_REPLY:
		on_reply(b, head.seq, body, head.len);
		return;
	}
	/* A newer bridge tells more than this agent understands. */
}

static void on_readable(int fd, uint32_t epoll_events, void *arg)
{
	uint8_t record[BRIDGE_RECORD_MAX_BYTES];
	struct bridgectl *b = arg;

	(void)epoll_events;
	for (int i = 0; i < RECORDS_PER_TURN && b->fd == fd; i++) {
		ssize_t got = recv(fd, record, sizeof(record), MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			disconnect(b, "bridge: it has gone; it has to be started again");
			return;
		}
		on_record(b, record, (size_t)got);
	}
}

static void greet(struct bridgectl *b)
{
	struct bridge_hello hello = { .protocol = BRIDGE_PROTOCOL };

	snprintf(hello.program, sizeof(hello.program), "attestmeshd %s", ATTESTMESH_VERSION);
	send_record(b, BRIDGE_HELLO, &hello, sizeof(hello), NULL);
}

static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == getuid();
}

static void connect_now(void *arg)
{
	struct bridgectl *b = arg;
	char text[BRIDGECTL_TEXT_CHARS];
	int size = SEND_BUFFER_BYTES;

	b->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->fd < 0 || connect(b->fd, (struct sockaddr *)&b->at, sizeof(b->at))) {
		snprintf(text, sizeof(text), "bridge: %s: %s; attestmesh-bridge has to be started",
			 b->at.sun_path, strerror(errno));
		disconnect(b, text);
		return;
	}
	if (!same_user(b->fd)) {
		snprintf(text, sizeof(text), "bridge: %s belongs to another user's process; run "
			 "bridge and agent under one uid", b->at.sun_path);
		disconnect(b, text);
		return;
	}
	/* With less, a large cluster takes more than one connection. */
	if (setsockopt(b->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(b->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	b->watch = loop_fd_add(b->loop, b->fd, EPOLLIN, on_readable, b);
	if (!b->watch) {
		disconnect(b, "bridge: no memory to watch its socket");
		return;
	}
	greet(b);
}

struct bridgectl *bridgectl_new(struct loop *loop, const char *path,
				const struct bridgectl_callbacks *callbacks, void *arg)
{
	struct bridgectl *b = calloc(1, sizeof(*b));

	if (!b || strlen(path) >= sizeof(b->at.sun_path)) {
		free(b);
		return NULL;
	}
	b->loop = loop;
	b->callbacks = callbacks;
	b->arg = arg;
	b->fd = -1;
	b->at.sun_family = AF_UNIX;
	strcpy(b->at.sun_path, path);
	loop_timer_init(&b->retry, loop, connect_now, b);
	loop_timer_set(&b->retry, 0);
	return b;
}

void bridgectl_free(struct bridgectl *b)
{
	if (!b)
		return;
	loop_timer_cancel(&b->retry);
	loop_fd_del(b->watch);
	if (b->fd >= 0)
		close(b->fd);
	free(b->links);
	free(b->legs);
	free(b);
}

bool bridgectl_is_up(const struct bridgectl *b)
{
	return b->up;
}

int bridgectl_list(struct bridgectl *b)
{
	if (b->listing)
		return 0;
	b->link_count = b->leg_count = 0;
	b->listing = true;
	return send_record(b, BRIDGE_LIST, NULL, 0, &b->list_seq);
}

int bridgectl_link_set(struct bridgectl *b, const struct bridge_link_set *set)
{
	return send_record(b, BRIDGE_LINK_SET, set, sizeof(*set), NULL);
}

static int about_peer(struct bridgectl *b, enum bridge_type type, const uint8_t *peer)
{
	struct bridge_peer body;

	memcpy(body.peer, peer, sizeof(body.peer));
	return send_record(b, type, &body, sizeof(body), NULL);
}

int bridgectl_link_del(struct bridgectl *b, const uint8_t peer[BRIDGE_PEER_ID_BYTES])
{
	return about_peer(b, BRIDGE_LINK_DEL, peer);
}

int bridgectl_link_kick(struct bridgectl *b, const uint8_t peer[BRIDGE_PEER_ID_BYTES])
{
	return about_peer(b, BRIDGE_LINK_KICK, peer);
}

int bridgectl_leg_del(struct bridgectl *b, uint32_t local_ipv4, uint16_t local_port)
{
	struct bridge_leg_name body = { .local_ipv4 = local_ipv4, .local_port = local_port };

	return send_record(b, BRIDGE_LEG_DEL, &body, sizeof(body), NULL);
}

int bridgectl_listen(struct bridgectl *b, bool on)
{
	struct bridge_listen body = { .on = on };

	return send_record(b, BRIDGE_LISTEN, &body, sizeof(body), NULL);
}

int bridgectl_clear(struct bridgectl *b)
{
	return send_record(b, BRIDGE_CLEAR, NULL, 0, NULL);
}
