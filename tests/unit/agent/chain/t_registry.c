// SPDX-License-Identifier: Apache-2.0
/*
 * The sentence about the indexer: no record, a record, no registry, an
 * endpoint that is away, answers that are no record. A changed answer is told
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fakechain.h"
#include "registry.h"

static struct loop *loop;
static struct http *http;
static struct fakechain fake;
static struct chain *chain;
static struct registry *registry;
static unsigned int told, asked;
static const uint8_t address[20] = { [0] = 0xab, [19] = 0xcd };

/* What the registry answers with. */
static struct {
	uint8_t data[1024];
	size_t len;
	bool revert;
} answer;

static json_t *serve(const char *method, const json_t *params, json_t **error, void *arg)
{
	const json_t *tx = json_array_get(params, 0);
	uint8_t call[4], to[20];

	(void)arg;
	assert_string_equal(method, "eth_call");
	assert_true(rpc_get_bytes(json_object_get(tx, "data"), call, 4));
	assert_true(fake_is(call, "current()"));
	assert_true(rpc_get_bytes(json_object_get(tx, "to"), to, 20));
	assert_memory_equal(to, address, 20);
	asked++;
	if (answer.revert) {
		*error = json_pack("{s:i, s:s}", "code", 3, "message", "execution reverted");
		return NULL;
	}
	return rpc_bytes(answer.data, answer.len);
}

static void on_change(void *arg)
{
	(void)arg;
	told++;
}

static void answer_with(const char *endpoint, uint8_t key)
{
	uint8_t word[32] = { [31] = key };
	struct abi_enc e;
	struct buf b;

	buf_init(&b, sizeof(answer.data));
	abi_begin(&e, &b, 4);
	abi_put_string(&e, endpoint);
	abi_put_word(&e, word);
	abi_put_word(&e, word);
	abi_put_u64(&e, 0);
	assert_true(abi_end(&e));
	memcpy(answer.data, b.data, b.len);
	answer.len = b.len;
	buf_free(&b);
}

static int start(void **state)
{
	struct chain_config cfg = { .chain_id = 31337, .poll_ms = 20 };

	(void)state;
	memset(&answer, 0, sizeof(answer));
	told = asked = 0;
	loop = loop_new();
	http = http_new(loop);
	fake_start(&fake, loop);
	fake.rpc.fn = serve;
	cfg.rpc_url = fake.rpc.url;
	chain = chain_new(loop, http, &cfg);
	registry = registry_new(loop, chain, address, on_change, NULL);
	return registry ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	registry_free(registry);
	chain_free(chain);
	http_free(http);
	fakerpc_stop(&fake.rpc);
	loop_free(loop);
	return 0;
}

static void expect(const char *part)
{
	registry_start(registry);
	for (int i = 0; i < 1000 && !told; i++)
		loop_run_once(loop, 10);
	assert_int_equal(told, 1);
	assert_non_null(strstr(registry_text(registry), part));
	assert_non_null(strstr(registry_text(registry), "; chain logs are polled instead"));
}

static void test_no_record_is_said(void **state)
{
	(void)state;
	assert_string_equal(registry_text(registry), "");
	answer_with("", 0);
	expect("registry 0xab000000000000000000000000000000000000cd has no record");
}

static void test_starting_twice_asks_once(void **state)
{
	(void)state;
	answer_with("", 0);
	registry_start(registry);
	expect("has no record");
	for (int i = 0; i < 5; i++)
		loop_run_once(loop, 10);
	assert_int_equal(asked, 1);
}

static void test_a_record_is_named_without_its_token(void **state)
{
	(void)state;
	answer_with("https://indexer.example:443/stream?token=geheim", 1);
	expect("the registry names https://indexer.example:443, which");
	assert_null(strstr(registry_text(registry), "geheim"));
}

static void test_foreign_text_is_made_harmless(void **state)
{
	(void)state;
	answer_with("ind\x1b[2Jexer\n", 1);
	expect("the registry names ind?[2Jexer?, which");
}

static void test_an_address_without_a_contract_is_named(void **state)
{
	(void)state;
	answer.len = 0;
	expect("no registry answers at 0xab000000000000000000000000000000000000cd; check "
	       "INDEXER_REGISTRY_ADDR");
}

static void test_a_revert_is_no_registry(void **state)
{
	(void)state;
	answer.revert = true;
	expect("no registry answers at 0xab");
}

static void test_what_is_no_record_is_refused(void **state)
{
	char longest[REGISTRY_ENDPOINT_MAX_BYTES + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	answer_with(longest, 1);
	expect("no registry answers at 0xab");
}

static void test_the_longest_endpoint_is_a_record(void **state)
{
	char longest[REGISTRY_ENDPOINT_MAX_BYTES + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	answer_with(longest, 1);
	expect("the registry names aaaa");
}

static void test_a_key_without_an_endpoint_is_no_record(void **state)
{
	(void)state;
	answer_with("", 1);
	expect("no registry answers at 0xab");
}

static void test_a_cut_answer_is_no_record(void **state)
{
	(void)state;
	answer_with("https://indexer.example", 1);
	answer.len = 3 * 32;
	expect("no registry answers at 0xab");
}

static void test_an_endpoint_that_is_away_is_said(void **state)
{
	(void)state;
	fake.rpc.status = 502;
	expect("the registry could not be asked: rpc ");
}

static void test_without_an_address_it_never_asks(void **state)
{
	(void)state;
	registry_free(registry);
	registry = registry_new(loop, chain, NULL, on_change, NULL);
	assert_non_null(registry);
	expect("INDEXER_REGISTRY_ADDR is not set");
	assert_int_equal(asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_record_is_said),
		TEST(starting_twice_asks_once),
		TEST(a_record_is_named_without_its_token),
		TEST(foreign_text_is_made_harmless),
		TEST(an_address_without_a_contract_is_named),
		TEST(a_revert_is_no_registry),
		TEST(what_is_no_record_is_refused),
		TEST(the_longest_endpoint_is_a_record),
		TEST(a_key_without_an_endpoint_is_no_record),
		TEST(a_cut_answer_is_no_record),
		TEST(an_endpoint_that_is_away_is_said),
		TEST(without_an_address_it_never_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
