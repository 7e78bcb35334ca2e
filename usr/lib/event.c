// SPDX-License-Identifier: Apache-2.0
/*
 * The multicast group `events`, on a socket of its own: requests on the same
 * one would mix their answers with it.
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "am.h"
#include "attr.h"

enum {
	EVENT_BUFFER_BYTES = 16 * 1024,
	EVENT_RCVBUF_BYTES = 1024 * 1024,
	EVENTS_PER_READ = 256,     /* datagrams taken in one am_events_read() */
};

struct am_events {
	int fd;
	uint16_t family;
	uint8_t buffer[EVENT_BUFFER_BYTES];
};

static uint32_t group_of(const struct nlreq_family *f)
{
	for (size_t i = 0; i < f->groups; i++)
		if (!strcmp(f->group[i].name, "events"))
			return f->group[i].id;
	return 0;
}

int am_events_open(struct am_events **out)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	struct am_events *e;
	int size = EVENT_RCVBUF_BYTES, ret;
	struct am *am;
	uint32_t group;

	*out = NULL;
	ret = am_open(&am);
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	group = group_of(&am->family);
	if (e)
		e->family = am->family.id;
	am_close(am);
	if (!e || !group) {
		free(e);
		return e ? -ENOENT : -ENOMEM;
	}
	e->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	/* A larger buffer loses fewer events; losing some is handled. */
	if (e->fd >= 0 && setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (e->fd < 0 || bind(e->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(e->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) {
		ret = -errno;
		if (e->fd >= 0)
			close(e->fd);
		free(e);
		return ret;
	}
	*out = e;
	return 0;
}

void am_events_close(struct am_events *events)
{
	if (!events)
		return;
	close(events->fd);
	free(events);
}

int am_events_fd(const struct am_events *events)
{
	return events->fd;
}

static bool type_of(uint8_t command, enum am_event_type *type)
{
	switch (command) {
	case ATTESTMESH_CMD_PEER_CHANGED:
		*type = AM_EVENT_PEER;
		return true;
	case ATTESTMESH_CMD_CONVERGED_CHANGED:
		*type = AM_EVENT_CONVERGED;
		return true;
	case ATTESTMESH_CMD_MESH_GONE:
		*type = AM_EVENT_GONE;
		return true;
	case ATTESTMESH_CMD_TWIN:
		*type = AM_EVENT_TWIN;
		return true;
	case ATTESTMESH_CMD_RAISE_STOPPED:
		*type = AM_EVENT_RAISE_STOPPED;
		return true;
	}
	return false;
}

static void parse(struct nlattr **tb, struct am_event *v)
{
	v->ifindex = attr_u32(tb[ATTESTMESH_A_EVENT_IFINDEX]);
	v->seq = attr_u64(tb[ATTESTMESH_A_EVENT_SEQ]);
	attr_bytes(tb[ATTESTMESH_A_EVENT_ID], v->id, sizeof(v->id));
	v->index = attr_u32(tb[ATTESTMESH_A_EVENT_INDEX]);
	v->old_state = attr_u32(tb[ATTESTMESH_A_EVENT_OLD_STATE]);
	v->new_state = attr_u32(tb[ATTESTMESH_A_EVENT_NEW_STATE]);
	v->reason = attr_u32(tb[ATTESTMESH_A_EVENT_REASON]);
	v->beat_flags = attr_u32(tb[ATTESTMESH_A_EVENT_BEAT_FLAGS]);
	v->live = attr_u32(tb[ATTESTMESH_A_EVENT_LIVE]);
	v->converged = attr_u8(tb[ATTESTMESH_A_EVENT_CONVERGED]);
	v->first_converged = attr_u8(tb[ATTESTMESH_A_EVENT_FIRST_CONVERGED]);
	v->gone = attr_u32(tb[ATTESTMESH_A_EVENT_GONE]);
	v->incarnation = attr_u64(tb[ATTESTMESH_A_EVENT_INCARNATION]);
}

static int deliver(struct am_events *e, size_t len, am_event_fn fn, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)e->buffer;
	int left = (int)len, ret = 0;

	for (; !ret && nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		struct nlattr *tb[ATTESTMESH_A_EVENT_MAX + 1];
		struct am_event event = { 0 };

		if (h->nlmsg_type != e->family || h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
		    !type_of(((struct genlmsghdr *)nlmsg_data(h))->cmd, &event.type) ||
		    genlmsg_parse(h, 0, tb, ATTESTMESH_A_EVENT_MAX, NULL))
			continue;
		parse(tb, &event);
		ret = fn(&event, arg);
	}
	return ret;
}

int am_events_read(struct am_events *events, am_event_fn fn, void *arg)
{
	for (int i = 0; i < EVENTS_PER_READ; i++) {
		ssize_t got = recv(events->fd, events->buffer, sizeof(events->buffer), 0);
		int ret;

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		ret = deliver(events, (size_t)got, fn, arg);
		if (ret)
			return ret;
	}
	return 0;
}
