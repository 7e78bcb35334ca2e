/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small texts of gRPC over HTTP/2: timeouts, percent-encoded messages,
 * content types, status numbers. Pure functions over foreign bytes.
 */
#ifndef GRPC_META_H
#define GRPC_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GRPC_MESSAGE_CHARS = 512,               /* a status message, decoded */
	GRPC_MESSAGE_WIRE_CHARS = 3 * GRPC_MESSAGE_CHARS,
	GRPC_TIMEOUT_CHARS = 12,                /* "99999999m" and terminator */
};

/* A grpc-timeout in ms, rounded up; at most INT32_MAX. -1 if malformed. */
int64_t grpc_timeout_parse(const uint8_t *text, size_t len);
/* Writes ms as a grpc-timeout; returns its length. */
size_t grpc_timeout_format(char out[GRPC_TIMEOUT_CHARS], uint32_t ms);

/* Percent-encodes what is not printable ASCII, and '%'. Returns the length;
 * cuts, never inside an escape, at size - 1. */
size_t grpc_message_encode(char *out, size_t size, const char *text);
/* The reverse, to printable ASCII (anything else becomes '?'). A malformed
 * escape stands for itself. Returns out. */
char *grpc_message_decode(char *out, size_t size, const uint8_t *text, size_t len);

/* "application/grpc", alone or followed by '+' or ';'. */
bool grpc_content_type_ok(const uint8_t *text, size_t len);
/* A decimal of one to three digits; -1 if malformed. */
int grpc_number_parse(const uint8_t *text, size_t len);

#endif
