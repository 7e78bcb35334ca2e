// SPDX-License-Identifier: Apache-2.0
/* ERC-4337 v0.7 packing, hashes and JSON. Writer and hashes stand together so
 * that the packed layout is in one place. */
#include "userop.h"

#include <string.h>

#include "abi.h"
#include "bytes.h"
#include "jsonrpc.h"
#include "keccak.h"

enum { USEROP_HASHED_MAX_BYTES = 4096, PAYMASTER_HEAD_BYTES = 52 };

const uint8_t userop_entry_point[20] = {
	0x00, 0x00, 0x00, 0x00, 0x71, 0x72, 0x7d, 0xe2, 0x2e, 0x5e,
	0x9d, 0x8b, 0xaf, 0x0e, 0xda, 0xc6, 0xf3, 0x7d, 0xa0, 0x32,
};

const uint8_t userop_dummy_signature[USEROP_SIGNATURE_BYTES] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7a, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
	0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
	0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0x1c,
};

/* uint128 high || uint128 low, as EntryPoint packs two limits in one word. */
static void pack_pair(uint8_t word[32], uint64_t high, uint64_t low)
{
	memset(word, 0, 32);
	store_be64(word + 8, high);
	store_be64(word + 24, low);
}

static size_t pack_paymaster(const struct userop *op, uint8_t *out)
{
	if (!op->sponsored)
		return 0;
	memcpy(out, op->paymaster, 20);
	pack_pair(out + 20, op->paymaster_verification_gas, op->paymaster_post_gas);
	memcpy(out + PAYMASTER_HEAD_BYTES, op->paymaster_data, op->paymaster_data_len);
	return PAYMASTER_HEAD_BYTES + op->paymaster_data_len;
}

static void put_pair(struct abi_enc *e, uint64_t high, uint64_t low)
{
	uint8_t word[32];

	pack_pair(word, high, low);
	abi_put_word(e, word);
}

static void put_hash(struct abi_enc *e, const void *bytes, size_t len)
{
	uint8_t hash[32];

	keccak256(hash, bytes, len);
	abi_put_word(e, hash);
}

static bool hash_and_free(struct buf *b, bool ok, uint8_t out[32])
{
	if (ok)
		keccak256(out, b->data, b->len);
	buf_free(b);
	return ok;
}

static bool inner_hash(const struct userop *op, uint8_t out[32])
{
	uint8_t paymaster[PAYMASTER_HEAD_BYTES + USEROP_PAYMASTER_DATA_MAX_BYTES];
	size_t paymaster_len = pack_paymaster(op, paymaster);
	struct abi_enc e;
	struct buf b;

	buf_init(&b, USEROP_HASHED_MAX_BYTES);
	abi_begin(&e, &b, 8);
	abi_put_address(&e, op->sender);
	abi_put_word(&e, op->nonce);
	put_hash(&e, op->init_code, op->init_code_len);
	put_hash(&e, op->call_data, op->call_data_len);
	put_pair(&e, op->verification_gas, op->call_gas);
	abi_put_u64(&e, op->pre_verification_gas);
	put_pair(&e, op->max_priority_fee, op->max_fee);
	put_hash(&e, paymaster, paymaster_len);
	return hash_and_free(&b, abi_end(&e), out);
}

bool userop_hash(const struct userop *op, const uint8_t entry_point[20],
		 uint64_t chain_id, uint8_t out[32])
{
	uint8_t inner[32];
	struct abi_enc e;
	struct buf b;

	if (!inner_hash(op, inner))
		return false;
	buf_init(&b, USEROP_HASHED_MAX_BYTES);
	abi_begin(&e, &b, 3);
	abi_put_word(&e, inner);
	abi_put_address(&e, entry_point);
	abi_put_u64(&e, chain_id);
	return hash_and_free(&b, abi_end(&e), out);
}

bool userop_sponsor_hash(const struct userop *op, uint64_t chain_id, uint8_t out[32])
{
	struct abi_enc e;
	struct buf b;

	buf_init(&b, USEROP_HASHED_MAX_BYTES);
	abi_begin(&e, &b, 8);
	abi_put_string(&e, "attestmesh.sponsor.v1");
	abi_put_u64(&e, chain_id);
	abi_put_address(&e, op->sender);
	abi_put_word(&e, op->nonce);
	put_hash(&e, op->call_data, op->call_data_len);
	put_pair(&e, op->verification_gas, op->call_gas);
	abi_put_u64(&e, op->pre_verification_gas);
	put_pair(&e, op->max_priority_fee, op->max_fee);
	return hash_and_free(&b, abi_end(&e), out);
}

bool userop_execute(struct buf *out, const uint8_t to[20], const void *call, size_t len)
{
	uint8_t selector[ABI_SELECTOR_BYTES];
	struct abi_enc e;

	abi_selector(selector, "execute(address,uint256,bytes)");
	buf_add(out, selector, sizeof(selector));
	abi_begin(&e, out, 3);
	abi_put_address(&e, to);
	abi_put_u64(&e, 0);
	abi_put_bytes(&e, call, len);
	return abi_end(&e);
}

static int set_paymaster(json_t *o, const struct userop *op)
{
	int bad = 0;

	bad |= json_object_set_new(o, "paymaster", rpc_bytes(op->paymaster, 20));
	bad |= json_object_set_new(o, "paymasterVerificationGasLimit",
				   rpc_u64(op->paymaster_verification_gas));
	bad |= json_object_set_new(o, "paymasterPostOpGasLimit", rpc_u64(op->paymaster_post_gas));
	bad |= json_object_set_new(o, "paymasterData",
				   rpc_bytes(op->paymaster_data, op->paymaster_data_len));
	return bad;
}

json_t *userop_json(const struct userop *op, bool with_signature)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= json_object_set_new(o, "sender", rpc_bytes(op->sender, 20));
	bad |= json_object_set_new(o, "nonce", rpc_u256(op->nonce));
	if (op->init_code_len >= 20) {
		bad |= json_object_set_new(o, "factory", rpc_bytes(op->init_code, 20));
		bad |= json_object_set_new(o, "factoryData",
					   rpc_bytes(op->init_code + 20, op->init_code_len - 20));
	}
	bad |= json_object_set_new(o, "callData", rpc_bytes(op->call_data, op->call_data_len));
	bad |= json_object_set_new(o, "callGasLimit", rpc_u64(op->call_gas));
	bad |= json_object_set_new(o, "verificationGasLimit", rpc_u64(op->verification_gas));
	bad |= json_object_set_new(o, "preVerificationGas", rpc_u64(op->pre_verification_gas));
	bad |= json_object_set_new(o, "maxFeePerGas", rpc_u64(op->max_fee));
	bad |= json_object_set_new(o, "maxPriorityFeePerGas", rpc_u64(op->max_priority_fee));
	if (op->sponsored)
		bad |= set_paymaster(o, op);
	if (with_signature)
		bad |= json_object_set_new(o, "signature",
					   rpc_bytes(op->signature, sizeof(op->signature)));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}
