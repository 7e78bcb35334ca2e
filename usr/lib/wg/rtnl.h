/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links, addresses and routes, as far as a mesh needs them. It knows no
 * policy: what is wanted, refused or undone is the caller's.
 */
#ifndef WG_RTNL_H
#define WG_RTNL_H

#include <stdbool.h>
#include <stdint.h>

#include "nlreq.h"

struct rtnl_link {
	uint32_t ifindex;
	char name[16];
	char kind[16];      /* "wireguard", "" for real devices */
	uint32_t mtu;
	bool up;
};

struct rtnl_addr {
	uint32_t ifindex;
	uint8_t family;     /* AF_INET, AF_INET6 */
	uint8_t prefix;
	uint8_t scope;
	uint8_t addr[16];   /* network order, 4 or 16 bytes */
};

struct rtnl_route {
	uint8_t family, prefix, type;
	uint32_t ifindex, priority;
	bool has_gateway;
	uint8_t dst[16], gateway[16];
};

typedef int (*rtnl_addr_fn)(const struct rtnl_addr *addr, void *arg);
typedef int (*rtnl_route_fn)(const struct rtnl_route *route, void *arg);

/* All return 0 or a negative errno; nlreq_error() has the words. */
/* -ENODEV: no link of that name. */
int rtnl_link_get(struct nlreq *q, const char *name, struct rtnl_link *out);
/* The name of a link, "?" if there is none. */
void rtnl_link_name(struct nlreq *q, uint32_t ifindex, char name[16]);
int rtnl_link_add(struct nlreq *q, const char *name, const char *kind, uint32_t mtu);
int rtnl_link_change(struct nlreq *q, uint32_t ifindex, uint32_t mtu, bool up);
int rtnl_link_del(struct nlreq *q, uint32_t ifindex);

/* family AF_UNSPEC: both. */
int rtnl_addr_each(struct nlreq *q, uint8_t family, rtnl_addr_fn fn, void *arg);
/* An address that is there already is success. */
int rtnl_addr_add(struct nlreq *q, const struct rtnl_addr *addr);
int rtnl_addr_del(struct nlreq *q, const struct rtnl_addr *addr);

int rtnl_route_each(struct nlreq *q, uint8_t family, rtnl_route_fn fn, void *arg);
/* `unreachable` at the lowest priority; one that is there already is success. */
int rtnl_route_unreachable(struct nlreq *q, uint8_t family, const uint8_t *net,
			   uint8_t prefix);

#endif
