/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for secrets: locked, guarded, left out of core dumps, wiped when
 * given back. Thin names over libsodium's guarded heap, and the process-wide
 * precautions that go with it.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Once, at start, before any secret exists: initialises libsodium, forbids
 * core dumps and debugger attachment. 0 or a negative errno.
 */
int secret_init(void);
/* Guarded, locked, zeroed memory, or NULL (memory or RLIMIT_MEMLOCK). */
void *secret_alloc(size_t len);
/* Wipes and releases; NULL is fine. */
void secret_free(void *p);
/* Wipes in place; never optimised away. */
void secret_wipe(void *p, size_t len);
/* Constant-time equality. */
bool secret_equal(const void *a, const void *b, size_t len);
/* Fills with random bytes from the kernel. */
void secret_random(void *p, size_t len);

#endif
