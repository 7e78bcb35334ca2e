// SPDX-License-Identifier: Apache-2.0
/*
 * One call of the server: its headers judged, its requests collected and
 * handed over, its responses queued within bounds, its trailers written. It
 * asks nghttp2 for frames but never moves bytes itself.
 *
 * Life: opened by the first HEADERS, finished by its owner or a deadline,
 * closed when HTTP/2 says that the stream is gone. Memory goes at the end of
 * the batch, because an owner up the stack may still hold the pointer.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "grpc/alloc.h"
#include "grpc/internal.h"
#include "grpc/meta.h"
#include "secret.h"

enum { RESPONSE_FIELDS = 4 + GRPC_TRAILERS_MAX };

static void chunk_free(struct grpc_chunk *chunk)
{
	if (chunk->secret)
		explicit_bzero(chunk->bytes, chunk->len);
	free(chunk);
}

static void count_queued(struct grpc_call *call, size_t more, size_t less)
{
	call->queued += more - less;
	call->conn->queued += more - less;
	call->server->counts.queued_bytes += more - less;
}

static void count_held(struct grpc_call *call, size_t now)
{
	call->conn->request_bytes += now - call->held;
	call->server->counts.request_bytes += now - call->held;
	call->held = now;
}

static void drop_output(struct grpc_call *call)
{
	struct grpc_chunk *chunk;

	while ((chunk = call->head)) {
		call->head = chunk->next;
		chunk_free(chunk);
	}
	call->tail = &call->head;
	count_queued(call, 0, call->queued);
}

static void drop_input(struct grpc_call *call)
{
	grpc_frame_next(&call->frame);
	call->whole = false;
	count_held(call, 0);
}

static void field(nghttp2_nv *nv, const char *name, const char *value)
{
	*nv = (nghttp2_nv){ .name = (uint8_t *)name, .namelen = strlen(name),
			    .value = (uint8_t *)value, .valuelen = strlen(value) };
}

/* Trailers into nv; returns how many. */
static size_t put_trailers(const struct grpc_call *call, nghttp2_nv *nv,
			   char status[4], char wire[GRPC_MESSAGE_WIRE_CHARS])
{
	size_t n = 0;

	snprintf(status, 4, "%u", (unsigned int)call->status % 1000);
	field(&nv[n++], "grpc-status", status);
	if (call->message) {
		grpc_message_encode(wire, GRPC_MESSAGE_WIRE_CHARS, call->message);
		field(&nv[n++], "grpc-message", wire);
	}
	for (size_t i = 0; i < call->trailer_count; i++)
		field(&nv[n++], call->trailers[i].name, call->trailers[i].value);
	return n;
}

static void broken(struct grpc_call *call, int nghttp2_ret)
{
	/* Out of memory, or a stream that nghttp2 no longer knows. */
	if (nghttp2_ret)
		call->conn->failed = true;
}

static void submit_trailers(struct grpc_call *call)
{
	nghttp2_nv nv[RESPONSE_FIELDS];
	char status[4], wire[GRPC_MESSAGE_WIRE_CHARS];
	size_t n = put_trailers(call, nv, status, wire);

	broken(call, nghttp2_submit_trailer(call->conn->session, call->stream, nv, n));
}

/* Headers and trailers in one frame: the call ends without a response. */
static void submit_trailers_only(struct grpc_call *call, const char *http_status)
{
	nghttp2_nv nv[2 + RESPONSE_FIELDS];
	char status[4], wire[GRPC_MESSAGE_WIRE_CHARS];
	size_t n;

	field(&nv[0], ":status", http_status);
	field(&nv[1], "content-type", "application/grpc");
	n = 2 + put_trailers(call, nv + 2, status, wire);
	call->started = true;
	broken(call, nghttp2_submit_response(call->conn->session, call->stream, nv, n,
					     NULL));
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *unused,
		       size_t room, uint32_t *flags, nghttp2_data_source *source,
		       void *user)
{
	struct grpc_call *call = source->ptr;
	size_t n = call->queued < room ? call->queued : room;

	(void)session, (void)stream, (void)unused, (void)user;
	if (n == call->queued && call->finished) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(call);
	} else if (!n) {
		call->waiting = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	/* The bytes go from the queue to the socket buffer, not through
	 * nghttp2's own, which it never wipes. */
	if (n)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return (ssize_t)n;
}

static void start_response(struct grpc_call *call)
{
	nghttp2_data_provider provider = { .source.ptr = call, .read_callback = on_read };
	nghttp2_nv nv[3];

	field(&nv[0], ":status", "200");
	field(&nv[1], "content-type", "application/grpc");
	field(&nv[2], "grpc-accept-encoding", "identity");
	call->started = true;
	broken(call, nghttp2_submit_response(call->conn->session, call->stream, nv, 3,
					     &provider));
}

