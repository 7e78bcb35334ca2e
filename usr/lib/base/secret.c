// SPDX-License-Identifier: Apache-2.0
/* Secret memory over libsodium, and the process's own precautions. */
#include "secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int secret_init(void)
{
	const struct rlimit none = { 0, 0 };

	if (sodium_init() < 0)
		return -EIO;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

void *secret_alloc(size_t len)
{
	void *p = sodium_malloc(len);

	if (p)
		memset(p, 0, len);
	return p;
}

void secret_free(void *p)
{
	sodium_free(p);
}

void secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void secret_random(void *p, size_t len)
{
	randombytes_buf(p, len);
}
