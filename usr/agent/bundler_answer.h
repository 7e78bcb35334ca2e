/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is taken from a paymaster's, a bundler's and an estimate's answer: the
 * few fields that are theirs to say, each within a bound. Pure; internal to
 * the bundler's files and their tests.
 */
#ifndef AGENT_BUNDLER_ANSWER_H
#define AGENT_BUNDLER_ANSWER_H

#include <jansson.h>
#include <stdint.h>

#include "userop.h"

enum {
	ANSWER_VERIFICATION_GAS_MAX = 3000000,
	ANSWER_CALL_GAS_MAX = 10000000,
	ANSWER_PRE_VERIFICATION_GAS_MAX = 10000000, /* holds the L1 fee on rollups */
	ANSWER_PAYMASTER_GAS_MAX = 1000000,         /* each of its two limits */
};

/* 500 gwei: what the node will pay per gas at the very most by default. */
#define ANSWER_MAX_FEE_WEI 500000000000ULL

/* Each returns NULL and has changed op, or says why not and op is untouched. */
const char *answer_paymaster(struct userop *op, const json_t *answer, uint64_t max_fee_wei);
const char *answer_estimate(struct userop *op, const json_t *answer);
/* {slow, standard, fast} of pimlico_getUserOperationGasPrice. */
const char *answer_fees(struct userop *op, const json_t *answer, bool fast,
			uint64_t max_fee_wei);
/* A plain eth_gasPrice, doubled. */
const char *answer_gas_price(struct userop *op, const json_t *answer, uint64_t max_fee_wei);

struct receipt {
	bool success;
	uint8_t tx_hash[32];
	uint8_t revert[4];     /* selector; zero if not told */
};
/* False if it is not a receipt of this operation. */
bool answer_receipt(struct receipt *out, const json_t *answer, const uint8_t op_hash[32]);

#endif
