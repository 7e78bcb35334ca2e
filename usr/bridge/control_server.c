// SPDX-License-Identifier: Apache-2.0
/*
 * Control clients. A client that does not read is cut off when its output
 * passes a bound; links never wait for one.
 */
#include "control_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "control.h"
#include "leg.h"
#include "link.h"
#include "log.h"

#ifndef ATTESTMESH_VERSION
#define ATTESTMESH_VERSION "0"
#endif

enum {
	/* One list of everything, and notices behind it. */
	OUT_MAX_BYTES = 2 * (BRIDGE_LINKS_MAX + BRIDGE_LEGS_MAX) * 512,
	REQUESTS_PER_TURN = 64,
};

struct client {
	struct control *control;
	struct client *next;
	int fd;
	struct loop_fd *watch;
	bool greeted, writing;
	struct buf out;            /* records, each behind its length (size_t) */
};

struct control {
	const struct bridge_env *env;
	struct links *links;
	struct legs *legs;
	struct client *clients;
	size_t client_count;
	int fd;
	struct loop_fd *watch;
	char path[108];
	char ifname[16];
};

/* What a request works with. */
struct request {
	struct client *client;
	uint32_t seq;
};

static void client_close(struct client *k)
{
	struct client **at = &k->control->clients;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->control->client_count--;
	loop_fd_del(k->watch);
	close(k->fd);
	buf_free(&k->out);
	free(k);
}

