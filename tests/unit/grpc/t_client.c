// SPDX-License-Identifier: Apache-2.0
/*
 * The unary client against our server, and against servers that answer by
 * hand: every way an answer can be wrong, and the code it becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "grpc/agent.pb-c.h"
#include "grpc/client.h"
#include "raw.h"
#include "service.h"

static struct bench b;
static struct service sv;

static struct {
	bool done;
	enum grpc_status status;
	char message[512], payload[64], trailer[200];
	size_t payload_len;
} got;

static void on_done(const struct grpc_result *result, void *arg)
{
	const Attestmesh__Agent__V1__IncomingMessage *m = (const void *)result->response;
	const char *id = grpc_result_trailer(result, "attestmesh-envelope-id");

	(void)arg;
	assert_false(got.done);
	got.done = true;
	got.status = result->status;
	snprintf(got.message, sizeof(got.message), "%s", result->message);
	snprintf(got.trailer, sizeof(got.trailer), "%s", id ? id : "-");
	assert_true((result->status == GRPC_OK) == (m != NULL));
	if (m && m->payload.len && m->payload.len < sizeof(got.payload)) {
		got.payload_len = m->payload.len;
		memcpy(got.payload, m->payload.data, m->payload.len);
	}
}

static struct grpc_client_call *start_call(const char *path, const char *payload,
					   uint32_t answer_ms)
{
	Attestmesh__Agent__V1__SendRequest request = ATTESTMESH__AGENT__V1__SEND_REQUEST__INIT;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct grpc_unary u = {
		.addr = (struct sockaddr *)&addr, .addr_len = sizeof(addr), .path = path,
		.request = &request.base,
		.response = &attestmesh__agent__v1__incoming_message__descriptor,
		.connect_ms = RAW_WAIT_MS, .answer_ms = answer_ms, .response_bytes = 1024,
		.secret = true,
	};
	struct grpc_client_call *call;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b.path);
	request.payload.data = (uint8_t *)payload;
	request.payload.len = strlen(payload);
	memset(&got, 0, sizeof(got));
	call = grpc_unary_start(b.loop, &u, on_done, NULL);
	assert_non_null(call);
	assert_false(got.done);
	return call;
}

static void wait_done(void)
{
	int64_t end = clock_boot_ms() + RAW_WAIT_MS;

	while (!got.done) {
		assert_true(clock_boot_ms() < end);
		loop_run_once(b.loop, 5);
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&sv, 0, sizeof(sv));
	bench_open(&b, NULL);
	service_add(b.server, &sv);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&b);
	return 0;
}

static void test_gets_an_answer(void **state)
{
	(void)state;
	bench_listen(&b);
	start_call(PATH_ECHO, "question", RAW_WAIT_MS);
	wait_done();
	assert_int_equal(got.status, GRPC_OK);
	assert_int_equal(got.payload_len, 8);
	assert_memory_equal(got.payload, "question", 8);
}

static void test_gets_a_long_question_through(void **state)
{
	static char payload[200001];

	(void)state;
	memset(payload, 'q', sizeof(payload) - 1);
	bench_listen(&b);
	start_call(PATH_ECHO, payload, RAW_WAIT_MS);
	wait_done();
	/* The question arrived; the answer is over what was allowed. */
	assert_int_equal(sv.calls, 1);
	assert_int_equal(got.status, GRPC_RESOURCE_EXHAUSTED);
}

static void test_deadline_and_trailer(void **state)
{
	(void)state;
	bench_listen(&b);
	/* The server ends it a little earlier than this side would. */
	start_call(PATH_HOLD, "", 2000);
	wait_done();
	assert_int_equal(got.status, GRPC_DEADLINE_EXCEEDED);
	assert_string_equal(got.trailer, "00ff");
}

static void test_errors_of_the_server(void **state)
{
	(void)state;
	bench_listen(&b);
	start_call("/t.Test/Nothing", "", RAW_WAIT_MS);
	wait_done();
	assert_int_equal(got.status, GRPC_UNIMPLEMENTED);
	start_call(PATH_HOLD, "", RAW_WAIT_MS);
	while (!sv.held)
		loop_run_once(b.loop, 5);
	grpc_call_finish(sv.held, GRPC_ABORTED, "half \"way\" 100%%");
	wait_done();
	assert_int_equal(got.status, GRPC_ABORTED);
	assert_string_equal(got.message, "half \"way\" 100%");
	assert_string_equal(got.trailer, "00ff");
}

