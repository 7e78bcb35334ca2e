// SPDX-License-Identifier: Apache-2.0
/* The GET-only server: what it reads, what it refuses, whom it evicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"
#include "http/server.h"

static struct http_request parsed;

static int parse(const char *text)
{
	return http_parse(text, strlen(text), &parsed);
}

static void test_reads_path_and_query(void **state)
{
	(void)state;
	assert_int_equal(parse("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
	assert_string_equal(parsed.path, "/healthz");
	assert_string_equal(parsed.query, "");
	assert_int_equal(parse("GET /a?nonce=0102&b HTTP/1.0\r\n\r\n"), 200);
	assert_string_equal(parsed.path, "/a");
	assert_string_equal(parsed.query, "nonce=0102&b");
	assert_int_equal(parse("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\nrest"), 200);
}

static void test_waits_for_the_whole_head(void **state)
{
	const char *text = "GET / HTTP/1.1\r\nA: b\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(http_parse(text, len, &parsed), 0);
	assert_int_equal(http_parse(text, strlen(text), &parsed), 200);
}

static void test_refusals(void **state)
{
	static const struct { int status; const char *text; } bad[] = {
		{ 405, "POST / HTTP/1.1\r\n\r\n" },
		{ 405, "HEAD / HTTP/1.1\r\n\r\n" },
		{ 405, "get / HTTP/1.1\r\n\r\n" },
		{ 400, "GET  / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1 \r\n\r\n" },
		{ 400, "GET /\r\n\r\n" },
		{ 400, "\r\n\r\n" },
		{ 400, "GET http://x/ HTTP/1.1\r\n\r\n" },
		{ 400, "GET * HTTP/1.1\r\n\r\n" },
		{ 400, "GET /\x7f HTTP/1.1\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\n\r\n" },
		{ 400, "GET / HTTP/1.11\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nbare\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n: v\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nA : v\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nA: v\r\n folded: x\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nA: \x01\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\ncontent-length: 00\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\nContent-Length:\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i].text) != bad[i].status)
			fail_msg("%d for %s", parse(bad[i].text), bad[i].text);
	assert_int_equal(http_parse("GET / HTTP/1.1\r\nA: \0\r\n\r\n", 24, &parsed), 400);
}

static void test_bounds_and_one_past_them(void **state)
{
	char text[HTTP_HEAD_MAX_BYTES + 64], path[HTTP_PATH_CHARS + 1];
	int n;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[HTTP_PATH_CHARS - 1] = '\0';
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n\r\n", path);
	assert_int_equal(parse(text), 200);
	path[HTTP_PATH_CHARS - 1] = 'p';
	path[HTTP_PATH_CHARS] = '\0';
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n\r\n", path);
	assert_int_equal(parse(text), 414);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA: ");
	memset(text + n, 'a', sizeof(text) - (size_t)n);
	memcpy(text + HTTP_HEAD_MAX_BYTES - 4, "\r\n\r\n", 4);
	assert_int_equal(http_parse(text, HTTP_HEAD_MAX_BYTES, &parsed), 200);
	memset(text + HTTP_HEAD_MAX_BYTES - 4, 'a', 4);
	memcpy(text + HTTP_HEAD_MAX_BYTES - 3, "\r\n\r\n", 4);
	assert_int_equal(http_parse(text, HTTP_HEAD_MAX_BYTES - 1, &parsed), 0);
	assert_int_equal(http_parse(text, HTTP_HEAD_MAX_BYTES + 1, &parsed), 431);
}

static void test_query_values(void **state)
{
	char out[5];

	(void)state;
	parse("GET /?ab=1&a=22&empty=&a=3 HTTP/1.1\r\n\r\n");
	assert_int_equal(http_query(&parsed, "a", out, sizeof(out)), 2);
	assert_string_equal(out, "22");
	assert_int_equal(http_query(&parsed, "empty", out, sizeof(out)), 0);
	assert_int_equal(http_query(&parsed, "b", out, sizeof(out)), -1);
	assert_int_equal(http_query(&parsed, "nonce", out, sizeof(out)), -1);
	parse("GET /?a=12345 HTTP/1.1\r\n\r\n");
	assert_int_equal(http_query(&parsed, "a", out, sizeof(out)), -1);
	assert_int_equal(http_query(&parsed, "a", out, 6 - 1), -1);
}

static struct loop *loop;
static struct http_server *server;
static size_t big_len;
static uint64_t late_id;

static void handler(struct http_call *call, const struct http_request *request, void *arg)
{
	(void)arg;
	if (!strcmp(request->path, "/late")) {
		late_id = http_call_id(call);
	} else if (!strcmp(request->path, "/big")) {
		char *body = malloc(big_len);

		memset(body, 'b', big_len);
		http_answer(call, 200, NULL, body, big_len);
		free(body);
	} else {
		http_answer(call, 200, NULL, "hello", 5);
		/* A second answer does nothing. */
		http_answer(call, 500, NULL, "again", 5);
	}
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	server = http_server_new(loop, handler, NULL);
	return !server || http_server_listen(server, "127.0.0.1", 0);
}

