// SPDX-License-Identifier: Apache-2.0
/*
 * The wire side of amctl: attribute tables, writing, printing.
 */
#include "amctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/attestmesh.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

enum kind { K_NONE, K_U8, K_U16, K_U32, K_U64, K_HEX, K_STR, K_FLAG, K_IP4, K_IP6, K_NEST };

struct attr {
	const char *name;
	enum kind kind;
	const struct attr *nest;
};

#define A(set, NAME, name, ...) [ATTESTMESH_A_##set##_##NAME] = { name, __VA_ARGS__ }

static const struct attr drops[ATTESTMESH_A_DROPS_MAX + 1] = {
	A(DROPS, WRONG_IIF, "wrong_iif", K_U64), A(DROPS, SHORT, "short", K_U64),
	A(DROPS, MAGIC, "magic", K_U64), A(DROPS, VERSION, "version", K_U64),
	A(DROPS, LENGTH, "length", K_U64),
	A(DROPS, UNKNOWN_SOURCE, "unknown_source", K_U64),
	A(DROPS, MEMBER_ID, "member_id", K_U64), A(DROPS, NO_KEY, "no_key", K_U64),
	A(DROPS, REPLAY, "replay", K_U64), A(DROPS, RATE, "rate", K_U64),
	A(DROPS, QUEUE_FULL, "queue_full", K_U64),
	A(DROPS, BAD_SIGNATURE, "bad_signature", K_U64),
	A(DROPS, STALE_KEY, "stale_key", K_U64),
};

static const struct attr counters[ATTESTMESH_A_COUNTERS_MAX + 1] = {
	A(COUNTERS, BEATS, "beats", K_U64),
	A(COUNTERS, EARLY_BEATS, "early_beats", K_U64),
	A(COUNTERS, DATAGRAMS, "datagrams", K_U64),
	A(COUNTERS, TX_AGAIN, "tx_again", K_U64),
	A(COUNTERS, TX_LATE, "tx_late", K_U64),
	A(COUNTERS, TX_NO_ENDPOINT, "tx_no_endpoint", K_U64),
	A(COUNTERS, TX_ERROR, "tx_error", K_U64),
	A(COUNTERS, TX_ICMP, "tx_icmp", K_U64),
	A(COUNTERS, TX_SPARED, "tx_spared", K_U64),
	A(COUNTERS, SIGN_ERRORS, "sign_errors", K_U64),
	A(COUNTERS, ACCEPTED, "accepted", K_U64),
	A(COUNTERS, STALLS, "stalls", K_U64),
	A(COUNTERS, RAISES, "raises", K_U64),
	A(COUNTERS, EVENTS_LOST, "events_lost", K_U64),
};

static const struct attr module[ATTESTMESH_A_MODULE_MAX + 1] = {
	A(MODULE, VERSION, "version", K_STR),
	A(MODULE, INTERFACE_LEVEL, "interface_level", K_U32),
	A(MODULE, BEAT_VERSION, "beat_version", K_U8),
	A(MODULE, ED25519, "ed25519", K_STR),
	A(MODULE, PEERS_MAX, "peers_max", K_U32),
	A(MODULE, MESHES_MAX, "meshes_max", K_U32),
	A(MODULE, PEERS_PER_MESSAGE_MAX, "peers_per_message_max", K_U32),
	A(MODULE, BEATS_PER_SECOND_MAX, "beats_per_second_max", K_U32),
	A(MODULE, INTERVAL_MS_MIN, "interval_ms_min", K_U32),
	A(MODULE, INTERVAL_MS_MAX, "interval_ms_max", K_U32),
};

