/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes: big-endian loads and stores, hexadecimal in both directions. It owns
 * no memory and knows no protocol.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)load_be16(p) << 16 | load_be16(p + 2);
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

/* Characters that len bytes take in hexadecimal, terminator included. */
#define HEX_SIZE(len) (2 * (len) + 1)

/* Writes 2 * len lowercase digits and a terminator to out; returns out. */
char *hex_encode(char *out, const void *bytes, size_t len);

/*
 * Reads exactly len bytes from a string of exactly 2 * len digits of either
 * case, with or without a leading 0x. False, with out untouched in meaning,
 * for any other length or character. Not for secrets: not constant-time.
 */
bool hex_decode(void *out, size_t len, const char *text);

/*
 * Like hex_decode for any length up to cap; the number of bytes goes to
 * *len. False for an odd number of digits, a foreign character or too many.
 */
bool hex_decode_var(void *out, size_t cap, size_t *len, const char *text);

/* True if all len bytes are zero. */
bool bytes_are_zero(const void *bytes, size_t len);

#endif
