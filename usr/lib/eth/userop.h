/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ERC-4337 v0.7 user operations: packing, hash, the hash that a sponsor is
 * asked with, and the JSON form. It signs nothing and asks nobody.
 */
#ifndef ETH_USEROP_H
#define ETH_USEROP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { USEROP_SIGNATURE_BYTES = 65, USEROP_PAYMASTER_DATA_MAX_BYTES = 1024 };

struct userop {
	uint8_t sender[20];
	uint8_t nonce[32];
	const uint8_t *init_code;   /* factory || factoryData; NULL: none */
	size_t init_code_len;
	const uint8_t *call_data;
	size_t call_data_len;
	uint64_t call_gas, verification_gas, pre_verification_gas;
	uint64_t max_fee, max_priority_fee;  /* wei per gas */
	bool sponsored;
	uint8_t paymaster[20];
	uint64_t paymaster_verification_gas, paymaster_post_gas;
	uint8_t paymaster_data[USEROP_PAYMASTER_DATA_MAX_BYTES];
	size_t paymaster_data_len;
	uint8_t signature[USEROP_SIGNATURE_BYTES];
};

/* EntryPoint v0.7's address, the same on every chain. */
extern const uint8_t userop_entry_point[20];
/* A signature that recovers to somebody, of the right length. */
extern const uint8_t userop_dummy_signature[USEROP_SIGNATURE_BYTES];

/* userOpHash as EntryPoint.getUserOpHash computes it. False: memory. */
bool userop_hash(const struct userop *op, const uint8_t entry_point[20],
		 uint64_t chain_id, uint8_t out[32]);
/* keccak256(abi.encode("attestmesh.sponsor.v1", chainId, sender, nonce,
 * keccak256(callData), accountGasLimits, preVerificationGas, gasFees)). */
bool userop_sponsor_hash(const struct userop *op, uint64_t chain_id, uint8_t out[32]);
/* execute(to, 0, call). False: memory or the buffer's cap. */
bool userop_execute(struct buf *out, const uint8_t to[20], const void *call, size_t len);
/* The JSON object of bundlers; NULL: memory. */
json_t *userop_json(const struct userop *op, bool with_signature);

#endif
