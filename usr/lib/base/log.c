// SPDX-License-Identifier: Apache-2.0
/* The log: level filter, text and JSON lines, one write per line. */
#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	enum log_level least;
	bool json;
	const char *program;
} cfg = { LOG_INFO, false, "attestmesh" };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_set(enum log_level least, bool json, const char *program)
{
	cfg.least = least;
	cfg.json = json;
	cfg.program = program;
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (!strcmp(name, level_names[i])) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

char *log_foreign(char *out, size_t size, const char *text, size_t len)
{
	size_t n = len < LOG_FOREIGN_MAX_CHARS ? len : LOG_FOREIGN_MAX_CHARS;

	if (!size)
		return out;
	if (n > size - 1)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[n] = '\0';
	return out;
}

static void timestamp(char *out, size_t size)
{
	struct timespec ts;
	struct tm tm;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, size, "%s.%03ldZ", date, ts.tv_nsec / 1000000);
}

/* Appends text as the inside of a JSON string; leaves room for the tail. */
static size_t json_escape(char *out, size_t at, size_t size, const char *text)
{
	for (; *text && at + 8 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < ' ' || c > '~') {
			at += (size_t)snprintf(out + at, size - at, "\\u%04x", c);
		} else {
			out[at++] = (char)c;
		}
	}
	return at;
}

static size_t format_line(char *line, size_t size, enum log_level level,
			  const char *message)
{
	char when[48];
	size_t at;

	timestamp(when, sizeof(when));
	if (!cfg.json) {
		int n = snprintf(line, size - 1, "%s %s %s: %s", when, cfg.program,
				 level_names[level], message);

		at = n < 0 ? 0 : (size_t)n < size - 2 ? (size_t)n : size - 2;
	} else {
		at = (size_t)snprintf(line, size,
				      "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":\"",
				      when, level_names[level], cfg.program);
		at = json_escape(line, at, size, message);
		line[at++] = '"';
		line[at++] = '}';
	}
	line[at++] = '\n';
	return at;
}

void log_write(enum log_level level, const char *format, ...)
{
	char message[LOG_LINE_MAX_BYTES], line[LOG_LINE_MAX_BYTES];
	va_list args;
	size_t len;

	if (level < cfg.least)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	for (char *p = message; *p; p++)
		if (!cfg.json && (*p == '\n' || *p == '\r'))
			*p = ' ';
	len = format_line(line, sizeof(line), level, message);
	/* A log that cannot be written has nobody left to tell. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