static const struct attr mesh[ATTESTMESH_A_MESH_MAX + 1] = {
	A(MESH, IFINDEX, "ifindex", K_U32), A(MESH, IFNAME, "ifname", K_STR),
	A(MESH, DOMAIN, "domain", K_HEX), A(MESH, MEMBER_ID, "member_id", K_HEX),
	A(MESH, INDEX, "index", K_U32), A(MESH, ADDR4, "addr4", K_IP4),
	A(MESH, ADDR6, "addr6", K_IP6), A(MESH, SEED, "seed", K_HEX),
	A(MESH, INCARNATION_FLOOR, "incarnation_floor", K_U64),
	A(MESH, PORT, "port", K_U16), A(MESH, INTERVAL_MS, "interval_ms", K_U32),
	A(MESH, MISS, "miss", K_U32), A(MESH, CONVICT, "convict", K_U32),
	A(MESH, MIN_PEERS, "min_peers", K_U32),
	A(MESH, LINGER_MS, "linger_ms", K_U32), A(MESH, OWN, "own", K_FLAG),
	A(MESH, PUBLIC_KEY, "public_key", K_HEX),
	A(MESH, INCARNATION, "incarnation", K_U64),
	A(MESH, SEQUENCE, "sequence", K_U64), A(MESH, FLAGS, "flags", K_U32),
	A(MESH, KNOWN, "known", K_U32), A(MESH, LIVE, "live", K_U32),
	A(MESH, PEERS_UNKNOWN, "peers_unknown", K_U32),
	A(MESH, PEERS_SILENT, "peers_silent", K_U32),
	A(MESH, PEERS_UP, "peers_up", K_U32),
	A(MESH, PEERS_SUSPECT, "peers_suspect", K_U32),
	A(MESH, PEERS_DOWN, "peers_down", K_U32),
	A(MESH, DIGEST, "digest", K_HEX), A(MESH, CONVERGED, "converged", K_U8),
	A(MESH, FIRST_CONVERGED, "first_converged", K_U8),
	A(MESH, BLOCKERS, "blockers", K_U32), A(MESH, BLOCKER, "blocker", K_HEX),
	A(MESH, EPOCH, "epoch", K_U64), A(MESH, EVENT_SEQ, "event_seq", K_U64),
	A(MESH, COUNTERS, "counters", K_NEST, counters),
	A(MESH, DROPS, "drops", K_NEST, drops),
};

static const struct attr peer[ATTESTMESH_A_PEER_MAX + 1] = {
	A(PEER, ID, "id", K_HEX), A(PEER, INDEX, "index", K_U32),
	A(PEER, ADDR4, "addr4", K_IP4), A(PEER, ADDR6, "addr6", K_IP6),
	A(PEER, KEY, "key", K_HEX), A(PEER, EPOCH, "epoch", K_U64),
	A(PEER, KEY_STATUS, "key_status", K_U32), A(PEER, STATE, "state", K_U32),
	A(PEER, REASON, "reason", K_U32),
	A(PEER, STATE_AGE_MS, "state_age_ms", K_U64),
	A(PEER, BEAT_AGE_MS, "beat_age_ms", K_U64),
	A(PEER, BEAT_FLAGS, "beat_flags", K_U32),
	A(PEER, BEAT_INTERVAL_MS, "beat_interval_ms", K_U32),
	A(PEER, BEAT_WALL_MS, "beat_wall_ms", K_U64),
	A(PEER, BEAT_VERSION_MAX, "beat_version_max", K_U8),
	A(PEER, INCARNATION, "incarnation", K_U64),
	A(PEER, SEQUENCE, "sequence", K_U64), A(PEER, RTT_US, "rtt_us", K_U32),
	A(PEER, RTT_MIN_US, "rtt_min_us", K_U32),
	A(PEER, LOSS_PERMILLE, "loss_permille", K_U32),
	A(PEER, LINK, "link", K_U32), A(PEER, AGREES, "agrees", K_U8),
	A(PEER, DIGEST, "digest", K_HEX), A(PEER, LIVE, "live", K_U32),
	A(PEER, KNOWN, "known", K_U32), A(PEER, ACCEPTED, "accepted", K_U64),
	A(PEER, DATAGRAMS, "datagrams", K_U64),
	A(PEER, DROPS, "drops", K_NEST, drops),
};

static const struct attr peers[ATTESTMESH_A_PEERS_MAX + 1] = {
	A(PEERS, IFINDEX, "ifindex", K_U32), A(PEERS, EPOCH, "epoch", K_U64),
	A(PEERS, PEER, "peer", K_NEST, peer),
	A(PEERS, CONFIG, "config", K_NEST, peer), A(PEERS, ID, "id", K_HEX),
};

