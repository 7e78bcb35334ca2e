/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine permits of ifma.c: whether the processor and the system can
 * run it at all, and the sections in which vector registers may be touched. Knows
 * no signatures; lanes.c decides what goes into a section.
 */
#ifndef ATTESTMESH_ED25519_FPU_H
#define ATTESTMESH_ED25519_FPU_H

#include "port.h"

/* The processor and the system can run ifma.c, and nothing advises against it. */
bool fpu_has_lanes(void);

/*
 * Begin a section, if that is possible here and now: a context that interrupted
 * somebody else's section cannot. False: nothing has begun, and no vector
 * instruction may run. In a section nothing sleeps, faults or begins another.
 */
bool fpu_enter(void);
void fpu_leave(void);

/* Between two sections: others may run. */
void fpu_rest(void);

/* What fpu_has_lanes() reads where the kernel does not answer for it. */
struct fpu_cpuid {
	u32 leaf1_ecx, leaf7_ebx, leaf7_ecx;
	u32 xcr0;	/* 0 unless leaf 1 has OSXSAVE */
};

bool fpu_cpuid_has_lanes(const struct fpu_cpuid *id);

#endif
