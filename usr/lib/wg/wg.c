// SPDX-License-Identifier: Apache-2.0
/*
 * WireGuard's generic netlink family.
 */
#include "wg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"

enum { PEERS_MAX = 65536 };

struct wg {
	struct nlreq *q;
	struct nlreq_family family;
};

struct reading {
	struct wg_device *device;
	struct wg_peer *peers;
	size_t count, size;
	bool want_peers;
};

int wg_open(struct wg **out)
{
	struct wg *w = calloc(1, sizeof(*w));
	int ret;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	ret = nlreq_open(&w->q, NETLINK_GENERIC);
	if (!ret)
		ret = nlreq_family(w->q, WG_GENL_NAME, &w->family);
	if (ret) {
		wg_close(w);
		return ret;
	}
	*out = w;
	return 0;
}

void wg_close(struct wg *w)
{
	if (!w)
		return;
	nlreq_close(w->q);
	free(w);
}

const char *wg_error(const struct wg *w)
{
	return nlreq_error(w->q);
}

/* ---- reading ---- */

static void take_allowed(struct wg_peer *p, struct nlattr *list)
{
	struct nlattr *one, *tb[WGALLOWEDIP_A_MAX + 1];
	int rest;

	nla_for_each_nested(one, list, rest) {
		uint16_t family;
		uint8_t mask;

		if (nla_parse_nested(tb, WGALLOWEDIP_A_MAX, one, NULL))
			continue;
		family = attr_u16(tb[WGALLOWEDIP_A_FAMILY]);
		mask = attr_u8(tb[WGALLOWEDIP_A_CIDR_MASK]);
		if (family == AF_INET && mask == 32 && !p->addr4)
			attr_bytes(tb[WGALLOWEDIP_A_IPADDR], &p->addr4, sizeof(p->addr4));
		else if (family == AF_INET6 && mask == 128 && !p->has_addr6)
			p->has_addr6 = attr_bytes(tb[WGALLOWEDIP_A_IPADDR], p->addr6, 16);
		else
			p->exact = false;
	}
}

static void take_endpoint(struct wg_peer *p, const struct nlattr *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (!a)
		return;
	p->has_endpoint = true;
	if (nla_len(a) >= (int)sizeof(v6) && attr_bytes(a, &v6, sizeof(v6)) &&
	    v6.sin6_family == AF_INET6) {
		p->endpoint_port = ntohs(v6.sin6_port);
	} else if (attr_bytes(a, &v4, sizeof(v4)) && v4.sin_family == AF_INET) {
		p->endpoint4 = ntohl(v4.sin_addr.s_addr);
		p->endpoint_port = ntohs(v4.sin_port);
	}
}

static struct wg_peer *new_peer(struct reading *r)
{
	if (r->count == r->size) {
		size_t size = r->size ? 2 * r->size : 16;
		struct wg_peer *grown = size <= 2 * PEERS_MAX ?
			reallocarray(r->peers, size, sizeof(*grown)) : NULL;

		if (!grown)
			return NULL;
		r->peers = grown;
		r->size = size;
	}
	memset(&r->peers[r->count], 0, sizeof(r->peers[0]));
	return &r->peers[r->count++];
}

