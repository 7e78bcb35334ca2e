// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening, closing and sending on the sockets of a mesh.
 */
#include "sock.h"

#include <linux/net.h>
#include <linux/socket.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "beat_rx.h"
#include "kcompat.h"
#include "main.h"
#include "net.h"

/* An ICMP error came back for a beat: a peer or a router says no. It is
 * counted, and the next beat tries again.
 */
static void on_icmp_error(AMESH_ENCAP_ERR_ARGS)
{
	struct amesh_mesh *mesh = rcu_dereference_sk_user_data(sk);

	if (mesh)
		amesh_count(mesh, AMESH_COUNT_TX_ICMP);
}

static int open_one(struct amesh_mesh *mesh, struct udp_port_cfg *cfg,
		    struct socket **sock)
{
	struct udp_tunnel_sock_cfg tunnel = {
		.sk_user_data = mesh,
		.encap_type = 1,
		.encap_rcv = amesh_beat_rcv,
		.encap_err_rcv = on_icmp_error,
	};
	struct net *net = mesh->an->net;
	int ret;

	cfg->local_udp_port = htons(mesh->cfg.port);
	cfg->bind_ifindex = mesh->ifindex;
	cfg->use_udp_checksums = true;
	cfg->use_udp6_tx_checksums = true;
	cfg->use_udp6_rx_checksums = true;
	cfg->ipv6_v6only = true;
	ret = udp_sock_create(net, cfg, sock);
	if (ret)
		return ret;
	amesh_alive_inc(AMESH_ALIVE_SOCKETS);
	amesh_tunnel_setup(net, *sock, &tunnel);
	return 0;
}

static void close_one(struct socket **sock)
{
	if (!*sock)
		return;
	amesh_tunnel_release(*sock);
	*sock = NULL;
	amesh_alive_dec(AMESH_ALIVE_SOCKETS);
}

void amesh_sock_close(struct amesh_mesh *mesh)
{
	close_one(&mesh->sock6);
	close_one(&mesh->sock4);
	synchronize_rcu();
}

int amesh_sock_open(struct amesh_mesh *mesh, struct netlink_ext_ack *extack)
{
	struct udp_port_cfg cfg4 = {
		.family = AF_INET,
		.local_ip.s_addr = mesh->cfg.addr4,
	};
	int ret;

	ret = open_one(mesh, &cfg4, &mesh->sock4);
	if (ret) {
		NL_SET_ERR_MSG(extack, "could not bind the IPv4 address and port");
		return ret;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (mesh->cfg.has_addr6) {
		struct udp_port_cfg cfg6 = {
			.family = AF_INET6,
			.local_ip6 = mesh->cfg.addr6,
		};

		ret = open_one(mesh, &cfg6, &mesh->sock6);
		if (ret) {
			NL_SET_ERR_MSG(extack, "could not bind the IPv6 address and port");
			amesh_sock_close(mesh);
			return ret;
		}
	}
#endif
	return 0;
}

int amesh_sock_send(struct amesh_mesh *mesh, __be32 addr4, u8 *wire,
		    u8 *trailer)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(mesh->cfg.port),
		.sin_addr.s_addr = addr4,
	};
	struct kvec part[2] = {
		{ .iov_base = wire, .iov_len = AMESH_BEAT_TRAILER },
		{ .iov_base = trailer, .iov_len = AMESH_BEAT_TRAILER_LEN },
	};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	int ret;

	ret = kernel_sendmsg(mesh->sock4, &msg, part, 2, AMESH_BEAT_LEN);
	return ret < 0 ? ret : 0;
}
