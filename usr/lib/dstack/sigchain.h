/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack's KMS signature chain, v0 form: the app root signed the derived key
 * under a purpose, the KMS root signed the app root for an app_id. Pure; says
 * precisely which link fails and why, which the contract does not.
 */
#ifndef DSTACK_SIGCHAIN_H
#define DSTACK_SIGCHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGCHAIN_PURPOSE_MAX = 64 };

enum sigchain_error {
	SIGCHAIN_OK,
	SIGCHAIN_NO_LINK0,        /* empty: the agent gave no signature */
	SIGCHAIN_NO_LINK1,        /* empty: keys do not come from a KMS */
	SIGCHAIN_HIGH_S0,
	SIGCHAIN_HIGH_S1,
	SIGCHAIN_BAD_LINK0,       /* does not recover */
	SIGCHAIN_BAD_LINK1,
	SIGCHAIN_BAD_PUBKEY,      /* the derived public key is not a point */
	SIGCHAIN_WRONG_KMS_ROOT,  /* link 1 recovers, but not to the given root:
				     wrong app_id, other derived key or purpose,
				     or another KMS */
};

struct sigchain {
	const char *purpose;
	uint8_t derived[33];      /* compressed public key that link 0 names */
	uint8_t app_id[20];
	uint8_t link[2][65];
	bool has_link[2];
};

struct sigchain_roots {
	uint8_t app[33];          /* recovered from link 0 */
	uint8_t kms[33];          /* recovered from link 1 */
	uint8_t app_address[20];
	uint8_t kms_address[20];
};

/* Recovers both signers. Any tampering upstream of a link changes what it
 * recovers to, so the caller compares kms_address with what it trusts. */
enum sigchain_error sigchain_recover(const struct sigchain *c, struct sigchain_roots *out);
/* The same, and kms_address must be root. */
enum sigchain_error sigchain_check(const struct sigchain *c, const uint8_t root[20],
				   struct sigchain_roots *out);
/* A sentence that names the link and the likely cause. */
const char *sigchain_text(enum sigchain_error e);

#endif
