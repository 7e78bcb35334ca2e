/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink attributes as values: an absent or short one reads as zero, a longer
 * one is cut. Internal to the libraries; what must be present is checked where
 * it is needed.
 */
#ifndef LIB_ATTR_H
#define LIB_ATTR_H

#include <netlink/attr.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Copies up to size bytes; false if the attribute is absent or shorter. */
static inline bool attr_bytes(const struct nlattr *a, void *out, size_t size)
{
	if (!a || nla_len(a) < (int)size)
		return false;
	memcpy(out, nla_data(a), size);
	return true;
}

static inline uint8_t attr_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	attr_bytes(a, &v, sizeof(v));
	return v;
}

static inline uint16_t attr_u16(const struct nlattr *a)
{
	uint16_t v = 0;

	attr_bytes(a, &v, sizeof(v));
	return v;
}

static inline uint32_t attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	attr_bytes(a, &v, sizeof(v));
	return v;
}

static inline uint64_t attr_u64(const struct nlattr *a)
{
	uint64_t v = 0;

	attr_bytes(a, &v, sizeof(v));
	return v;
}

static inline void attr_text(const struct nlattr *a, char *out, size_t size)
{
	size_t len = a ? (size_t)nla_len(a) : 0;

	if (len >= size)
		len = size - 1;
	if (len)
		memcpy(out, nla_data(a), len);
	out[len] = '\0';
}

#endif
