/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files may use: integer types, memory functions, byte order,
 * bit counting and SHA-256, from the kernel or from the C library. A pure
 * file includes this and other pure headers, reads no clock, allocates
 * nothing and takes no lock, so the same source runs in the module, in the
 * unit tests and in the simulator. It owns no rule of its own.
 */
#ifndef _AMESH_PURE_H
#define _AMESH_PURE_H

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>
#include <crypto/sha2.h>

static inline void amesh_sha256(const u8 *data, u32 len, u8 out[32])
{
	sha256(data, len, out);
}

static inline u32 amesh_popcount64(u64 v)
{
	return (u32)hweight64(v);
}

static inline u32 amesh_ctz64(u64 v)
{
	return (u32)__ffs64(v);
}

static inline u64 amesh_div_u64(u64 v, u32 by)
{
	return div_u64(v, by);
}

#else /* userspace: unit tests and simulator */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX

/* The program that links the pure files brings one. */
void amesh_sha256(const u8 *data, u32 len, u8 out[32]);

static inline u32 amesh_popcount64(u64 v)
{
	return (u32)__builtin_popcountll(v);
}

static inline u32 amesh_ctz64(u64 v)
{
	return (u32)__builtin_ctzll(v);
}

static inline u64 amesh_div_u64(u64 v, u32 by)
{
	return v / by;
}

#endif /* __KERNEL__ */

/* Byte-wise, so neither alignment nor the machine's byte order matters; the
 * compiler makes one load and at most one swap of each.
 */
static inline u16 amesh_get_be16(const u8 *p)
{
	return (u16)((u16)p[0] << 8 | p[1]);
}

static inline u32 amesh_get_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static inline u64 amesh_get_be64(const u8 *p)
{
	return (u64)amesh_get_be32(p) << 32 | amesh_get_be32(p + 4);
}

static inline u64 amesh_get_le64(const u8 *p)
{
	return (u64)p[7] << 56 | (u64)p[6] << 48 | (u64)p[5] << 40 |
	       (u64)p[4] << 32 | (u64)p[3] << 24 | (u64)p[2] << 16 |
	       (u64)p[1] << 8 | p[0];
}

static inline void amesh_put_be16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static inline void amesh_put_be32(u8 *p, u32 v)
{
	amesh_put_be16(p, (u16)(v >> 16));
	amesh_put_be16(p + 2, (u16)v);
}

static inline void amesh_put_be64(u8 *p, u64 v)
{
	amesh_put_be32(p, (u32)(v >> 32));
	amesh_put_be32(p + 4, (u32)v);
}

static inline void amesh_put_le64(u8 *p, u64 v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (u8)(v >> (8 * i));
}

static inline u64 amesh_min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 amesh_max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline u64 amesh_add_sat_u64(u64 a, u64 b)
{
	return a > U64_MAX - b ? U64_MAX : a + b;
}

#endif /* _AMESH_PURE_H */
