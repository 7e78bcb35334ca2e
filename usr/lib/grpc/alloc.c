// SPDX-License-Identifier: Apache-2.0
/* A wiping allocator: each piece is preceded by its size. */
#include "grpc/alloc.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Keeps malloc's alignment. */
enum { HEAD_BYTES = 16 };
_Static_assert(HEAD_BYTES >= sizeof(size_t) && HEAD_BYTES % _Alignof(max_align_t) == 0,
	       "the head must keep the alignment");

static void *take(void *arg, size_t size)
{
	uint8_t *p;

	(void)arg;
	if (size > SIZE_MAX - HEAD_BYTES)
		return NULL;
	p = malloc(HEAD_BYTES + size);
	if (!p)
		return NULL;
	memcpy(p, &size, sizeof(size));
	return p + HEAD_BYTES;
}

static void give_back(void *arg, void *pointer)
{
	uint8_t *p = pointer;
	size_t size;

	(void)arg;
	if (!p)
		return;
	p -= HEAD_BYTES;
	memcpy(&size, p, sizeof(size));
	explicit_bzero(p, HEAD_BYTES + size);
	free(p);
}

ProtobufCAllocator grpc_wiping = { .alloc = take, .free = give_back };
