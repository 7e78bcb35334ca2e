// SPDX-License-Identifier: Apache-2.0
/* gRPC message framing. Pure but for its buffer. */
#include "grpc/frame.h"

#include <string.h>

#include "bytes.h"

void grpc_frame_init(struct grpc_frame *f, uint32_t most_bytes)
{
	*f = (struct grpc_frame){ 0 };
	buf_init_secret(&f->body, most_bytes);
}

void grpc_frame_free(struct grpc_frame *f)
{
	buf_free(&f->body);
	f->head_len = 0;
}

static enum grpc_frame_state take_head(struct grpc_frame *f, const uint8_t **data,
				       size_t *len)
{
	size_t n = GRPC_FRAME_HEAD_BYTES - f->head_len;

	if (n > *len)
		n = *len;
	memcpy(f->head + f->head_len, *data, n);
	f->head_len += n;
	*data += n;
	*len -= n;
	if (f->head_len < GRPC_FRAME_HEAD_BYTES)
		return GRPC_FRAME_MORE;
	if (f->head[0])
		return GRPC_FRAME_COMPRESSED;
	f->want = load_be32(f->head + 1);
	return f->want > f->body.cap ? GRPC_FRAME_TOO_LONG : GRPC_FRAME_MESSAGE;
}

enum grpc_frame_state grpc_frame_feed(struct grpc_frame *f, const uint8_t **data,
				      size_t *len)
{
	size_t n;

	if (f->head_len < GRPC_FRAME_HEAD_BYTES) {
		enum grpc_frame_state state = take_head(f, data, len);

		if (state != GRPC_FRAME_MESSAGE)
			return state;
	}
	n = f->want - f->body.len;
	if (n > *len)
		n = *len;
	/* Memory grows with what arrived, not with what was announced. */
	if (n && !buf_add(&f->body, *data, n))
		return GRPC_FRAME_NO_MEMORY;
	*data += n;
	*len -= n;
	return f->body.len == f->want ? GRPC_FRAME_MESSAGE : GRPC_FRAME_MORE;
}

void grpc_frame_next(struct grpc_frame *f)
{
	buf_free(&f->body);
	f->head_len = 0;
	f->want = 0;
}

bool grpc_frame_empty(const struct grpc_frame *f)
{
	return f->head_len == 0;
}

void grpc_frame_head(uint8_t head[GRPC_FRAME_HEAD_BYTES], uint32_t len)
{
	head[0] = 0;
	store_be32(head + 1, len);
}
