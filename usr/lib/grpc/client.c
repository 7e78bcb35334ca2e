// SPDX-License-Identifier: Apache-2.0
/*
 * One unary call over one connection. The steps: connect, send the request,
 * collect headers, message and trailers, judge, tell the caller from the loop.
 * The first cause of a failure is kept; what follows from it is not reported.
 */
#include "grpc/client.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grpc/alloc.h"
#include "grpc/frame.h"
#include "grpc/meta.h"
#include "secret.h"

enum {
	CLIENT_IN_BYTES = 16384,
	CLIENT_OUT_CAP_BYTES = 8 << 20,
	CLIENT_HEADER_LIST_BYTES = 16 << 10,
	CLIENT_PATH_CHARS = 256,
};

struct grpc_client_call {
	struct loop *loop;
	grpc_done_fn done;
	void *arg;
	int fd;
	struct loop_fd *watch;
	struct loop_timer timer;
	struct loop_defer deliver;
	nghttp2_session *session;
	bool connected, secret;
	uint32_t answer_ms;
	char path[CLIENT_PATH_CHARS];
	const ProtobufCMessageDescriptor *response;
	int32_t stream;

	struct buf request;        /* framed; sent up to request_sent */
	size_t request_sent;
	struct buf out;            /* bytes that the socket did not take yet */

	size_t header_bytes;
	unsigned int http_status;
	bool content_type_ok;
	int grpc_status;           /* -1: none came */
	struct grpc_frame frame;
	bool whole;
	struct grpc_trailer trailers[GRPC_CLIENT_TRAILERS_MAX];
	size_t trailer_count;

	bool ended;                /* status and message are final */
	enum grpc_status status;
	char message[GRPC_MESSAGE_CHARS];
};

static void release(struct grpc_client_call *call)
{
	loop_fd_del(call->watch);
	loop_timer_cancel(&call->timer);
	loop_defer_cancel(call->loop, &call->deliver);
	if (call->session)
		nghttp2_session_del(call->session);
	if (call->fd >= 0)
		close(call->fd);
	buf_free(&call->request);
	buf_free(&call->out);
	grpc_frame_free(&call->frame);
	free(call);
}

static void deliver(void *arg)
{
	struct grpc_client_call *call = arg;
	ProtobufCMessage *response = NULL;
	struct grpc_result result = {
		.status = call->status, .message = call->message,
		.trailers = call->trailers, .trailer_count = call->trailer_count,
	};

	loop_fd_del(call->watch);
	call->watch = NULL;
	if (call->status == GRPC_OK) {
		response = protobuf_c_message_unpack(call->response, &grpc_wiping,
						     call->frame.body.len,
						     call->frame.body.data ?
						     call->frame.body.data :
						     (const uint8_t *)"");
		if (!response) {
			result.status = GRPC_INTERNAL;
			result.message = "the answer is not the message that was expected";
		}
	}
	result.response = response;
	call->done(&result, call->arg);
	protobuf_c_message_free_unpacked(response, &grpc_wiping);
	release(call);
}

/* The first end is the one that is told. */
static void end(struct grpc_client_call *call, enum grpc_status status, const char *text)
{
	if (call->ended)
		return;
	call->ended = true;
	call->status = status;
	snprintf(call->message, sizeof(call->message), "%s", text);
	loop_timer_cancel(&call->timer);
	loop_defer(call->loop, &call->deliver, deliver, call);
}

static void end_errno(struct grpc_client_call *call, const char *what, int error)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(error));
	end(call, GRPC_UNAVAILABLE, text);
}

static bool is(const uint8_t *name, size_t len, const char *want)
{
	return len == strlen(want) && !memcmp(name, want, len);
}

