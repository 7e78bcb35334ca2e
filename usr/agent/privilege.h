/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this process may do what an agent must: configure the network of its
 * namespace. Asked before the kernel refuses something, so that the lack is
 * named while module and chain are still away.
 */
#ifndef AGENT_PRIVILEGE_H
#define AGENT_PRIVILEGE_H

/* What is missing and what to do about it, or NULL. */
const char *privilege_waiting(void);

#endif
