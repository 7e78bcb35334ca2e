// SPDX-License-Identifier: Apache-2.0
/*
 * Where the messages meet something: a namespace with two WireGuard interfaces
 * and one of another kind, two processes that may change things and one that
 * may not, and one that deletes, moves and renames what they talk about. Some
 * namespaces belong to a user namespace of their own, and some end by being
 * killed with everything under way.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct rt {
	struct nlmsghdr nlh;
	uint8_t body[512];
};

static void *rt_begin(struct rt *rt, int type, int flags, const void *head, size_t len)
{
	memset(rt, 0, sizeof(*rt));
	rt->nlh.nlmsg_type = type;
	rt->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	memcpy(rt->body, head, len);
	rt->nlh.nlmsg_len = NLMSG_HDRLEN + NLMSG_ALIGN(len);
	return rt->body;
}

static struct rtattr *rt_put(struct rt *rt, int type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)rt + rt->nlh.nlmsg_len);

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	rt->nlh.nlmsg_len += RTA_ALIGN(a->rta_len);
	return a;
}

static int rt_do(struct rt *rt)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint8_t buf[8192];
	int err = -EIO;

	if (fd >= 0 && send(fd, rt, rt->nlh.nlmsg_len, 0) > 0 &&
	    recv(fd, buf, sizeof(buf), 0) > (ssize_t)NLMSG_HDRLEN)
		err = ((struct nlmsgerr *)(buf + NLMSG_HDRLEN))->error;
	close(fd);
	return err;
}

static int link_add(int index, const char *name, const char *kind)
{
	struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct rtattr *nest;
	struct rt rt;

	rt_begin(&rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	rt_put(&rt, IFLA_IFNAME, name, strlen(name) + 1);
	nest = rt_put(&rt, IFLA_LINKINFO, NULL, 0);
	rt_put(&rt, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	nest->rta_len = (uint8_t *)&rt + rt.nlh.nlmsg_len - (uint8_t *)nest;
	return rt_do(&rt);
}

static int link_del(int index)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct rt rt;

	rt_begin(&rt, RTM_DELLINK, 0, &info, sizeof(info));
	return rt_do(&rt);
}

static int link_up(int index, bool up)
{
	struct ifinfomsg info = { .ifi_index = index, .ifi_flags = up ? IFF_UP : 0,
				  .ifi_change = IFF_UP };
	struct rt rt;

	rt_begin(&rt, RTM_NEWLINK, 0, &info, sizeof(info));
	return rt_do(&rt);
}

static int link_move(int index, pid_t to)
{
	struct ifinfomsg info = { .ifi_index = index };
	uint32_t pid = to;
	struct rt rt;

	rt_begin(&rt, RTM_NEWLINK, 0, &info, sizeof(info));
	rt_put(&rt, IFLA_NET_NS_PID, &pid, sizeof(pid));
	return rt_do(&rt);
}

static int addr_set(int index, int family, const uint8_t *addr, int type)
{
	struct ifaddrmsg info = { .ifa_family = family, .ifa_index = index,
				  .ifa_prefixlen = family == AF_INET ? 16 : 64,
				  .ifa_flags = IFA_F_NODAD };
	int len = family == AF_INET ? 4 : 16;
	struct rt rt;

	rt_begin(&rt, type, type == RTM_NEWADDR ? NLM_F_CREATE : 0, &info, sizeof(info));
	rt_put(&rt, IFA_LOCAL, addr, len);
	rt_put(&rt, IFA_ADDRESS, addr, len);
	return rt_do(&rt);
}

static const uint8_t addr7[4] = { 10, 7, 0, 1 }, addr8[4] = { 10, 8, 0, 1 };
static const uint8_t addr6[16] = { 0xfd, 0x77, [15] = 1 };

static int make_10(void)
{
	return link_add(10, "am10", "wireguard") ?: addr_set(10, AF_INET, addr7, RTM_NEWADDR) ?:
	       addr_set(10, AF_INET6, addr6, RTM_NEWADDR);
}

static int make_links(void)
{
	return link_up(1, true) ?: make_10() ?: link_add(11, "am11", "wireguard") ?:
	       addr_set(11, AF_INET, addr8, RTM_NEWADDR) ?: link_add(12, "br12", "bridge");
}

static bool drop_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	return !syscall(SYS_capset, &head, none);
}

/* Sends messages until there are enough of them. */
static void worker(uint64_t seed, int messages, bool admin)
{
	static struct msg msg;
	struct rng rng = { seed };
	struct conn conn;

	if (!admin && !drop_privileges())
		_exit(1);
	if (conn_open(&conn, false, false))
		_exit(1);
	while (messages--) {
		int most = rng_one_in(&rng, 8) ? (int)rng_below(&rng, 3) : 10000;

		msg_make(&msg, &rng, conn.family, ++conn.seq);
		if (send(conn.fd, msg.buf, msg.len, 0) < 0 && !msg.odd)
			wrong(&msg, "not sent: %s", strerror(errno));
		__atomic_add_fetch(&tally->sent, 1, __ATOMIC_RELAXED);
		answers(&conn, &msg, admin, most);
		if (most < 10000 || rng_one_in(&rng, 50)) {
			conn_close(&conn); /* also in the middle of a dump */
			if (conn_open(&conn, rng_one_in(&rng, 2), rng_one_in(&rng, 4)))
				_exit(1);
		}
	}
	_exit(0);
}

