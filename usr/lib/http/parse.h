/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GET request of HTTP/1.x, read strictly out of the bytes that have come.
 * Whatever has or may have a body is refused. Pure.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stddef.h>

enum { HTTP_HEAD_MAX_BYTES = 8192, HTTP_PATH_CHARS = 128, HTTP_QUERY_CHARS = 512 };

struct http_request {
	char path[HTTP_PATH_CHARS];    /* begins with '/', printable ASCII */
	char query[HTTP_QUERY_CHARS];  /* after the '?', or "" */
};

/*
 * 0: more bytes are needed; 200: *out is filled; otherwise the status to
 * refuse with: 400 malformed, 405 not GET, 413 with a body, 414 target too
 * long, 431 headers over HTTP_HEAD_MAX_BYTES, 505 another HTTP version.
 */
int http_parse(const char *bytes, size_t len, struct http_request *out);

/*
 * The value of a query parameter into out. Its length, or -1 if it is absent
 * or does not fit. Values are taken as they stand: percent escapes are not
 * decoded.
 */
int http_query(const struct http_request *request, const char *name, char *out,
	       size_t size);

#endif
