// SPDX-License-Identifier: Apache-2.0
/*
 * What comes back: every request is answered, what the spec forbids is refused,
 * a refusal says why, an answer has the attributes that the spec gives it, in
 * their lengths, and a beat seed never comes back.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/attestmesh.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

struct tally *tally;

void wrong(const struct msg *msg, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	__atomic_add_fetch(&tally->wrong, 1, __ATOMIC_RELAXED);
	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 600, format, args);
	va_end(args);
	n += snprintf(text + n, sizeof(text) - n, "\n    %s%s, %zu bytes:",
		      msg->op->name, msg->dump ? " dump" : "", msg->len);
	for (size_t i = NLMSG_HDRLEN; i < msg->len && i < NLMSG_HDRLEN + 120; i++)
		n += snprintf(text + n, sizeof(text) - n, " %02x", msg->buf[i]);
	fprintf(stdout, "WRONG: %s\n", text);
	fflush(stdout);
}

static const struct spec_attr *reply_attr(const struct msg *msg, int type)
{
	const int *takes = msg->op->reply;

	while (*takes >= 0 && *takes != type)
		takes++;
	return *takes < 0 ? NULL : spec_attr(msg->op->set, type);
}

static void check_attrs(const struct msg *msg, const uint8_t *p, size_t len, int set)
{
	static const int width[] = { 1, 2, 4, 8 };

	for (size_t at = 0; at < len;) {
		const struct nlattr *a = (const void *)(p + at);
		int type = a->nla_type & NLA_TYPE_MASK;
		const struct spec_attr *attr;
		int bytes = a->nla_len - NLA_HDRLEN;

		if (len - at < NLA_HDRLEN || bytes < 0 || a->nla_len > len - at) {
			wrong(msg, "an answer with a broken attribute");
			return;
		}
		at += NLA_ALIGN(a->nla_len);
		attr = set < 0 ? reply_attr(msg, type) : spec_attr(set, type);
		if (!attr) {
			attr = spec_attr(set < 0 ? msg->op->set : set, type);
			if (!attr || attr->kind != K_PAD)
				wrong(msg, "an answer with an attribute %d", type);
			continue;
		}
		if ((attr->kind <= K_U64 && bytes != width[attr->kind]) ||
		    (attr->len >= 0 && bytes != attr->len) ||
		    (attr->kind == K_FLAG && bytes))
			wrong(msg, "an answer with %s of %d bytes", attr->name, bytes);
		if (attr->kind == K_NEST)
			check_attrs(msg, (const uint8_t *)a + NLA_HDRLEN, bytes, attr->nest);
	}
}

/* The refusals that the core makes before the family sees the message. */
static bool is_cores(int err)
{
	return err == EPERM || err == EOPNOTSUPP || err == EBUSY || err == ENOMEM ||
	       err == EINTR || err == ENOBUFS;
}

static bool has_text(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = NLMSG_DATA(nlh);
	size_t at = NLMSG_HDRLEN + sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return false;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		at += e->msg.nlmsg_len - NLMSG_HDRLEN;
	for (at = NLMSG_ALIGN(at); at + NLA_HDRLEN <= nlh->nlmsg_len;) {
		const struct nlattr *a = (const void *)((const uint8_t *)nlh + at);

		if (a->nla_type == NLMSGERR_ATTR_MSG && a->nla_len > NLA_HDRLEN + 1)
			return true;
		if (a->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(a->nla_len);
	}
	return false;
}

static void add(uint64_t *count)
{
	__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

static void verdict(const struct msg *msg, bool admin, int err, bool said)
{
	if (err < 0 || err >= ERRNO_MAX) {
		wrong(msg, "error %d", err);
		return;
	}
	if (err) {
		add(&tally->refused);
		add(&tally->errors[err]);
		if (!msg->odd && !said && !is_cores(err))
			wrong(msg, "refused with %d (%s) and no word", err, strerror(err));
		return;
	}
	add(&tally->accepted);
	if (msg->odd)
		return;
	add(&tally->ok[msg->op - spec_ops][msg->dump]);
	if (msg->invalid)
		wrong(msg, "accepted in spite of %s", msg->why);
	if (msg->op->admin && !admin)
		wrong(msg, "accepted without privilege");
}

/* Return: an acknowledgement, an error or the end of a dump was among it. */
static bool one_datagram(struct conn *conn, const struct msg *msg, bool admin,
			 const uint8_t *buf, ssize_t len)
{
	bool end = false;

	for (const struct nlmsghdr *nlh = (const void *)buf; NLMSG_OK(nlh, len);
	     nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_seq != conn->seq && nlh->nlmsg_type == conn->family) {
			add(&tally->events);
			continue;
		}
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
			int err = -*(const int *)NLMSG_DATA(nlh);

			verdict(msg, admin, err, nlh->nlmsg_type == NLMSG_DONE ||
						 has_text(nlh));
			end = true;
		} else if (nlh->nlmsg_type == conn->family && !msg->odd) {
			check_attrs(msg, (const uint8_t *)NLMSG_DATA(nlh) + GENL_HDRLEN,
				    nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, -1);
		}
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			add(&tally->interrupted);
	}
	return end;
}

