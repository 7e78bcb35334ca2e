/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line per event on standard error, text or JSON. Text from
 * outside goes through log_foreign() first. Nothing secret is ever passed.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Longest line written, in bytes; a longer message is cut. */
enum { LOG_LINE_MAX_BYTES = 2048, LOG_FOREIGN_MAX_CHARS = 200 };

void log_set(enum log_level least, bool json, const char *program);
/* "debug", "info", "warn", "error" -> *level; false for anything else. */
bool log_level_parse(const char *name, enum log_level *level);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

/*
 * Foreign text made harmless: at most 200 characters of printable ASCII, what
 * is not becomes '?'. Writes to out (size bytes, terminated), returns out.
 */
char *log_foreign(char *out, size_t size, const char *text, size_t len);

#endif
