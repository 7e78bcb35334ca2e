/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UDP sockets of a mesh: bound to its own address, port and interface,
 * receiving through the encapsulation hook, so that nothing is ever queued on
 * them. What is received is judged in beat_rx.c.
 */
#ifndef _AMESH_SOCK_H
#define _AMESH_SOCK_H

#include "mesh.h"

/**
 * amesh_sock_open - open the sockets of a mesh that nobody knows yet
 * @mesh: its cfg, ifindex and namespace are set
 * @extack: told which one failed
 *
 * Return: 0; -EADDRINUSE; what the network stack returned. On failure none is
 * left open.
 */
int amesh_sock_open(struct amesh_mesh *mesh, struct netlink_ext_ack *extack);

/* Closes them and waits until the receive path is out. Sleeps. */
void amesh_sock_close(struct amesh_mesh *mesh);

/**
 * amesh_sock_send - send one datagram without waiting
 * @mesh: open
 * @addr4: to this peer
 * @wire: signed part and signature
 * @trailer: the recipient's
 *
 * Return: 0 or what the stack returned, -EAGAIN if a buffer is full.
 */
int amesh_sock_send(struct amesh_mesh *mesh, __be32 addr4, u8 *wire,
		    u8 *trailer);

#endif /* _AMESH_SOCK_H */