void answers(struct conn *conn, const struct msg *msg, bool admin, int most)
{
	static uint8_t buf[256 * 1024];
	bool end = false;
	ssize_t len;

	while (most-- > 0) {
		len = recv(conn->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (len < 0 && errno == ENOBUFS)
			return;
		if (len < 0) {
			if (!end && !msg->odd)
				wrong(msg, "no answer");
			return;
		}
		end |= one_datagram(conn, msg, admin, buf, len);
		/* What the core refuses for want of privilege is not the
		 * family's to wipe; it comes back to who has sent it.
		 */
		if (msg->op->cmd == ATTESTMESH_CMD_MESH_SET && admin && !msg->odd &&
		    memmem(buf, len, seed_mark, SEED_MARK_LEN))
			wrong(msg, "a beat seed came back");
	}
	add(&tally->cut_short);
}

static int find_family(struct conn *conn)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[16];
	} ask = {
		.nlh = { sizeof(ask), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.genl = { CTRL_CMD_GETFAMILY, 1, 0 },
		.attr = { NLA_HDRLEN + sizeof(ATTESTMESH_GENL_NAME),
			  CTRL_ATTR_FAMILY_NAME },
		.name = ATTESTMESH_GENL_NAME,
	};
	uint8_t buf[16 * 1024];
	ssize_t len;

	_Static_assert(sizeof(ATTESTMESH_GENL_NAME) <= 16, "name");
	if (send(conn->fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	len = recv(conn->fd, buf, sizeof(buf), 0);
	for (ssize_t at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= len;) {
		const struct nlattr *a = (const void *)(buf + at);
		const uint8_t *value = (const uint8_t *)a + NLA_HDRLEN;

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&conn->family, value, 2);
		/* one group: nest, nest, id or name first */
		if (a->nla_type == CTRL_ATTR_MCAST_GROUPS) {
			for (const uint8_t *p = value + NLA_HDRLEN;
			     p < (const uint8_t *)a + a->nla_len;
			     p += NLA_ALIGN(((const struct nlattr *)p)->nla_len)) {
				if (((const struct nlattr *)p)->nla_type == CTRL_ATTR_MCAST_GRP_ID)
					memcpy(&conn->group, p + NLA_HDRLEN, 4);
			}
		}
		at += NLA_ALIGN(a->nla_len);
	}
	return conn->family && conn->group ? 0 : -ENOENT;
}

int conn_open(struct conn *conn, bool cap_ack, bool listen)
{
	int one = 1, ret;

	memset(conn, 0, sizeof(*conn));
	conn->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (conn->fd < 0)
		return -errno;
	conn->cap_ack = cap_ack;
	conn->seq = 1;
	setsockopt(conn->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	if (cap_ack)
		setsockopt(conn->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	ret = find_family(conn);
	if (!ret && listen)
		setsockopt(conn->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &conn->group,
			   sizeof(conn->group));
	if (ret)
		close(conn->fd);
	return ret;
}

void conn_close(struct conn *conn)
{
	close(conn->fd);
	conn->fd = -1;
}