static const struct attr view[ATTESTMESH_A_VIEW_MAX + 1] = {
	A(VIEW, IFINDEX, "ifindex", K_U32), A(VIEW, ID, "id", K_HEX),
	A(VIEW, INDEX, "index", K_U32), A(VIEW, SELF, "self", K_FLAG),
	A(VIEW, BITMAP, "bitmap", K_HEX), A(VIEW, WINDOWS, "windows", K_U64),
};

static const struct attr event[ATTESTMESH_A_EVENT_MAX + 1] = {
	A(EVENT, IFINDEX, "ifindex", K_U32), A(EVENT, SEQ, "seq", K_U64),
	A(EVENT, ID, "id", K_HEX), A(EVENT, INDEX, "index", K_U32),
	A(EVENT, OLD_STATE, "old", K_U32), A(EVENT, NEW_STATE, "new", K_U32),
	A(EVENT, REASON, "reason", K_U32), A(EVENT, BEAT_FLAGS, "flags", K_U32),
	A(EVENT, LIVE, "live", K_U32), A(EVENT, CONVERGED, "converged", K_U8),
	A(EVENT, FIRST_CONVERGED, "first_converged", K_U8),
	A(EVENT, GONE, "gone", K_U32), A(EVENT, INCARNATION, "incarnation", K_U64),
};

static const struct { const char *name; const struct attr *set; int max; } sets[] = {
	[ATTESTMESH_CMD_MODULE_GET] = { "module", module, ATTESTMESH_A_MODULE_MAX },
	[ATTESTMESH_CMD_MESH_SET] = { "mesh", mesh, ATTESTMESH_A_MESH_MAX },
	[ATTESTMESH_CMD_MESH_GET] = { "mesh", mesh, ATTESTMESH_A_MESH_MAX },
	[ATTESTMESH_CMD_MESH_DEL] = { "mesh", mesh, ATTESTMESH_A_MESH_MAX },
	[ATTESTMESH_CMD_PEER_SET] = { "peers", peers, ATTESTMESH_A_PEERS_MAX },
	[ATTESTMESH_CMD_PEER_DEL] = { "peers", peers, ATTESTMESH_A_PEERS_MAX },
	[ATTESTMESH_CMD_PEER_GET] = { "peers", peers, ATTESTMESH_A_PEERS_MAX },
	[ATTESTMESH_CMD_VIEW_GET] = { "view", view, ATTESTMESH_A_VIEW_MAX },
	[ATTESTMESH_CMD_PEER_CHANGED] = { "peer-changed", event, ATTESTMESH_A_EVENT_MAX },
	[ATTESTMESH_CMD_CONVERGED_CHANGED] = { "converged-changed", event, ATTESTMESH_A_EVENT_MAX },
	[ATTESTMESH_CMD_MESH_GONE] = { "mesh-gone", event, ATTESTMESH_A_EVENT_MAX },
	[ATTESTMESH_CMD_TWIN] = { "twin", event, ATTESTMESH_A_EVENT_MAX },
	[ATTESTMESH_CMD_RAISE_STOPPED] = { "raise-stopped", event, ATTESTMESH_A_EVENT_MAX },
};

static int nest_max(const struct attr *set)
{
	return set == drops ? ATTESTMESH_A_DROPS_MAX :
	       set == counters ? ATTESTMESH_A_COUNTERS_MAX : ATTESTMESH_A_PEER_MAX;
}

/* writing */

static void put(struct nl_out *out, int type, const void *data, size_t len)
{
	struct nlattr head = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (out->len + NLA_ALIGN(head.nla_len) > sizeof(out->buf))
		abort();
	memset(out->buf + out->len, 0, NLA_ALIGN(head.nla_len));
	memcpy(out->buf + out->len, &head, NLA_HDRLEN);
	if (len)
		memcpy(out->buf + out->len + NLA_HDRLEN, data, len);
	out->len += NLA_ALIGN(head.nla_len);
}

static int unhex(const char *s, uint8_t *out, size_t max)
{
	size_t n = strlen(s) / 2;

	if (strlen(s) % 2 || n > max)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned int v;

		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return -1;
		out[i] = v;
	}
	return n;
}

