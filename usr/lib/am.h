/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of libattestmesh share: the handle, and how a request of the
 * family is begun and run.
 */
#ifndef LIB_AM_H
#define LIB_AM_H

#include "attestmesh.h"
#include "nlreq.h"

struct am {
	struct nlreq *q;
	struct nlreq_family family;
};

/* An empty request of the family; NULL when memory is short. */
struct nl_msg *am_request(struct am *am, uint8_t command, uint16_t flags);
/* Runs it. A family that went and came back under another number is found
 * again by the next am_open(), not here: -ENOENT. */
int am_run(struct am *am, struct nl_msg *m, nlreq_fn fn, void *arg);

#endif
