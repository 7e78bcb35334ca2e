// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 by hand, for tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void bench_open(struct bench *b, const struct grpc_limits *limits)
{
	struct grpc_limits usual = grpc_limits_default();

	b->loop = loop_new();
	assert_non_null(b->loop);
	b->server = grpc_server_new(b->loop, limits ? limits : &usual);
	assert_non_null(b->server);
	snprintf(b->dir, sizeof(b->dir), "/tmp/t_grpc.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/socket", b->dir);
}

void bench_listen(struct bench *b)
{
	assert_int_equal(grpc_server_listen_unix(b->server, b->path, 0600), 0);
}

void bench_close(struct bench *b)
{
	grpc_server_free(b->server);
	loop_free(b->loop);
	/* The server removes its socket: the directory must be empty. */
	assert_int_equal(rmdir(b->dir), 0);
}

struct raw_stream *raw_stream(struct raw *r, uint32_t id)
{
	assert_true(id % 2 == 1 && id / 2 < RAW_STREAMS);
	return &r->stream[id / 2];
}

static void got_headers(struct raw *r, uint32_t id, const uint8_t *block, size_t len)
{
	struct raw_stream *s = raw_stream(r, id);

	s->header_frames++;
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(r->inflater, &nv, &flags, block, len, 1);

		assert_true(n >= 0);
		block += n;
		len -= (size_t)n;
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			const char *name = (const char *)nv.name;
			const char *value = (const char *)nv.value;

			if (!strcmp(name, ":status"))
				s->http_status = atoi(value);
			else if (!strcmp(name, "grpc-status"))
				s->grpc_status = atoi(value);
			else if (!strcmp(name, "grpc-message"))
				snprintf(s->message, sizeof(s->message), "%s", value);
			else if (!strcmp(name, "attestmesh-envelope-id"))
				snprintf(s->envelope_id, sizeof(s->envelope_id), "%s", value);
		}
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(r->inflater);
			return;
		}
		assert_true(n > 0 || (flags & NGHTTP2_HD_INFLATE_EMIT));
	}
}

static void got_frame(struct raw *r, uint8_t type, uint8_t flags, uint32_t id,
		      const uint8_t *p, size_t len)
{
	struct raw_stream *s = id ? raw_stream(r, id) : NULL;

	switch (type) {
	case RAW_DATA:
		if (s->data_len + len > s->data_size) {
			s->data_size = 2 * (s->data_len + len);
			s->data = realloc(s->data, s->data_size);
		}
		if (len)
			memcpy(s->data + s->data_len, p, len);
		s->data_len += len;
		s->ended |= flags & RAW_END_STREAM;
		break;
	case RAW_HEADERS:
		assert_true(flags & RAW_END_HEADERS);
		got_headers(r, id, p, len);
		s->ended |= flags & RAW_END_STREAM;
		break;
	case RAW_RST:
		s->reset = true;
		s->reset_code = load_be32(p);
		break;
	case RAW_SETTINGS:
		if (flags & RAW_ACK)
			r->setting_acks++;
		else
			raw_frame(r, RAW_SETTINGS, RAW_ACK, 0, NULL, 0);
		break;
	case RAW_PING:
		if (flags & RAW_ACK)
			r->ping_acks++;
		else
			raw_frame(r, RAW_PING, RAW_ACK, 0, p, len);
		break;
	case RAW_GOAWAY:
		r->goaways++;
		r->goaway_last = load_be32(p);
		r->goaway_code = load_be32(p + 4);
		break;
	default:
		break;
	}
}

static void parse(struct raw *r)
{
	size_t at = 0;

	while (r->in_len - at >= 9) {
		const uint8_t *h = r->in + at;
		size_t len = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];

		if (r->in_len - at < 9 + len)
			break;
		got_frame(r, h[3], h[4], load_be32(h + 5) & 0x7fffffff, h + 9, len);
		at += 9 + len;
	}
	memmove(r->in, r->in + at, r->in_len - at);
	r->in_len -= at;
}