static int put_value(struct nl_out *out, int type, enum kind kind, const char *s)
{
	unsigned long long v = strtoull(s, NULL, 0);
	uint8_t bytes[4096], u8 = v;
	uint16_t u16 = v;
	uint32_t u32 = v;
	uint64_t u64 = v;
	int n;

	switch (kind) {
	case K_U8: put(out, type, &u8, 1); return 0;
	case K_U16: put(out, type, &u16, 2); return 0;
	case K_U32: put(out, type, &u32, 4); return 0;
	case K_U64: put(out, type, &u64, 8); return 0;
	case K_STR: put(out, type, s, strlen(s) + 1); return 0;
	case K_FLAG: put(out, type, NULL, 0); return 0;
	case K_IP4:
		if (inet_pton(AF_INET, s, bytes) != 1)
			return -1;
		put(out, type, bytes, 4);
		return 0;
	case K_IP6:
		if (inet_pton(AF_INET6, s, bytes) != 1)
			return -1;
		put(out, type, bytes, 16);
		return 0;
	case K_HEX:
		n = unhex(s, bytes, sizeof(bytes));
		if (n < 0)
			return -1;
		put(out, type, bytes, n);
		return 0;
	case K_NEST:
	case K_NONE:
		break;
	}
	return -1;
}

static int put_peer(struct nl_out *out, const char *value)
{
	static const struct { int type; enum kind kind; } part[] = {
		{ ATTESTMESH_A_PEER_ID, K_HEX }, { ATTESTMESH_A_PEER_INDEX, K_U32 },
		{ ATTESTMESH_A_PEER_ADDR4, K_IP4 }, { ATTESTMESH_A_PEER_ADDR6, K_IP6 },
		{ ATTESTMESH_A_PEER_KEY, K_HEX },
	};
	size_t start = out->len;
	struct nlattr *nest;
	char copy[512], *at = copy, *s;

	if (strlen(value) >= sizeof(copy))
		return -1;
	strcpy(copy, value);
	put(out, ATTESTMESH_A_PEERS_CONFIG | NLA_F_NESTED, NULL, 0);
	for (int i = 0; (s = strsep(&at, ",")) && i < 5; i++) {
		if (*s && put_value(out, part[i].type, part[i].kind, s))
			return -1;
	}
	nest = (struct nlattr *)(out->buf + start);
	nest->nla_len = out->len - start;
	return 0;
}

int nl_out_arg(struct nl_out *out, int cmd, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	const char *value = eq ? eq + 1 : "";

	if (cmd == ATTESTMESH_CMD_PEER_SET && n == 4 && !strncmp(arg, "peer", 4))
		return put_peer(out, value);
	if (n == 3 && !strncmp(arg, "raw", 3)) {
		const char *colon = strchr(value, ':');

		return colon ? put_value(out, atoi(value), K_HEX, colon + 1) : -1;
	}
	for (int i = 1; i <= sets[cmd].max; i++) {
		const struct attr *a = &sets[cmd].set[i];

		if (a->name && strlen(a->name) == n && !strncmp(a->name, arg, n))
			return put_value(out, i, a->kind, value);
	}
	return -1;
}

int nl_command(const char *name)
{
	static const struct { const char *name; int cmd; } commands[] = {
		{ "module-get", ATTESTMESH_CMD_MODULE_GET },
		{ "mesh-set", ATTESTMESH_CMD_MESH_SET },
		{ "mesh-get", ATTESTMESH_CMD_MESH_GET },
		{ "mesh-del", ATTESTMESH_CMD_MESH_DEL },
		{ "peer-set", ATTESTMESH_CMD_PEER_SET },
		{ "peer-del", ATTESTMESH_CMD_PEER_DEL },
		{ "peer-get", ATTESTMESH_CMD_PEER_GET },
		{ "view-get", ATTESTMESH_CMD_VIEW_GET },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(name, commands[i].name))
			return commands[i].cmd;
	}
	return -1;
}