static int take_peer(struct reading *r, struct nlattr *a)
{
	struct nlattr *tb[WGPEER_A_MAX + 1];
	struct { int64_t secs, ns; } handshake = { 0 };
	uint8_t key[WG_KEY_BYTES];
	struct wg_peer *p = r->count ? &r->peers[r->count - 1] : NULL;

	if (nla_parse_nested(tb, WGPEER_A_MAX, a, NULL) ||
	    !attr_bytes(tb[WGPEER_A_PUBLIC_KEY], key, sizeof(key)))
		return -EPROTO;
	/* A peer with many allowed-ips goes on in the next message. */
	if (!p || memcmp(p->key, key, sizeof(key))) {
		p = new_peer(r);
		if (!p)
			return -ENOMEM;
		memcpy(p->key, key, sizeof(key));
		p->exact = true;
		take_endpoint(p, tb[WGPEER_A_ENDPOINT]);
		attr_bytes(tb[WGPEER_A_LAST_HANDSHAKE_TIME], &handshake, sizeof(handshake));
		p->handshake_secs = handshake.secs;
		p->keepalive_secs = attr_u16(tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
		p->rx_bytes = attr_u64(tb[WGPEER_A_RX_BYTES]);
		p->tx_bytes = attr_u64(tb[WGPEER_A_TX_BYTES]);
	}
	if (tb[WGPEER_A_ALLOWEDIPS])
		take_allowed(p, tb[WGPEER_A_ALLOWEDIPS]);
	return 0;
}

static int on_device(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[WGDEVICE_A_MAX + 1], *one;
	struct reading *r = arg;
	int rest, ret;

	if (genlmsg_parse(h, 0, tb, WGDEVICE_A_MAX, NULL))
		return -EPROTO;
	if (tb[WGDEVICE_A_IFINDEX])
		r->device->ifindex = attr_u32(tb[WGDEVICE_A_IFINDEX]);
	if (attr_bytes(tb[WGDEVICE_A_PUBLIC_KEY], r->device->public_key, WG_KEY_BYTES))
		r->device->has_key = true;
	if (tb[WGDEVICE_A_LISTEN_PORT])
		r->device->listen_port = attr_u16(tb[WGDEVICE_A_LISTEN_PORT]);
	if (!r->want_peers || !tb[WGDEVICE_A_PEERS])
		return 0;
	nla_for_each_nested(one, tb[WGDEVICE_A_PEERS], rest) {
		ret = take_peer(r, one);
		if (ret)
			return ret;
	}
	return 0;
}

static struct nl_msg *request(struct wg *w, uint8_t command, uint16_t flags, const char *ifname)
{
	struct nl_msg *m = nlreq_genl(w->family.id, WG_GENL_VERSION, command, flags);

	if (m && nla_put_string(m, WGDEVICE_A_IFNAME, ifname)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

int wg_get(struct wg *w, const char *ifname, struct wg_device *device,
	   struct wg_peer **peers, size_t *count)
{
	struct reading r = { .device = device, .want_peers = peers != NULL };
	int ret;

	memset(device, 0, sizeof(*device));
	ret = nlreq_run(w->q, request(w, WG_CMD_GET_DEVICE, NLM_F_DUMP, ifname), on_device, &r);
	if (ret || !peers) {
		free(r.peers);
		return ret;
	}
	for (size_t i = 0; i < r.count; i++)
		if (!r.peers[i].addr4)
			r.peers[i].exact = false;
	*peers = r.peers;
	*count = r.count;
	return 0;
}

/* ---- changing ---- */

/* Runs a SET_DEVICE if it could be completed. */
static int change(struct wg *w, struct nl_msg *m, bool complete)
{
	if (m && !complete) {
		struct nlmsghdr *h = nlmsg_hdr(m);

		explicit_bzero(nlmsg_data(h), h->nlmsg_len - NLMSG_HDRLEN);
		nlmsg_free(m);
		m = NULL;
	}
	return nlreq_run(w->q, m, NULL, NULL);
}

int wg_set(struct wg *w, const char *ifname, const uint8_t *private_key, uint16_t listen_port)
{
	struct nl_msg *m = request(w, WG_CMD_SET_DEVICE, 0, ifname);
	bool complete = m && !nla_put_u16(m, WGDEVICE_A_LISTEN_PORT, listen_port) &&
			(!private_key ||
			 !nla_put(m, WGDEVICE_A_PRIVATE_KEY, WG_KEY_BYTES, private_key));

	return change(w, m, complete);
}

static bool put_allowed(struct nl_msg *m, uint16_t family, const void *addr, int len)
{
	struct nlattr *nest = nla_nest_start(m, 0);

	if (!nest || nla_put_u16(m, WGALLOWEDIP_A_FAMILY, family) ||
	    nla_put(m, WGALLOWEDIP_A_IPADDR, len, addr) ||
	    nla_put_u8(m, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)(8 * len)))
		return false;
	nla_nest_end(m, nest);
	return true;
}

/* Opens the list of peers and its only entry; the caller closes both. */
static bool begin_peer(struct nl_msg *m, const uint8_t *key, uint32_t flags,
		       struct nlattr *nest[2])
{
	return m && (nest[0] = nla_nest_start(m, WGDEVICE_A_PEERS)) &&
	       (nest[1] = nla_nest_start(m, 0)) &&
	       !nla_put(m, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, key) &&
	       !nla_put_u32(m, WGPEER_A_FLAGS, flags);
}

static void end_peer(struct nl_msg *m, struct nlattr *nest[2])
{
	nla_nest_end(m, nest[1]);
	nla_nest_end(m, nest[0]);
}

int wg_peer_set(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES],
		uint32_t addr4, const uint8_t *addr6)
{
	struct nl_msg *m = request(w, WG_CMD_SET_DEVICE, 0, ifname);
	struct nlattr *nest[2], *list = NULL;
	bool complete = begin_peer(m, key, WGPEER_F_REPLACE_ALLOWEDIPS, nest) &&
			(list = nla_nest_start(m, WGPEER_A_ALLOWEDIPS)) &&
			put_allowed(m, AF_INET, &addr4, 4) &&
			(!addr6 || put_allowed(m, AF_INET6, addr6, 16));

	if (complete) {
		nla_nest_end(m, list);
		end_peer(m, nest);
	}
	return change(w, m, complete);
}

static int set_keepalive(struct wg *w, const char *ifname, const uint8_t *key,
			 const struct sockaddr_in *endpoint, uint16_t keepalive_secs)
{
	struct nl_msg *m = request(w, WG_CMD_SET_DEVICE, 0, ifname);
	struct nlattr *nest[2];
	bool complete = begin_peer(m, key, WGPEER_F_UPDATE_ONLY, nest) &&
			(!endpoint || !nla_put(m, WGPEER_A_ENDPOINT, sizeof(*endpoint), endpoint)) &&
			!nla_put_u16(m, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, keepalive_secs);

	if (complete)
		end_peer(m, nest);
	return change(w, m, complete);
}

int wg_peer_endpoint(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES],
		     uint32_t ipv4, uint16_t port, uint16_t keepalive_secs)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(ipv4) };
	int ret = set_keepalive(w, ifname, key, &at, 0);

	return ret ? ret : set_keepalive(w, ifname, key, NULL, keepalive_secs);
}

int wg_peer_del(struct wg *w, const char *ifname, const uint8_t key[WG_KEY_BYTES])
{
	struct nl_msg *m = request(w, WG_CMD_SET_DEVICE, 0, ifname);
	struct nlattr *nest[2];
	bool complete = begin_peer(m, key, WGPEER_F_REMOVE_ME, nest);

	if (complete)
		end_peer(m, nest);
	return change(w, m, complete);
}

int wg_peers_clear(struct wg *w, const char *ifname)
{
	struct nl_msg *m = request(w, WG_CMD_SET_DEVICE, 0, ifname);

	return change(w, m, m && !nla_put_u32(m, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS));
}
