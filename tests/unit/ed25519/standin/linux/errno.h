/* SPDX-License-Identifier: GPL-2.0-only */
/* In place of the kernel's: see kernel_standin.h. */
#include "kernel_standin.h"
