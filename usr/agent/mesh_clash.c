// SPDX-License-Identifier: Apache-2.0
/*
 * Clashes of the cluster's network with this machine's.
 */
#include "mesh_clash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "rtnl.h"

enum { RESOLV_CONF_MAX_BYTES = 64 * 1024 };

struct search {
	const struct mesh_net *net;
	uint32_t own_ifindex;      /* 0: there is none yet */
	uint8_t found[16];
	uint8_t family;            /* of what was found; 0 = nothing */
	uint32_t ifindex;
};

/* Inside the cluster's /prefix or /48. */
static bool inside(const struct mesh_net *net, uint8_t family, const uint8_t *addr)
{
	uint32_t mask = htonl(~0u << (32 - net->prefix4)), v4;

	if (family == AF_INET6)
		return !memcmp(addr, net->net6, MESH_PREFIX6 / 8);
	memcpy(&v4, addr, sizeof(v4));
	return (v4 & mask) == (net->net4 & mask);
}

static int look_at_addr(const struct rtnl_addr *a, void *arg)
{
	struct search *s = arg;

	if (s->family || a->ifindex == s->own_ifindex ||
	    (a->family != AF_INET && a->family != AF_INET6) || !inside(s->net, a->family, a->addr))
		return 0;
	s->family = a->family;
	s->ifindex = a->ifindex;
	memcpy(s->found, a->addr, sizeof(s->found));
	return 0;
}

static int look_at_route(const struct rtnl_route *r, void *arg)
{
	struct search *s = arg;

	if (s->family || !r->has_gateway || r->ifindex == s->own_ifindex ||
	    (r->family != AF_INET && r->family != AF_INET6) ||
	    !inside(s->net, r->family, r->gateway))
		return 0;
	s->family = r->family;
	s->ifindex = r->ifindex;
	memcpy(s->found, r->gateway, sizeof(s->found));
	return 0;
}

static void cidr(const struct mesh_net *net, uint8_t family, char out[INET6_ADDRSTRLEN + 4])
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, family == AF_INET6 ? (const void *)net->net6 :
					       (const void *)&net->net4, text, sizeof(text));
	snprintf(out, INET6_ADDRSTRLEN + 4, "%s/%u", text,
		 family == AF_INET6 ? MESH_PREFIX6 : net->prefix4);
}

static int clash(const struct search *s, const char *what, const char *where,
		 char error[MESH_ERROR_CHARS])
{
	char addr[INET6_ADDRSTRLEN], network[INET6_ADDRSTRLEN + 4];

	inet_ntop(s->family, s->found, addr, sizeof(addr));
	cidr(s->net, s->family, network);
	snprintf(error, MESH_ERROR_CHARS,
		 "the cluster's network %s contains %s %s%s; move one of the two", network, what,
		 addr, where);
	return -EADDRINUSE;
}

int mesh_clash_names(const char *resolv_conf, const struct mesh_net *net,
		     char error[MESH_ERROR_CHARS])
{
	struct search s = { .net = net };
	const char *line = resolv_conf;

	while (line && *line) {
		char text[INET6_ADDRSTRLEN + 1];

		if (sscanf(line, "nameserver %46s", text) == 1) {
			s.family = strchr(text, ':') ? AF_INET6 : AF_INET;
			if (inet_pton(s.family, text, s.found) == 1 &&
			    inside(net, s.family, s.found))
				return clash(&s, "the name server", "", error);
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return 0;
}

static int clash_with_names(const struct mesh_net *net, char error[MESH_ERROR_CHARS])
{
	struct buf text;
	int ret = 0;

	buf_init(&text, RESOLV_CONF_MAX_BYTES);
	/* Without the file there is no name server to clash with. */
	if (!file_read("/etc/resolv.conf", &text) && buf_add(&text, "", 1))
		ret = mesh_clash_names((const char *)text.data, net, error);
	buf_free(&text);
	return ret;
}

int mesh_clash(struct nlreq *route, const char *ifname, const struct mesh_net *net,
	       char error[MESH_ERROR_CHARS])
{
	struct search s = { .net = net, .own_ifindex = if_nametoindex(ifname) };
	char name[16], where[24];
	int ret = rtnl_addr_each(route, AF_UNSPEC, look_at_addr, &s);

	if (!ret && s.family) {
		rtnl_link_name(route, s.ifindex, name);
		snprintf(where, sizeof(where), " of %s", name);
		return clash(&s, "the address", where, error);
	}
	if (!ret)
		ret = rtnl_route_each(route, AF_INET, look_at_route, &s);
	if (!ret && s.family) {
		rtnl_link_name(route, s.ifindex, name);
		snprintf(where, sizeof(where), " on %s", name);
		return clash(&s, "the gateway", where, error);
	}
	if (ret) {
		snprintf(error, MESH_ERROR_CHARS, "this machine's addresses and routes: %.120s",
			 nlreq_error(route));
		return ret;
	}
	return clash_with_names(net, error);
}
