// SPDX-License-Identifier: Apache-2.0
/* The effective capabilities of this process. */
#include "privilege.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *privilege_waiting(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* A kernel that does not answer will say later what it refuses. */
	if (syscall(SYS_capget, &header, data))
		return NULL;
	if (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN))
		return NULL;
	return "privilege: CAP_NET_ADMIN is missing; run as root, or give the container NET_ADMIN";
}