void nl_out_begin(struct nl_out *out, struct nl_conn *conn, int cmd, int dump)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)out->buf;
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	memset(out->buf, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	nlh->nlmsg_type = conn->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (dump ? NLM_F_DUMP : 0);
	nlh->nlmsg_seq = ++conn->seq;
	genl->cmd = cmd;
	genl->version = 1;
	out->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

/* printing */

static void print_hex(const uint8_t *p, size_t n)
{
	while (n--)
		printf("%02x", *p++);
}

static void print_value(enum kind kind, const void *data, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	uint64_t v = 0;

	switch (kind) {
	case K_U8: case K_U16: case K_U32: case K_U64:
		memcpy(&v, data, len < 8 ? len : 8);
		printf("%llu", (unsigned long long)v);
		return;
	case K_STR: printf("%.*s", (int)len, (const char *)data); return;
	case K_FLAG: printf("1"); return;
	case K_IP4: printf("%s", inet_ntop(AF_INET, data, text, sizeof(text))); return;
	case K_IP6: printf("%s", inet_ntop(AF_INET6, data, text, sizeof(text))); return;
	case K_HEX: case K_NONE: case K_NEST:
		print_hex(data, len);
	}
}

static void print_attrs(const struct attr *set, int max, const uint8_t *p,
			size_t len, const char *prefix)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr head;
		int type;

		memcpy(&head, p, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > len)
			abort();
		type = head.nla_type & NLA_TYPE_MASK;
		if (type > max || !set[type].name) {
			/* padding, or newer than this tool */
		} else if (set[type].kind == K_NEST) {
			print_attrs(set[type].nest, nest_max(set[type].nest),
				    p + NLA_HDRLEN, head.nla_len - NLA_HDRLEN,
				    set[type].nest == drops ? "drop." :
				    set[type].nest == counters ? "count." : "");
		} else {
			printf(" %s%s=", prefix, set[type].name);
			print_value(set[type].kind, p + NLA_HDRLEN,
				    head.nla_len - NLA_HDRLEN);
		}
		if ((size_t)NLA_ALIGN(head.nla_len) >= len)
			return;
		p += NLA_ALIGN(head.nla_len);
		len -= NLA_ALIGN(head.nla_len);
	}
}

static void print_message(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	const uint8_t *p = (const uint8_t *)genl + GENL_HDRLEN;

	printf("%s", sets[genl->cmd].name);
	print_attrs(sets[genl->cmd].set, sets[genl->cmd].max, p,
		    nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, "");
	printf("%s\n", nlh->nlmsg_flags & NLM_F_DUMP_INTR ? " interrupted=1" : "");
}

/* With NETLINK_CAP_ACK the request's payload is not echoed. */
static int print_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	size_t at = NLMSG_HDRLEN + sizeof(*err);

	if (nlh->nlmsg_type == NLMSG_DONE) {
		int code = *(const int *)NLMSG_DATA(nlh);

		at = NLMSG_HDRLEN + sizeof(int);
		if (!code)
			return 0;
		printf("error=%d", -code);
	} else {
		if (!err->error)
			return 0;
		printf("error=%d", -err->error);
	}
	if (nlh->nlmsg_type == NLMSG_ERROR && !(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		printf(" echo=");
		for (at = NLMSG_HDRLEN; at < err->msg.nlmsg_len; at++)
			printf("%02x", ((const uint8_t *)&err->msg)[at]);
		at += NLMSG_HDRLEN + sizeof(int);
	}
	while (nlh->nlmsg_flags & NLM_F_ACK_TLVS && at + NLA_HDRLEN <= nlh->nlmsg_len) {
		const struct nlattr *a = (const void *)((const uint8_t *)nlh + at);
		const uint8_t *data = (const uint8_t *)a + NLA_HDRLEN;
		uint32_t v = 0;

		if (a->nla_len >= NLA_HDRLEN + 4)
			memcpy(&v, data, 4);
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			printf(" msg=\"%s\"", (const char *)data);
		else if (a->nla_type == NLMSGERR_ATTR_OFFS)
			printf(" offset=%u", v);
		else if (a->nla_type == 5 /* NLMSGERR_ATTR_MISS_TYPE */)
			printf(" missing=%u", v);
		at += NLA_ALIGN(a->nla_len);
	}
	printf("\n");
	return 1;
}

int nl_print_pending(struct nl_conn *conn)
{
	static uint8_t buf[64 * 1024];
	ssize_t len = recv(conn->fd, buf, sizeof(buf), 0);
	int n = 0;

	if (len < 0 && errno == ENOBUFS)
		return -1;
	for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, len);
	     nlh = NLMSG_NEXT(nlh, len), n++)
		print_message(nlh);
	return n;
}

