/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw generic netlink for the kernel's tests: a socket, a message being
 * written, answers printed. It knows the attributes by name and nothing of
 * what they mean.
 */
#ifndef AMCTL_H
#define AMCTL_H

#include <stdint.h>
#include <stddef.h>

struct nl_conn {
	int fd;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
};

struct nl_out {
	uint8_t buf[128 * 1024];
	size_t len;
};

int nl_open(struct nl_conn *conn);
int nl_join(struct nl_conn *conn);

/* The number of a command by its name, or -1. */
int nl_command(const char *name);
void nl_out_begin(struct nl_out *out, struct nl_conn *conn, int cmd, int dump);

/*
 * Adds name=value. Values: numbers, hex bytes, dotted addresses, nothing for a
 * flag; peer=ID,INDEX,ADDR4,ADDR6,KEY (parts may be empty); raw=TYPE:HEX puts
 * any attribute. Returns 0 or -1.
 */
int nl_out_arg(struct nl_out *out, int cmd, const char *arg);

/* Sends, prints the answers; 0, or 1 after printing the error. */
int nl_exchange(struct nl_conn *conn, struct nl_out *out);

/* Prints what has arrived; the number of messages, or -1 on overflow. */
int nl_print_pending(struct nl_conn *conn);

#endif