static void kick(struct grpc_call *call)
{
	if (!call->started) {
		start_response(call);
	} else if (call->waiting) {
		call->waiting = false;
		broken(call, nghttp2_session_resume_data(call->conn->session,
							 call->stream));
	}
	grpc_conn_flush_later(call->conn);
}

static void set_timer(struct grpc_call *call, int64_t delay_ms)
{
	/* Without its timer a call would have no bound. */
	if (loop_timer_set(&call->timer, delay_ms))
		call->conn->failed = true;
}

static void finish(struct grpc_call *call, enum grpc_status status, const char *text,
		   const char *http_status)
{
	if (!call->conn || call->finished)
		return;
	call->finished = true;
	call->status = status;
	/* Without memory for the sentence the code alone has to do. */
	call->message = text && status != GRPC_OK ? strdup(text) : NULL;
	drop_input(call);
	set_timer(call, call->server->limits.linger_ms);
	if (!call->started) {
		submit_trailers_only(call, http_status);
		grpc_conn_flush_later(call->conn);
	} else {
		kick(call);
	}
}

static void arm_deadline(struct grpc_call *call)
{
	int64_t due = call->deadline_ms;

	if (call->request_due_ms && (!due || call->request_due_ms < due))
		due = call->request_due_ms;
	if (due)
		set_timer(call, due - clock_boot_ms());
	else
		loop_timer_cancel(&call->timer);
}

static void on_timer(void *arg)
{
	struct grpc_call *call = arg;
	int64_t now_ms = clock_boot_ms();

	if (call->finished) {
		/* Its reader had its time: what is queued is dropped. */
		drop_output(call);
		broken(call, nghttp2_submit_rst_stream(call->conn->session,
						       NGHTTP2_FLAG_NONE, call->stream,
						       NGHTTP2_CANCEL));
		grpc_conn_flush_later(call->conn);
	} else if (call->deadline_ms && now_ms >= call->deadline_ms) {
		finish(call, GRPC_DEADLINE_EXCEEDED, "the call's deadline has passed", "200");
	} else if (call->request_due_ms && now_ms >= call->request_due_ms) {
		finish(call, GRPC_DEADLINE_EXCEEDED,
		       "the request did not arrive in time", "200");
	} else {
		arm_deadline(call);
	}
}

struct grpc_call *grpc_call_open(struct grpc_conn *c, int32_t stream)
{
	struct grpc_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->conn = c;
	call->server = c->server;
	call->stream = stream;
	call->timeout_ms = -1;
	call->tail = &call->head;
	grpc_frame_init(&call->frame, c->server->limits.request_bytes);
	loop_timer_init(&call->timer, c->server->loop, on_timer, call);
	call->next = c->calls;
	if (call->next)
		call->next->at = &call->next;
	call->at = &c->calls;
	c->calls = call;
	c->call_count++;
	c->server->counts.calls++;
	c->server->counts.calls_total++;
	grpc_conn_calls_changed(c);
	return call;
}

void grpc_call_closed(struct grpc_call *call)
{
	struct grpc_conn *c = call->conn;

	loop_timer_cancel(&call->timer);
	drop_output(call);
	drop_input(call);
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	c->call_count--;
	call->server->counts.calls--;
	call->conn = NULL;
	call->finished = true;
	if (call->events.on_close)
		call->events.on_close(call, call->events_arg);
	call->next = call->server->dead_calls;
	call->server->dead_calls = call;
	grpc_server_reap_later(call->server);
	grpc_conn_calls_changed(c);
}

void grpc_call_free(struct grpc_call *call)
{
	grpc_frame_free(&call->frame);
	free(call->message);
	free(call);
}

static bool is(const uint8_t *name, size_t len, const char *want)
{
	return len == strlen(want) && !memcmp(name, want, len);
}

void grpc_call_header(struct grpc_call *call, const uint8_t *name, size_t name_len,
		      const uint8_t *value, size_t value_len)
{
	call->header_bytes += name_len + value_len + 32;
	if (call->header_bytes > call->server->limits.header_list_bytes)
		return;
	if (is(name, name_len, ":path")) {
		call->entry = grpc_server_find(call->server, value, value_len);
	} else if (is(name, name_len, ":method")) {
		call->post = is(value, value_len, "POST");
	} else if (is(name, name_len, "content-type")) {
		call->content_type_seen = true;
		call->content_type_bad |= !grpc_content_type_ok(value, value_len);
	} else if (is(name, name_len, "grpc-timeout")) {
		call->timeout_ms = grpc_timeout_parse(value, value_len);
		call->timeout_bad |= call->timeout_ms < 0;
	}
}