/* AMCTL_FAIL_NTH: that one of the kernel's allocations for the request fails. */
static int send_failing(struct nl_conn *conn, const struct nl_out *out)
{
	const char *nth = getenv("AMCTL_FAIL_NTH");
	int fd = nth ? open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC) : -1;
	char left[16] = "";
	ssize_t len;

	if (nth && (fd < 0 || write(fd, nth, strlen(nth)) < 0)) {
		perror("amctl: fail-nth");
		exit(3);
	}
	len = send(conn->fd, out->buf, out->len, 0);
	if (nth) {
		if (pread(fd, left, sizeof(left) - 1, 0) < 0 || pwrite(fd, "0", 1, 0) < 0) {
			perror("amctl: fail-nth");
			exit(3);
		}
		printf("injected=%d ", atoi(left) == 0);
		close(fd);
	}
	return len < 0 ? -1 : 0;
}

int nl_exchange(struct nl_conn *conn, struct nl_out *out)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)out->buf;
	static uint8_t buf[64 * 1024];

	nlh->nlmsg_len = out->len;
	if (send_failing(conn, out)) {
		printf("error=%d msg=\"not sent\"\n", errno);
		return 1;
	}
	for (;;) {
		ssize_t len = recv(conn->fd, buf, sizeof(buf), 0);

		if (len < 0) {
			perror("amctl: recv");
			return 1;
		}
		for (nlh = (void *)buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_seq != conn->seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR ||
			    nlh->nlmsg_type == NLMSG_DONE)
				return print_error(nlh);
			print_message(nlh);
		}
	}
}

/* the family */

static uint32_t find_group(const uint8_t *p, size_t len)
{
	const struct nlattr *groups = (const void *)p, *group, *id;

	/* CTRL_ATTR_MCAST_GROUPS holds one nest with name and id */
	(void)len;
	group = (const void *)((const uint8_t *)groups + NLA_HDRLEN);
	for (size_t at = NLA_HDRLEN; at < group->nla_len; at += NLA_ALIGN(id->nla_len)) {
		id = (const void *)((const uint8_t *)group + at);
		if ((id->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GRP_ID) {
			uint32_t v;

			memcpy(&v, (const uint8_t *)id + NLA_HDRLEN, 4);
			return v;
		}
	}
	return 0;
}

static int find_family(struct nl_conn *conn)
{
	struct nl_out out;
	static uint8_t buf[16 * 1024];
	struct nlmsghdr *nlh = (struct nlmsghdr *)out.buf;
	ssize_t len;

	conn->family = GENL_ID_CTRL;
	nl_out_begin(&out, conn, CTRL_CMD_GETFAMILY, 0);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	put(&out, CTRL_ATTR_FAMILY_NAME, ATTESTMESH_GENL_NAME,
	    sizeof(ATTESTMESH_GENL_NAME));
	nlh->nlmsg_len = out.len;
	if (send(conn->fd, out.buf, out.len, 0) < 0)
		return -errno;
	len = recv(conn->fd, buf, sizeof(buf), 0);
	nlh = (struct nlmsghdr *)buf;
	if (len < 0 || !NLMSG_OK(nlh, len))
		return -EIO;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
	for (size_t at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= nlh->nlmsg_len;) {
		struct nlattr *a = (struct nlattr *)(buf + at);

		if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_ID)
			memcpy(&conn->family, (uint8_t *)a + NLA_HDRLEN, 2);
		if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS)
			conn->group = find_group((uint8_t *)a + NLA_HDRLEN - NLA_HDRLEN,
						 a->nla_len);
		at += NLA_ALIGN(a->nla_len);
	}
	return conn->family == GENL_ID_CTRL || !conn->group ? -ENOENT : 0;
}

int nl_open(struct nl_conn *conn)
{
	int one = 1;

	memset(conn, 0, sizeof(*conn));
	conn->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (conn->fd < 0)
		return -errno;
	setsockopt(conn->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	if (!getenv("AMCTL_ECHO")) /* else errors bring back what they answer */
		setsockopt(conn->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return find_family(conn);
}

int nl_join(struct nl_conn *conn)
{
	return setsockopt(conn->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &conn->group, sizeof(conn->group));
}
