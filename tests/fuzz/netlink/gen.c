// SPDX-License-Identifier: Apache-2.0
/*
 * Messages for the family: from the spec, mostly well-formed and meaningful, so
 * that meshes and peers come to be, then bent. What is bent in a way that the
 * spec forbids is marked: the family must refuse it.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/attestmesh.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "table.h"

const uint8_t seed_mark[SEED_MARK_LEN] = "seed-of-a-fuzzer";
uint8_t keys[KEYS_MAX][32];
int key_count;

uint64_t rng_u64(struct rng *rng)
{
	uint64_t z = (rng->s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return n ? rng_u64(rng) % n : 0;
}

bool rng_one_in(struct rng *rng, uint32_t n)
{
	return !rng_below(rng, n);
}

const struct spec_attr *spec_attr(int set, int type)
{
	for (int i = 0; i < spec_sets[set].count; i++) {
		if (spec_sets[set].attr[i].type == type)
			return &spec_sets[set].attr[i];
	}
	return NULL;
}

static void bad(struct msg *msg, const char *why)
{
	msg->invalid = true;
	msg->why = why;
}

/* Room for everything but the largest of messages is always left. */
static void *put(struct msg *msg, int type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(msg->buf + msg->len);

	if (msg->len + NLA_ALIGN(len + NLA_HDRLEN) > sizeof(msg->buf) - 256)
		return NULL;
	memset(a, 0, NLA_ALIGN(len + NLA_HDRLEN));
	a->nla_len = NLA_HDRLEN + len;
	a->nla_type = type;
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
	msg->len += NLA_ALIGN(len + NLA_HDRLEN);
	return a;
}

/* Numbers at bounds, one past them, and small ones that meet each other. */
static uint64_t number(struct rng *rng, const struct spec_attr *attr)
{
	static const uint64_t some[] = { 0, 1, 2, 3, 4, 5, 7, 8, 50, 1000, 1023,
		1024, 51820, 65535, 65536, 1ULL << 31, (1ULL << 32) - 1,
		1ULL << 63, UINT64_MAX };

	switch (rng_below(rng, 6)) {
	case 0: return attr->min;
	case 1: return attr->max;
	case 2: return attr->min - 1;
	case 3: return attr->max + 1;
	case 4: return some[rng_below(rng, sizeof(some) / sizeof(some[0]))];
	default: return rng_u64(rng);
	}
}

static void put_number(struct msg *msg, const struct spec_attr *attr, uint64_t v)
{
	static const uint8_t width[] = { 1, 2, 4, 8 };
	int bytes = width[attr->kind];
	uint64_t kept = bytes == 8 ? v : v & ((1ULL << 8 * bytes) - 1);

	put(msg, attr->type, &kept, bytes); /* little endian */
	if (kept < attr->min || kept > attr->max)
		bad(msg, attr->name);
}

static bool is(const struct spec_attr *attr, const char *name)
{
	return !strcmp(attr->name, name);
}

/* Bytes that mean something: few ids, so that they meet; real keys. */
static void fill(struct rng *rng, const struct spec_attr *attr, uint8_t *p, int len)
{
	memset(p, 0, len);
	if (is(attr, "seed")) {
		memcpy(p, seed_mark, SEED_MARK_LEN);
		p[31] = rng_below(rng, 3);
	} else if (is(attr, "key") && key_count && !rng_one_in(rng, 5)) {
		memcpy(p, keys[rng_below(rng, key_count)], 32);
	} else if (is(attr, "addr6")) {
		p[0] = 0xfd; p[1] = 0x77;
		p[15] = 1 + rng_below(rng, 12);
	} else if (rng_one_in(rng, 6)) {
		for (int i = 0; i < len; i++)
			p[i] = rng_u64(rng);
	} else {
		p[len - 1] = 1 + rng_below(rng, is(attr, "domain") ? 2 : 12);
	}
}

static void put_any(struct msg *msg, struct rng *rng, int set,
		    const struct spec_attr *attr, int depth);

static void put_nest(struct msg *msg, struct rng *rng, int set, int type, int depth)
{
	size_t start = msg->len;

	if (!put(msg, type | NLA_F_NESTED, NULL, 0))
		return;
	for (int i = 0; i < spec_sets[set].count; i++) {
		if (depth < 4 && !rng_one_in(rng, 6))
			put_any(msg, rng, set, &spec_sets[set].attr[i], depth + 1);
	}
	((struct nlattr *)(msg->buf + start))->nla_len = msg->len - start;
}

