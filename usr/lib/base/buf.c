// SPDX-License-Identifier: Apache-2.0
/* Growable byte buffer with a hard cap and a sticky failure. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_SIZE_BYTES = 256 };

void buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap };
}

void buf_init_secret(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap, .secret = true };
}

static void release(const struct buf *b)
{
	if (b->data && b->secret)
		explicit_bzero(b->data, b->size);
	free(b->data);
}

void buf_free(struct buf *b)
{
	release(b);
	*b = (struct buf){ .cap = b->cap, .secret = b->secret };
}

void buf_reset(struct buf *b)
{
	if (b->data && b->secret)
		explicit_bzero(b->data, b->size);
	b->len = 0;
	b->failed = false;
}

/* Never realloc(): it could leave an unwiped copy of a secret behind. */
static bool grow(struct buf *b, size_t need)
{
	size_t size = b->size ? b->size : BUF_FIRST_SIZE_BYTES;
	uint8_t *data;

	while (size < need)
		size *= 2;
	data = malloc(size);
	if (!data)
		return false;
	if (b->len)
		memcpy(data, b->data, b->len);
	release(b);
	b->data = data;
	b->size = size;
	return true;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
	if (b->failed)
		return NULL;
	if (len > b->cap || b->len > b->cap - len ||
	    (b->len + len + 1 > b->size && !grow(b, b->len + len + 1))) {
		b->failed = true;
		return NULL;
	}
	b->data[b->len + len] = '\0';
	return b->data + b->len;
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
	uint8_t *room = buf_reserve(b, len);

	if (!room)
		return false;
	if (len)
		memcpy(room, bytes, len);
	b->len += len;
	return true;
}

bool buf_add_str(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

bool buf_add_byte(struct buf *b, uint8_t byte)
{
	return buf_add(b, &byte, 1);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	uint8_t *room = NULL;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len >= 0)
		room = buf_reserve(b, (size_t)len);
	if (room) {
		vsnprintf((char *)room, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
	return room != NULL;
}

void buf_drop(struct buf *b, size_t len)
{
	size_t rest = b->len - len;

	if (!len)
		return;
	memmove(b->data, b->data + len, rest);
	if (b->secret)
		explicit_bzero(b->data + rest, len);
	b->len = rest;
	b->data[rest] = '\0';
}