/* Refuses by its headers; false if there is nothing to refuse. */
static bool refuse(struct grpc_call *call)
{
	if (call->header_bytes > call->server->limits.header_list_bytes)
		finish(call, GRPC_RESOURCE_EXHAUSTED, "too many request headers", "431");
	else if (!call->post)
		finish(call, GRPC_INTERNAL, "gRPC calls are POST requests", "405");
	else if (!call->content_type_seen || call->content_type_bad)
		finish(call, GRPC_INTERNAL, "the content type must be application/grpc",
		       "415");
	else if (call->timeout_bad)
		finish(call, GRPC_INTERNAL, "grpc-timeout is malformed", "400");
	else if (call->conn->drain == GRPC_FINAL)
		finish(call, GRPC_UNAVAILABLE, "the server is going down; connect anew",
		       "200");
	else if (!call->entry)
		finish(call, GRPC_UNIMPLEMENTED,
		       "no such method; reflection lists those served here", "200");
	else
		return false;
	return true;
}

/* A little before the client's own deadline, or it would hang up before it
 * hears our trailers. */
static int64_t own_deadline(int64_t timeout_ms)
{
	int64_t lead_ms = timeout_ms / 10;

	return timeout_ms - (lead_ms < GRPC_DEADLINE_LEAD_MS ? lead_ms : GRPC_DEADLINE_LEAD_MS);
}

void grpc_call_headers_end(struct grpc_call *call)
{
	const struct grpc_limits *limits = &call->server->limits;
	int64_t now_ms = clock_boot_ms(), most_ms = own_deadline(call->timeout_ms);

	if (refuse(call))
		return;
	if (limits->call_ms && (most_ms < 0 || most_ms > limits->call_ms))
		most_ms = limits->call_ms;
	if (most_ms >= 0)
		call->deadline_ms = now_ms + most_ms;
	/* A stream of requests may pause as long as it likes. */
	if (!call->entry->method->many_requests)
		call->request_due_ms = now_ms + limits->request_ms;
	arm_deadline(call);
}

static void hand_over(struct grpc_call *call)
{
	const struct grpc_method *method = call->entry->method;
	ProtobufCMessage *request;

	request = protobuf_c_message_unpack(method->request, &grpc_wiping,
					    call->frame.body.len,
					    call->frame.body.data ? call->frame.body.data :
					    (const uint8_t *)"");
	drop_input(call);
	if (!request) {
		finish(call, GRPC_INTERNAL, "the request is not the message that this "
		       "method takes", "200");
		return;
	}
	method->on_request(call, request, call->entry->arg);
	protobuf_c_message_free_unpacked(request, &grpc_wiping);
}

static bool within_budget(struct grpc_call *call, size_t len)
{
	const struct grpc_limits *limits = &call->server->limits;

	return call->conn->request_bytes + len <= limits->connection_request_bytes &&
	       call->server->counts.request_bytes + len <= limits->server_request_bytes;
}

/* One step of input; false when the call needs no more of it. */
static bool take_step(struct grpc_call *call, const uint8_t **data, size_t *len)
{
	switch (grpc_frame_feed(&call->frame, data, len)) {
	case GRPC_FRAME_MORE:
		count_held(call, call->frame.body.len);
		return false;
	case GRPC_FRAME_MESSAGE:
		count_held(call, call->frame.body.len);
		if (call->entry->method->many_requests)
			hand_over(call);
		else
			call->whole = true;
		return true;
	case GRPC_FRAME_COMPRESSED:
		finish(call, GRPC_UNIMPLEMENTED,
		       "compressed messages are not understood; send identity", "200");
		return false;
	case GRPC_FRAME_TOO_LONG:
		finish(call, GRPC_RESOURCE_EXHAUSTED, "the request is too long", "200");
		return false;
	case GRPC_FRAME_NO_MEMORY:
		finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later", "200");
		return false;
	}
	return false;
}

void grpc_call_data(struct grpc_call *call, const uint8_t *data, size_t len)
{
	if (call->finished)
		return;
	if (!within_budget(call, len)) {
		finish(call, GRPC_RESOURCE_EXHAUSTED,
		       "too many requests are arriving at once; try later", "200");
		return;
	}
	while (len && !call->finished) {
		if (call->whole) {
			finish(call, GRPC_INTERNAL, "this method takes one request", "200");
			return;
		}
		if (!take_step(call, &data, &len))
			return;
	}
}

void grpc_call_requests_end(struct grpc_call *call)
{
	call->requests_ended = true;
	if (call->finished)
		return;
	call->request_due_ms = 0;
	arm_deadline(call);
	if (call->entry->method->many_requests && grpc_frame_empty(&call->frame))
		call->entry->method->on_requests_end(call, call->entry->arg);
	else if (call->whole)
		hand_over(call);
	else
		finish(call, GRPC_INTERNAL, "the request ended early", "200");
}