static int teardown(void **state)
{
	(void)state;
	http_server_free(server);
	loop_free(loop);
	return 0;
}

static void test_answers_once_and_hangs_up(void **state)
{
	char *answer = dial_ask(loop, http_server_port(server),
				"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");

	(void)state;
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(answer, "Content-Length: 5\r\n"));
	assert_non_null(strstr(answer, "Connection: close\r\n"));
	assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "hello");
	DIAL_UNTIL(loop, !http_server_counts(server).connections);
	assert_int_equal(http_server_counts(server).requests, 1);
}

static void test_refuses_aloud(void **state)
{
	(void)state;
	assert_non_null(strstr(dial_ask(loop, http_server_port(server),
					"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
			       "Allow: GET\r\n"));
	assert_int_equal(http_server_counts(server).refused, 1);
}

static void test_long_answers_arrive_whole(void **state)
{
	char *answer;

	(void)state;
	big_len = 900000;
	answer = dial_ask(loop, http_server_port(server), "GET /big HTTP/1.1\r\n\r\n");
	assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), big_len);
	/* Over the bound nothing is sent. */
	big_len = HTTP_ANSWER_MAX_BYTES;
	answer = dial_ask(loop, http_server_port(server), "GET /big HTTP/1.1\r\n\r\n");
	assert_string_equal(answer, "");
}

static void test_late_answers_find_their_call(void **state)
{
	char answer[512] = "";
	int fd = dial(NULL, http_server_port(server));
	struct http_call *call;

	(void)state;
	late_id = 0;
	assert_int_equal(write(fd, "GET /late HTTP/1.1\r\n\r\n", 22), 22);
	DIAL_UNTIL(loop, late_id);
	call = http_call_find(server, late_id);
	assert_non_null(call);
	http_answer(call, 200, NULL, "late", 4);
	assert_null(http_call_find(server, late_id));
	DIAL_UNTIL(loop, dial_read(fd, answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, "late"));
	close(fd);
	late_id = 0;
	fd = dial(NULL, http_server_port(server));
	assert_int_equal(write(fd, "GET /late HTTP/1.1\r\n\r\n", 22), 22);
	DIAL_UNTIL(loop, late_id);
	close(fd);
	DIAL_UNTIL(loop, !http_server_counts(server).connections);
	assert_null(http_call_find(server, late_id));
}