static void test_cancel_is_silent_and_reaches_the_server(void **state)
{
	struct grpc_client_call *call;

	(void)state;
	bench_listen(&b);
	call = start_call(PATH_HOLD, "", RAW_WAIT_MS);
	while (!sv.held)
		loop_run_once(b.loop, 5);
	grpc_unary_cancel(call);
	while (!sv.closes)
		loop_run_once(b.loop, 5);
	assert_false(got.done);
	/* Before it was ever connected, too. */
	grpc_unary_cancel(start_call(PATH_HOLD, "", RAW_WAIT_MS));
	grpc_unary_cancel(NULL);
}

static void test_nobody_there(void **state)
{
	(void)state;
	start_call(PATH_ECHO, "", RAW_WAIT_MS);
	wait_done();
	assert_int_equal(got.status, GRPC_UNAVAILABLE);
	assert_non_null(strstr(got.message, "cannot connect"));
}

static void test_a_server_that_goes_away(void **state)
{
	(void)state;
	bench_listen(&b);
	start_call(PATH_HOLD, "", RAW_WAIT_MS);
	while (!sv.held)
		loop_run_once(b.loop, 5);
	grpc_server_hang_up(b.server);
	wait_done();
	assert_int_equal(got.status, GRPC_UNAVAILABLE);
}

/* ---- answers by hand ---- */

static int listener;

/* A raw connection on the server's side of the call that is being made. */
static struct raw *accept_raw(void)
{
	struct raw *r = calloc(1, sizeof(*r));

	r->loop = b.loop;
	r->fd = accept(listener, NULL, NULL);
	assert_true(r->fd >= 0);
	return r;
}

static void listen_by_hand(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b.path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 8), 0);
}

static void hang_up(struct raw *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

struct piece {
	uint8_t type, flags;
	const char *const *fields;   /* of a header block */
	const char *bytes;           /* or these */
	size_t len;
};

static const char *const ok_head[] = { ":status", "200", "content-type",
				       "application/grpc", NULL };
static const char *const ok_tail[] = { "grpc-status", "0", NULL };
static const char *const html[] = { ":status", "200", "content-type", "text/html", NULL };
static const char *const http_503[] = { ":status", "503", NULL };
static const char *const http_404[] = { ":status", "404", "content-type", "text/html",
					NULL };
static const char *const refused[] = { ":status", "200", "content-type",
	"application/grpc", "grpc-status", "7", "grpc-message", "no%2C never", NULL };
static const char *const future[] = { ":status", "200", "content-type",
	"application/grpc", "grpc-status", "99", NULL };
static const char *const no_number[] = { ":status", "200", "content-type",
	"application/grpc", "grpc-status", "x", NULL };
#define END (RAW_END_HEADERS | RAW_END_STREAM)
#define HEAD(f) { RAW_HEADERS, RAW_END_HEADERS, f, NULL, 0 }
#define TAIL(f) { RAW_HEADERS, END, f, NULL, 0 }
#define DATA(text) { RAW_DATA, 0, NULL, text, sizeof(text) - 1 }

static const struct answer {
	enum grpc_status status;
	const char *why;
	struct piece piece[4];
} answers[] = {
	{ GRPC_OK, "", { HEAD(ok_head), DATA("\0\0\0\0\2\x12\0"), TAIL(ok_tail) } },
	{ GRPC_OK, "", { HEAD(ok_head), DATA("\0\0\0"), DATA("\0\0"), TAIL(ok_tail) } },
	{ GRPC_PERMISSION_DENIED, "no, never", { TAIL(refused) } },
	{ GRPC_UNKNOWN, "", { TAIL(future) } },
	{ GRPC_UNKNOWN, "", { TAIL(no_number) } },
	{ GRPC_UNKNOWN, "without a status", { TAIL(ok_head) } },
	{ GRPC_UNKNOWN, "not gRPC", { TAIL(html) } },
	{ GRPC_UNAVAILABLE, "503", { TAIL(http_503) } },
	{ GRPC_UNIMPLEMENTED, "404", { HEAD(http_404), DATA("<html>"), TAIL(ok_tail) } },
	{ GRPC_INTERNAL, "without its message", { HEAD(ok_head), TAIL(ok_tail) } },
	{ GRPC_INTERNAL, "more than one",
	  { HEAD(ok_head), DATA("\0\0\0\0\0\0\0\0\0\0"), TAIL(ok_tail) } },
	{ GRPC_INTERNAL, "not the message",
	  { HEAD(ok_head), DATA("\0\0\0\0\2\x12\x7f"), TAIL(ok_tail) } },
	{ GRPC_UNIMPLEMENTED, "compressed", { HEAD(ok_head), DATA("\1\0\0\0\0") } },
	{ GRPC_RESOURCE_EXHAUSTED, "too long", { HEAD(ok_head), DATA("\0\0\0\4\1") } },
	{ GRPC_UNAVAILABLE, "reset", { { RAW_RST, 0, NULL, "\0\0\0\7", 4 } } },
	{ GRPC_CANCELLED, "reset", { HEAD(ok_head), { RAW_RST, 0, NULL, "\0\0\0\x08", 4 } } },
	{ GRPC_RESOURCE_EXHAUSTED, "reset", { { RAW_RST, 0, NULL, "\0\0\0\x0b", 4 } } },
	{ GRPC_INTERNAL, "reset", { { RAW_RST, 0, NULL, "\0\0\0\2", 4 } } },
};

static void say(struct raw *r, const struct piece *p)
{
	uint8_t block[512];

	if (p->fields)
		raw_frame(r, p->type, p->flags, 1, block,
			  raw_block(block, sizeof(block), p->fields));
	else if (p->bytes)
		raw_frame(r, p->type, p->flags, 1, p->bytes, p->len);
}

static void test_every_wrong_answer_has_its_code(void **state)
{
	(void)state;
	listen_by_hand();
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct raw *r;

		start_call(PATH_ECHO, "", RAW_WAIT_MS);
		for (int turn = 0; turn < 3; turn++)
			loop_run_once(b.loop, 1);
		r = accept_raw();
		raw_frame(r, RAW_SETTINGS, 0, 0, NULL, 0);
		for (size_t k = 0; k < 4; k++)
			say(r, &answers[i].piece[k]);
		wait_done();
		if (got.status != answers[i].status || !strstr(got.message, answers[i].why))
			fail_msg("answer %zu: %s, %s", i, grpc_status_name(got.status),
				 got.message);
		hang_up(r);
	}
	close(listener);
	unlink(b.path);
}

