/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the netlink fuzzer share. Messages come from a seed alone,
 * so a run is made again by its seed, but for how its processes interleave.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { K_U8, K_U16, K_U32, K_U64, K_BINARY, K_STRING, K_FLAG, K_NEST, K_PAD };

/* From the spec, by table.py. @len: exact, or -1; @nest: a set, or -1. */
struct spec_attr {
	const char *name;
	int type;
	enum kind kind;
	uint64_t min, max;
	int len;
	int nest;
};

struct spec_set {
	const char *name;
	const struct spec_attr *attr;
	int count;
};

struct spec_op {
	const char *name;
	int cmd;
	int set;
	const int *request; /* types it takes, then -1 */
	const int *reply;
	bool dump;
	bool admin;
};

extern const struct spec_set spec_sets[];
extern const struct spec_op spec_ops[];
extern const int spec_op_count;

const struct spec_attr *spec_attr(int set, int type);

/* gen.c: messages */

struct rng { uint64_t s; };
uint64_t rng_u64(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t n);
bool rng_one_in(struct rng *rng, uint32_t n);

/* @invalid: the family must not accept it; @odd: not a plain request for one of
 * the family's commands, so nothing is said about the answer.
 */
struct msg {
	uint8_t buf[128 * 1024];
	size_t len;
	const struct spec_op *op;
	bool dump;
	bool invalid;
	bool odd;
	const char *why; /* it is invalid */
};

enum { SEED_MARK_LEN = 16, KEYS_MAX = 64 };
extern const uint8_t seed_mark[SEED_MARK_LEN]; /* every beat seed begins so */
extern uint8_t keys[KEYS_MAX][32];
extern int key_count;

void msg_make(struct msg *msg, struct rng *rng, uint16_t family, uint32_t seq);

/* check.c: answers */

enum { ERRNO_MAX = 134, OPS_MAX = 16 };

/* Shared by all processes of a run; counts are racy by a few. */
struct tally {
	uint64_t sent, accepted, refused, cut_short, interrupted, events, worlds;
	uint64_t ok[OPS_MAX][2]; /* op, do or dump */
	uint64_t errors[ERRNO_MAX];
	uint64_t wrong;
};
extern struct tally *tally;

struct conn {
	int fd;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
	bool cap_ack;
};

int conn_open(struct conn *conn, bool cap_ack, bool listen);
void conn_close(struct conn *conn);

/* Reads what has come back for @msg, at most @most datagrams; complains about
 * what may not be. @admin: the sender may change things.
 */
void answers(struct conn *conn, const struct msg *msg, bool admin, int most);
void wrong(const struct msg *msg, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* world.c: namespaces, interfaces and who lives there */

/* One namespace from its making to its end. Return: 0, or 1 if it could not be
 * made.
 */
int world_run(uint64_t seed, int messages);

#endif
