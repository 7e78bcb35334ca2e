// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: the pure readers. HTTP requests, gRPC frames in any cut,
 * header texts, protobuf fields; each with what must hold of its result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/descriptor.h"
#include "grpc/frame.h"
#include "grpc/meta.h"
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_text: %s\n", what);
	abort();
}

static void http(const uint8_t *data, size_t len)
{
	static struct http_request request, again;
	char value[64];
	int status = http_parse((const char *)data, len, &request);

	if (status != 200)
		return;
	must(request.path[0] == '/', "a path that does not begin with /");
	for (const char *p = request.path; *p; p++)
		must(*p > 0x20 && *p < 0x7f, "a path that is not printable");
	must(http_query(&request, "nonce", value, sizeof(value)) < (int)sizeof(value),
	     "a value that does not fit");
	/* What follows the head changes nothing. */
	for (size_t cut = len; cut > 0; cut--) {
		status = http_parse((const char *)data, cut, &again);
		must(!status || status == 200, "a shorter head reads differently");
		if (status)
			must(!strcmp(again.path, request.path), "another path");
	}
}

/* The same bytes in two cuts give the same messages. */
static size_t frames(const uint8_t *data, size_t len, size_t cut, uint32_t *sum)
{
	struct grpc_frame f;
	size_t count = 0;

	grpc_frame_init(&f, 64);
	while (len) {
		const uint8_t *p = data;
		size_t n = len < cut ? len : cut, left = n;
		enum grpc_frame_state state = GRPC_FRAME_MORE;

		while (left) {
			state = grpc_frame_feed(&f, &p, &left);
			if (state != GRPC_FRAME_MESSAGE)
				break;
			must(f.body.len <= 64, "a message over the bound");
			for (size_t i = 0; i < f.body.len; i++)
				*sum = *sum * 31 + f.body.data[i];
			count++;
			grpc_frame_next(&f);
		}
		if (left && state != GRPC_FRAME_MORE)
			break;
		if (state != GRPC_FRAME_MORE && state != GRPC_FRAME_MESSAGE)
			break;
		data += n;
		len -= n;
	}
	grpc_frame_free(&f);
	return count;
}

static void texts(const uint8_t *data, size_t len)
{
	char text[GRPC_MESSAGE_CHARS], wire[GRPC_MESSAGE_WIRE_CHARS], back[GRPC_MESSAGE_CHARS];
	int64_t ms = grpc_timeout_parse(data, len);
	size_t n;

	must(ms >= -1 && ms <= INT32_MAX, "a timeout out of range");
	must(grpc_number_parse(data, len) <= 999, "a number out of range");
	grpc_message_decode(text, sizeof(text), data, len);
	n = grpc_message_encode(wire, sizeof(wire), text);
	grpc_message_decode(back, sizeof(back), (uint8_t *)wire, n);
	must(!strcmp(text, back), "a message that does not survive the wire");
}

static void fields(const uint8_t *data, size_t len)
{
	struct pb_reader r = { data, data + len };
	struct pb_field f;

	while (pb_next(&r, &f))
		if (f.bytes)
			must(f.bytes >= data && f.bytes + f.len <= data + len,
			     "a field outside of the message");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint32_t sum_one = 0, sum_all = 0;
	size_t one, all;

	http(data, len);
	one = frames(data, len, 1, &sum_one);
	all = frames(data, len, len ? len : 1, &sum_all);
	must(one == all && sum_one == sum_all, "frames depend on their cut");
	texts(data, len);
	fields(data, len);
	return 0;
}
