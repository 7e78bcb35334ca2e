// SPDX-License-Identifier: Apache-2.0
/*
 * Requests over netlink. Sockets block with a bound: the kernel answers a
 * request before sendmsg() returns or shortly after, so nobody waits.
 */
#include "nlreq.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct nlreq {
	int fd;
	uint32_t seq;
	char error[NLREQ_TEXT_CHARS];
	uint8_t *buffer;
};

static void fail(struct nlreq *q, int err, const char *text)
{
	snprintf(q->error, sizeof(q->error), "%s", text ? text : strerror(-err));
}

/* The message and offending attribute behind a refusal. */
static void refusal(struct nlreq *q, const struct nlmsghdr *h, int err)
{
	const struct nlmsgerr *e = (const void *)((const uint8_t *)h + NLMSG_HDRLEN);
	size_t skip = NLMSG_ALIGN(sizeof(*e));
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { NULL };
	char text[NLREQ_TEXT_CHARS / 2];

	fail(q, err, NULL);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* Without NLM_F_CAPPED the request's payload comes first. */
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	if (h->nlmsg_len < NLMSG_HDRLEN + skip ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX,
		      (struct nlattr *)((uintptr_t)h + NLMSG_HDRLEN + skip),
		      (int)(h->nlmsg_len - NLMSG_HDRLEN - skip), NULL) ||
	    !tb[NLMSGERR_ATTR_MSG])
		return;
	snprintf(text, sizeof(text), "%s", strerror(-err));
	snprintf(q->error, sizeof(q->error), "%.*s (%s)",
		 nla_len(tb[NLMSGERR_ATTR_MSG]), nla_get_string(tb[NLMSGERR_ATTR_MSG]), text);
}

/* One message of the answer. 1: that was the end, *ret is the result. */
static int take(struct nlreq *q, struct nlmsghdr *h, nlreq_fn fn, void *arg,
		bool *inconsistent, int *ret)
{
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		*inconsistent = true;
	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		*ret = h->nlmsg_len >= NLMSG_HDRLEN + sizeof(int) ?
		       *(int *)((uint8_t *)h + NLMSG_HDRLEN) : 0;
		if (*ret > 0)
			*ret = 0;
		if (*ret && h->nlmsg_type == NLMSG_ERROR)
			refusal(q, h, *ret);
		else if (*ret)
			fail(q, *ret, NULL);
		return 1;
	}
	if (!fn)
		return 0;
	*ret = fn(h, arg);
	if (*ret)
		fail(q, *ret, "ended by the caller");
	return *ret != 0;
}

static int collect(struct nlreq *q, nlreq_fn fn, void *arg)
{
	bool inconsistent = false;
	int ret = 0;

	for (;;) {
		ssize_t got = recv(q->fd, q->buffer, NLREQ_BUFFER_BYTES, MSG_TRUNC);
		struct nlmsghdr *h = (struct nlmsghdr *)q->buffer;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || got > NLREQ_BUFFER_BYTES) {
			ret = got > 0 ? -EMSGSIZE : errno == EAGAIN ? -ETIMEDOUT : -errno;
			fail(q, ret, NULL);
			return ret;
		}
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			/* Late answers of a request that was given up. */
			if (h->nlmsg_seq != q->seq)
				continue;
			if (!take(q, h, fn, arg, &inconsistent, &ret))
				continue;
			explicit_bzero(q->buffer, (size_t)got);
			if (ret || !inconsistent)
				return ret;
			fail(q, -EINTR, "the list changed while it was read");
			return -EINTR;
		}
		explicit_bzero(q->buffer, (size_t)got);
	}
}

