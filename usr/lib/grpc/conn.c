// SPDX-License-Identifier: Apache-2.0
/*
 * One connection of the server: bytes between the socket and nghttp2, HTTP/2
 * events to calls, and the bounds on what a client may make it do for nothing.
 *
 * nghttp2 must not be torn down from inside its own callbacks: what they find
 * wrong is noted in `failed` and acted upon when they have returned.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "grpc/internal.h"
#include "secret.h"

static const uint8_t drain_ping[8] = { 'd', 'r', 'a', 'i', 'n', 0, 0, 0 };

static struct grpc_call *call_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

/* One frame that does no work for the client. Ends the connection when it
 * sends more of them than the bucket holds. */
static void charge(struct grpc_conn *c)
{
	if (c->closing || bucket_take(&c->calm, clock_boot_ms()))
		return;
	c->server->counts.calmed_connections++;
	grpc_conn_end(c, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
			    void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *call;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call = grpc_call_open(c, frame->hd.stream_id);
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_len, const uint8_t *value,
		     size_t value_len, uint8_t flags, void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *call = call_of(session, frame->hd.stream_id);

	(void)flags;
	if (!call)
		return 0;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		grpc_call_header(call, name, name_len, value, value_len);
	else
		call->header_bytes += name_len + value_len + 32;
	/* Far beyond what was announced: a decompression bomb. */
	if (call->header_bytes / GRPC_HEADER_FLOOD > c->server->limits.header_list_bytes) {
		if (!c->closing)
			c->server->counts.calmed_connections++;
		grpc_conn_end(c, NGHTTP2_ENHANCE_YOUR_CALM);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
		   const uint8_t *data, size_t len, void *user)
{
	struct grpc_call *call = call_of(session, stream);

	(void)flags, (void)user;
	if (call)
		grpc_call_data(call, data, len);
	return 0;
}

static void control_frame(struct grpc_conn *c, const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && c->drain == GRPC_NOTICED &&
		    !memcmp(frame->ping.opaque_data, drain_ping, sizeof(drain_ping)))
			grpc_conn_drain_final(c);
		charge(c);
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK) && !c->established) {
			c->established = true;
			grpc_conn_calls_changed(c);
		}
		charge(c);
		break;
	case NGHTTP2_DATA:
		if (frame->hd.length <= frame->data.padlen &&
		    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			charge(c);
		break;
	case NGHTTP2_HEADERS:
		break;
	default:
		charge(c);
	}
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *call;

	control_frame(c, frame);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	call = call_of(session, frame->hd.stream_id);
	if (!call)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS &&
	    frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		grpc_call_headers_end(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		grpc_call_requests_end(call);
	return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame,
			    int error, void *user)
{
	(void)session, (void)frame, (void)error;
	charge(user);
	return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
			 void *user)
{
	struct grpc_call *call;

	/* A client that makes us reset its streams has them at no cost. */
	if (frame->hd.type == NGHTTP2_RST_STREAM &&
	    frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
		charge(user);
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	call = call_of(session, frame->hd.stream_id);
	/* Answered before it was asked in full: the rest is not wanted. */
	if (call && !call->requests_ended)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call->stream,
					  NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
			   void *user)
{
	struct grpc_call *call = call_of(session, stream);

	(void)error, (void)user;
	if (!call)
		return 0;
	nghttp2_session_set_stream_user_data(session, stream, NULL);
	grpc_call_closed(call);
	return 0;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame,
			const uint8_t *head, size_t len, nghttp2_data_source *source,
			void *user)
{
	struct grpc_conn *c = user;
	struct grpc_server *s = c->server;
	struct grpc_call *call = source->ptr;

	(void)session;
	if (frame->data.padlen || len > call->queued)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (s->out_len + 9 + len > sizeof(s->out))
		return NGHTTP2_ERR_WOULDBLOCK;
	memcpy(s->out + s->out_len, head, 9);
	grpc_call_take(call, s->out + s->out_len + 9, len);
	s->out_len += 9 + len;
	bucket_give_milli(&c->calm, (uint64_t)len * 1000 / GRPC_CALM_GIVE_BYTES);
	return 0;
}

int grpc_conn_setup(struct grpc_server *s)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb))
		return -ENOMEM;
	s->callbacks = cb;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	if (nghttp2_option_new(&s->option))
		return -ENOMEM;
	nghttp2_option_set_no_closed_streams(s->option, 1);
	/* One mechanism decides (charge()); the library's is the second line. */
	nghttp2_option_set_stream_reset_rate_limit(s->option,
						   2ull * s->limits.control_burst,
						   2ull * s->limits.control_per_second);
	return 0;
}

