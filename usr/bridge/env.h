/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What links and legs need of the process around them. Filled once at start,
 * read-only afterwards.
 */
#ifndef BRIDGE_ENV_H
#define BRIDGE_ENV_H

#include <stdint.h>

#include "loop.h"
#include "resolve.h"
#include "tls.h"

struct bridge_env {
	struct loop *loop;
	struct resolver *resolver;
	struct tls tls;
	uint16_t wg_port;    /* WireGuard's, on 127.0.0.1 */
	uint16_t tcp_port;   /* the listener's */
	int64_t cut_ms;      /* the gateway ends any connection at this age; 0 = never */
	int64_t idle_ms;     /* … and one with a direction silent so long; 0 = never */
};

/* Parts of the idle limit after which a silent direction gets an empty frame. */
enum { ENV_IDLE_PARTS = 3 };

#endif