static void drink(struct raw *r)
{
	while (!r->paused && !r->eof) {
		ssize_t n;

		if (r->in_size - r->in_len < 65536) {
			r->in_size = r->in_len + 65536;
			r->in = realloc(r->in, r->in_size);
		}
		n = recv(r->fd, r->in + r->in_len, r->in_size - r->in_len, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			r->eof = true;
			break;
		}
		r->in_len += (size_t)n;
		r->received += (size_t)n;
		parse(r);
	}
}

void raw_turn(struct raw *r)
{
	loop_run_once(r->loop, 5);
	drink(r);
}

void raw_bytes(struct raw *r, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len && !r->eof) {
		ssize_t n = send(r->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno != EAGAIN) {
				/* Hung up: what it said before may still be there. */
				r->paused = false;
				drink(r);
				r->eof = true;
				return;
			}
			loop_run_once(r->loop, 5);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

void raw_frame(struct raw *r, uint8_t type, uint8_t flags, uint32_t stream,
	       const void *payload, size_t len)
{
	uint8_t *frame = malloc(9 + len);

	frame[0] = (uint8_t)(len >> 16);
	frame[1] = (uint8_t)(len >> 8);
	frame[2] = (uint8_t)len;
	frame[3] = type;
	frame[4] = flags;
	store_be32(frame + 5, stream);
	if (len)
		memcpy(frame + 9, payload, len);
	raw_bytes(r, frame, 9 + len);
	free(frame);
}

static size_t put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text), n = 0;

	/* HPACK string without Huffman; lengths up to 127 + 127 + 127*128. */
	if (len < 127) {
		out[n++] = (uint8_t)len;
	} else {
		size_t rest = len - 127;

		out[n++] = 127;
		while (rest >= 128) {
			out[n++] = (uint8_t)(rest % 128 + 128);
			rest /= 128;
		}
		out[n++] = (uint8_t)rest;
	}
	memcpy(out + n, text, len);
	return n + len;
}

size_t raw_block(uint8_t *out, size_t size, const char *const *fields)
{
	size_t n = 0;

	for (; *fields; fields += 2) {
		assert_true(n + strlen(fields[0]) + strlen(fields[1]) + 16 < size);
		out[n++] = 0;  /* literal without indexing, new name */
		n += put_text(out + n, fields[0]);
		n += put_text(out + n, fields[1]);
	}
	return n;
}

void raw_request(struct raw *r, uint32_t stream, const char *path,
		 const char *const *more)
{
	const char *fields[24] = { ":method", "POST", ":scheme", "http", ":path", path,
				   ":authority", "t", "content-type", "application/grpc",
				   "te", "trailers" };
	uint8_t block[16384];
	size_t n = 12;

	for (; more && *more; more++)
		fields[n++] = *more;
	fields[n] = NULL;
	raw_frame(r, RAW_HEADERS, RAW_END_HEADERS, stream, block,
		  raw_block(block, sizeof(block), fields));
}

void raw_message(struct raw *r, uint32_t stream, const void *bytes, size_t len, bool end)
{
	uint8_t *p = malloc(5 + len);

	p[0] = 0;
	store_be32(p + 1, (uint32_t)len);
	if (len)
		memcpy(p + 5, bytes, len);
	raw_frame(r, RAW_DATA, end ? RAW_END_STREAM : 0, stream, p, 5 + len);
	free(p);
}

void raw_window(struct raw *r, uint32_t stream, uint32_t more)
{
	uint8_t p[4];

	store_be32(p, more);
	raw_frame(r, RAW_WINDOW, 0, stream, p, 4);
}

struct raw *raw_open(struct bench *b, bool hello)
{
	struct raw *r = calloc(1, sizeof(*r));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	nghttp2_hd_inflater *inflater;

	assert_non_null(r);
	r->loop = b->loop;
	for (int i = 0; i < RAW_STREAMS; i++)
		r->stream[i].grpc_status = -1;
	assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
	r->inflater = inflater;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b->path);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(r->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (hello) {
		raw_bytes(r, preface, sizeof(preface) - 1);
		raw_frame(r, RAW_SETTINGS, 0, 0, NULL, 0);
	}
	return r;
}

void raw_close(struct raw *r)
{
	for (int i = 0; i < RAW_STREAMS; i++)
		free(r->stream[i].data);
	nghttp2_hd_inflate_del(r->inflater);
	close(r->fd);
	free(r->in);
	free(r);
}
