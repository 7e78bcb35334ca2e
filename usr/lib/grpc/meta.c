// SPDX-License-Identifier: Apache-2.0
/* gRPC's header texts and status codes. Pure. */
#include "grpc/meta.h"

#include <stdio.h>
#include <string.h>

#include "grpc/status.h"

enum {
	TIMEOUT_DIGITS_MAX = 8,   /* the protocol's own bound */
	HTTP2_REFUSED_STREAM = 7,
	HTTP2_CANCEL = 8,
	HTTP2_ENHANCE_YOUR_CALM = 11,
	HTTP2_INADEQUATE_SECURITY = 12,
};

int64_t grpc_timeout_parse(const uint8_t *text, size_t len)
{
	uint64_t value = 0, ms;

	if (len < 2 || len > TIMEOUT_DIGITS_MAX + 1)
		return -1;
	for (size_t i = 0; i < len - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	switch (text[len - 1]) {
	case 'H': ms = value * 3600000; break;
	case 'M': ms = value * 60000; break;
	case 'S': ms = value * 1000; break;
	case 'm': ms = value; break;
	case 'u': ms = (value + 999) / 1000; break;
	case 'n': ms = (value + 999999) / 1000000; break;
	default: return -1;
	}
	return ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
}

size_t grpc_timeout_format(char out[GRPC_TIMEOUT_CHARS], uint32_t ms)
{
	if (ms <= 99999999)
		return (size_t)snprintf(out, GRPC_TIMEOUT_CHARS, "%um", ms);
	return (size_t)snprintf(out, GRPC_TIMEOUT_CHARS, "%uS", ms / 1000);
}

size_t grpc_message_encode(char *out, size_t size, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= 0x20 && c <= 0x7e && c != '%';

		if (n + (plain ? 1 : 3) >= size)
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	out[n] = '\0';
	return n;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *grpc_message_decode(char *out, size_t size, const uint8_t *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		uint8_t c = text[i];

		if (c == '%' && len - i > 2 && hex_digit(text[i + 1]) >= 0 &&
		    hex_digit(text[i + 2]) >= 0) {
			c = (uint8_t)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
			i += 2;
		}
		out[n++] = c >= 0x20 && c <= 0x7e ? (char)c : '?';
	}
	out[n] = '\0';
	return out;
}

bool grpc_content_type_ok(const uint8_t *text, size_t len)
{
	static const char want[] = "application/grpc";
	const size_t n = sizeof(want) - 1;

	return len >= n && !memcmp(text, want, n) &&
	       (len == n || text[n] == '+' || text[n] == ';');
}

int grpc_number_parse(const uint8_t *text, size_t len)
{
	int value = 0;

	if (!len || len > 3)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

const char *grpc_status_name(enum grpc_status status)
{
	switch (status) {
	case GRPC_OK: return "OK";
	case GRPC_CANCELLED: return "CANCELLED";
	case GRPC_UNKNOWN: return "UNKNOWN";
	case GRPC_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
	case GRPC_DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
	case GRPC_NOT_FOUND: return "NOT_FOUND";
	case GRPC_ALREADY_EXISTS: return "ALREADY_EXISTS";
	case GRPC_PERMISSION_DENIED: return "PERMISSION_DENIED";
	case GRPC_RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
	case GRPC_FAILED_PRECONDITION: return "FAILED_PRECONDITION";
	case GRPC_ABORTED: return "ABORTED";
	case GRPC_OUT_OF_RANGE: return "OUT_OF_RANGE";
	case GRPC_UNIMPLEMENTED: return "UNIMPLEMENTED";
	case GRPC_INTERNAL: return "INTERNAL";
	case GRPC_UNAVAILABLE: return "UNAVAILABLE";
	case GRPC_DATA_LOSS: return "DATA_LOSS";
	case GRPC_UNAUTHENTICATED: return "UNAUTHENTICATED";
	}
	return "?";
}

enum grpc_status grpc_status_of_http(unsigned int http_status)
{
	switch (http_status) {
	case 400: return GRPC_INTERNAL;
	case 401: return GRPC_UNAUTHENTICATED;
	case 403: return GRPC_PERMISSION_DENIED;
	case 404: return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504: return GRPC_UNAVAILABLE;
	default: return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_of_reset(uint32_t http2_error)
{
	switch (http2_error) {
	case HTTP2_REFUSED_STREAM: return GRPC_UNAVAILABLE;
	case HTTP2_CANCEL: return GRPC_CANCELLED;
	case HTTP2_ENHANCE_YOUR_CALM: return GRPC_RESOURCE_EXHAUSTED;
	case HTTP2_INADEQUATE_SECURITY: return GRPC_PERMISSION_DENIED;
	default: return GRPC_INTERNAL;
	}
}