void grpc_conn_close(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;

	if (c->fd < 0)
		return;
	loop_fd_del(c->watch);
	close(c->fd);
	c->fd = -1;
	loop_timer_cancel(&c->timer);
	loop_defer_cancel(s->loop, &c->flush);
	/* nghttp2_session_del() tells nobody about the streams it drops. */
	while (c->calls)
		grpc_call_closed(c->calls);
	loop_timer_cancel(&c->timer);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	s->counts.connections--;
	c->next = s->dead_conns;
	s->dead_conns = c;
	grpc_server_reap_later(s);
	grpc_server_conn_gone(s);
}

static void stop_soon(struct grpc_conn *c)
{
	c->closing = true;
	if (loop_timer_set(&c->timer, GRPC_CLOSING_MS))
		c->failed = true;
	grpc_conn_flush_later(c);
}

void grpc_conn_last_words(struct grpc_conn *c)
{
	if (!c->closing && c->fd >= 0)
		stop_soon(c);
}

void grpc_conn_end(struct grpc_conn *c, uint32_t http2_error)
{
	if (c->closing || c->fd < 0)
		return;
	if (nghttp2_session_terminate_session(c->session, http2_error))
		c->failed = true;
	stop_soon(c);
}

/* Writes what is there; returns 1 when all went, 0 when the socket is full,
 * -1 when it is broken. */
static int write_out(struct grpc_conn *c, const uint8_t *bytes, size_t len, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = send(c->fd, bytes + *done, len - *done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		*done += (size_t)n;
	}
	return 1;
}

static void drop_leftover(struct grpc_conn *c)
{
	if (c->out && c->secret)
		explicit_bzero(c->out, c->out_len);
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_off = 0;
}

static int write_leftover(struct grpc_conn *c)
{
	size_t done;
	int ret;

	if (!c->out)
		return 1;
	ret = write_out(c, c->out + c->out_off, c->out_len - c->out_off, &done);
	c->out_off += done;
	if (ret > 0)
		drop_leftover(c);
	return ret;
}

/* Fills the server's buffer with frames; -1 when nghttp2 gave up. */
static int fill(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;

	s->out_len = 0;
	while (s->out_len + GRPC_FRAME_ROOM_BYTES <= sizeof(s->out)) {
		const uint8_t *bytes;
		ssize_t n = nghttp2_session_mem_send(c->session, &bytes);

		if (n < 0 || (size_t)n > sizeof(s->out) - s->out_len)
			return -1;
		if (!n)
			break;
		memcpy(s->out + s->out_len, bytes, (size_t)n);
		s->out_len += (size_t)n;
	}
	return 0;
}

static int write_filled(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;
	size_t done;
	int ret = write_out(c, s->out, s->out_len, &done);

	if (!ret) {
		c->out_len = s->out_len - done;
		c->out = malloc(c->out_len);
		if (c->out)
			memcpy(c->out, s->out + done, c->out_len);
		else
			ret = -1;
	}
	if (c->secret)
		secret_wipe(s->out, s->out_len);
	return ret;
}

/* Moves output until all is gone (1), the socket is full or it is another's
 * turn (0), or the connection is broken (-1). */
static int push(struct grpc_conn *c)
{
	size_t moved = 0;
	int ret = write_leftover(c);

	while (ret > 0) {
		if (fill(c) < 0)
			return -1;
		if (!c->server->out_len)
			return 1;
		moved += c->server->out_len;
		ret = write_filled(c);
		if (ret > 0 && moved >= GRPC_FLUSH_BYTES)
			return 0;
	}
	return ret;
}

static void want_out(struct grpc_conn *c, bool want)
{
	if (c->want_out == want)
		return;
	c->want_out = want;
	if (loop_fd_mod(c->watch, want ? EPOLLIN | EPOLLOUT : EPOLLIN))
		c->failed = true;
}

