// SPDX-License-Identifier: Apache-2.0
/*
 * The interface of this node: fence, device, peers. Clashes of the cluster's
 * network with this machine's own are looked for in mesh_clash.c.
 */
#include "mesh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mesh_clash.h"
#include "rtnl.h"
#include "secret.h"
#include "wg.h"

struct mesh {
	char ifname[IFNAMSIZ];
	uint16_t listen_port;
	struct nlreq *route;
	struct wg *wg;           /* NULL until WireGuard is in the kernel */
	bool said_ipv6;
};

static int fail(char error[MESH_ERROR_CHARS], int ret, const char *what, const char *why)
{
	snprintf(error, MESH_ERROR_CHARS, "%.120s: %.120s", what, why);
	return ret;
}

/* WireGuard's family may come later than this process. */
static int need_wg(struct mesh *m, char error[MESH_ERROR_CHARS])
{
	int ret = m->wg ? 0 : wg_open(&m->wg);

	if (ret)
		fail(error, ret, "WireGuard",
		     ret == -ENOENT ? "not in this kernel; load the module wireguard" :
				      strerror(-ret));
	return ret;
}

static int wg_failed(struct mesh *m, char error[MESH_ERROR_CHARS], int ret, const char *what)
{
	fail(error, ret, what, wg_error(m->wg));
	/* The family went away and may return under another number. */
	if (ret == -ENOENT) {
		wg_close(m->wg);
		m->wg = NULL;
	}
	return ret;
}

int mesh_new(struct mesh **out, const struct mesh_config *config,
	     char error[MESH_ERROR_CHARS])
{
	struct mesh *m = calloc(1, sizeof(*m));
	int ret;

	*out = NULL;
	if (!m)
		return fail(error, -ENOMEM, "mesh", strerror(ENOMEM));
	snprintf(m->ifname, sizeof(m->ifname), "%s", config->ifname);
	m->listen_port = config->listen_port;
	ret = nlreq_open(&m->route, NETLINK_ROUTE);
	if (ret) {
		free(m);
		return fail(error, ret, "rtnetlink", strerror(-ret));
	}
	*out = m;
	return 0;
}

void mesh_free(struct mesh *m)
{
	if (!m)
		return;
	nlreq_close(m->route);
	wg_close(m->wg);
	free(m);
}

/* Whether a refusal only says that there is no IPv6 here. */
static bool no_ipv6(int ret)
{
	return ret == -EAFNOSUPPORT || ret == -EOPNOTSUPP || ret == -EACCES ||
	       ret == -EADDRNOTAVAIL;
}

static void without_ipv6(struct mesh *m, bool *ipv6)
{
	*ipv6 = false;
	if (!m->said_ipv6)
		log_warn("IPv6 is off in this network namespace; the mesh goes on with IPv4 "
			 "(container: set net.ipv6.conf.all.disable_ipv6=0 for it)");
	m->said_ipv6 = true;
}

int mesh_fence(struct mesh *m, const struct mesh_net *net, bool *ipv6,
	       char error[MESH_ERROR_CHARS])
{
	int ret;

	*ipv6 = true;
	if (net->prefix4 < MESH_PREFIX4_MIN || net->prefix4 > MESH_PREFIX4_MAX) {
		snprintf(error, MESH_ERROR_CHARS,
			 "the cluster's network has prefix /%u; it must be between /%d and /%d",
			 net->prefix4, MESH_PREFIX4_MIN, MESH_PREFIX4_MAX);
		return -ERANGE;
	}
	ret = mesh_clash(m->route, m->ifname, net, error);
	if (ret)
		return ret;
	ret = rtnl_route_unreachable(m->route, AF_INET, (const uint8_t *)&net->net4,
				     net->prefix4);
	if (ret)
		return fail(error, ret, "unreachable route", nlreq_error(m->route));
	ret = rtnl_route_unreachable(m->route, AF_INET6, net->net6, MESH_PREFIX6);
	if (no_ipv6(ret))
		without_ipv6(m, ipv6);
	else if (ret)
		return fail(error, ret, "unreachable route", nlreq_error(m->route));
	return 0;
}

uint32_t mesh_ifindex(const struct mesh *m)
{
	return if_nametoindex(m->ifname);
}

