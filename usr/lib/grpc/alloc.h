/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator for unpacked messages: they may hold what an app sends or asks
 * for in confidence, so all of it is wiped when it is given back.
 */
#ifndef GRPC_ALLOC_H
#define GRPC_ALLOC_H

#include <protobuf-c/protobuf-c.h>

extern ProtobufCAllocator grpc_wiping;

#endif
