// SPDX-License-Identifier: Apache-2.0
/*
 * rtnetlink requests.
 */
#include "rtnl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"

enum { LOWEST_PRIORITY = 0xffffffff };

static size_t family_bytes(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

/* A request with its fixed header; NULL when memory is short. */
static struct nl_msg *request(uint16_t type, uint16_t flags, const void *head, size_t len)
{
	struct nl_msg *m = nlreq_message(type, flags);

	if (m && nlmsg_append(m, (void *)(uintptr_t)head, len, NLMSG_ALIGNTO)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

/* Finishes: a message whose attributes did not fit is dropped. */
static struct nl_msg *checked(struct nl_msg *m, bool complete)
{
	if (m && !complete) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

static int on_link(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct rtnl_link *out = arg;
	struct ifinfomsg *head = nlmsg_data(h);

	if (nlmsg_parse(h, sizeof(*head), tb, IFLA_MAX, NULL))
		return -EPROTO;
	out->ifindex = (uint32_t)head->ifi_index;
	out->up = head->ifi_flags & IFF_UP;
	attr_text(tb[IFLA_IFNAME], out->name, sizeof(out->name));
	out->mtu = attr_u32(tb[IFLA_MTU]);
	if (tb[IFLA_LINKINFO] && !nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL))
		attr_text(info[IFLA_INFO_KIND], out->kind, sizeof(out->kind));
	return 0;
}

int rtnl_link_get(struct nlreq *q, const char *name, struct rtnl_link *out)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = request(RTM_GETLINK, 0, &head, sizeof(head));

	memset(out, 0, sizeof(*out));
	return nlreq_run(q, checked(m, m && !nla_put_string(m, IFLA_IFNAME, name)), on_link, out);
}

void rtnl_link_name(struct nlreq *q, uint32_t ifindex, char name[16])
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct rtnl_link link = { 0 };

	if (nlreq_run(q, request(RTM_GETLINK, 0, &head, sizeof(head)), on_link, &link))
		snprintf(link.name, sizeof(link.name), "?");
	memcpy(name, link.name, sizeof(link.name));
}

int rtnl_link_add(struct nlreq *q, const char *name, const char *kind, uint32_t mtu)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info = NULL;
	bool complete = m && !nla_put_string(m, IFLA_IFNAME, name) &&
			!nla_put_u32(m, IFLA_MTU, mtu) &&
			(info = nla_nest_start(m, IFLA_LINKINFO)) &&
			!nla_put_string(m, IFLA_INFO_KIND, kind);

	if (complete)
		nla_nest_end(m, info);
	return nlreq_run(q, checked(m, complete), NULL, NULL);
}

int rtnl_link_change(struct nlreq *q, uint32_t ifindex, uint32_t mtu, bool up)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex,
				  .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };
	struct nl_msg *m = request(RTM_NEWLINK, 0, &head, sizeof(head));

	return nlreq_run(q, checked(m, m && !nla_put_u32(m, IFLA_MTU, mtu)), NULL, NULL);
}

int rtnl_link_del(struct nlreq *q, uint32_t ifindex)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };

	return nlreq_run(q, request(RTM_DELLINK, 0, &head, sizeof(head)), NULL, NULL);
}

struct addr_walk {
	rtnl_addr_fn fn;
	void *arg;
};

static int on_addr(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg *head = nlmsg_data(h);
	struct rtnl_addr addr = { 0 };
	struct addr_walk *w = arg;

	if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*head), tb, IFA_MAX, NULL))
		return 0;
	addr.ifindex = head->ifa_index;
	addr.family = head->ifa_family;
	addr.prefix = head->ifa_prefixlen;
	addr.scope = head->ifa_scope;
	/* Of a point-to-point IPv4 address the local end is the own one. */
	if (!attr_bytes(tb[IFA_LOCAL], addr.addr, family_bytes(addr.family)) &&
	    !attr_bytes(tb[IFA_ADDRESS], addr.addr, family_bytes(addr.family)))
		return 0;
	return w->fn(&addr, w->arg);
}

int rtnl_addr_each(struct nlreq *q, uint8_t family, rtnl_addr_fn fn, void *arg)
{
	struct ifaddrmsg head = { .ifa_family = family };
	struct addr_walk w = { fn, arg };

	return nlreq_run(q, request(RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head)), on_addr, &w);
}

static struct nl_msg *addr_message(uint16_t type, uint16_t flags, const struct rtnl_addr *a)
{
	struct ifaddrmsg head = { .ifa_family = a->family, .ifa_prefixlen = a->prefix,
				  .ifa_index = a->ifindex,
				  .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0 };
	struct nl_msg *m = request(type, flags, &head, sizeof(head));
	int len = (int)family_bytes(a->family);

	return checked(m, m && !nla_put(m, IFA_LOCAL, len, a->addr) &&
			  !nla_put(m, IFA_ADDRESS, len, a->addr));
}

int rtnl_addr_add(struct nlreq *q, const struct rtnl_addr *addr)
{
	int ret = nlreq_run(q, addr_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, addr),
			    NULL, NULL);

	return ret == -EEXIST ? 0 : ret;
}

int rtnl_addr_del(struct nlreq *q, const struct rtnl_addr *addr)
{
	return nlreq_run(q, addr_message(RTM_DELADDR, 0, addr), NULL, NULL);
}

struct route_walk {
	rtnl_route_fn fn;
	void *arg;
};

static int on_route(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg *head = nlmsg_data(h);
	struct rtnl_route route = { 0 };
	struct route_walk *w = arg;
	size_t len;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*head), tb, RTA_MAX, NULL))
		return 0;
	len = family_bytes(head->rtm_family);
	route.family = head->rtm_family;
	route.prefix = head->rtm_dst_len;
	route.type = head->rtm_type;
	route.ifindex = attr_u32(tb[RTA_OIF]);
	route.priority = attr_u32(tb[RTA_PRIORITY]);
	attr_bytes(tb[RTA_DST], route.dst, len);
	route.has_gateway = attr_bytes(tb[RTA_GATEWAY], route.gateway, len);
	return w->fn(&route, w->arg);
}

int rtnl_route_each(struct nlreq *q, uint8_t family, rtnl_route_fn fn, void *arg)
{
	struct rtmsg head = { .rtm_family = family };
	struct route_walk w = { fn, arg };

	return nlreq_run(q, request(RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head)), on_route, &w);
}

int rtnl_route_unreachable(struct nlreq *q, uint8_t family, const uint8_t *net,
			   uint8_t prefix)
{
	struct rtmsg head = { .rtm_family = family, .rtm_dst_len = prefix,
			      .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
			      .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNREACHABLE };
	struct nl_msg *m = request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	int ret;

	m = checked(m, m && !nla_put(m, RTA_DST, (int)family_bytes(family), net) &&
		       !nla_put_u32(m, RTA_PRIORITY, (uint32_t)LOWEST_PRIORITY));
	ret = nlreq_run(q, m, NULL, NULL);
	return ret == -EEXIST ? 0 : ret;
}
