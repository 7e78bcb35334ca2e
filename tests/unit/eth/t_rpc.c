// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON-RPC client against a live endpoint: bounds of its queue,
 * cancelling, restraint, no proxy from the environment, no redirects, and what
 * is shown of a URL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "../agent/chain/fakerpc.h"
#include "jsonrpc.h"

static struct loop *loop;
static struct http *http;
static struct fakerpc server;
static struct rpc *rpc;

static struct {
	unsigned int count, busy;
	enum rpc_class class;
	char text[RPC_TEXT_MAX + 1];
} got;

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	(void)method;
	(void)params;
	(void)error;
	(void)arg;
	return json_true();
}

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	(void)arg;
	got.count++;
	got.busy += reply->class == RPC_BUSY;
	got.class = reply->class;
	strcpy(got.text, reply->text);
}

#define UNTIL(condition) do { \
		for (int until_i = 0; until_i < 1000 && !(condition); until_i++) \
			loop_run_once(loop, 10); \
		assert_true(condition); \
	} while (0)

static int start(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	loop = loop_new();
	http = http_new(loop);
	fakerpc_start(&server, loop, serve, NULL);
	rpc = rpc_new(http, loop, "rpc", server.url);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rpc_free(rpc);
	http_free(http);
	fakerpc_stop(&server);
	loop_free(loop);
	return 0;
}

static void test_every_call_is_answered_later_and_once(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	assert_int_equal(got.count, 0);
	UNTIL(got.count == 50);
	assert_int_equal(got.class, RPC_OK);
	assert_int_equal(rpc_count(rpc), 50);
}

static void test_the_queue_is_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < RPC_QUEUE_MAX + 1; i++)
		rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	assert_int_equal(got.count, 0); /* not even the refused one is told from inside */
	UNTIL(got.count == RPC_QUEUE_MAX + 1);
	assert_int_equal(got.busy, 1);
}

static void test_cancelled_calls_are_silent(void **state)
{
	int mine, other;

	(void)state;
	for (int i = 0; i < 5; i++) {
		rpc_call(rpc, &mine, "m", NULL, on_reply, NULL);
		rpc_call(rpc, &other, "m", NULL, on_reply, NULL);
	}
	rpc_cancel(rpc, &mine);
	UNTIL(got.count == 5);
	rpc_call(rpc, &mine, "m", NULL, on_reply, NULL);
	for (int i = 0; i < 3; i++)
		loop_run_once(loop, 1); /* under way by now */
	rpc_cancel(rpc, &mine);
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 5);
	assert_int_equal(got.count, 5);
}

static void test_restraint_and_recovery(void **state)
{
	(void)state;
	server.status = 429;
	rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	UNTIL(got.count == 1);
	assert_int_equal(got.class, RPC_RATE);
	assert_int_equal(rpc_slowdown(rpc), 2);
	assert_true(rpc_pause_ms(rpc) > 0);
	server.status = 0;
	for (int i = 0; i < 16; i++)
		rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	UNTIL(got.count == 17);
	assert_int_equal(rpc_slowdown(rpc), 1);
}

static void test_statuses_are_told(void **state)
{
	(void)state;
	server.status = 302;
	rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	UNTIL(got.count == 1);
	assert_int_equal(got.class, RPC_HTTP);
	assert_non_null(strstr(got.text, "302"));
	assert_int_equal(server.asked, 1);
}

static void test_nobody_there(void **state)
{
	struct rpc *r = rpc_new(http, loop, "bundler", "http://127.0.0.1:1/secret-token");

	(void)state;
	rpc_call(r, NULL, "m", NULL, on_reply, NULL);
	UNTIL(got.count == 1);
	assert_int_equal(got.class, RPC_UNREACHABLE);
	assert_non_null(strstr(got.text, "bundler http://127.0.0.1:1: "));
	assert_null(strstr(got.text, "secret-token"));
	assert_null(strstr(got.text, " after "));
	rpc_free(r);
}

static void test_the_environment_names_no_proxy(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	rpc_call(rpc, NULL, "m", NULL, on_reply, NULL);
	UNTIL(got.count == 1);
	assert_int_equal(got.class, RPC_OK);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void expect_public(const char *url, const char *shown)
{
	char out[128];

	assert_string_equal(http_url_public(out, sizeof(out), url), shown);
}

static void test_urls_show_no_tokens(void **state)
{
	bool plain;

	(void)state;
	expect_public("https://base.example.com/v2/KEY", "https://base.example.com");
	expect_public("http://10.0.0.1:8545/?k=KEY", "http://10.0.0.1:8545");
	expect_public("https://user:KEY@host:1/x@y", "https://host:1");
	expect_public("https://host#KEY", "https://host");
	expect_public("ftp://x", "(not a URL)");
	assert_true(http_url_ok("http://a", &plain) && plain);
	assert_true(http_url_ok("HTTPS://a/b", &plain) && !plain);
	assert_false(http_url_ok("https://", &plain));
	assert_false(http_url_ok("https:///x", &plain));
	assert_false(http_url_ok("file:///etc", &plain));
	assert_false(http_url_ok("http://a b", &plain));
	assert_false(http_url_ok("http://a\nb", &plain));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_every_call_is_answered_later_and_once),
		T(test_the_queue_is_bounded),
		T(test_cancelled_calls_are_silent),
		T(test_restraint_and_recovery),
		T(test_statuses_are_told),
		T(test_nobody_there),
		T(test_the_environment_names_no_proxy),
		T(test_urls_show_no_tokens),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
