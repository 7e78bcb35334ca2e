/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over netlink, one at a time: send, collect answers, take the
 * kernel's word (errno and extended-acknowledgement message). Internal to the
 * libraries. Messages are built and taken apart with libnl; sending and
 * receiving is done here, because requests and answers may hold secrets and
 * what held them is wiped.
 */
#ifndef LIB_NLREQ_H
#define LIB_NLREQ_H

#include <stddef.h>
#include <stdint.h>
#include <netlink/msg.h>

enum {
	NLREQ_BUFFER_BYTES = 64 * 1024,  /* above any answer of a kernel */
	NLREQ_TEXT_CHARS = 256,
	NLREQ_GROUPS_MAX = 8,
	NLREQ_WAIT_MS = 5000,            /* the kernel answers at once or is broken */
};

struct nlreq;

/* An answer: its header, payload behind it. 0 goes on; else ends with it. */
typedef int (*nlreq_fn)(struct nlmsghdr *answer, void *arg);

/* protocol: NETLINK_ROUTE, NETLINK_GENERIC. 0 or a negative errno. */
int nlreq_open(struct nlreq **out, int protocol);
void nlreq_close(struct nlreq *q);
int nlreq_fd(const struct nlreq *q);
/* What the last failure was, the kernel's own words where it gave them. */
const char *nlreq_error(const struct nlreq *q);

/* An empty request; the caller adds headers and attributes. flags besides
 * NLM_F_REQUEST. NULL when memory is short. */
struct nl_msg *nlreq_message(uint16_t type, uint16_t flags);
/* The same with a generic netlink header. */
struct nl_msg *nlreq_genl(uint16_t family, uint8_t version, uint8_t command, uint16_t flags);

/*
 * Sends message, wipes and frees it, hands each answer to fn (NULL: there are
 * none to be had) until the acknowledgement or the end of the dump. 0, the
 * kernel's negative errno, fn's value, -EINTR for an inconsistent dump,
 * -ETIMEDOUT. message may be NULL (no memory): -ENOMEM.
 */
int nlreq_run(struct nlreq *q, struct nl_msg *message, nlreq_fn fn, void *arg);

struct nlreq_family {
	uint16_t id;
	uint8_t version;
	size_t groups;
	struct { uint32_t id; char name[16]; } group[NLREQ_GROUPS_MAX];
};

/* Looks a generic netlink family up by name. -ENOENT: it is not there. */
int nlreq_family(struct nlreq *q, const char *name, struct nlreq_family *out);

#endif
