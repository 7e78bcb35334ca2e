/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few words of the kernel that fpu.c uses, so that its kernel half compiles
 * into a test, which plays the machine: t_fpu_kernel.c defines the functions.
 */
#ifndef KERNEL_STANDIN_H
#define KERNEL_STANDIN_H

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
#define memzero_explicit(p, n) memset(p, 0, n)

/* Numbers of our own: that they are different is all that matters here. */
enum {
	X86_FEATURE_AVX512F, X86_FEATURE_AVX512BW, X86_FEATURE_AVX512VL,
	X86_FEATURE_AVX512DQ, X86_FEATURE_AVX512IFMA, X86_FEATURE_AVX512VBMI,
	X86_FEATURE_PREFER_YMM_, FEATURES
};
#define X86_FEATURE_PREFER_YMM X86_FEATURE_PREFER_YMM_	/* asked for by #ifdef */

enum {
	XFEATURE_MASK_SSE = 1 << 1,
	XFEATURE_MASK_YMM = 1 << 2,
	XFEATURE_MASK_AVX512 = 7 << 5,
};

bool boot_cpu_has(unsigned int feature);
int cpu_has_xfeatures(u64 needed, const char **missing);
bool crypto_simd_usable(void);
void kernel_fpu_begin(void);
void kernel_fpu_end(void);
void cond_resched(void);

#endif
