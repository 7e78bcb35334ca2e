/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this module builds for (6.1 and later), in
 * one place. Signatures are told apart by type where that can be done, for
 * distributions move changes between versions; by version where it cannot.
 */
#ifndef _AMESH_KCOMPAT_H
#define _AMESH_KCOMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/udp_tunnel.h>

/* 7.x: these take the struct sock, before they took the struct socket. */
#define AMESH_TUNNEL_TAKES_SOCK \
	__builtin_types_compatible_p(typeof(&udp_tunnel_sock_release), \
				     void (*)(struct sock *))
#define amesh_tunnel_arg(sock) \
	(AMESH_TUNNEL_TAKES_SOCK ? (void *)(sock)->sk : (void *)(sock))

static inline void amesh_tunnel_setup(struct net *net, struct socket *sock,
				      struct udp_tunnel_sock_cfg *cfg)
{
	setup_udp_tunnel_sock(net, amesh_tunnel_arg(sock), cfg);
}

/* In 6.1 it waits for RCU readers, in 7.x it does not: callers do. */
static inline void amesh_tunnel_release(struct socket *sock)
{
	udp_tunnel_sock_release(amesh_tunnel_arg(sock));
}

/* 6.2: the hook gets the ICMP error taken apart. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define AMESH_ENCAP_ERR_ARGS \
	struct sock *sk, struct sk_buff *skb, int err, __be16 port, u32 info, \
	u8 *payload
#else
#define AMESH_ENCAP_ERR_ARGS \
	struct sock *sk, struct sk_buff *skb, unsigned int udp_offset
#endif

/* 6.13 brought hrtimer_setup(), 6.15 took hrtimer_init() away. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define amesh_hrtimer_setup(timer, fn, clock, mode) \
	hrtimer_setup(timer, fn, clock, mode)
#else
#define amesh_hrtimer_setup(timer, fn, clock, mode) \
	do { \
		hrtimer_init(timer, clock, mode); \
		(timer)->function = (fn); \
	} while (0)
#endif

/* 6.7: the attributes of a dump moved into a struct genl_info. */
static inline struct nlattr **amesh_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _AMESH_KCOMPAT_H */
