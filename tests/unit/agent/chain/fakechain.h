/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small chain behind fakerpc.h: blocks with hashes that depend on a branch
 * number, logs in them, members, and the switches with which a test makes the
 * endpoint refuse, lag or lie.
 */
#ifndef TEST_FAKECHAIN_H
#define TEST_FAKECHAIN_H

#include "abi.h"
#include "bytes.h"
#include "fakerpc.h"
#include "jsonrpc.h"
#include "keccak.h"
#include "member.h"

enum { FAKE_BLOCKS = 256, FAKE_LOGS = 256, FAKE_MEMBERS = 300 };

struct fake_log {
	uint64_t block, index;
	uint8_t topic[4][32];
	size_t topics;
	uint8_t data[512];
	size_t data_len;
};

struct fakechain {
	struct fakerpc rpc;
	uint64_t id, head, time_s;
	unsigned int branch[FAKE_BLOCKS];  /* part of the block's hash */
	struct fake_log log[FAKE_LOGS];
	size_t logs;
	struct member member[FAKE_MEMBERS];
	size_t members;
	uint8_t contract[20], cluster[20];
	bool deployed;
	uint32_t csk_generation;
	uint64_t window_max;       /* blocks an eth_getLogs may span; 0: any */
	bool one_sender_only;      /* refuses logs unless asked for one sender */
	bool foreign_log;          /* answers beside the filter */
	unsigned int log_questions, page_questions;
};

static inline void fake_hash(const struct fakechain *f, uint64_t n, uint8_t out[32])
{
	uint64_t seed[2] = { n, f->branch[n] };

	keccak256(out, seed, sizeof(seed));
}

/* A new block on the tip. */
static inline void fake_mine(struct fakechain *f)
{
	f->head++;
	f->time_s += 2;
}

/* Replaces every block from n on, without their logs. */
static inline void fake_reorg(struct fakechain *f, uint64_t n)
{
	size_t kept = 0;

	for (uint64_t i = n; i < FAKE_BLOCKS; i++)
		f->branch[i]++;
	for (size_t i = 0; i < f->logs; i++)
		if (f->log[i].block < n)
			f->log[kept++] = f->log[i];
	f->logs = kept;
}

static inline struct fake_log *fake_add_log(struct fakechain *f, const char *event)
{
	struct fake_log *l = &f->log[f->logs];

	memset(l, 0, sizeof(*l));
	l->block = f->head;
	l->index = f->logs++;
	l->topics = 1;
	abi_topic(l->topic[0], event);
	return l;
}

/* MessageSent in the newest block; text is the "ciphertext". */
static inline void fake_message(struct fakechain *f, size_t from, size_t to, const char *text)
{
	struct fake_log *l = fake_add_log(f, "MessageSent(bytes32,bytes32,bytes32,bytes)");

	l->topics = 4;
	memcpy(l->topic[1], f->member[from].id, 32);
	memcpy(l->topic[2], f->member[to].id, 32);
	l->topic[3][0] = (uint8_t)f->logs;
	l->data[31] = 32;
	l->data[63] = (uint8_t)strlen(text);
	memcpy(l->data + 64, text, strlen(text));
	l->data_len = 64 + (strlen(text) + 31) / 32 * 32;
}

static inline struct member *fake_join(struct fakechain *f)
{
	struct member *m = &f->member[f->members];

	memset(m, 0, sizeof(*m));
	m->index = (uint32_t)f->members;
	memset(m->id, 0x40, 32);
	store_be32(m->id, m->index + 1);
	memset(m->contract, 0x50, 20);
	store_be32(m->contract, m->index + 1);
	memset(m->wg_pub, (int)m->index, 32);
	m->registered_block = f->head;
	f->members++;
	fake_add_log(f, "MemberRegistered(bytes32,address,bytes32,bytes32,bytes32)");
	return m;
}

static inline json_t *fake_block(const struct fakechain *f, uint64_t n)
{
	uint8_t hash[32], parent[32];

	if (n > f->head)
		return json_null();
	fake_hash(f, n, hash);
	fake_hash(f, n ? n - 1 : 0, parent);
	return json_pack("{s:o, s:o, s:o, s:o}", "number", rpc_u64(n), "timestamp",
			 rpc_u64(f->time_s), "hash", rpc_bytes(hash, 32), "parentHash",
			 rpc_bytes(parent, 32));
}

static inline bool fake_topic_fits(const json_t *want, const struct fake_log *l, size_t i)
{
	uint8_t t[32];
	json_t *v;
	size_t k;

	if (!want || json_is_null(want))
		return true;
	if (i >= l->topics)
		return false;
	json_array_foreach(want, k, v)
		if (rpc_get_bytes(v, t, 32) && !memcmp(t, l->topic[i], 32))
			return true;
	return false;
}

static inline json_t *fake_log_json(const struct fakechain *f, const struct fake_log *l)
{
	uint8_t hash[32];
	json_t *topics = json_array();

	fake_hash(f, l->block, hash);
	for (size_t i = 0; i < l->topics; i++)
		json_array_append_new(topics, rpc_bytes(l->topic[i], 32));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "address",
			 rpc_bytes(f->cluster, 20), "topics", topics, "data",
			 rpc_bytes(l->data, l->data_len), "blockNumber", rpc_u64(l->block),
			 "blockHash", rpc_bytes(hash, 32), "transactionHash",
			 rpc_bytes(hash, 32), "logIndex", rpc_u64(l->index));
}

