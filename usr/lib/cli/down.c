// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh down: the explicit end of this node's mesh. The peers hear that it
 * leaves, links and interface go; the unreachable routes stay, so that nothing
 * for a mesh address ever leaves in clear. Refused while an agent runs: it
 * would set everything again.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bridge/control.h"
#include "cli.h"
#include "file.h"
#include "out.h"
#include "rtnl.h"

enum {
	LEAVING_MS = 500,      /* for the leaving beats to pass WireGuard and bridge */
	BRIDGE_ANSWER_SECS = 5,
};

static const char *ifname_of(const struct cli *c)
{
	return c->ifname ? c->ifname : "attestmesh0";
}

/* Holds the agent's lock, or says who does. A descriptor, or a negative errno. */
static int take_lock(const struct cli *c)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/agent-%s.lock", c->runtime_dir, ifname_of(c));
	fd = file_lock(path);
	if (fd == -EWOULDBLOCK)
		cli_fail("an agent runs (it holds %s); end it with SIGTERM first, then repeat this",
			 path);
	else if (fd == -ENOENT)
		/* No directory: no agent ever ran here with it. */
		return -ENOENT;
	else if (fd < 0)
		cli_fail("%s: %s; give the agent's RUNTIME_DIR and run as its user", path,
			 strerror(-fd));
	return fd;
}

/* The kernel knows of an agent whatever directory that one uses. */
static bool has_agent(struct am *am, uint32_t ifindex)
{
	struct am_mesh mesh;

	return !am_mesh_get(am, ifindex, &mesh) && mesh.flags & ATTESTMESH_BEAT_AGENT;
}

/* Ends the mesh in the kernel. 1: it was there, 0: not, negative: errno;
 * -EBUSY: an agent has it. */
static int end_mesh(const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct am *am;
	int ret = ifindex ? am_open(&am) : -ENOENT;

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (has_agent(am, ifindex)) {
		cli_fail("an agent is attached to %s; end it with SIGTERM first, then repeat this",
			 ifname);
		am_close(am);
		return -EBUSY;
	}
	ret = am_mesh_del(am, ifindex);
	if (ret && ret != -ENOENT)
		cli_fail("the kernel's mesh: %s", am_error(am));
	am_close(am);
	return ret == -ENOENT ? 0 : ret ? ret : 1;
}

static int ask_bridge(int fd, uint16_t type, const void *body, size_t len)
{
	struct { struct bridge_head head; uint8_t body[BRIDGE_RECORD_MAX_BYTES]; } out;

	out.head = (struct bridge_head){ .type = type, .len = (uint16_t)len, .seq = 1 };
	if (len)
		memcpy(out.body, body, len);
	return send(fd, &out, sizeof(out.head) + len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int await_reply(int fd)
{
	struct { struct bridge_head head; struct bridge_reply reply;
		 uint8_t more[BRIDGE_RECORD_MAX_BYTES]; } in;

	for (;;) {
		ssize_t got = recv(fd, &in, sizeof(in), 0);

		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		if (got >= (ssize_t)(sizeof(in.head) + sizeof(in.reply.status)) &&
		    in.head.type == BRIDGE_REPLY)
			return -in.reply.status;
	}
}

/* Ends the bridge's links. 1: done, 0: there is no bridge, negative: errno. */
static int end_links(const struct cli *c)
{
	struct timeval wait = { .tv_sec = BRIDGE_ANSWER_SECS };
	struct bridge_hello hello = { .protocol = BRIDGE_PROTOCOL, .program = "attestmesh down" };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/bridge-%s.sock", c->runtime_dir,
		 ifname_of(c));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		ret = errno == ENOENT || errno == ECONNREFUSED ? 0 : -errno;
		close(fd);
		return ret;
	}
	ret = ask_bridge(fd, BRIDGE_HELLO, &hello, sizeof(hello));
	if (!ret)
		ret = ask_bridge(fd, BRIDGE_CLEAR, NULL, 0);
	if (!ret)
		ret = await_reply(fd);
	close(fd);
	return ret ? ret : 1;
}

/* 1: it was there, 0: not, negative: errno. */
static int end_interface(const char *ifname)
{
	struct rtnl_link link;
	struct nlreq *q;
	int ret = nlreq_open(&q, NETLINK_ROUTE);

	if (ret)
		return ret;
	ret = rtnl_link_get(q, ifname, &link);
	if (!ret && strcmp(link.kind, "wireguard")) {
		cli_fail("%s is no WireGuard interface; it stays", ifname);
		ret = -EEXIST;
	} else if (!ret) {
		ret = rtnl_link_del(q, link.ifindex);
		ret = ret ? ret : 1;
	} else if (ret == -ENODEV) {
		ret = 0;
	}
	nlreq_close(q);
	return ret;
}

static const char *word(int ret, const char *done, const char *absent)
{
	return ret > 0 ? done : ret == 0 ? absent : strerror(-ret);
}

static int report(const struct cli *c, int mesh, int links, int interface)
{
	struct out_record r = { 0 };

	out_text(&r, "mesh", word(mesh, "left", "absent"));
	out_text(&r, "links", word(links, "closed", "absent"));
	out_text(&r, "interface", word(interface, "deleted", "absent"));
	if (c->format == CLI_JSON) {
		out_json_open(&r);
		printf("}\n");
	} else if (c->format == CLI_TAB) {
		out_tab(&r);
	} else {
		out_lines(&r, 0);
	}
	return mesh < 0 || links < 0 || interface < 0 ? CLI_FAILED : CLI_OK;
}

int cli_down(const struct cli *c)
{
	const struct timespec leaving = { .tv_nsec = LEAVING_MS * 1000000L };
	int lock = take_lock(c), mesh, links, interface;

	if (lock < 0 && lock != -ENOENT)
		return CLI_FAILED;
	mesh = end_mesh(ifname_of(c));
	if (mesh == -EPERM)
		cli_fail("not permitted; run it as root or with CAP_NET_ADMIN");
	if (mesh == -EPERM || mesh == -EBUSY) {
		if (lock >= 0)
			close(lock);
		return CLI_FAILED;
	}
	if (mesh > 0)
		nanosleep(&leaving, NULL);
	links = end_links(c);
	interface = end_interface(ifname_of(c));
	if (lock >= 0)
		close(lock);
	return report(c, mesh, links, interface);
}
