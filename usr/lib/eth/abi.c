// SPDX-License-Identifier: Apache-2.0
/* Contract ABI: one writer and one bounds-checked reader of words. */
#include "abi.h"

#include <string.h>

#include "bytes.h"
#include "keccak.h"

static size_t padded(size_t len)
{
	return (len + ABI_WORD_BYTES - 1) / ABI_WORD_BYTES * ABI_WORD_BYTES;
}

void abi_topic(uint8_t out[32], const char *signature)
{
	keccak256(out, signature, strlen(signature));
}

void abi_selector(uint8_t out[ABI_SELECTOR_BYTES], const char *signature)
{
	uint8_t hash[32];

	abi_topic(hash, signature);
	memcpy(out, hash, ABI_SELECTOR_BYTES);
}

/* ---- encoding ---- */

static void word_of_u64(uint8_t word[32], uint64_t v)
{
	memset(word, 0, 24);
	store_be64(word + 24, v);
}

void abi_begin(struct abi_enc *e, struct buf *out, size_t words)
{
	*e = (struct abi_enc){ .out = out, .start = out->len, .words = words };
	buf_init(&e->tail, out->cap);
}

void abi_put_word(struct abi_enc *e, const uint8_t word[32])
{
	buf_add(e->out, word, ABI_WORD_BYTES);
	e->put++;
}

void abi_put_u64(struct abi_enc *e, uint64_t v)
{
	uint8_t word[32];

	word_of_u64(word, v);
	abi_put_word(e, word);
}

void abi_put_address(struct abi_enc *e, const uint8_t address[20])
{
	uint8_t word[32] = { 0 };

	memcpy(word + 12, address, 20);
	abi_put_word(e, word);
}

static void put_offset(struct abi_enc *e)
{
	abi_put_u64(e, e->words * ABI_WORD_BYTES + e->tail.len);
}

void abi_put_bytes(struct abi_enc *e, const void *bytes, size_t len)
{
	static const uint8_t zeros[ABI_WORD_BYTES];
	uint8_t word[32];

	put_offset(e);
	word_of_u64(word, len);
	buf_add(&e->tail, word, sizeof(word));
	buf_add(&e->tail, bytes, len);
	buf_add(&e->tail, zeros, padded(len) - len);
}

void abi_put_string(struct abi_enc *e, const char *text)
{
	abi_put_bytes(e, text, strlen(text));
}

void abi_put_tuple(struct abi_enc *e, const struct buf *encoded)
{
	put_offset(e);
	if (encoded->failed)
		e->tail.failed = true;
	buf_add(&e->tail, encoded->data, encoded->len);
}

bool abi_end(struct abi_enc *e)
{
	bool ok = e->put == e->words && !e->tail.failed &&
		  buf_add(e->out, e->tail.data, e->tail.len);

	buf_free(&e->tail);
	if (!ok)
		e->out->failed = true;
	return ok && !e->out->failed;
}

/* ---- decoding ---- */

const uint8_t *abi_word(const struct abi_dec *d, size_t i)
{
	return i < d->len / ABI_WORD_BYTES ? d->data + i * ABI_WORD_BYTES : NULL;
}

bool abi_get_word(const struct abi_dec *d, size_t i, uint8_t out[32])
{
	const uint8_t *w = abi_word(d, i);

	if (w)
		memcpy(out, w, ABI_WORD_BYTES);
	return w != NULL;
}

bool abi_get_u64(const struct abi_dec *d, size_t i, uint64_t *out)
{
	const uint8_t *w = abi_word(d, i);

	if (!w || !bytes_are_zero(w, 24))
		return false;
	*out = load_be64(w + 24);
	return true;
}

bool abi_get_u32(const struct abi_dec *d, size_t i, uint32_t *out)
{
	uint64_t v;

	if (!abi_get_u64(d, i, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

bool abi_get_bool(const struct abi_dec *d, size_t i, bool *out)
{
	uint64_t v;

	if (!abi_get_u64(d, i, &v) || v > 1)
		return false;
	*out = v == 1;
	return true;
}

bool abi_get_address(const struct abi_dec *d, size_t i, uint8_t out[20])
{
	const uint8_t *w = abi_word(d, i);

	if (!w || !bytes_are_zero(w, 12))
		return false;
	memcpy(out, w + 12, 20);
	return true;
}

/* What follows the offset in word i: the length word's value, and the rest. */
static bool follow(const struct abi_dec *d, size_t i, uint64_t *count, struct abi_dec *rest)
{
	uint64_t offset;
	struct abi_dec at;

	if (!abi_get_u64(d, i, &offset) || offset > d->len)
		return false;
	at = (struct abi_dec){ d->data + offset, d->len - (size_t)offset };
	if (!abi_get_u64(&at, 0, count))
		return false;
	*rest = (struct abi_dec){ at.data + ABI_WORD_BYTES, at.len - ABI_WORD_BYTES };
	return true;
}

bool abi_get_bytes(const struct abi_dec *d, size_t i, const uint8_t **bytes, size_t *len)
{
	struct abi_dec rest;
	uint64_t count;

	if (!follow(d, i, &count, &rest) || count > rest.len)
		return false;
	*bytes = rest.data;
	*len = (size_t)count;
	return true;
}

bool abi_get_array(const struct abi_dec *d, size_t i, size_t words,
		   struct abi_dec *elements, size_t *count)
{
	struct abi_dec rest;
	uint64_t n;

	if (!follow(d, i, &n, &rest) || n > rest.len / (words * ABI_WORD_BYTES))
		return false;
	*elements = (struct abi_dec){ rest.data, (size_t)n * words * ABI_WORD_BYTES };
	*count = (size_t)n;
	return true;
}