static void test_lost_and_silent_servers(void **state)
{
	struct raw *r;

	(void)state;
	listen_by_hand();
	start_call(PATH_ECHO, "", RAW_WAIT_MS);
	r = accept_raw();
	hang_up(r);
	wait_done();
	assert_int_equal(got.status, GRPC_UNAVAILABLE);
	start_call(PATH_ECHO, "", RAW_WAIT_MS);
	r = accept_raw();
	raw_bytes(r, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	wait_done();
	assert_true(got.status == GRPC_INTERNAL || got.status == GRPC_UNAVAILABLE);
	hang_up(r);
	start_call(PATH_ECHO, "", 40);
	r = accept_raw();
	wait_done();
	assert_int_equal(got.status, GRPC_DEADLINE_EXCEEDED);
	hang_up(r);
	/* An answer of headers without end. */
	start_call(PATH_ECHO, "", RAW_WAIT_MS);
	r = accept_raw();
	raw_frame(r, RAW_SETTINGS, 0, 0, NULL, 0);
	for (int i = 0; i < 20 && !got.done; i++) {
		static char value[3000];
		const char *fields[] = { i ? "x-a" : ":status", i ? value : "200", NULL };
		uint8_t block[4096];

		memset(value, 'v', sizeof(value) - 1);
		raw_frame(r, i ? RAW_CONTINUATION : RAW_HEADERS, 0, 1, block,
			  raw_block(block, sizeof(block), fields));
		loop_run_once(b.loop, 1);
	}
	wait_done();
	assert_int_not_equal(got.status, GRPC_OK);
	hang_up(r);
	close(listener);
	unlink(b.path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gets_an_answer),
		TEST(test_gets_a_long_question_through),
		TEST(test_deadline_and_trailer),
		TEST(test_errors_of_the_server),
		TEST(test_cancel_is_silent_and_reaches_the_server),
		TEST(test_nobody_there),
		TEST(test_a_server_that_goes_away),
		TEST(test_every_wrong_answer_has_its_code),
		TEST(test_lost_and_silent_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