/* A namespace to move interfaces to; it ends with this process. */
static pid_t elsewhere(void)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void havoc(struct rng *rng, pid_t *other)
{
	switch (rng_below(rng, 8)) {
	case 0: link_del(10); make_10(); break;
	case 1:
		if (*other > 0)
			link_move(10, *other);
		make_10();
		break;
	case 2: link_up(10, false); link_up(10, true);
		addr_set(10, AF_INET6, addr6, RTM_NEWADDR);
		break;
	case 3: addr_set(10, AF_INET, addr7, RTM_DELADDR);
		addr_set(10, AF_INET, addr7, RTM_NEWADDR);
		break;
	case 4: link_del(11);
		link_add(11, "am11", "wireguard");
		addr_set(11, AF_INET, addr8, RTM_NEWADDR);
		break;
	case 5:
		if (*other > 0) {
			kill(*other, SIGKILL);
			waitpid(*other, NULL, 0);
		}
		*other = elsewhere();
		break;
	default: break;
	}
}

static bool map_root(void)
{
	static const struct { const char *file, *text; } maps[] = {
		{ "/proc/self/setgroups", "deny" },
		{ "/proc/self/uid_map", "0 0 1" }, { "/proc/self/gid_map", "0 0 1" },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int fd = open(maps[i].file, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, maps[i].text, strlen(maps[i].text)) < 0)
			return false;
		close(fd);
	}
	return true;
}

static int live_here(uint64_t seed, int messages)
{
	struct rng rng = { seed };
	bool own_user_ns = rng_one_in(&rng, 4), sudden = rng_one_in(&rng, 3);
	pid_t pid[3], other;
	int i, left = 3, status, bad = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET | (own_user_ns ? CLONE_NEWUSER : 0)) ||
	    (own_user_ns && !map_root())) {
		printf("no namespace: %s\n", strerror(errno));
		return 1;
	}
	bad = make_links();
	if (bad) {
		printf("no interfaces: %s\n", strerror(-bad));
		return 1;
	}
	other = elsewhere();
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			worker(rng_u64(&rng) + i, messages / 3, i < 2);
		}
	}
	while (left) {
		pid_t done = waitpid(-1, &status, WNOHANG);

		for (i = 0; done > 0 && i < 3; i++) {
			if (pid[i] == done) {
				left--;
				bad |= !WIFEXITED(status) || WEXITSTATUS(status);
			}
		}
		if (done > 0)
			continue;
		usleep(5000);
		havoc(&rng, &other);
		if (sudden && rng_one_in(&rng, 40))
			_exit(0); /* and all children with it */
	}
	return bad;
}

int world_run(uint64_t seed, int messages)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(live_here(seed, messages));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	__atomic_add_fetch(&tally->worlds, 1, __ATOMIC_RELAXED);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
