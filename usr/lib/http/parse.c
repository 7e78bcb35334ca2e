// SPDX-License-Identifier: Apache-2.0
/* A strict reader of GET requests. */
#include "http/parse.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int read_target(const char *at, size_t len, struct http_request *out)
{
	const char *mark = memchr(at, '?', len);
	size_t path = mark ? (size_t)(mark - at) : len;
	size_t query = mark ? len - path - 1 : 0;

	if (!len || *at != '/')
		return 400;
	for (size_t i = 0; i < len; i++)
		if (at[i] <= 0x20 || at[i] > 0x7e)
			return 400;
	if (path >= sizeof(out->path) || query >= sizeof(out->query))
		return 414;
	memcpy(out->path, at, path);
	out->path[path] = '\0';
	if (query)
		memcpy(out->query, mark + 1, query);
	out->query[query] = '\0';
	return 200;
}

/* "METHOD target HTTP/1.x" */
static int read_line(const char *line, size_t len, struct http_request *out)
{
	const char *target = memchr(line, ' ', len);
	const char *version;
	size_t rest;

	if (!target || target == line)
		return 400;
	for (const char *p = line; p < target; p++)
		if (!is_token((unsigned char)*p))
			return 400;
	target++;
	rest = len - (size_t)(target - line);
	version = memchr(target, ' ', rest);
	if (!version || rest - (size_t)(version - target) != 9 ||
	    memcmp(version, " HTTP/", 6))
		return 400;
	if (version[6] != '1' || version[7] != '.' || (version[8] != '0' && version[8] != '1'))
		return 505;
	if (target - line != 4 || memcmp(line, "GET", 3))
		return 405;
	return read_target(target, (size_t)(version - target), out);
}

static bool named(const char *line, size_t name_len, const char *want)
{
	return name_len == strlen(want) && !strncasecmp(line, want, name_len);
}

static int read_field(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value, *end = line + len;
	size_t name_len;

	if (!colon || colon == line)
		return 400;
	name_len = (size_t)(colon - line);
	for (size_t i = 0; i < name_len; i++)
		if (!is_token((unsigned char)line[i]))
			return 400;
	for (value = colon + 1; value < end; value++)
		if ((unsigned char)*value < 0x20 && *value != '\t')
			return 400;
	if (named(line, name_len, "transfer-encoding"))
		return 413;
	if (!named(line, name_len, "content-length"))
		return 200;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end - value == 1 && *value == '0' ? 200 : 413;
}

/* The fields between the request line and the empty line. */
static int read_fields(const char *at, const char *end)
{
	while (at < end) {
		const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		int status = read_field(at, (size_t)(eol - at));

		if (status != 200)
			return status;
		at = eol + 2;
	}
	return 200;
}

int http_parse(const char *bytes, size_t len, struct http_request *out)
{
	size_t seen = len < HTTP_HEAD_MAX_BYTES ? len : HTTP_HEAD_MAX_BYTES;
	const char *end = memmem(bytes, seen, "\r\n\r\n", 4), *eol;
	int status;

	if (!end)
		return len >= HTTP_HEAD_MAX_BYTES ? 431 : 0;
	/* The empty line's first half also ends the last field. */
	eol = memmem(bytes, (size_t)(end - bytes) + 2, "\r\n", 2);
	if (memchr(bytes, '\0', (size_t)(end - bytes)))
		return 400;
	status = read_line(bytes, (size_t)(eol - bytes), out);
	if (status != 200)
		return status;
	return read_fields(eol + 2, end + 2);
}

int http_query(const struct http_request *request, const char *name, char *out,
	       size_t size)
{
	size_t name_len = strlen(name);
	const char *at = request->query;

	while (*at) {
		size_t len = strcspn(at, "&");

		if (len > name_len && at[name_len] == '=' && !memcmp(at, name, name_len)) {
			size_t value_len = len - name_len - 1;

			if (value_len >= size)
				return -1;
			memcpy(out, at + name_len + 1, value_len);
			out[value_len] = '\0';
			return (int)value_len;
		}
		at += len + (at[len] == '&');
	}
	return -1;
}
