/* SPDX-License-Identifier: Apache-2.0 */
/* In place of the kernel's: see kernel_standin.h. */
#include "kernel_standin.h"