/* Finds or makes the link. */
static int need_link(struct mesh *m, struct rtnl_link *link, bool *created,
		     char error[MESH_ERROR_CHARS])
{
	int ret = rtnl_link_get(m->route, m->ifname, link);

	*created = false;
	if (ret == -ENODEV) {
		ret = rtnl_link_add(m->route, m->ifname, "wireguard", MESH_MTU);
		if (ret == -EOPNOTSUPP)
			return fail(error, ret, m->ifname,
				    "this kernel has no WireGuard; load the module wireguard");
		*created = !ret;
		if (!ret)
			ret = rtnl_link_get(m->route, m->ifname, link);
	}
	if (ret == -EPERM)
		return fail(error, ret, m->ifname, "not permitted; the agent needs CAP_NET_ADMIN");
	if (ret)
		return fail(error, ret, m->ifname, nlreq_error(m->route));
	if (strcmp(link->kind, "wireguard"))
		return fail(error, -EEXIST, m->ifname,
			    "there is such an interface and it is no WireGuard; remove it or set "
			    "WG_INTERFACE");
	return 0;
}

/* Sets key and port where they differ: an adopted device keeps its sessions. */
static int need_key(struct mesh *m, const uint8_t *private_key, char error[MESH_ERROR_CHARS])
{
	uint8_t public_key[MESH_KEY_BYTES];
	struct wg_device device;
	bool same_key;
	int ret;

	if (crypto_scalarmult_base(public_key, private_key))
		return fail(error, -EINVAL, m->ifname, "the WireGuard key is unusable");
	ret = wg_get(m->wg, m->ifname, &device, NULL, NULL);
	if (ret)
		return wg_failed(m, error, ret, m->ifname);
	same_key = device.has_key && !memcmp(device.public_key, public_key, sizeof(public_key));
	if (same_key && device.listen_port == m->listen_port)
		return 0;
	ret = wg_set(m->wg, m->ifname, same_key ? NULL : private_key, m->listen_port);
	return ret ? wg_failed(m, error, ret, "WireGuard's key and port") : 0;
}

/* Addresses of the device that should not be there. */
struct surplus {
	const struct rtnl_addr *wanted;
	size_t wanted_count;
	uint32_t ifindex;
	struct rtnl_addr found[16];
	size_t count;
	bool have[2];
};

static int note_surplus(const struct rtnl_addr *a, void *arg)
{
	struct surplus *s = arg;
	size_t len = a->family == AF_INET6 ? 16 : 4;

	/* Link-local addresses are the kernel's. */
	if (a->ifindex != s->ifindex || a->scope == RT_SCOPE_LINK)
		return 0;
	for (size_t i = 0; i < s->wanted_count; i++)
		if (s->wanted[i].family == a->family && s->wanted[i].prefix == a->prefix &&
		    !memcmp(s->wanted[i].addr, a->addr, len)) {
			s->have[i] = true;
			return 0;
		}
	if (s->count < sizeof(s->found) / sizeof(s->found[0]))
		s->found[s->count++] = *a;
	return 0;
}

static int need_addresses(struct mesh *m, uint32_t ifindex, const struct mesh_net *net,
			  bool *ipv6, char error[MESH_ERROR_CHARS])
{
	struct rtnl_addr wanted[2] = {
		{ .ifindex = ifindex, .family = AF_INET, .prefix = net->prefix4 },
		{ .ifindex = ifindex, .family = AF_INET6, .prefix = MESH_PREFIX6 },
	};
	struct surplus s = { .wanted = wanted, .wanted_count = *ipv6 ? 2 : 1,
			     .ifindex = ifindex };
	int ret;

	memcpy(wanted[0].addr, &net->own4, 4);
	memcpy(wanted[1].addr, net->own6, 16);
	ret = rtnl_addr_each(m->route, AF_UNSPEC, note_surplus, &s);
	for (size_t i = 0; !ret && i < s.count; i++)
		ret = rtnl_addr_del(m->route, &s.found[i]);
	if (!ret && !s.have[0])
		ret = rtnl_addr_add(m->route, &wanted[0]);
	if (ret)
		return fail(error, ret, "mesh address", nlreq_error(m->route));
	if (!*ipv6 || s.have[1])
		return 0;
	ret = rtnl_addr_add(m->route, &wanted[1]);
	if (no_ipv6(ret))
		without_ipv6(m, ipv6);
	else if (ret)
		return fail(error, ret, "mesh address (IPv6)", nlreq_error(m->route));
	return 0;
}