void grpc_call_take(struct grpc_call *call, uint8_t *out, size_t len)
{
	count_queued(call, 0, len);
	while (len) {
		struct grpc_chunk *chunk = call->head;
		size_t n = chunk->len - chunk->off < len ? chunk->len - chunk->off : len;

		memcpy(out, chunk->bytes + chunk->off, n);
		chunk->off += n;
		out += n;
		len -= n;
		if (chunk->off < chunk->len)
			continue;
		call->head = chunk->next;
		if (!call->head)
			call->tail = &call->head;
		chunk_free(chunk);
	}
}

void grpc_call_room(struct grpc_call *call)
{
	const struct grpc_limits *limits = &call->server->limits;

	if (!call->wants_room || call->finished ||
	    call->queued > limits->call_low_bytes ||
	    call->conn->queued > limits->connection_low_bytes)
		return;
	call->wants_room = false;
	if (call->events.on_room)
		call->events.on_room(call, call->events_arg);
}

void grpc_call_open_response(struct grpc_call *call)
{
	if (!call->finished && !call->started)
		kick(call);
}

int grpc_call_send(struct grpc_call *call, const ProtobufCMessage *response)
{
	const struct grpc_limits *limits = &call->server->limits;
	struct grpc_chunk *chunk;
	size_t len;

	if (call->finished)
		return -EPIPE;
	len = protobuf_c_message_get_packed_size(response);
	if (len > limits->response_bytes)
		return -EMSGSIZE;
	if (call->queued >= limits->call_high_bytes ||
	    call->conn->queued >= limits->connection_high_bytes) {
		call->wants_room = true;
		return -EAGAIN;
	}
	chunk = malloc(sizeof(*chunk) + GRPC_FRAME_HEAD_BYTES + len);
	if (!chunk)
		return -ENOMEM;
	*chunk = (struct grpc_chunk){ .len = GRPC_FRAME_HEAD_BYTES + len,
				      .secret = call->secret };
	grpc_frame_head(chunk->bytes, (uint32_t)len);
	protobuf_c_message_pack(response, chunk->bytes + GRPC_FRAME_HEAD_BYTES);
	*call->tail = chunk;
	call->tail = &chunk->next;
	count_queued(call, chunk->len, 0);
	kick(call);
	return 0;
}

void grpc_call_finish(struct grpc_call *call, enum grpc_status status,
		      const char *format, ...)
{
	char text[GRPC_MESSAGE_CHARS];
	va_list args;

	if (format) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
	}
	finish(call, status, format ? text : NULL, "200");
}

void grpc_call_answer(struct grpc_call *call, const ProtobufCMessage *response)
{
	switch (grpc_call_send(call, response)) {
	case 0:
		finish(call, GRPC_OK, NULL, "200");
		return;
	case -EMSGSIZE:
		finish(call, GRPC_RESOURCE_EXHAUSTED, "the answer is too long", "200");
		return;
	case -EAGAIN:
		finish(call, GRPC_RESOURCE_EXHAUSTED,
		       "this connection does not read its answers", "200");
		return;
	case -EPIPE:
		return;
	default:
		finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory; try later", "200");
	}
}

static bool printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

int grpc_call_trailer(struct grpc_call *call, const char *name, const char *value)
{
	size_t i;

	if (strlen(value) > GRPC_TRAILER_CHARS || !printable(value))
		return -EINVAL;
	for (i = 0; i < call->trailer_count; i++)
		if (!strcmp(call->trailers[i].name, name))
			break;
	if (i == GRPC_TRAILERS_MAX)
		return -ENOSPC;
	call->trailers[i].name = name;
	memcpy(call->trailers[i].value, value, strlen(value) + 1);
	if (i == call->trailer_count)
		call->trailer_count++;
	return 0;
}

void grpc_call_set_events(struct grpc_call *call, const struct grpc_call_events *events,
			  void *arg)
{
	call->events = *events;
	call->events_arg = arg;
}

void grpc_call_mark_secret(struct grpc_call *call)
{
	call->secret = true;
	if (call->conn)
		call->conn->secret = true;
}

bool grpc_call_finished(const struct grpc_call *call)
{
	return call->finished;
}

size_t grpc_call_queued(const struct grpc_call *call)
{
	return call->queued;
}

const struct sockaddr *grpc_call_peer(const struct grpc_call *call)
{
	return call->conn ? (const struct sockaddr *)&call->conn->peer : NULL;
}

struct grpc_server *grpc_call_server(const struct grpc_call *call)
{
	return call->server;
}
