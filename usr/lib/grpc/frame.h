/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC's message framing: one flag byte, a 32-bit big-endian length, the
 * message. The reader takes bytes in whatever pieces they come and refuses a
 * message by its declared length before it keeps a byte of it.
 */
#ifndef GRPC_FRAME_H
#define GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { GRPC_FRAME_HEAD_BYTES = 5 };

struct grpc_frame {
	uint8_t head[GRPC_FRAME_HEAD_BYTES];
	size_t head_len;
	uint32_t want;       /* declared length, valid with a whole head */
	struct buf body;     /* wiped when released: messages may be private */
};

enum grpc_frame_state {
	GRPC_FRAME_MORE,        /* all bytes taken, message incomplete */
	GRPC_FRAME_MESSAGE,     /* body holds one; grpc_frame_next() before more */
	GRPC_FRAME_COMPRESSED,  /* flag set; nothing here can be read */
	GRPC_FRAME_TOO_LONG,
	GRPC_FRAME_NO_MEMORY,
};

void grpc_frame_init(struct grpc_frame *f, uint32_t most_bytes);
void grpc_frame_free(struct grpc_frame *f);
/* Takes bytes from *data, moving it and *len past what was taken. */
enum grpc_frame_state grpc_frame_feed(struct grpc_frame *f, const uint8_t **data,
				      size_t *len);
/* Forgets the message; ready for the next. */
void grpc_frame_next(struct grpc_frame *f);
/* Nothing of a message has come yet. */
bool grpc_frame_empty(const struct grpc_frame *f);
void grpc_frame_head(uint8_t head[GRPC_FRAME_HEAD_BYTES], uint32_t len);

#endif
