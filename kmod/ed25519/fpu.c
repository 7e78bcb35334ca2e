// SPDX-License-Identifier: GPL-2.0-only
/*
 * See fpu.h. In the kernel crypto_simd_usable() answers for "here and now": on
 * x86 that is irq_fpu_usable(), and in kernels built with the crypto subsystem's
 * extra tests also their switch, by which a test takes the FPU away. A kernel that
 * is itself a program (UML) has the processor's registers like any other program.
 */
#ifdef __x86_64__

#include "fpu.h"

#ifdef __KERNEL__
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <linux/sched.h>

/*
 * Asked before every section, because the answer holds for a context and not for
 * a machine: in a softirq that interrupted a section of the task below it is no.
 */
bool fpu_enter(void)
{
	if (!crypto_simd_usable())
		return false;
	kernel_fpu_begin();
	return true;
}

void fpu_leave(void)
{
	kernel_fpu_end();
}

void fpu_rest(void)
{
	cond_resched();
}

#else

bool fpu_enter(void)
{
	return true;
}

void fpu_leave(void)
{
}

void fpu_rest(void)
{
}

#endif

#if defined(__KERNEL__) && !defined(CONFIG_UML)

bool fpu_has_lanes(void)
{
	static const u16 needed[] = {
		X86_FEATURE_AVX512F, X86_FEATURE_AVX512BW, X86_FEATURE_AVX512VL,
		X86_FEATURE_AVX512DQ, X86_FEATURE_AVX512IFMA,
		X86_FEATURE_AVX512VBMI,
	};
	unsigned int i;

#ifdef X86_FEATURE_PREFER_YMM
	if (boot_cpu_has(X86_FEATURE_PREFER_YMM))
		return false;
#endif
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!boot_cpu_has(needed[i]))
			return false;
	return cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM |
				 XFEATURE_MASK_AVX512, NULL);
}

#else

/* F, DQ, IFMA, BW, VL; VBMI; SSE, YMM and the three parts of ZMM are saved. */
bool fpu_cpuid_has_lanes(const struct fpu_cpuid *id)
{
	const u32 ebx = 1U << 16 | 1U << 17 | 1U << 21 | 1U << 30 | 1U << 31;
	const u32 ecx = 1U << 1, osxsave = 1U << 27, xcr0 = 0xe6;

	return (id->leaf1_ecx & osxsave) == osxsave &&
	       (id->leaf7_ebx & ebx) == ebx && (id->leaf7_ecx & ecx) == ecx &&
	       (id->xcr0 & xcr0) == xcr0;
}

/* A processor with OSXSAVE has leaf 7 as well: XSAVE is described in leaf 13. */
static void read_cpuid(struct fpu_cpuid *id)
{
	u32 a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	*id = (struct fpu_cpuid){ .leaf1_ecx = c };
	if (!(c >> 27 & 1))
		return;
	a = 7;
	c = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	id->leaf7_ebx = b;
	id->leaf7_ecx = c;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	id->xcr0 = a;
}

bool fpu_has_lanes(void)
{
	struct fpu_cpuid id;

	read_cpuid(&id);
	return fpu_cpuid_has_lanes(&id);
}

#endif

#endif
