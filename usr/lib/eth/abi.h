/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract ABI encoding and decoding. Encoding appends words to a buffer whose
 * failure is sticky; decoding checks every offset and length against what is
 * there and every narrow type against its range.
 */
#ifndef ETH_ABI_H
#define ETH_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { ABI_WORD_BYTES = 32, ABI_SELECTOR_BYTES = 4, ABI_HEAD_MAX_WORDS = 16 };

/* First four bytes of keccak256 of "name(type,…)". */
void abi_selector(uint8_t out[ABI_SELECTOR_BYTES], const char *signature);
/* keccak256 of "Name(type,…)". */
void abi_topic(uint8_t out[32], const char *signature);

/*
 * Encoder of one tuple: `words` head words are laid out first, dynamic
 * contents behind them. Exactly that many abi_put_*() follow, then
 * abi_end(); whatever failed shows in abi_end()'s result.
 */
struct abi_enc {
	struct buf *out;
	struct buf tail;
	size_t start;      /* where the tuple begins in out */
	size_t words, put;
};

void abi_begin(struct abi_enc *e, struct buf *out, size_t words);
void abi_put_u64(struct abi_enc *e, uint64_t v);
void abi_put_address(struct abi_enc *e, const uint8_t address[20]);
void abi_put_word(struct abi_enc *e, const uint8_t word[32]);
void abi_put_bytes(struct abi_enc *e, const void *bytes, size_t len);
void abi_put_string(struct abi_enc *e, const char *text);
/* A dynamic tuple, already encoded by an encoder of its own. */
void abi_put_tuple(struct abi_enc *e, const struct buf *encoded);
/* False if memory or the buffer's cap ran out, or the count is wrong. */
bool abi_end(struct abi_enc *e);

/* A region of encoded words; offsets inside are relative to its start. */
struct abi_dec {
	const uint8_t *data;
	size_t len;
};

/* Word at index i, or NULL past the end. */
const uint8_t *abi_word(const struct abi_dec *d, size_t i);
bool abi_get_word(const struct abi_dec *d, size_t i, uint8_t out[32]);
bool abi_get_u64(const struct abi_dec *d, size_t i, uint64_t *out);
bool abi_get_u32(const struct abi_dec *d, size_t i, uint32_t *out);
bool abi_get_bool(const struct abi_dec *d, size_t i, bool *out);
bool abi_get_address(const struct abi_dec *d, size_t i, uint8_t out[20]);
/* bytes or string whose offset is in word i; points into the region. */
bool abi_get_bytes(const struct abi_dec *d, size_t i, const uint8_t **bytes, size_t *len);
/* Array of static tuples of `words` words each whose offset is in word i;
 * elements are words of *elements from index k * words. */
bool abi_get_array(const struct abi_dec *d, size_t i, size_t words,
		   struct abi_dec *elements, size_t *count);

#endif
