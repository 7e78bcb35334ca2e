/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gRPC status codes, their names, and the codes that HTTP statuses and
 * HTTP/2 resets stand for when a server gave no status of its own.
 */
#ifndef GRPC_STATUS_H
#define GRPC_STATUS_H

#include <stdint.h>

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

/* "OK", "CANCELLED", ...; "?" for a number that is no code. */
const char *grpc_status_name(enum grpc_status status);
/* What an HTTP status without a grpc-status means. */
enum grpc_status grpc_status_of_http(unsigned int http_status);
/* What a stream reset with this HTTP/2 error code means. */
enum grpc_status grpc_status_of_reset(uint32_t http2_error);

#endif
