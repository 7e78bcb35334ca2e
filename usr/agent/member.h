/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of members as the chain has them, by index, removed ones included,
 * and the difference between two such lists. Pure; it asks nobody.
 */
#ifndef AGENT_MEMBER_H
#define AGENT_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MEMBERS_MAX = 65536,       /* the contract's bound */
	MEMBER_VIEW_WORDS = 12,
	MEMBER_PAGE = 200,         /* asked per eth_call */
};

struct member {
	uint8_t id[32];
	uint8_t contract[20];
	uint32_t index;
	uint8_t attestor_id[32];
	uint8_t x_pub[32];
	uint8_t wg_pub[32];        /* zero: taken back by another's registration */
	uint8_t ed25519_pub[32];   /* zero: not published yet */
	uint32_t mesh_ip;          /* host order */
	uint8_t mesh_ip6[16];
	uint64_t registered_at;    /* s */
	uint64_t removed_at;       /* s; 0 = member */
	uint64_t registered_block;
};

struct members {
	struct member *at;         /* at[i].index == i */
	size_t count;
};

static inline bool member_live(const struct member *m)
{
	return m->removed_at == 0;
}

void members_init(struct members *m);
void members_free(struct members *m);
/* Appends one; its index must be count. 0, -EBADMSG, -E2BIG, -ENOMEM. */
int members_add(struct members *m, const struct member *one);
int members_copy(struct members *to, const struct members *from);
/* NULL if unknown. Removed ones are found too. */
const struct member *members_by_id(const struct members *m, const uint8_t id[32]);
const struct member *members_by_contract(const struct members *m, const uint8_t contract[20]);
const struct member *members_by_ip(const struct members *m, uint32_t mesh_ip);
/* How many are not removed. */
size_t members_live(const struct members *m);

enum member_change {
	MEMBER_JOINED = 1,       /* new or readmitted */
	MEMBER_REMOVED = 2,
	MEMBER_X_KEY = 4,
	MEMBER_WG_KEY = 8,
	MEMBER_ED_KEY = 16,
};

typedef void (*member_change_fn)(const struct member *now, unsigned int changes, void *arg);
/* Calls fn for every member that differs, in index order. before may be NULL. */
void members_diff(const struct members *before, const struct members *now,
		  member_change_fn fn, void *arg);

/* One MemberView of `words` (12 words). 0 or -EBADMSG. */
struct abi_dec;
int member_decode(struct member *out, const struct abi_dec *page, size_t element);

/* keccak256(abi.encode(cluster, contract, attestorId)). */
void member_id_of(uint8_t out[32], const uint8_t cluster[20], const uint8_t contract[20],
		  const uint8_t attestor_id[32]);

#endif
