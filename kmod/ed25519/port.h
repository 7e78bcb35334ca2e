/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few words the arithmetic needs from its surroundings, in the kernel and
 * in userspace alike: types, little- and big-endian access, wiping. Every file
 * here but the provider includes nothing else from outside.
 */
#ifndef ATTESTMESH_ED25519_PORT_H
#define ATTESTMESH_ED25519_PORT_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#define ed_wipe(p, n) memzero_explicit(p, n)

#else

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

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define noinline __attribute__((noinline))
#define __aligned(n) __attribute__((aligned(n)))

static inline void ed_wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory"); /* the stores are observed */
}

#endif

/*
 * 64x64 -> 128 bit products without a library call. Some 64-bit architectures
 * have the type but would call __multi3, which the kernel does not link.
 */
#if defined(__SIZEOF_INT128__) && \
	(!defined(__KERNEL__) || defined(CONFIG_ARCH_SUPPORTS_INT128))
#define ED_HAVE_U128 1
__extension__ typedef unsigned __int128 u128;
#else
#define ED_HAVE_U128 0
#endif

static __always_inline u64 load_le64(const u8 *p)
{
	u64 x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static __always_inline void store_le64(u8 *p, u64 x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	memcpy(p, &x, sizeof(x));
}

static __always_inline u64 load_be64(const u8 *p)
{
	return __builtin_bswap64(load_le64(p));
}

static __always_inline void store_be64(u8 *p, u64 x)
{
	store_le64(p, __builtin_bswap64(x));
}

/* The compiler may not deduce that @x is 0 or 1 and branch on it. */
static __always_inline u64 ct_opaque(u64 x)
{
	__asm__("" : "+r"(x));
	return x;
}

/* All ones if @bit is 1, zero if it is 0; no branch. */
static __always_inline u64 ct_mask(u64 bit)
{
	return 0 - ct_opaque(bit);
}

#endif
