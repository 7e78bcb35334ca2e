// SPDX-License-Identifier: Apache-2.0
/* The guest agent's client against good, hostile and absent agents. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "canned.h"
#include "dstack.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define SIG65 "0101010101010101010101010101010101010101010101010101010101010101" \
	      "0202020202020202020202020202020202020202020202020202020202020202" "00"
#define KEY32 "aabbccddaabbccddaabbccddaabbccddaabbccddaabbccddaabbccddaabbccdd"

static struct loop *loop;
static struct http *http;
static struct canned server;
static struct dstack *dstack;

static struct {
	bool done, ok;
	enum dstack_error error;
	char text[256];
	uint8_t first;
	bool has_link1, kms;
	char compose[32];
} got;

static void note(const struct dstack_failure *why)
{
	got.done = true;
	got.ok = !why;
	if (why) {
		got.error = why->error;
		strcpy(got.text, why->text);
	}
}

static void on_key(const struct dstack_key *key, const struct dstack_failure *why, void *arg)
{
	(void)arg;
	note(why);
	if (key) {
		got.first = key->key[0];
		got.has_link1 = key->has_link[1];
	}
}

static void on_info(const struct dstack_info *info, const struct dstack_failure *why, void *arg)
{
	(void)arg;
	note(why);
	if (info) {
		got.first = info->app_id[0];
		got.kms = info->kms;
		if (info->app_compose)
			snprintf(got.compose, sizeof(got.compose), "%.*s",
				 (int)info->app_compose_len, info->app_compose);
	}
}

static void wait_done(void)
{
	for (int i = 0; i < 200 && !got.done; i++)
		loop_run_once(loop, 100);
	assert_true(got.done);
}

static void key_with(const char *answer)
{
	memset(&got, 0, sizeof(got));
	server.answer = answer;
	assert_int_equal(dstack_get_key(dstack, "attestmesh/v1/box", "", on_key, NULL), 0);
	wait_done();
}

static void info_with(const char *answer)
{
	memset(&got, 0, sizeof(got));
	server.answer = answer;
	assert_int_equal(dstack_info(dstack, on_info, NULL), 0);
	wait_done();
}

static const char *with_body(const char *body)
{
	static char text[4096];

	snprintf(text, sizeof(text), OK_HEAD "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	return text;
}

static void test_key_is_read_by_its_length(void **state)
{
	(void)state;
	/* The connection stays open: waiting for its end would hang. */
	key_with(with_body("{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\"]}"));
	assert_true(got.ok);
	assert_int_equal(got.first, 0xaa);
	assert_true(got.has_link1);
	assert_non_null(strstr(server.request, "POST /GetKey HTTP/1.1"));
	assert_non_null(strstr(server.request, "{\"path\":\"attestmesh/v1/box\",\"purpose\":\"\"}"));
	assert_non_null(strstr(server.request, "Content-Type: application/json"));
}

static void test_empty_second_link_is_reported_not_invented(void **state)
{
	(void)state;
	key_with(with_body("{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"\"]}"));
	assert_true(got.ok);
	assert_false(got.has_link1);
}

static void test_chunked_answers_are_understood(void **state)
{
	(void)state;
	info_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "39\r\n{\"app_id\":\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\"     \r\n"
		  "1\r\n}\r\n0\r\n\r\n");
	assert_true(got.ok);
	assert_int_equal(got.first, 0xcd);
}

static void test_malformed_keys_are_refused(void **state)
{
	static const char *const bodies[] = {
		"", "{", "[]", "{}", "null", "{\"key\":\"\"}",
		"{\"key\":\"" KEY32 "\"}",
		"{\"key\":\"" KEY32 "\",\"signature_chain\":[]}",
		"{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\"]}",
		"{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"00\"]}",
		"{\"key\":\"" KEY32 "00\",\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\"]}",
		"{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\",\"" SIG65 "\"]}",
		"{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",7]}",
		"{\"key\":7,\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\"]}",
		"{\"key\":\"" KEY32 "\",\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\"]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		key_with(with_body(bodies[i]));
		assert_false(got.ok);
		assert_int_equal(got.error, DSTACK_MALFORMED);
	}
}

static void test_answers_above_the_bound_are_refused(void **state)
{
	static char text[DSTACK_KEY_ANSWER_MAX_BYTES + 400];
	char body[] = "{\"key\":\"" KEY32 "\",\"signature_chain\":[\"" SIG65 "\",\"" SIG65 "\"]}";
	int at;

	(void)state;
	for (int over = 0; over < 2; over++) {
		at = sprintf(text, OK_HEAD "Content-Length: %d\r\n\r\n%s",
			     DSTACK_KEY_ANSWER_MAX_BYTES + over, body);
		memset(text + at, ' ', DSTACK_KEY_ANSWER_MAX_BYTES + (size_t)over - strlen(body));
		text[at + DSTACK_KEY_ANSWER_MAX_BYTES + over - (int)strlen(body)] = '\0';
		key_with(text);
		assert_int_equal(got.ok, !over);
	}
	/* Without a length it is cut off while it is read. */
	memmove(text, OK_HEAD "\r\n", strlen(OK_HEAD "\r\n"));
	server.hang_up = true;
	key_with(text);
	server.hang_up = false;
	assert_false(got.ok);
}