int mesh_device(struct mesh *m, const struct mesh_net *net,
		const uint8_t private_key[MESH_KEY_BYTES], bool *created,
		bool *ipv6, char error[MESH_ERROR_CHARS])
{
	struct rtnl_link link;
	int ret = need_link(m, &link, created, error);

	if (!ret)
		ret = need_wg(m, error);
	if (!ret)
		ret = need_key(m, private_key, error);
	if (!ret)
		ret = need_addresses(m, link.ifindex, net, ipv6, error);
	if (ret || (link.up && link.mtu == MESH_MTU))
		return ret;
	ret = rtnl_link_change(m->route, link.ifindex, MESH_MTU, true);
	if (ret == -EADDRINUSE) {
		snprintf(error, MESH_ERROR_CHARS, "UDP port %u is taken by another program; "
			 "end it or set WG_LISTEN_PORT", m->listen_port);
		return ret;
	}
	if (ret)
		return fail(error, ret, m->ifname, nlreq_error(m->route));
	/* IPv6 drops addresses of a device that was down when they were set only
	 * where it is configured to; look once more. */
	return need_addresses(m, link.ifindex, net, ipv6, error);
}

int mesh_peers(struct mesh *m, struct mesh_peer_state **peers, size_t *count,
	       char error[MESH_ERROR_CHARS])
{
	struct wg_device device;
	struct wg_peer *list;
	size_t n;
	int ret = need_wg(m, error);

	if (ret)
		return ret;
	ret = wg_get(m->wg, m->ifname, &device, &list, &n);
	if (ret)
		return wg_failed(m, error, ret, m->ifname);
	*peers = calloc(n ? n : 1, sizeof(**peers));
	for (size_t i = 0; *peers && i < n; i++) {
		struct mesh_peer_state *to = &(*peers)[i];

		*to = (struct mesh_peer_state){
			.peer = { .addr4 = list[i].addr4, .has_addr6 = list[i].has_addr6 },
			.exact = list[i].exact, .has_endpoint = list[i].has_endpoint,
			.endpoint4 = list[i].endpoint4, .endpoint_port = list[i].endpoint_port,
			.keepalive_secs = list[i].keepalive_secs,
			.handshake_secs = list[i].handshake_secs,
			.rx_bytes = list[i].rx_bytes, .tx_bytes = list[i].tx_bytes,
		};
		memcpy(to->peer.key, list[i].key, sizeof(to->peer.key));
		memcpy(to->peer.addr6, list[i].addr6, sizeof(to->peer.addr6));
	}
	free(list);
	*count = n;
	return *peers ? 0 : fail(error, -ENOMEM, "peers", strerror(ENOMEM));
}

int mesh_peer_set(struct mesh *m, const struct mesh_peer *peer,
		  char error[MESH_ERROR_CHARS])
{
	int ret = need_wg(m, error);

	if (ret)
		return ret;
	ret = wg_peer_set(m->wg, m->ifname, peer->key, peer->addr4,
			  peer->has_addr6 ? peer->addr6 : NULL);
	return ret ? wg_failed(m, error, ret, "WireGuard peer") : 0;
}

int mesh_peer_endpoint(struct mesh *m, const uint8_t key[MESH_KEY_BYTES],
		       uint32_t ipv4, uint16_t port, char error[MESH_ERROR_CHARS])
{
	int ret = need_wg(m, error);

	if (ret)
		return ret;
	ret = wg_peer_endpoint(m->wg, m->ifname, key, ipv4, port, MESH_KEEPALIVE_SECS);
	return ret ? wg_failed(m, error, ret, "WireGuard endpoint") : 0;
}

int mesh_peer_del(struct mesh *m, const uint8_t key[MESH_KEY_BYTES],
		  char error[MESH_ERROR_CHARS])
{
	int ret = need_wg(m, error);

	if (ret)
		return ret;
	ret = wg_peer_del(m->wg, m->ifname, key);
	return ret ? wg_failed(m, error, ret, "WireGuard peer") : 0;
}

int mesh_peers_clear(struct mesh *m, char error[MESH_ERROR_CHARS])
{
	int ret = need_wg(m, error);

	if (ret)
		return ret;
	ret = wg_peers_clear(m->wg, m->ifname);
	return ret ? wg_failed(m, error, ret, "WireGuard peers") : 0;
}