/* An attribute with a value of the right form, in bounds or not. */
static void put_any(struct msg *msg, struct rng *rng, int set,
		    const struct spec_attr *attr, int depth)
{
	uint8_t bytes[64];
	int len = attr->len < 0 ? (int)rng_below(rng, 40) : attr->len;

	(void)set;
	switch (attr->kind) {
	case K_U8: case K_U16: case K_U32: case K_U64:
		put_number(msg, attr, number(rng, attr));
		break;
	case K_BINARY: case K_STRING:
		fill(rng, attr, bytes, len ? len : 1);
		put(msg, attr->type, bytes, len);
		break;
	case K_FLAG: case K_PAD:
		put(msg, attr->type, NULL, 0);
		break;
	case K_NEST:
		put_nest(msg, rng, attr->nest, attr->type, depth);
		break;
	}
}

static void put_named(struct msg *msg, struct rng *rng, int set, const char *name,
		      uint64_t v)
{
	const struct spec_set *s = &spec_sets[set];

	for (int i = 0; i < s->count; i++) {
		uint8_t bytes[64];

		if (!is(&s->attr[i], name))
			continue;
		if (s->attr[i].kind <= K_U64) {
			put_number(msg, &s->attr[i], v);
		} else if (s->attr[i].kind == K_FLAG) {
			put(msg, s->attr[i].type, NULL, 0);
		} else {
			fill(rng, &s->attr[i], bytes, s->attr[i].len);
			if (is(&s->attr[i], "addr6"))
				bytes[15] = v;
			put(msg, s->attr[i].type, bytes, s->attr[i].len);
		}
	}
}

static uint32_t ifindex(struct rng *rng)
{
	static const uint32_t some[] = { 10, 10, 10, 10, 11, 11, 12, 1, 99 };

	return some[rng_below(rng, sizeof(some) / sizeof(some[0]))];
}

static uint64_t ip4(int net, int host)
{
	return htonl(10u << 24 | net << 16 | host);
}

/* A MESH_SET that may well create a mesh or change one. */
static void mesh_set(struct msg *msg, struct rng *rng)
{
	uint32_t dev = ifindex(rng);
	int set = msg->op->set;
	uint32_t miss = 1 + rng_below(rng, 6);

	put_named(msg, rng, set, "ifindex", dev);
	if (!rng_one_in(rng, 3)) {
		put_named(msg, rng, set, "domain", 0);
		put_named(msg, rng, set, "member-id", 0);
		put_named(msg, rng, set, "index", rng_below(rng, 12));
		put_named(msg, rng, set, "addr4", ip4(dev == 11 ? 8 : 7, 1));
		if (dev == 10 && rng_one_in(rng, 2))
			put_named(msg, rng, set, "addr6", 1);
		put_named(msg, rng, set, "seed", 0);
		put_named(msg, rng, set, "incarnation-floor", rng_below(rng, 5000));
	}
	if (rng_one_in(rng, 2))
		put_named(msg, rng, set, "interval-ms", 50 + rng_below(rng, 400));
	if (rng_one_in(rng, 3)) {
		put_named(msg, rng, set, "miss", miss);
		put_named(msg, rng, set, "convict", miss + rng_below(rng, 6));
	}
	if (rng_one_in(rng, 4))
		put_named(msg, rng, set, "port", 50000 + rng_below(rng, 3));
	if (rng_one_in(rng, 6))
		put_named(msg, rng, set, "index", 65535);
	if (rng_one_in(rng, 4)) {
		put_named(msg, rng, set, "own", 0);
		put_named(msg, rng, set, "linger-ms", rng_below(rng, 300));
	}
}

/* The id of one of the few, as fill() gives it, in place of the one at @at. */
static void put_member(struct msg *msg, size_t at, uint32_t who)
{
	memset(msg->buf + at, 0, ATTESTMESH_ID_LEN);
	msg->buf[at + ATTESTMESH_ID_LEN - 1] = 1 + who;
}

/* Few peers in most messages, most of them the same of twelve with the same
 * address and index: one that contradicts another has the whole message refused,
 * and meshes without peers teach nothing.
 */