int nlreq_open(struct nlreq **out, int protocol)
{
	struct timeval wait = { .tv_sec = NLREQ_WAIT_MS / 1000 };
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	struct nlreq *q = calloc(1, sizeof(*q));
	int one = 1, err;

	if (!q)
		return -ENOMEM;
	q->buffer = malloc(NLREQ_BUFFER_BYTES);
	q->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (!q->buffer || q->fd < 0)
		goto fail;
	/* Answers without these are only less telling. */
	(void)setsockopt(q->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)setsockopt(q->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	/* No refusal may echo a request: it can hold a seed. */
	if (setsockopt(q->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    bind(q->fd, (struct sockaddr *)&at, sizeof(at)))
		goto fail;
	*out = q;
	return 0;
fail:
	err = errno;
	if (q->fd >= 0)
		close(q->fd);
	free(q->buffer);
	free(q);
	return err ? -err : -ENOMEM;
}

void nlreq_close(struct nlreq *q)
{
	if (!q)
		return;
	close(q->fd);
	free(q->buffer);
	free(q);
}

int nlreq_fd(const struct nlreq *q)
{
	return q->fd;
}

const char *nlreq_error(const struct nlreq *q)
{
	return q->error;
}

struct nl_msg *nlreq_message(uint16_t type, uint16_t flags)
{
	struct nl_msg *m = nlmsg_alloc_size(NLREQ_BUFFER_BYTES);

	if (m && !nlmsg_put(m, 0, 0, type, 0, NLM_F_REQUEST | flags)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

struct nl_msg *nlreq_genl(uint16_t family, uint8_t version, uint8_t command, uint16_t flags)
{
	struct nl_msg *m = nlreq_message(family, flags);
	struct genlmsghdr head = { .cmd = command, .version = version };

	if (m && nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

int nlreq_run(struct nlreq *q, struct nl_msg *message, nlreq_fn fn, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h;
	size_t len;
	ssize_t sent;
	int err;

	q->error[0] = '\0';
	if (!message) {
		fail(q, -ENOMEM, NULL);
		return -ENOMEM;
	}
	h = nlmsg_hdr(message);
	len = h->nlmsg_len;
	h->nlmsg_seq = ++q->seq;
	/* A dump ends itself; everything else is acknowledged. */
	if ((h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		h->nlmsg_flags |= NLM_F_ACK;
	do {
		sent = sendto(q->fd, h, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	err = errno;
	explicit_bzero(h, len);
	h->nlmsg_len = (uint32_t)len;
	nlmsg_free(message);
	if (sent < 0) {
		fail(q, -err, NULL);
		return -err;
	}
	return collect(q, fn, arg);
}

static int on_family(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1], *group[CTRL_ATTR_MCAST_GRP_MAX + 1], *nested;
	struct nlreq_family *f = arg;
	int rest;

	if (genlmsg_parse(h, 0, tb, CTRL_ATTR_MAX, NULL) || !tb[CTRL_ATTR_FAMILY_ID])
		return -EPROTO;
	f->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	f->version = tb[CTRL_ATTR_VERSION] ? (uint8_t)nla_get_u32(tb[CTRL_ATTR_VERSION]) : 1;
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return 0;
	nla_for_each_nested(nested, tb[CTRL_ATTR_MCAST_GROUPS], rest) {
		if (f->groups == NLREQ_GROUPS_MAX ||
		    nla_parse_nested(group, CTRL_ATTR_MCAST_GRP_MAX, nested, NULL) ||
		    !group[CTRL_ATTR_MCAST_GRP_ID] || !group[CTRL_ATTR_MCAST_GRP_NAME])
			continue;
		f->group[f->groups].id = nla_get_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
		snprintf(f->group[f->groups].name, sizeof(f->group[0].name), "%s",
			 nla_get_string(group[CTRL_ATTR_MCAST_GRP_NAME]));
		f->groups++;
	}
	return 0;
}

int nlreq_family(struct nlreq *q, const char *name, struct nlreq_family *out)
{
	struct nl_msg *m = nlreq_genl(GENL_ID_CTRL, 1, CTRL_CMD_GETFAMILY, 0);

	memset(out, 0, sizeof(*out));
	if (m && nla_put_string(m, CTRL_ATTR_FAMILY_NAME, name)) {
		nlmsg_free(m);
		m = NULL;
	}
	return nlreq_run(q, m, on_family, out);
}