static void test_loopback_is_never_evicted(void **state)
{
	int fd[HTTP_CONNECTIONS + 1];
	char byte;

	/* Here all is loopback: a full house refuses, and evicts nobody. */
	(void)state;
	for (int i = 0; i < HTTP_CONNECTIONS; i++)
		fd[i] = dial(NULL, http_server_port(server));
	DIAL_UNTIL(loop, http_server_counts(server).connections == HTTP_CONNECTIONS);
	fd[HTTP_CONNECTIONS] = dial(NULL, http_server_port(server));
	DIAL_UNTIL(loop, dial_read(fd[HTTP_CONNECTIONS], &byte, 1) < 0);
	assert_int_equal(http_server_counts(server).evicted, 0);
	assert_int_equal(http_server_counts(server).connections, HTTP_CONNECTIONS);
	for (int i = 0; i <= HTTP_CONNECTIONS; i++)
		close(fd[i]);
	DIAL_UNTIL(loop, !http_server_counts(server).connections);
}

static void test_a_silent_client_is_dropped_at_its_deadline(void **state)
{
	int fd = dial(NULL, http_server_port(server));
	char byte;

	(void)state;
	assert_int_equal(write(fd, "GET / HT", 8), 8);
	DIAL_UNTIL(loop, dial_read(fd, &byte, 1) < 0);
	assert_int_equal(http_server_counts(server).timed_out, 1);
	close(fd);
}

/* A namespace of its own with an address that is not loopback's. */
static void outside_address(void)
{
	struct ifreq req = { .ifr_name = "lo:1" };
	struct sockaddr_in *addr = (struct sockaddr_in *)&req.ifr_addr;
	int fd;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		fail_msg("no network namespace can be made: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = inet_addr("192.0.2.1");
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &req), 0);
	strcpy(req.ifr_name, "lo");
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &req), 0);
	close(fd);
}

static bool gone(int fd)
{
	char byte;

	return dial_read(fd, &byte, 1) < 0;
}

static void test_the_oldest_from_outside_makes_room(void **state)
{
	const int most = HTTP_CONNECTIONS - HTTP_LOOPBACK_KEPT;
	int out[HTTP_CONNECTIONS], in[HTTP_LOOPBACK_KEPT + 1];
	struct http_server *s;

	(void)state;
	outside_address();
	loop = loop_new();
	s = http_server_new(loop, handler, NULL);
	assert_int_equal(http_server_listen(s, "0.0.0.0", 0), 0);
	for (int i = 0; i < most; i++)
		out[i] = dial("192.0.2.1", http_server_port(s));
	DIAL_UNTIL(loop, http_server_counts(s).connections == (size_t)most);
	assert_int_equal(http_server_counts(s).evicted, 0);
	/* One past what outside may have: the first of them goes. */
	out[most] = dial("192.0.2.1", http_server_port(s));
	DIAL_UNTIL(loop, gone(out[0]));
	assert_false(gone(out[1]));
	assert_int_equal(http_server_counts(s).connections, most);
	/* The places kept for loopback are still there, and one more. */
	for (int i = 0; i < HTTP_LOOPBACK_KEPT; i++)
		in[i] = dial("127.0.0.1", http_server_port(s));
	DIAL_UNTIL(loop, http_server_counts(s).connections == HTTP_CONNECTIONS);
	assert_int_equal(http_server_counts(s).evicted, 1);
	in[HTTP_LOOPBACK_KEPT] = dial("127.0.0.1", http_server_port(s));
	DIAL_UNTIL(loop, gone(out[1]));
	assert_int_equal(http_server_counts(s).evicted, 2);
	for (int i = 0; i <= HTTP_LOOPBACK_KEPT; i++) {
		assert_false(gone(in[i]));
		close(in[i]);
	}
	for (int i = 0; i <= most; i++)
		close(out[i]);
	http_server_free(s);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_path_and_query),
		cmocka_unit_test(test_waits_for_the_whole_head),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds_and_one_past_them),
		cmocka_unit_test(test_query_values),
		cmocka_unit_test_setup_teardown(test_answers_once_and_hangs_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_aloud, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_answers_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_answers_find_their_call, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_loopback_is_never_evicted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_silent_client_is_dropped_at_its_deadline,
						setup, teardown),
		/* Last: it leaves the machine's network. */
		cmocka_unit_test(test_the_oldest_from_outside_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