static void peer_set(struct msg *msg, struct rng *rng)
{
	int set = msg->op->set, n = 1 + rng_below(rng, rng_one_in(rng, 4) ? 12 : 3);
	int inner = -1, config = 0;

	for (int i = 0; i < spec_sets[set].count; i++) {
		if (is(&spec_sets[set].attr[i], "config")) {
			inner = spec_sets[set].attr[i].nest;
			config = spec_sets[set].attr[i].type;
		}
	}
	put_named(msg, rng, set, "ifindex", ifindex(rng));
	put_named(msg, rng, set, "epoch", rng_below(rng, 6));
	if (rng_one_in(rng, 60))
		n = ATTESTMESH_PEERS_PER_MESSAGE_MAX + rng_below(rng, 2);
	for (int i = 0; i < n; i++) {
		bool usual = n <= 12 && !rng_one_in(rng, 8);
		uint32_t who = n > 12 ? 20u + i : rng_below(rng, usual ? 12 : 40);
		size_t start = msg->len;

		if (!put(msg, config | NLA_F_NESTED, NULL, 0))
			return;
		put_named(msg, rng, inner, "id", 0);
		if (n > 12) /* ids that differ */
			memcpy(msg->buf + start + 2 * NLA_HDRLEN, &who, sizeof(who));
		if (usual)
			put_member(msg, start + 2 * NLA_HDRLEN, who);
		put_named(msg, rng, inner, "index", rng_one_in(rng, 40) ? 65535 : 12 + who);
		put_named(msg, rng, inner, "addr4", ip4(7, 2 + who));
		if (rng_one_in(rng, 3))
			put_named(msg, rng, inner, "addr6", 2 + who);
		if (!rng_one_in(rng, 4))
			put_named(msg, rng, inner, "key", 0);
		((struct nlattr *)(msg->buf + start))->nla_len = msg->len - start;
	}
	if (n > ATTESTMESH_PEERS_PER_MESSAGE_MAX)
		bad(msg, "513 peers");
}

static void plain(struct msg *msg, struct rng *rng)
{
	int set = msg->op->set;

	switch (msg->op->cmd) {
	case ATTESTMESH_CMD_MESH_SET:
		mesh_set(msg, rng);
		return;
	case ATTESTMESH_CMD_PEER_SET:
		peer_set(msg, rng);
		return;
	case ATTESTMESH_CMD_MODULE_GET:
		return;
	}
	put_named(msg, rng, set, "ifindex", ifindex(rng));
	if (msg->op->cmd == ATTESTMESH_CMD_PEER_DEL && rng_one_in(rng, 2))
		put_named(msg, rng, set, "epoch", rng_below(rng, 6));
	else if (!msg->dump && set != 0 && msg->op->cmd != ATTESTMESH_CMD_MESH_GET &&
		 !rng_one_in(rng, 4))
		put_named(msg, rng, set, "id", 0);
}

/* Any attributes of the command's set, taken by it or not. */
static void wild(struct msg *msg, struct rng *rng)
{
	const struct spec_set *set = &spec_sets[msg->op->set];
	int n = rng_below(rng, 12);

	for (int i = 0; i < n; i++) {
		const struct spec_attr *attr = &set->attr[rng_below(rng, set->count)];
		const int *takes = msg->op->request;

		while (*takes >= 0 && *takes != attr->type)
			takes++;
		if (*takes < 0)
			bad(msg, "an attribute that the command does not take");
		put_any(msg, rng, msg->op->set, attr, 0);
	}
}

static struct nlattr *pick(struct msg *msg, struct rng *rng)
{
	struct nlattr *found = NULL;
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	for (int n = 1; at + NLA_HDRLEN <= msg->len; n++) {
		struct nlattr *a = (struct nlattr *)(msg->buf + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > msg->len)
			break;
		if (rng_one_in(rng, n))
			found = a;
		at += NLA_ALIGN(a->nla_len);
	}
	return found;
}

