/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a hard cap. The first failure (no memory, over
 * the cap) is remembered and every later append is refused, so a caller can
 * append freely and ask once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;  /* owned; NUL-terminated past len for convenience */
	size_t len;     /* bytes in use */
	size_t size;    /* bytes allocated */
	size_t cap;     /* bytes allowed */
	bool failed;    /* an append was refused; data up to len is intact */
	bool secret;    /* wipe memory before it is given back */
};

/* cap: most bytes it may ever hold. Allocates nothing yet. */
void buf_init(struct buf *b, size_t cap);
/* The same, for contents that are wiped whenever memory is released. */
void buf_init_secret(struct buf *b, size_t cap);
/* Releases the memory; the buffer is empty and usable again. */
void buf_free(struct buf *b);
/* Empties it and clears the failure, keeping memory (wiped if secret). */
void buf_reset(struct buf *b);
/* All return false once the buffer has failed. */
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_add_str(struct buf *b, const char *text);
bool buf_add_byte(struct buf *b, uint8_t byte);
bool buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Room for len more bytes at the end, to be filled by the caller who then
 * adds to b->len; NULL on failure. */
uint8_t *buf_reserve(struct buf *b, size_t len);
/* Removes len bytes from the front (len <= b->len). */
void buf_drop(struct buf *b, size_t len);

#endif
