/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the cluster's and the member's functions as calldata, and the names
 * of contract errors. Encoders only; nothing is sent from here.
 */
#ifndef AGENT_CALLS_H
#define AGENT_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum { CALLS_SMALL_MAX_BYTES = 4 + 6 * 32 };

/* A call with static arguments only: cheap, on the stack. */
struct call {
	uint8_t data[CALLS_SMALL_MAX_BYTES];
	size_t len;
};

struct call call_none(const char *signature);                       /* f() */
struct call call_word(const char *signature, const uint8_t w[32]);  /* f(bytes32) */
struct call call_two_words(const char *signature, const uint8_t a[32], const uint8_t b[32]);
struct call call_address(const char *signature, const uint8_t a[20]);
struct call call_u64(const char *signature, uint64_t v);            /* f(uintN) */
struct call call_two_u64(const char *signature, uint64_t a, uint64_t b);
struct call call_u64_word(const char *signature, uint64_t a, const uint8_t w[32]);
/* EntryPoint.getNonce(address,uint192). */
struct call call_get_nonce(const uint8_t sender[20], const uint8_t key[24]);
/* send(bytes32,bytes32,bytes). False: memory or cap of out. */
bool call_send(struct buf *out, const uint8_t recipient[32], const uint8_t envelope_id[32],
	       const void *ciphertext, size_t len);
/* setCskCommitment(bytes32) for generation 1, commitCsk(uint32,bytes32) above. */
struct call call_commit_csk(uint32_t generation, const uint8_t commitment[32]);

/* Name of a known contract error by its selector, or NULL. */
const char *error_name(const uint8_t selector[4]);

/* What a refusal means for the node. */
enum refusal {
	REFUSAL_RETRY,    /* unknown or passing: try again, backing off */
	REFUSAL_WAIT,     /* somebody must act: retry slowly and show it */
	REFUSAL_STOP,     /* never */
	REFUSAL_DONE,     /* already so */
};
enum refusal error_class(const char *name);

#endif
