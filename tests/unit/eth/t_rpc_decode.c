// SPDX-License-Identifier: Apache-2.0
/* Judging JSON-RPC answers: id, error objects, HTTP status, rate limits, depth,
 * and hexadecimal values at their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "jsonrpc.h"

static enum rpc_class judge(long status, const char *body)
{
	struct rpc_reply reply;
	json_t *root;

	rpc_decode(&reply, &root, 7, status, body, strlen(body));
	json_decref(root);
	return reply.class;
}

static void test_classes(void **state)
{
	(void)state;
	assert_int_equal(judge(200, "{\"id\":7,\"jsonrpc\":\"2.0\",\"result\":\"0x1\"}"), RPC_OK);
	assert_int_equal(judge(200, "{\"id\":7,\"result\":null}"), RPC_OK);
	assert_int_equal(judge(200, "{\"id\":8,\"result\":1}"), RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":\"7\",\"result\":1}"), RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":null,\"result\":1}"), RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":7}"), RPC_FORMAT);
	assert_int_equal(judge(200, "[]"), RPC_FORMAT);
	assert_int_equal(judge(200, ""), RPC_FORMAT);
	assert_int_equal(judge(200, "<html>"), RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":7,\"result\":1,\"result\":2}"), RPC_FORMAT);
	assert_int_equal(judge(502, "<html>"), RPC_HTTP);
	assert_int_equal(judge(502, "{\"id\":7,\"result\":1}"), RPC_HTTP);
	assert_int_equal(judge(429, "{\"id\":7,\"result\":1}"), RPC_RATE);
	assert_int_equal(judge(200, "{\"id\":7,\"error\":{\"code\":-32005,\"message\":\"slow\"}}"),
			 RPC_RATE);
	assert_int_equal(judge(200, "{\"id\":7,\"error\":{\"code\":-32005,\"message\":"
			       "\"query returned more than 10000 results\"}}"), RPC_TOO_LARGE);
	assert_int_equal(judge(200, "{\"id\":7,\"error\":{\"code\":3,\"message\":\"reverted\"}}"),
			 RPC_ERROR);
	assert_int_equal(judge(400, "{\"id\":7,\"error\":{\"code\":3,\"message\":\"x\"}}"),
			 RPC_ERROR);
	assert_int_equal(judge(200, "{\"id\":null,\"error\":{\"code\":3,\"message\":\"x\"}}"),
			 RPC_ERROR);
	assert_int_equal(judge(200, "{\"id\":8,\"error\":{\"code\":3,\"message\":\"x\"}}"),
			 RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":7,\"error\":{\"message\":\"no code\"}}"), RPC_FORMAT);
	assert_int_equal(judge(200, "{\"id\":7,\"error\":null,\"result\":1}"), RPC_OK);
}

static void test_error_text_is_harmless(void **state)
{
	const char *body = "{\"id\":7,\"error\":{\"code\":-1,\"message\":\"a\\u001b[2Jb\","
			   "\"data\":{\"reason\":\"caps\"}}}";
	struct rpc_reply reply;
	json_t *root;

	(void)state;
	rpc_decode(&reply, &root, 7, 200, body, strlen(body));
	assert_int_equal(reply.class, RPC_ERROR);
	assert_int_equal(reply.code, -1);
	assert_string_equal(reply.message, "a?[2Jb");
	assert_string_equal(json_string_value(json_object_get(reply.data, "reason")), "caps");
	json_decref(root);
}

static void test_depth_is_bounded(void **state)
{
	char body[256];
	int at;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		at = sprintf(body, "{\"id\":7,\"result\":");
		for (int i = 1; i < RPC_JSON_DEPTH_MAX + extra; i++)
			body[at++] = '[';
		for (int i = 1; i < RPC_JSON_DEPTH_MAX + extra; i++)
			body[at++] = ']';
		strcpy(body + at, "}");
		assert_int_equal(judge(200, body), extra ? RPC_FORMAT : RPC_OK);
	}
	/* Brackets inside strings do not nest. */
	at = sprintf(body, "{\"id\":7,\"result\":\"\\\"");
	memset(body + at, '[', 100);
	strcpy(body + at + 100, "\"}");
	assert_int_equal(judge(200, body), RPC_OK);
}

static void test_request_body(void **state)
{
	char *text = rpc_encode(9, "eth_chainId", NULL);

	(void)state;
	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"eth_chainId\","
				  "\"params\":[]}");
	free(text);
}

static bool u64(const char *s, uint64_t *v)
{
	json_t *j = json_string(s);
	bool ok = rpc_get_u64(j, v);

	json_decref(j);
	return ok;
}

static void test_quantities(void **state)
{
	uint8_t word[32];
	uint64_t v;
	json_t *j;

	(void)state;
	assert_true(u64("0x0", &v) && v == 0);
	assert_true(u64("0xffffffffffffffff", &v) && v == UINT64_MAX);
	assert_true(u64("0x00000000000000000001", &v) && v == 1);
	assert_false(u64("0x10000000000000000", &v));
	assert_false(u64("0x", &v));
	assert_false(u64("1", &v));
	assert_false(u64("0x-1", &v));
	assert_false(u64("0x 1", &v));
	assert_false(u64("", &v));
	assert_false(rpc_get_u64(NULL, &v));
	j = json_string("0x1ff");
	assert_true(rpc_get_u256(j, word));
	assert_int_equal(word[31], 0xff);
	assert_int_equal(word[30], 1);
	json_decref(j);
	memset(word, 0, 32);
	j = rpc_u256(word);
	assert_string_equal(json_string_value(j), "0x0");
	json_decref(j);
}

static void test_bytes_are_exact(void **state)
{
	json_t *j = json_string("0xabcd");
	uint8_t out[2];

	(void)state;
	assert_true(rpc_get_bytes(j, out, 2));
	assert_int_equal(out[1], 0xcd);
	assert_false(rpc_get_bytes(j, out, 1));
	json_decref(j);
	j = json_string("abcd");
	assert_false(rpc_get_bytes(j, out, 2));
	json_decref(j);
	j = rpc_bytes("", 0);
	assert_string_equal(json_string_value(j), "0x");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_error_text_is_harmless),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_request_body),
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_bytes_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
