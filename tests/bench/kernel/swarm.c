// SPDX-License-Identifier: Apache-2.0
/*
 * The many peers of the kernel benchmarks, and the clock that is held against
 * the module. It runs in the guest; configuration goes through the test suites'
 * own speaker of the netlink family.
 *
 *	swarm keys			the public key that everybody has
 *	swarm peers IFINDEX EPOCH FIRST COUNT	configures them
 *	swarm beats DEST DOMAIN COUNT MS ROUNDS MARK	signs ROUNDS beats of
 *		COUNT peers, prints MARK, then sends each peer's every MS ms
 *	swarm dump IFINDEX TIMES	times PEER_GET dumps
 *	swarm detect NETNS IFINDEX TIMES MS SEED LINK=INDEX...	takes a link
 *		down, waits for the peer's conviction, takes it up again
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include <linux/attestmesh.h>
#include <linux/genetlink.h>

#include "../../netns/amctl.h"

/* The module's own benchmark has the same. */
static const unsigned char seed[32] = "attestmesh benchmark: shared key";

enum { SIGNED = 224, TRAILER = 288, BEAT = 312, PORT = 51820, ID_BASE = 0x1000000 };

struct datagram {
	unsigned char ip[20], udp[8], wire[BEAT];
};

static void die(const char *what)
{
	fprintf(stderr, "swarm: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void put16(unsigned char *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); }
static void put32(unsigned char *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
static void put64(unsigned char *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void sleep_till(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static uint32_t address_of(unsigned int index)
{
	return 10u << 24 | (64 + (index >> 16)) << 16 | (index & 0xffff);
}

static int keys(void)
{
	unsigned char pk[32], sk[64];
	char hex[65];

	crypto_sign_seed_keypair(pk, sk, seed);
	printf("%s\n", sodium_bin2hex(hex, sizeof(hex), pk, sizeof(pk)));
	return 0;
}

static int peers(char **argv)
{
	unsigned int first = strtoul(argv[2], NULL, 0), count = strtoul(argv[3], NULL, 0);
	static struct nl_out out;
	struct nl_conn conn;
	unsigned char pk[32], sk[64];
	char hex[65], arg[320];
	int64_t t0 = now_ns();

	crypto_sign_seed_keypair(pk, sk, seed);
	sodium_bin2hex(hex, sizeof(hex), pk, sizeof(pk));
	if (nl_open(&conn))
		die("netlink");
	for (unsigned int done = 0; done < count;) {
		unsigned int n = count - done < 512 ? count - done : 512;

		nl_out_begin(&out, &conn, ATTESTMESH_CMD_PEER_SET, 0);
		snprintf(arg, sizeof(arg), "ifindex=%s", argv[0]);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg);
		snprintf(arg, sizeof(arg), "epoch=%s", argv[1]);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg);
		for (unsigned int i = first + done; i < first + done + n; i++) {
			struct in_addr a = { htonl(address_of(i)) };

			snprintf(arg, sizeof(arg), "peer=%064x,%u,%s,,%s", i + ID_BASE, i,
				 inet_ntoa(a), hex);
			if (nl_out_arg(&out, ATTESTMESH_CMD_PEER_SET, arg))
				die(arg);
		}
		if (nl_exchange(&conn, &out))
			return 1;
		done += n;
	}
	printf("configured=%u ms=%lld\n", count, (long long)(now_ns() - t0) / 1000000);
	return 0;
}

static uint16_t ip_sum(const unsigned char *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void build(struct datagram *d, unsigned int index, uint64_t sequence, uint32_t to,
		  const unsigned char *domain, unsigned int interval_ms,
		  const unsigned char *sk)
{
	static const char context[] = "attestmesh.beat.v1";
	unsigned char input[sizeof(context) + 32 + SIGNED];

	memset(d, 0, sizeof(*d));
	d->ip[0] = 0x45;
	put16(d->ip + 2, sizeof(*d));
	d->ip[8] = 64;
	d->ip[9] = IPPROTO_UDP;
	put32(d->ip + 12, address_of(index));
	memcpy(d->ip + 16, &to, 4);
	put16(d->ip + 10, ip_sum(d->ip));
	put16(d->udp, PORT);
	put16(d->udp + 2, PORT);
	put16(d->udp + 4, 8 + BEAT);
	memcpy(d->wire, "AMB1\1", 5);
	put16(d->wire + 6, interval_ms);
	put64(d->wire + 8, 5000);
	put64(d->wire + 16, sequence);
	put32(d->wire + 60, index + ID_BASE);
	put32(d->wire + 80, 1);
	put32(d->wire + 84, 1);
	d->wire[92] = 1;
	memcpy(input, context, sizeof(context));
	memcpy(input + sizeof(context), domain, 32);
	memcpy(input + sizeof(context) + 32, d->wire, SIGNED);
	crypto_sign_detached(d->wire + SIGNED, NULL, input, sizeof(input), sk);
}

/* Peers have the indices 2, 3 ... and send evenly over the interval. */
static int beats(char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	unsigned int count = strtoul(argv[2], NULL, 0), ms = strtoul(argv[3], NULL, 0);
	unsigned int rounds = strtoul(argv[4], NULL, 0);
	size_t total = (size_t)count * rounds, sent = 0, late = 0;
	struct datagram *d = calloc(total, sizeof(*d));
	unsigned char domain[32], pk[32], sk[64];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), size = 8 << 20;
	int64_t begin;

	if (!d || fd < 0 || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1 ||
	    sodium_hex2bin(domain, 32, argv[1], 64, NULL, NULL, NULL))
		die("beats");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	crypto_sign_seed_keypair(pk, sk, seed);
	for (size_t i = 0; i < total; i++)
		build(&d[i], 2 + i % count, 1 + i / count, to.sin_addr.s_addr, domain, ms, sk);
	printf("MARK %s %lld\n", argv[5], (long long)now_ns());
	fflush(stdout);
	begin = now_ns();
	for (size_t i = 0; i < total; i++) {
		int64_t due = begin + (int64_t)((double)i * ms * 1e6 / count);

		/* In clumps of a millisecond: a timer for each is the emulator's
		 * time, not the module's.
		 */
		if (now_ns() < due - 1000000)
			sleep_till(due);
		late += now_ns() > due + ms * 500000LL;
		while (sendto(fd, &d[i], sizeof(*d), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			if (errno != ENOBUFS && errno != EAGAIN)
				die("sendto");
			usleep(1000);
		}
		sent++;
	}
	printf("MARK %s-end %lld\nsent=%zu late=%zu seconds=%.3f\n", argv[5], (long long)now_ns(),
	       sent, late, (now_ns() - begin) / 1e9);
	return 0;
}

static int dump(char **argv)
{
	static unsigned char buf[1 << 18];
	static struct nl_out out;
	int times = atoi(argv[1]), size = 4 << 20;
	struct nl_conn conn;
	char arg[64];

	if (nl_open(&conn))
		die("netlink");
	setsockopt(conn.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	snprintf(arg, sizeof(arg), "ifindex=%s", argv[0]);
	while (times--) {
		unsigned int peers = 0, interrupted = 0, done = 0;
		size_t bytes = 0;
		int64_t t0;

		nl_out_begin(&out, &conn, ATTESTMESH_CMD_PEER_GET, 1);
		nl_out_arg(&out, ATTESTMESH_CMD_PEER_GET, arg);
		((struct nlmsghdr *)out.buf)->nlmsg_len = out.len;
		t0 = now_ns();
		if (send(conn.fd, out.buf, out.len, 0) < 0)
			die("send");
		while (!done) {
			ssize_t n = recv(conn.fd, buf, sizeof(buf), 0);
			struct nlmsghdr *h = (struct nlmsghdr *)buf;

			if (n < 0)
				die("recv");
			bytes += n;
			for (int left = n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
				interrupted |= h->nlmsg_flags & NLM_F_DUMP_INTR;
				if (h->nlmsg_type == NLMSG_ERROR)
					die("refused");
				if (h->nlmsg_type == NLMSG_DONE)
					done = 1;
				else
					peers++;
			}
		}
		printf("dump peers=%u bytes=%zu us=%lld interrupted=%d\n", peers, bytes,
		       (long long)(now_ns() - t0) / 1000, !!interrupted);
	}
	return 0;
}

static void link_state(int fd, const char *name, int up)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		die(name);
	ifr.ifr_flags = up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die(name);
}

struct change { unsigned int index, state, reason; };

static int read_change(const unsigned char *p, size_t len, struct change *c)
{
	const struct nlmsghdr *h = (const void *)p;
	const struct genlmsghdr *g = (const void *)(p + NLMSG_HDRLEN);
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	if (len < at || g->cmd != ATTESTMESH_CMD_PEER_CHANGED)
		return 0;
	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)(p + at);
		const void *value = p + at + NLA_HDRLEN;

		if (a->nla_type == ATTESTMESH_A_EVENT_INDEX)
			memcpy(&c->index, value, 4);
		else if (a->nla_type == ATTESTMESH_A_EVENT_NEW_STATE)
			memcpy(&c->state, value, 4);
		else if (a->nla_type == ATTESTMESH_A_EVENT_REASON)
			memcpy(&c->reason, value, 4);
		at += NLA_ALIGN(a->nla_len);
	}
	return 1;
}

static void wait_change(struct nl_conn *conn, unsigned int index, unsigned int state,
			struct change *c)
{
	static unsigned char buf[65536];

	for (;;) {
		struct pollfd p = { .fd = conn->fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, 600000) <= 0)
			die("no event in ten minutes");
		n = recv(conn->fd, buf, sizeof(buf), 0);
		if (n < 0)
			die("events");
		if (read_change(buf, n, c) && c->index == index && c->state == state)
			return;
	}
}

/* The socket belongs to the namespace it is made in, this process to its own. */
static void open_there(const char *netns, struct nl_conn *conn)
{
	char path[256];
	int home = open("/proc/self/ns/net", O_RDONLY), there;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	there = open(path, O_RDONLY);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) || nl_open(conn) ||
	    nl_join(conn) || setns(home, CLONE_NEWNET))
		die(netns);
}