static inline json_t *fake_logs(struct fakechain *f, const json_t *filter, json_t **error)
{
	const json_t *topics = json_object_get(filter, "topics");
	json_t *out;
	uint64_t from, to;

	f->log_questions++;
	if (!rpc_get_u64(json_object_get(filter, "fromBlock"), &from) ||
	    !rpc_get_u64(json_object_get(filter, "toBlock"), &to))
		abort();
	if ((f->window_max && to - from + 1 > f->window_max) ||
	    (f->one_sender_only && json_array_size(json_array_get(topics, 1)) != 1)) {
		*error = json_pack("{s:i, s:s}", "code", -32602, "message",
				   "block range or response size limit");
		return NULL;
	}
	out = json_array();
	for (size_t i = 0; i < f->logs; i++) {
		const struct fake_log *l = &f->log[i];
		bool fits = l->block >= from && l->block <= to && l->block <= f->head;

		for (size_t t = 0; t < 4; t++)
			fits = fits && fake_topic_fits(json_array_get(topics, t), l, t);
		if (fits || f->foreign_log)
			json_array_append_new(out, fake_log_json(f, l));
	}
	return out;
}

static inline void fake_put_member(struct abi_enc *e, const struct member *m)
{
	uint8_t ip6[32] = { 0 };

	memcpy(ip6, m->mesh_ip6, 16);
	abi_put_word(e, m->id);
	abi_put_address(e, m->contract);
	abi_put_u64(e, m->index);
	abi_put_word(e, m->attestor_id);
	abi_put_word(e, m->x_pub);
	abi_put_word(e, m->wg_pub);
	abi_put_word(e, m->ed25519_pub);
	abi_put_u64(e, m->mesh_ip);
	abi_put_word(e, ip6);
	abi_put_u64(e, m->registered_at);
	abi_put_u64(e, m->removed_at);
	abi_put_u64(e, m->registered_block);
}

static inline json_t *fake_members(struct fakechain *f, const uint8_t *args)
{
	size_t from = load_be32(args + 28), max = load_be32(args + 60);
	size_t n = f->members - from < max ? f->members - from : max;
	struct abi_enc e;
	struct buf b;
	json_t *out;

	f->page_questions++;
	buf_init(&b, 1 << 20);
	abi_begin(&e, &b, 3 + n * MEMBER_VIEW_WORDS);
	abi_put_u64(&e, 64);
	abi_put_u64(&e, from + n < f->members ? from + n : 0);
	abi_put_u64(&e, n);
	for (size_t i = 0; i < n; i++)
		fake_put_member(&e, &f->member[from + i]);
	if (!abi_end(&e))
		abort();
	out = rpc_bytes(b.data, b.len);
	buf_free(&b);
	return out;
}

static inline bool fake_is(const uint8_t *call, const char *signature)
{
	uint8_t s[4];

	abi_selector(s, signature);
	return !memcmp(call, s, 4);
}

static inline json_t *fake_words(uint64_t a, uint64_t b, size_t n)
{
	uint8_t words[64] = { 0 };

	store_be64(words + 24, a);
	store_be64(words + 56, b);
	return rpc_bytes(words, n * 32);
}

static inline json_t *fake_call(struct fakechain *f, const json_t *tx)
{
	const char *data = json_string_value(json_object_get(tx, "data"));
	uint8_t call[512], word[32] = { 0 };
	size_t len;

	if (!data || !hex_decode_var(call, sizeof(call), &len, data))
		abort();
	if (fake_is(call, "cluster()")) {
		memcpy(word + 12, f->cluster, 20);
		return f->deployed ? rpc_bytes(word, 32) : rpc_bytes("", 0);
	}
	if (fake_is(call, "members(uint32,uint32)"))
		return fake_members(f, call + 4);
	if (fake_is(call, "meshCidr()"))
		return fake_words(0x0a0d0000, 16, 2);
	if (fake_is(call, "cskGeneration()") || fake_is(call, "cskRequestedGeneration()"))
		return fake_words(f->csk_generation, 0, 1);
	return fake_words(7, 0, 1);
}

static inline json_t *fake_serve(const char *method, const json_t *params, json_t **error,
				 void *arg)
{
	struct fakechain *f = arg;
	const json_t *first = json_array_get(params, 0);
	uint64_t n;

	if (!strcmp(method, "eth_chainId"))
		return rpc_u64(f->id);
	if (!strcmp(method, "eth_getBlockByNumber"))
		return fake_block(f, rpc_get_u64(first, &n) ? n : f->head);
	if (!strcmp(method, "eth_getLogs"))
		return fake_logs(f, first, error);
	if (!strcmp(method, "eth_call"))
		return fake_call(f, first);
	abort();
}

static inline void fake_start(struct fakechain *f, struct loop *loop)
{
	memset(f, 0, sizeof(*f));
	f->id = 31337;
	f->head = 10;
	f->time_s = (uint64_t)time(NULL);
	f->deployed = true;
	memset(f->contract, 0x50, 20);
	store_be32(f->contract, 1);
	memset(f->cluster, 0xcc, 20);
	fakerpc_start(&f->rpc, loop, fake_serve, f);
}

#endif
