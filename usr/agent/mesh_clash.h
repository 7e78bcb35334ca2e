/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the cluster's network would swallow something this machine needs:
 * another interface's address, a gateway, a name server. It changes nothing.
 */
#ifndef AGENT_MESH_CLASH_H
#define AGENT_MESH_CLASH_H

#include "mesh.h"
#include "nlreq.h"

/* 0, or -EADDRINUSE with a sentence that names what lies inside, or another
 * negative errno. What belongs to `ifname` itself does not count. */
int mesh_clash(struct nlreq *route, const char *ifname, const struct mesh_net *net,
	       char error[MESH_ERROR_CHARS]);
/* The part without the kernel: name servers in the text of a resolv.conf. */
int mesh_clash_names(const char *resolv_conf, const struct mesh_net *net,
		     char error[MESH_ERROR_CHARS]);

#endif