static void keep_trailer(struct grpc_client_call *call, const uint8_t *name,
			 size_t name_len, const uint8_t *value, size_t value_len)
{
	struct grpc_trailer *t = &call->trailers[call->trailer_count];

	if (call->trailer_count == GRPC_CLIENT_TRAILERS_MAX ||
	    name_len >= sizeof(t->name) || value_len >= sizeof(t->value) ||
	    name[0] == ':' || is(name, name_len, "content-type"))
		return;
	memcpy(t->name, name, name_len);
	memcpy(t->value, value, value_len);
	call->trailer_count++;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_len, const uint8_t *value,
		     size_t value_len, uint8_t flags, void *user)
{
	struct grpc_client_call *call = user;

	(void)session, (void)flags;
	if (frame->hd.stream_id != call->stream)
		return 0;
	call->header_bytes += name_len + value_len + 32;
	if (call->header_bytes > CLIENT_HEADER_LIST_BYTES) {
		end(call, GRPC_RESOURCE_EXHAUSTED, "too many headers in the answer");
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (is(name, name_len, ":status")) {
		int status = grpc_number_parse(value, value_len);

		call->http_status = status < 0 ? 0 : (unsigned int)status;
	} else if (is(name, name_len, "content-type")) {
		call->content_type_ok = grpc_content_type_ok(value, value_len);
	} else if (is(name, name_len, "grpc-status")) {
		call->grpc_status = grpc_number_parse(value, value_len);
		/* A code from the future is no success. */
		if (call->grpc_status < 0 || call->grpc_status > GRPC_UNAUTHENTICATED)
			call->grpc_status = GRPC_UNKNOWN;
	} else if (is(name, name_len, "grpc-message")) {
		grpc_message_decode(call->message, sizeof(call->message), value,
				    value_len);
	} else {
		keep_trailer(call, name, name_len, value, value_len);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
		   const uint8_t *data, size_t len, void *user)
{
	struct grpc_client_call *call = user;

	(void)session, (void)flags;
	if (stream != call->stream || call->http_status != 200 || !call->content_type_ok)
		return 0;
	while (len && !call->ended) {
		if (call->whole) {
			end(call, GRPC_INTERNAL, "more than one message in the answer");
			return 0;
		}
		switch (grpc_frame_feed(&call->frame, &data, &len)) {
		case GRPC_FRAME_MORE:
			break;
		case GRPC_FRAME_MESSAGE:
			call->whole = true;
			break;
		case GRPC_FRAME_COMPRESSED:
			end(call, GRPC_UNIMPLEMENTED, "the answer is compressed");
			break;
		case GRPC_FRAME_TOO_LONG:
			end(call, GRPC_RESOURCE_EXHAUSTED, "the answer is too long");
			break;
		case GRPC_FRAME_NO_MEMORY:
			end(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
			break;
		}
	}
	return 0;
}

static void judge(struct grpc_client_call *call, uint32_t reset)
{
	char text[GRPC_MESSAGE_CHARS];

	if (call->grpc_status > GRPC_OK) {
		memcpy(text, call->message, sizeof(text));
		end(call, (enum grpc_status)call->grpc_status, text);
	} else if (call->http_status && call->http_status != 200) {
		snprintf(text, sizeof(text), "HTTP status %u", call->http_status);
		end(call, grpc_status_of_http(call->http_status), text);
	} else if (call->grpc_status == GRPC_OK && call->whole) {
		end(call, GRPC_OK, "");
	} else if (reset) {
		snprintf(text, sizeof(text), "the call was reset (HTTP/2 error %u)", reset);
		end(call, grpc_status_of_reset(reset), text);
	} else if (call->http_status && !call->content_type_ok) {
		end(call, GRPC_UNKNOWN, "the answer is not gRPC");
	} else if (call->grpc_status == GRPC_OK) {
		end(call, GRPC_INTERNAL, "an answer without its message");
	} else {
		end(call, GRPC_UNKNOWN, "the answer ended without a status");
	}
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
			   void *user)
{
	struct grpc_client_call *call = user;

	(void)session;
	if (stream == call->stream)
		judge(call, error);
	return 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *out,
		       size_t room, uint32_t *flags, nghttp2_data_source *source,
		       void *user)
{
	struct grpc_client_call *call = user;
	size_t n = call->request.len - call->request_sent;

	(void)session, (void)stream, (void)source;
	if (n > room)
		n = room;
	memcpy(out, call->request.data + call->request_sent, n);
	call->request_sent += n;
	if (call->request_sent == call->request.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)name, .namelen = strlen(name),
			     .value = (uint8_t *)value, .valuelen = strlen(value) };
}

static int submit(struct grpc_client_call *call)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, CLIENT_HEADER_LIST_BYTES },
	};
	nghttp2_data_provider provider = { .read_callback = on_read };
	char timeout[GRPC_TIMEOUT_CHARS];
	const size_t timeout_len = grpc_timeout_format(timeout, call->answer_ms);
	nghttp2_nv nv[] = {
		field(":method", "POST"), field(":scheme", "http"),
		field(":path", call->path), field(":authority", "localhost"),
		field("te", "trailers"), field("content-type", "application/grpc"),
		field("user-agent", "attestmesh"), field("grpc-timeout", timeout),
	};

	if (!timeout_len || nghttp2_submit_settings(call->session, NGHTTP2_FLAG_NONE, settings, 2))
		return -ENOMEM;
	call->stream = nghttp2_submit_request(call->session, NULL, nv,
					      sizeof(nv) / sizeof(nv[0]), &provider, NULL);
	return call->stream < 0 ? -ENOMEM : 0;
}

static int make_session(struct grpc_client_call *call)
{
	nghttp2_session_callbacks *cb;
	int ret;

	if (nghttp2_session_callbacks_new(&cb))
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	ret = nghttp2_session_client_new(&call->session, cb, call);
	nghttp2_session_callbacks_del(cb);
	return ret ? -ENOMEM : submit(call);
}

