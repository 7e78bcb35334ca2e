/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time sources. Deadlines and ages use the boottime clock, which never jumps
 * and runs on while the machine sleeps; the wall clock is information only.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t clock_boot_ms(void);
/* Nanoseconds of CLOCK_BOOTTIME, the clock the kernel module reports in. */
int64_t clock_boot_ns(void);
/* Milliseconds since the Unix epoch. */
int64_t clock_wall_ms(void);

#endif
