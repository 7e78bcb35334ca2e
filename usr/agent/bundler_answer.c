// SPDX-License-Identifier: Apache-2.0
/* Reading of answers that come from those who pay and those who carry. */
#include "bundler_answer.h"

#include <string.h>

#include "bytes.h"
#include "jsonrpc.h"

/* A field that is present and is not what we asked about. */
static bool differs_bytes(const json_t *answer, const char *key, const void *ours, size_t len)
{
	json_t *v = json_object_get(answer, key), *mine;
	bool differs;

	if (!v)
		return false;
	mine = rpc_bytes(ours, len);
	differs = !mine || !json_is_string(v) ||
		  strcasecmp(json_string_value(v), json_string_value(mine));
	json_decref(mine);
	return differs;
}

static bool differs_nonce(const json_t *answer, const uint8_t nonce[32])
{
	const json_t *v = json_object_get(answer, "nonce");
	uint8_t theirs[32];

	return v && (!rpc_get_u256(v, theirs) || memcmp(theirs, nonce, 32));
}

static bool above(const json_t *answer, const char *key, uint64_t bound)
{
	const json_t *v = json_object_get(answer, key);
	uint64_t theirs;

	return v && (!rpc_get_u64(v, &theirs) || theirs > bound);
}

/* It may repeat the operation, but a different one is an attempt at ours. */
static const char *tampering(const struct userop *op, const json_t *answer, uint64_t max_fee_wei)
{
	if (differs_bytes(answer, "callData", op->call_data, op->call_data_len))
		return "the paymaster answered another callData";
	if (differs_bytes(answer, "sender", op->sender, 20))
		return "the paymaster answered another sender";
	if (differs_nonce(answer, op->nonce))
		return "the paymaster answered another nonce";
	if (above(answer, "maxFeePerGas", max_fee_wei) ||
	    above(answer, "maxPriorityFeePerGas", max_fee_wei))
		return "the paymaster answered fees beyond the bound";
	return NULL;
}

static bool take_limit(const json_t *answer, const char *key, uint64_t *limit, uint64_t bound)
{
	const json_t *v = json_object_get(answer, key);
	uint64_t theirs;

	if (!v)
		return true; /* keeps what an earlier answer gave */
	if (!rpc_get_u64(v, &theirs) || theirs > bound)
		return false;
	*limit = theirs;
	return true;
}

static bool take_data(struct userop *op, const json_t *answer)
{
	const json_t *v = json_object_get(answer, "paymasterData");
	size_t len = json_string_length(v) / 2;

	if (!json_is_string(v) || len < 1 || len - 1 > sizeof(op->paymaster_data) ||
	    !rpc_get_bytes(v, op->paymaster_data, len - 1))
		return false;
	op->paymaster_data_len = len - 1;
	return true;
}

const char *answer_paymaster(struct userop *op, const json_t *answer, uint64_t max_fee_wei)
{
	struct userop next = *op;
	const char *why = tampering(op, answer, max_fee_wei);

	if (why)
		return why;
	if (!rpc_get_bytes(json_object_get(answer, "paymaster"), next.paymaster, 20) ||
	    bytes_are_zero(next.paymaster, 20))
		return "the paymaster's answer names no paymaster";
	if (!take_data(&next, answer))
		return "the paymaster's data is missing, malformed or too long";
	if (!take_limit(answer, "paymasterVerificationGasLimit",
			&next.paymaster_verification_gas, ANSWER_PAYMASTER_GAS_MAX) ||
	    !take_limit(answer, "paymasterPostOpGasLimit", &next.paymaster_post_gas,
			ANSWER_PAYMASTER_GAS_MAX))
		return "the paymaster's gas limits are beyond the bound";
	next.sponsored = true;
	*op = next;
	return NULL;
}

const char *answer_estimate(struct userop *op, const json_t *answer)
{
	struct userop next = *op;

	next.pre_verification_gas = next.verification_gas = next.call_gas = 0;
	if (!take_limit(answer, "preVerificationGas", &next.pre_verification_gas,
			ANSWER_PRE_VERIFICATION_GAS_MAX) ||
	    !take_limit(answer, "verificationGasLimit", &next.verification_gas,
			ANSWER_VERIFICATION_GAS_MAX) ||
	    !take_limit(answer, "callGasLimit", &next.call_gas, ANSWER_CALL_GAS_MAX))
		return "the estimate is beyond the bound";
	if (!next.pre_verification_gas || !next.verification_gas || !next.call_gas)
		return "the estimate lacks a gas field";
	/* The sponsor's own limits stand: its signature will cover them. */
	if (op->sponsored && !op->paymaster_verification_gas &&
	    !take_limit(answer, "paymasterVerificationGasLimit",
			&next.paymaster_verification_gas, ANSWER_PAYMASTER_GAS_MAX))
		return "the estimate is beyond the bound";
	*op = next;
	return NULL;
}

static const char *set_fees(struct userop *op, uint64_t max_fee, uint64_t priority,
			    uint64_t max_fee_wei)
{
	if (!max_fee)
		return "the fee is zero";
	if (max_fee > max_fee_wei || priority > max_fee)
		return "the fee is beyond the bound";
	op->max_fee = max_fee;
	op->max_priority_fee = priority;
	return NULL;
}

const char *answer_fees(struct userop *op, const json_t *answer, bool fast,
			uint64_t max_fee_wei)
{
	const json_t *level = json_object_get(answer, fast ? "fast" : "standard");
	uint64_t max_fee, priority;

	if (!rpc_get_u64(json_object_get(level, "maxFeePerGas"), &max_fee) ||
	    !rpc_get_u64(json_object_get(level, "maxPriorityFeePerGas"), &priority))
		return "the bundler's gas price is malformed";
	return set_fees(op, max_fee, priority, max_fee_wei);
}

const char *answer_gas_price(struct userop *op, const json_t *answer, uint64_t max_fee_wei)
{
	uint64_t price;

	if (!rpc_get_u64(answer, &price) || price > UINT64_MAX / 2)
		return "the gas price is malformed";
	return set_fees(op, 2 * price, price / 10, max_fee_wei);
}

/* The first four bytes of revert data in hex, if there are any. */
static void take_revert(uint8_t out[4], const json_t *reason)
{
	const char *hex = json_string_value(reason);
	char first[11] = "";

	if (hex && strlen(hex) >= 10)
		memcpy(first, hex, 10);
	if (!hex_decode(out, 4, first))
		memset(out, 0, 4);
}

bool answer_receipt(struct receipt *out, const json_t *answer, const uint8_t op_hash[32])
{
	const json_t *success = json_object_get(answer, "success");
	uint8_t hash[32];

	*out = (struct receipt){ .success = json_is_true(success) };
	if (!json_is_boolean(success) ||
	    !rpc_get_bytes(json_object_get(answer, "userOpHash"), hash, 32) ||
	    memcmp(hash, op_hash, 32))
		return false;
	take_revert(out->revert, json_object_get(answer, "reason"));
	return rpc_get_bytes(json_object_get(json_object_get(answer, "receipt"),
					     "transactionHash"), out->tx_hash, 32);
}