static void tell_room(struct grpc_conn *c)
{
	struct grpc_call *next;

	/* A callback may finish calls, but none leaves the list here. */
	for (struct grpc_call *call = c->calls; call; call = next) {
		next = call->next;
		grpc_call_room(call);
	}
}

static bool is_over(const struct grpc_conn *c)
{
	if (nghttp2_session_want_write(c->session) || c->out)
		return false;
	/* The first GOAWAY of a drain does not count as one for nghttp2. */
	return !nghttp2_session_want_read(c->session);
}

static void flush(void *arg)
{
	struct grpc_conn *c = arg;
	int ret;

	c->in_flush = true;
	ret = c->failed ? -1 : push(c);
	if (ret >= 0 && !c->failed) {
		tell_room(c);
		want_out(c, ret == 0 || nghttp2_session_want_write(c->session));
	}
	c->in_flush = false;
	if (ret < 0 || c->failed || is_over(c))
		grpc_conn_close(c);
}

void grpc_conn_flush_later(struct grpc_conn *c)
{
	/* From inside a flush the rest goes when the socket is next writable,
	 * so that one eager reader cannot hold up the loop. */
	if (!c->in_flush && c->fd >= 0)
		loop_defer(c->server->loop, &c->flush, flush, c);
}

static void take_input(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;

	for (int i = 0; i < GRPC_READS_PER_BATCH && !c->failed; i++) {
		ssize_t n = recv(c->fd, s->in, sizeof(s->in), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || nghttp2_session_mem_recv(c->session, s->in, (size_t)n) < 0)
			c->failed = true;
		if (n > 0)
			explicit_bzero(s->in, (size_t)n);
		if (n < (ssize_t)sizeof(s->in))
			return;
	}
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct grpc_conn *c = arg;

	(void)fd;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take_input(c);
	grpc_conn_flush_later(c);
}

static void on_timer(void *arg)
{
	struct grpc_conn *c = arg;

	if (c->closing || !c->established) {
		grpc_conn_close(c);
		return;
	}
	grpc_conn_end(c, NGHTTP2_NO_ERROR);
}

void grpc_conn_calls_changed(struct grpc_conn *c)
{
	if (c->closing || !c->established || c->fd < 0)
		return;
	if (c->call_count)
		loop_timer_cancel(&c->timer);
	else if (loop_timer_set(&c->timer, c->server->limits.idle_ms))
		c->failed = true;
}

static int submit_first(struct grpc_conn *c)
{
	const struct grpc_limits *limits = &c->server->limits;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_list_bytes },
	};

	return nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
}

void grpc_conn_open(struct grpc_server *s, int fd, const struct sockaddr_storage *peer)
{
	struct grpc_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	bucket_init(&c->calm, s->limits.control_burst, s->limits.control_per_second,
		    clock_boot_ms());
	loop_timer_init(&c->timer, s->loop, on_timer, c);
	c->watch = loop_fd_add(s->loop, fd, EPOLLIN, on_socket, c);
	if (!c->watch || nghttp2_session_server_new2(&c->session, s->callbacks, c, s->option) ||
	    submit_first(c) || loop_timer_set(&c->timer, s->limits.handshake_ms)) {
		loop_fd_del(c->watch);
		if (c->session)
			nghttp2_session_del(c->session);
		close(fd);
		free(c);
		return;
	}
	c->next = s->conns;
	if (c->next)
		c->next->at = &c->next;
	c->at = &s->conns;
	s->conns = c;
	s->counts.connections++;
	grpc_conn_flush_later(c);
}

void grpc_conn_drain_notice(struct grpc_conn *c)
{
	if (c->drain != GRPC_SERVING || c->closing)
		return;
	c->drain = GRPC_NOTICED;
	if (nghttp2_submit_shutdown_notice(c->session) ||
	    nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, drain_ping))
		c->failed = true;
	grpc_conn_flush_later(c);
}

void grpc_conn_drain_final(struct grpc_conn *c)
{
	int32_t last;

	if (c->drain != GRPC_NOTICED || c->closing)
		return;
	c->drain = GRPC_FINAL;
	last = nghttp2_session_get_last_proc_stream_id(c->session);
	if (nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR,
				  NULL, 0))
		c->failed = true;
	grpc_conn_flush_later(c);
}
