/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files: bounded reads, atomic writes, exclusive locks. Paths come from
 * configuration; nothing here creates directories but dir_private().
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "buf.h"

/* Appends the file's bytes to b (bounded by b->cap). 0, -EFBIG over the cap,
 * or a negative errno. */
int file_read(const char *path, struct buf *b);
/* Replaces path atomically (temporary file beside it, 0600, fsync, rename,
 * fsync of the directory). 0 or a negative errno; the old file stays then. */
int file_write_atomic(const char *path, const void *bytes, size_t len);
/* Opens or creates path (0600) and takes an exclusive lock without waiting.
 * Returns the descriptor, which holds the lock, or -EWOULDBLOCK if another
 * process has it, or a negative errno. */
int file_lock(const char *path);
/* Creates the directory with mode 0700 if absent; refuses (-EPERM) one that is
 * not ours or that others may write. Parents must exist. */
int dir_private(const char *path);

#endif