/* One bend at the level of attributes. */
static void bend(struct msg *msg, struct rng *rng)
{
	struct nlattr *a = pick(msg, rng);
	uint8_t copy[4096];
	size_t len;

	if (!a)
		return;
	msg->odd |= msg->invalid; /* two bends may undo each other */
	switch (rng_below(rng, 8)) {
	case 0: /* twice: the last one counts, both are checked */
		len = NLA_ALIGN(a->nla_len);
		if (len <= sizeof(copy) && msg->len + len < sizeof(msg->buf)) {
			memcpy(copy, a, len);
			memcpy(msg->buf + msg->len, copy, len);
			msg->len += len;
		}
		msg->odd |= (a->nla_type & NLA_TYPE_MASK) == ATTESTMESH_A_PEERS_CONFIG;
		break;
	case 1: /* not there: the type becomes one that nobody knows */
		a->nla_type = 200 + rng_below(rng, 100);
		bad(msg, "an unknown type");
		break;
	case 2:
		a->nla_type = 0;
		bad(msg, "type 0");
		break;
	case 3: /* a nest that is none, or the reverse */
		a->nla_type ^= NLA_F_NESTED;
		bad(msg, "the nested flag");
		break;
	case 4:
		a->nla_type |= NLA_F_NET_BYTEORDER;
		break;
	case 5: /* a length past the end, or too short to be one */
		a->nla_len = rng_one_in(rng, 2) ? rng_below(rng, NLA_HDRLEN) : 0xffff;
		bad(msg, "an attribute's length");
		break;
	case 6: /* a byte of a value, wherever it is */
		if (a->nla_len > NLA_HDRLEN) {
			((uint8_t *)a)[NLA_HDRLEN + rng_below(rng, a->nla_len - NLA_HDRLEN)] ^=
				1 + rng_below(rng, 255);
			msg->odd = true;
		}
		break;
	case 7: /* once more, with a value of one byte */
		if (a->nla_type & NLA_F_NESTED || !put(msg, a->nla_type, NULL, 0))
			break;
		bad(msg, "a value of one byte");
		((struct nlattr *)(msg->buf + msg->len - NLA_HDRLEN))->nla_len += 1;
		msg->len += NLA_ALIGNTO;
		memset(msg->buf + msg->len - NLA_ALIGNTO, 0, NLA_ALIGNTO);
		break;
	}
}

/* Headers, and whole messages cut off. */
static void bend_header(struct msg *msg, struct rng *rng)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)msg->buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(msg->buf + NLMSG_HDRLEN);

	msg->odd = true;
	switch (rng_below(rng, 6)) {
	case 0: genl->cmd = rng_below(rng, 256); break;
	case 1: genl->version = rng_below(rng, 256); break;
	case 2: genl->reserved = rng_u64(rng); break;
	case 3: nlh->nlmsg_flags = rng_u64(rng) | NLM_F_ACK; break;
	case 4: nlh->nlmsg_len = rng_below(rng, msg->len + 40); break;
	case 5:
		msg->len = NLMSG_HDRLEN + rng_below(rng, msg->len - NLMSG_HDRLEN + 1);
		nlh->nlmsg_len = msg->len;
		break;
	}
}

void msg_make(struct msg *msg, struct rng *rng, uint16_t family, uint32_t seq)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)msg->buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(msg->buf + NLMSG_HDRLEN);
	static const uint8_t weight[] = { 1, 5, 2, 1, 6, 2, 3, 2 };
	uint32_t at = rng_below(rng, 22);
	int bends = 0, op = 0;

	while (op < spec_op_count - 1 && op < (int)sizeof(weight) && at >= weight[op])
		at -= weight[op++];
	msg->op = &spec_ops[op];
	msg->dump = msg->op->dump && rng_one_in(rng, 2);
	msg->invalid = msg->odd = false;
	msg->why = "";
	msg->len = NLMSG_HDRLEN + GENL_HDRLEN;
	memset(msg->buf, 0, msg->len);
	nlh->nlmsg_type = family;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_flags = NLM_F_REQUEST | (msg->dump ? NLM_F_DUMP : NLM_F_ACK);
	genl->cmd = msg->op->cmd;
	genl->version = ATTESTMESH_GENL_VERSION;
	if (rng_one_in(rng, 5))
		wild(msg, rng);
	else
		plain(msg, rng);
	if (rng_one_in(rng, 3))
		bends = 1 + rng_below(rng, 3);
	while (bends--)
		bend(msg, rng);
	nlh->nlmsg_len = msg->len;
	if (rng_one_in(rng, 20))
		bend_header(msg, rng);
}