static int detect(int argc, char **argv)
{
	unsigned int times = strtoul(argv[2], NULL, 0), ms = strtoul(argv[3], NULL, 0);
	unsigned int turn = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), links = argc - 5;
	struct nl_conn conn;
	struct change c;

	open_there(argv[0], &conn);
	srandom(strtoul(argv[4], NULL, 0));
	while (times--) {
		char name[64], *index;
		int64_t cut;

		snprintf(name, sizeof(name), "%s", argv[5 + turn++ % links]);
		index = strchr(name, '=');
		*index++ = 0;
		/* At any moment of the interval, all of it calm again. */
		usleep(1000 * (3 * ms + random() % ms) + random() % 1000);
		cut = now_ns();
		link_state(fd, name, 0);
		wait_change(&conn, atoi(index), ATTESTMESH_STATE_DOWN, &c);
		printf("detect us=%lld reason=%u\n", (long long)(now_ns() - cut) / 1000, c.reason);
		link_state(fd, name, 1);
		wait_change(&conn, atoi(index), ATTESTMESH_STATE_UP, &c);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sodium_init() < 0)
		die("sodium");
	if (!strcmp(mode, "keys"))
		return keys();
	if (!strcmp(mode, "peers") && argc == 6)
		return peers(argv + 2);
	if (!strcmp(mode, "beats") && argc == 8)
		return beats(argv + 2);
	if (!strcmp(mode, "dump") && argc == 4)
		return dump(argv + 2);
	if (!strcmp(mode, "detect") && argc > 7)
		return detect(argc - 2, argv + 2);
	fprintf(stderr, "swarm: keys, peers, beats, dump or detect; see swarm.c\n");
	return 2;
}