static void test_refusals_carry_the_reason(void **state)
{
	(void)state;
	key_with("HTTP/1.1 400 Bad Request\r\nContent-Length: 42\r\n\r\n"
		 "{\"error\":\"Unsupported algorithm:\\u001b[1\"}");
	assert_int_equal(got.error, DSTACK_REFUSED);
	assert_non_null(strstr(got.text, "Unsupported algorithm:?[1"));
	key_with("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope");
	assert_int_equal(got.error, DSTACK_UNKNOWN);
	key_with("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(got.error, DSTACK_MALFORMED);
}

static void test_broken_http_is_no_answer(void **state)
{
	(void)state;
	server.hang_up = true;
	key_with("");
	assert_int_equal(got.error, DSTACK_NO_ANSWER);
	key_with("SSH-2.0-nothing\r\n\r\n");
	assert_false(got.ok);
	key_with(OK_HEAD "Content-Length: 4000\r\n\r\n{\"key\":");
	assert_int_equal(got.error, DSTACK_NO_ANSWER);
	server.hang_up = false;
}

static void test_info(void **state)
{
	(void)state;
	info_with(with_body("{\"app_id\":\"abababababababababababababababababababab\","
			    "\"instance_id\":\"\",\"app_name\":\"x\","
			    "\"key_provider_info\":\"{\\\"name\\\":\\\"kms\\\",\\\"id\\\":\\\"00\\\"}\","
			    "\"tcb_info\":\"{\\\"app_compose\\\":\\\"{v:1}\\\"}\"}"));
	assert_true(got.ok);
	assert_int_equal(got.first, 0xab);
	assert_true(got.kms);
	assert_string_equal(got.compose, "{v:1}");
	info_with(with_body("{\"app_id\":\"abababababababababababababababababababab\","
			    "\"key_provider_info\":\"{\\\"name\\\":\\\"none\\\"}\"}"));
	assert_true(got.ok);
	assert_false(got.kms);
}

static void test_empty_info_is_not_an_identity(void **state)
{
	(void)state;
	info_with(with_body("{\"app_id\":\"\",\"instance_id\":\"\",\"tcb_info\":\"\"}"));
	assert_int_equal(got.error, DSTACK_EMPTY);
	info_with(with_body("{\"app_id\":\"abab\"}"));
	assert_int_equal(got.error, DSTACK_MALFORMED);
	info_with(with_body("{\"app_id\":\"0000000000000000000000000000000000000000\"}"));
	assert_int_equal(got.error, DSTACK_MALFORMED);
	info_with(with_body("{}"));
	assert_int_equal(got.error, DSTACK_MALFORMED);
}

static void test_one_request_of_a_kind(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	server.answer = with_body("{}");
	assert_int_equal(dstack_info(dstack, on_info, NULL), 0);
	assert_int_equal(dstack_info(dstack, on_info, NULL), -EBUSY);
	wait_done();
}

static void test_absent_and_stale_are_told_apart(void **state)
{
	struct dstack *other = dstack_new(loop, http, "/tmp/t-no-such-agent.sock");

	(void)state;
	memset(&got, 0, sizeof(got));
	assert_int_equal(dstack_info(other, on_info, NULL), 0);
	wait_done();
	assert_int_equal(got.error, DSTACK_ABSENT);
	dstack_free(other);
	close(server.fd); /* the file stays, nobody listens */
	loop_fd_del(server.watch);
	server.watch = NULL;
	server.fd = -1;
	memset(&got, 0, sizeof(got));
	assert_int_equal(dstack_info(dstack, on_info, NULL), 0);
	wait_done();
	assert_int_equal(got.error, DSTACK_STALE);
	assert_non_null(strstr(got.text, "stale"));
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0 || http_global_init())
		return 1;
	loop = loop_new();
	http = http_new(loop);
	canned_start(&server, loop);
	dstack = dstack_new(loop, http, server.path);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	dstack_free(dstack);
	http_free(http);
	canned_stop(&server);
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_is_read_by_its_length),
		cmocka_unit_test(test_empty_second_link_is_reported_not_invented),
		cmocka_unit_test(test_chunked_answers_are_understood),
		cmocka_unit_test(test_malformed_keys_are_refused),
		cmocka_unit_test(test_answers_above_the_bound_are_refused),
		cmocka_unit_test(test_refusals_carry_the_reason),
		cmocka_unit_test(test_broken_http_is_no_answer),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_empty_info_is_not_an_identity),
		cmocka_unit_test(test_one_request_of_a_kind),
		cmocka_unit_test(test_absent_and_stale_are_told_apart),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