/* Moves output into the socket as far as it goes. */
static int push(struct grpc_client_call *call)
{
	for (;;) {
		const uint8_t *bytes;
		ssize_t n;

		while (call->out.len) {
			n = send(call->fd, call->out.data, call->out.len, MSG_NOSIGNAL);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : -errno;
			buf_drop(&call->out, (size_t)n);
		}
		n = nghttp2_session_mem_send(call->session, &bytes);
		if (n < 0)
			return -EPROTO;
		if (!n)
			return 0;
		if (!buf_add(&call->out, bytes, (size_t)n))
			return -ENOMEM;
	}
}

static int take(struct grpc_client_call *call)
{
	uint8_t in[CLIENT_IN_BYTES];
	int ret = 0;

	while (!call->ended && !ret) {
		ssize_t n = recv(call->fd, in, sizeof(in), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (!n)
			return -ECONNRESET;
		if (nghttp2_session_mem_recv(call->session, in, (size_t)n) < 0)
			ret = -EPROTO;
		if (call->secret)
			secret_wipe(in, (size_t)n);
	}
	return ret;
}

static void lost(struct grpc_client_call *call, int ret)
{
	if (ret == -EPROTO)
		end(call, GRPC_INTERNAL, "the other end does not speak HTTP/2");
	else
		end_errno(call, "the connection was lost", -ret);
}

static int check_connected(struct grpc_client_call *call)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		end_errno(call, "cannot connect", error);
		return -1;
	}
	call->connected = true;
	if (loop_timer_set(&call->timer, call->answer_ms)) {
		end(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return -1;
	}
	return 0;
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct grpc_client_call *call = arg;
	int ret = 0;

	(void)fd;
	if (call->ended || (!call->connected && check_connected(call)))
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		ret = take(call);
	if (call->ended)
		return;
	if (!ret)
		ret = push(call);
	if (!ret && !nghttp2_session_want_read(call->session) &&
	    !nghttp2_session_want_write(call->session))
		ret = -ECONNRESET;
	if (!ret)
		ret = loop_fd_mod(call->watch, call->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (ret)
		lost(call, ret);
}

static void on_timer(void *arg)
{
	struct grpc_client_call *call = arg;

	if (!call->connected)
		end(call, GRPC_UNAVAILABLE, "cannot connect in time");
	else
		end(call, GRPC_DEADLINE_EXCEEDED, "no answer in time");
}

static void start_connect(struct grpc_client_call *call, const struct grpc_unary *u)
{
	call->fd = socket(u->addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (call->fd < 0) {
		end_errno(call, "no socket", errno);
		return;
	}
	if (u->device && setsockopt(call->fd, SOL_SOCKET, SO_BINDTODEVICE, u->device,
				    (socklen_t)strlen(u->device) + 1) < 0) {
		end_errno(call, "cannot bind to the device", errno);
		return;
	}
	if (connect(call->fd, u->addr, u->addr_len) < 0 && errno != EINPROGRESS) {
		end_errno(call, "cannot connect", errno);
		return;
	}
	call->watch = loop_fd_add(call->loop, call->fd, EPOLLIN | EPOLLOUT, on_socket, call);
	if (!call->watch)
		end_errno(call, "cannot watch the socket", errno);
}

static int put_request(struct grpc_client_call *call, const ProtobufCMessage *request)
{
	size_t len = protobuf_c_message_get_packed_size(request);
	uint8_t *room = buf_reserve(&call->request, GRPC_FRAME_HEAD_BYTES + len);

	if (!room)
		return -ENOMEM;
	grpc_frame_head(room, (uint32_t)len);
	protobuf_c_message_pack(request, room + GRPC_FRAME_HEAD_BYTES);
	call->request.len = GRPC_FRAME_HEAD_BYTES + len;
	return 0;
}

struct grpc_client_call *grpc_unary_start(struct loop *loop, const struct grpc_unary *u,
					  grpc_done_fn done, void *arg)
{
	struct grpc_client_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->loop = loop;
	call->done = done;
	call->arg = arg;
	call->fd = -1;
	call->secret = u->secret;
	call->answer_ms = u->answer_ms;
	call->response = u->response;
	call->grpc_status = -1;
	buf_init_secret(&call->request, CLIENT_OUT_CAP_BYTES);
	buf_init_secret(&call->out, CLIENT_OUT_CAP_BYTES);
	grpc_frame_init(&call->frame, u->response_bytes);
	loop_timer_init(&call->timer, loop, on_timer, call);
	if ((size_t)snprintf(call->path, sizeof(call->path), "%s", u->path) >=
	    sizeof(call->path) || put_request(call, u->request) || make_session(call) ||
	    loop_timer_set(&call->timer, u->connect_ms)) {
		release(call);
		return NULL;
	}
	start_connect(call, u);
	return call;
}

void grpc_unary_cancel(struct grpc_client_call *call)
{
	if (call)
		release(call);
}

const char *grpc_result_trailer(const struct grpc_result *result, const char *name)
{
	for (size_t i = 0; i < result->trailer_count; i++)
		if (!strcmp(result->trailers[i].name, name))
			return result->trailers[i].value;
	return NULL;
}
