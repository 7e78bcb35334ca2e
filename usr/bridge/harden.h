/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bridge gives up: core dumps, capabilities, new privileges, every
 * system call it has no use for.
 */
#ifndef BRIDGE_HARDEN_H
#define BRIDGE_HARDEN_H

/* First thing: own session, no core dumps, open files as many as allowed. */
void harden_early(void);
/* Before any thread is started, because each has its own. 0 or a negative
 * errno, both. */
int harden_drop_privileges(void);
/* After the sockets are open, for all threads. */
int harden_filter(void);

#endif