static void flush(struct client *k)
{
	size_t done = 0;

	while (done < k->out.len) {
		size_t len;

		memcpy(&len, k->out.data + done, sizeof(len));
		if (send(k->fd, k->out.data + done + sizeof(len), len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break; /* full: later; broken: reading says so */
		done += sizeof(len) + len;
	}
	buf_drop(&k->out, done);
	if (k->writing != (k->out.len > 0)) {
		k->writing = k->out.len > 0;
		loop_fd_mod(k->watch, EPOLLIN | (k->writing ? (uint32_t)EPOLLOUT : 0));
	}
}

static void tell(struct client *k, enum bridge_type type, uint32_t seq,
		 const void *body, size_t len)
{
	struct bridge_head head = { .type = (uint16_t)type, .len = (uint16_t)len, .seq = seq };
	size_t record = sizeof(head) + len;

	buf_add(&k->out, &record, sizeof(record));
	buf_add(&k->out, &head, sizeof(head));
	buf_add(&k->out, body, len);
	/* The read side finds the end; closing here would pull the client away
	 * from under whoever walks the list. */
	if (k->out.failed)
		(void)shutdown(k->fd, SHUT_RDWR);
	else if (!k->writing)
		flush(k);
}

static void tell_all(struct control *c, enum bridge_type type, const void *body,
		     size_t len)
{
	for (struct client *k = c->clients; k; k = k->next)
		if (k->greeted)
			tell(k, type, 0, body, len);
}

static void reply(const struct request *q, int status, const char *text)
{
	struct bridge_reply body = { .status = status };

	snprintf(body.text, sizeof(body.text), "%s", text);
	tell(q->client, BRIDGE_REPLY, q->seq, &body, sizeof(body));
}

/* ret: 0 or a negative errno of the operation. */
static void reply_result(const struct request *q, int ret, const char *what)
{
	char text[BRIDGE_TEXT_MAX_CHARS + 1] = "";

	if (ret)
		snprintf(text, sizeof(text), "%s: %s", what, strerror(-ret));
	reply(q, -ret, text);
}

static void greet(struct client *k)
{
	const struct bridge_env *env = k->control->env;
	struct bridge_hello hello = {
		.protocol = BRIDGE_PROTOCOL, .wg_port = env->wg_port,
		.tcp_port = env->tcp_port,
	};

	snprintf(hello.program, sizeof(hello.program), "attestmesh-bridge %s",
		 ATTESTMESH_VERSION);
	memcpy(hello.ifname, k->control->ifname, sizeof(hello.ifname));
	tell(k, BRIDGE_HELLO, 0, &hello, sizeof(hello));
}

static void tell_link(void *arg, const struct bridge_link *link)
{
	const struct request *q = arg;

	tell(q->client, BRIDGE_LINK, q->seq, link, sizeof(*link));
}

static void tell_leg(void *arg, const struct bridge_leg *leg)
{
	const struct request *q = arg;

	tell(q->client, BRIDGE_LEG, q->seq, leg, sizeof(*leg));
}

static struct bridge_status status_now(const struct control *c)
{
	struct bridge_status status = { .links = (uint32_t)links_count(c->links) };

	legs_status(c->legs, &status);
	return status;
}

static void do_list(struct request *q)
{
	struct control *c = q->client->control;
	struct bridge_status status = status_now(c);

	links_each(c->links, tell_link, q);
	legs_each(c->legs, tell_leg, q);
	tell(q->client, BRIDGE_STATUS, q->seq, &status, sizeof(status));
	reply(q, 0, "");
}

static void do_link_set(struct request *q, const uint8_t *body, size_t len)
{
	struct bridge_link_set set;

	bridge_body(&set, sizeof(set), body, len);
	reply_result(q, links_set(q->client->control->links, &set), "link");
}

static void do_listen(struct request *q, const uint8_t *body, size_t len)
{
	struct control *c = q->client->control;
	struct bridge_listen listen;
	char what[48];

	bridge_body(&listen, sizeof(listen), body, len);
	snprintf(what, sizeof(what), "TCP port %u", c->env->tcp_port);
	reply_result(q, legs_listen(c->legs, listen.on), what);
}

static void do_clear(struct request *q)
{
	struct control *c = q->client->control;

	legs_listen(c->legs, false);
	legs_clear(c->legs);
	links_clear(c->links);
	reply(q, 0, "");
}

static void serve(struct request *q, uint16_t type, const uint8_t *body, size_t len)
{
	struct control *c = q->client->control;
	struct bridge_leg_name leg;
	struct bridge_hello hello;
	struct bridge_peer peer;

	switch (type) {
	case BRIDGE_HELLO:
		bridge_body(&hello, sizeof(hello), body, len);
		if (hello.protocol != BRIDGE_PROTOCOL)
			log_warn("a control client speaks protocol %u, this bridge %d; "
				 "what it does not know it answers as unsupported",
				 hello.protocol, BRIDGE_PROTOCOL);
		q->client->greeted = true;
		return;
	case BRIDGE_LIST:
		do_list(q);
		return;
	case BRIDGE_LINK_SET:
		do_link_set(q, body, len);
		return;
	case BRIDGE_LINK_DEL:
		bridge_body(&peer, sizeof(peer), body, len);
		reply_result(q, links_del(c->links, peer.peer), "link");
		return;
	case BRIDGE_LINK_KICK:
		bridge_body(&peer, sizeof(peer), body, len);
		reply_result(q, links_kick(c->links, peer.peer), "link");
		return;
	case BRIDGE_LISTEN:
		do_listen(q, body, len);
		return;
	case BRIDGE_CLEAR:
		do_clear(q);
		return;
	case BRIDGE_LEG_DEL:
		bridge_body(&leg, sizeof(leg), body, len);
		reply_result(q, legs_del(c->legs, leg.local_ipv4, leg.local_port), "leg");
		return;
	}
	reply(q, EOPNOTSUPP, "unsupported");
}

/* One record; false when the client is over. */
static bool read_one(struct client *k)
{
	uint8_t record[BRIDGE_RECORD_MAX_BYTES];
	ssize_t got = recv(k->fd, record, sizeof(record), MSG_DONTWAIT | MSG_TRUNC);
	struct request q = { .client = k };
	struct bridge_head head;

	if (got < 0)
		return errno == EINTR;
	if (got < (ssize_t)sizeof(head) || (size_t)got > sizeof(record))
		return false;
	memcpy(&head, record, sizeof(head));
	if (head.len != (size_t)got - sizeof(head) ||
	    (!k->greeted && head.type != BRIDGE_HELLO))
		return false;
	q.seq = head.seq;
	serve(&q, head.type, record + sizeof(head), head.len);
	return true;
}

static void on_client(int fd, uint32_t epoll_events, void *arg)
{
	struct client *k = arg;

	(void)fd;
	if (epoll_events & EPOLLOUT)
		flush(k);
	if (!(epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		errno = 0;
		if (read_one(k))
			continue;
		if (errno != EAGAIN)
			client_close(k);
		return;
	}
}

static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == getuid();
}

static void on_accept(int fd, uint32_t epoll_events, void *arg)
{
	struct control *c = arg;
	struct client *k;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)epoll_events;
	if (accepted < 0)
		return;
	if (c->client_count >= BRIDGE_CLIENTS_MAX || !same_user(accepted)) {
		log_warn("a control client was refused: %s",
			 same_user(accepted) ? "too many" : "another user's");
		close(accepted);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		close(accepted);
		return;
	}
	*k = (struct client){ .control = c, .fd = accepted, .next = c->clients };
	buf_init(&k->out, OUT_MAX_BYTES);
	k->watch = loop_fd_add(c->env->loop, accepted, EPOLLIN, on_client, k);
	if (!k->watch) {
		close(accepted);
		free(k);
		return;
	}
	c->clients = k;
	c->client_count++;
	greet(k);
}

static void on_link(void *arg, const struct bridge_link *link)
{
	tell_all(arg, BRIDGE_LINK, link, sizeof(*link));
}

static void on_status(void *arg)
{
	struct control *c = arg;
	struct bridge_status status = status_now(c);

	tell_all(c, BRIDGE_STATUS, &status, sizeof(status));
}

static int listening_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The caller holds the lock, so what is there is a dead bridge's. */
	(void)unlink(path);
	if (!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !chmod(path, 0600) &&
	    !listen(fd, BRIDGE_CLIENTS_MAX))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

struct control *control_new(const struct bridge_env *env, const char *path,
			    const char *ifname)
{
	struct control *c = calloc(1, sizeof(*c));
	int err = ENOMEM;

	if (!c)
		return NULL;
	c->env = env;
	c->fd = -1;
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(c->ifname, sizeof(c->ifname), "%s", ifname);
	c->links = links_new(env, on_link, c);
	c->legs = legs_new(env, on_status, c);
	if (!c->links || !c->legs)
		goto fail;
	c->fd = listening_socket(path);
	if (c->fd < 0) {
		err = -c->fd;
		goto fail;
	}
	c->watch = loop_fd_add(env->loop, c->fd, EPOLLIN, on_accept, c);
	if (c->watch)
		return c;
	close(c->fd);
fail:
	links_free(c->links);
	legs_free(c->legs);
	free(c);
	errno = err;
	return NULL;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	while (c->clients)
		client_close(c->clients);
	legs_free(c->legs);
	links_free(c->links);
	loop_fd_del(c->watch);
	close(c->fd);
	(void)unlink(c->path);
	free(c);
}
