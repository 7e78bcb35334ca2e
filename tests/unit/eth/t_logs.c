// SPDX-License-Identifier: Apache-2.0
/* Logs: what fits the filter is read in full; anything beside it, out of order,
 * repeated or malformed spoils the answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "logs.h"

static uint8_t topics[2][32];

static struct log_filter filter(void)
{
	struct log_filter f = { .from = 16, .to = 32 };

	memset(f.address, 0xaa, 20);
	memset(topics[0], 0x01, 32);
	memset(topics[1], 0x02, 32);
	f.topic[0].any = (const uint8_t (*)[32])topics;
	f.topic[0].count = 2;
	f.topic[2].any = (const uint8_t (*)[32])&topics[1];
	f.topic[2].count = 1;
	return f;
}

static json_t *log_json(unsigned int block, unsigned int index)
{
	char a[41], one[65], two[65], hash[65];
	json_t *o;

	memset(a, 'a', 40);
	a[40] = '\0';
	for (int i = 0; i < 64; i++) {
		one[i] = "01"[i % 2];
		two[i] = "02"[i % 2];
		hash[i] = "0123456789abcdef"[block % 16];
	}
	one[64] = two[64] = hash[64] = '\0';
	o = json_pack("{s:s+, s:[s+, s+, s+], s:s, s:s+, s:s+, s:b}", "address", "0x", a,
		      "topics", "0x", one, "0x", one, "0x", two, "data", "0x0102", "blockHash",
		      "0x", hash, "transactionHash", "0x", one, "removed", 0);
	json_object_set_new(o, "blockNumber", json_sprintf("0x%x", block));
	json_object_set_new(o, "logIndex", json_sprintf("0x%x", index));
	return o;
}

static int parse(json_t *answer)
{
	struct log_filter f = filter();
	struct eth_logs logs;
	int ret = logs_parse(&logs, answer, &f);

	json_decref(answer);
	logs_free(&logs);
	return ret;
}

static json_t *with(const char *key, json_t *value)
{
	json_t *o = log_json(16, 0);

	if (value)
		json_object_set_new(o, key, value);
	else
		json_object_del(o, key);
	return json_pack("[o]", o);
}

static void test_fitting_logs_are_read(void **state)
{
	json_t *answer = json_pack("[o,o,o]", log_json(16, 3), log_json(16, 4), log_json(32, 0));
	struct log_filter f = filter();
	struct eth_logs logs;

	(void)state;
	assert_int_equal(logs_parse(&logs, answer, &f), 0);
	assert_int_equal(logs.count, 3);
	assert_int_equal(logs.log[1].block, 16);
	assert_int_equal(logs.log[1].index, 4);
	assert_int_equal(logs.log[2].topics, 3);
	assert_int_equal(logs.log[2].data_len, 2);
	assert_memory_equal(logs.log[2].data, "\x01\x02", 2);
	logs_free(&logs);
	json_decref(answer);
	assert_int_equal(parse(json_array()), 0);
}

static void test_logs_beside_the_filter_are_refused(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(parse(json_pack("[o]", log_json(15, 0))), -ESTALE);
	assert_int_equal(parse(json_pack("[o]", log_json(33, 0))), -ESTALE);
	assert_int_equal(parse(with("removed", json_true())), -ESTALE);
	assert_int_equal(parse(with("address", json_string(
		"0xbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))), -ESTALE);
	o = log_json(16, 0);
	json_array_set(json_object_get(o, "topics"), 0, json_array_get(json_object_get(o, "topics"), 2));
	assert_int_equal(parse(json_pack("[o]", o)), 0); /* the other alternative */
	o = log_json(16, 0);
	json_array_set(json_object_get(o, "topics"), 2, json_array_get(json_object_get(o, "topics"), 0));
	assert_int_equal(parse(json_pack("[o]", o)), -ESTALE);
	o = log_json(16, 0);
	json_array_remove(json_object_get(o, "topics"), 2);
	assert_int_equal(parse(json_pack("[o]", o)), -ESTALE);
}

static void test_order_and_repetition(void **state)
{
	(void)state;
	assert_int_equal(parse(json_pack("[o,o]", log_json(17, 0), log_json(16, 0))), -EBADMSG);
	assert_int_equal(parse(json_pack("[o,o]", log_json(16, 1), log_json(16, 1))), -EBADMSG);
	assert_int_equal(parse(json_pack("[o,o]", log_json(16, 2), log_json(16, 1))), -EBADMSG);
}

static void test_one_block_has_one_hash(void **state)
{
	json_t *second = log_json(16, 1), *other = log_json(17, 0);

	(void)state;
	json_object_set(second, "blockHash", json_object_get(other, "blockHash"));
	json_decref(other);
	assert_int_equal(parse(json_pack("[o,o]", log_json(16, 0), second)), -EBADMSG);
}

static void test_malformed_fields_are_refused(void **state)
{
	static const char *const fields[] = { "address", "topics", "data", "blockNumber",
					      "blockHash", "logIndex", "transactionHash" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		assert_int_equal(parse(with(fields[i], NULL)), -EBADMSG);
		assert_int_equal(parse(with(fields[i], json_integer(1))), -EBADMSG);
		assert_int_equal(parse(with(fields[i], json_string("0xzz"))), -EBADMSG);
		assert_int_equal(parse(with(fields[i], json_string(""))), -EBADMSG);
	}
	assert_int_equal(parse(with("data", json_string("0x123"))), -EBADMSG);
	assert_int_equal(parse(json_object()), -EBADMSG);
	assert_int_equal(parse(json_pack("[i]", 1)), -EBADMSG);
}

static void test_data_is_bounded(void **state)
{
	static char text[2 * (LOG_DATA_MAX_BYTES + 1) + 3];

	(void)state;
	memset(text, '0', sizeof(text) - 1);
	text[1] = 'x';
	text[2 * LOG_DATA_MAX_BYTES + 2] = '\0';
	assert_int_equal(parse(with("data", json_string(text))), 0);
	text[2 * LOG_DATA_MAX_BYTES + 2] = '0';
	assert_int_equal(parse(with("data", json_string(text))), -E2BIG);
}

static void test_filter_object(void **state)
{
	struct log_filter f = filter();
	json_t *o = logs_filter_json(&f);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(o, "fromBlock")), "0x10");
	assert_string_equal(json_string_value(json_object_get(o, "toBlock")), "0x20");
	assert_int_equal(json_array_size(json_object_get(o, "topics")), 3);
	assert_true(json_is_null(json_array_get(json_object_get(o, "topics"), 1)));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fitting_logs_are_read),
		cmocka_unit_test(test_logs_beside_the_filter_are_refused),
		cmocka_unit_test(test_order_and_repetition),
		cmocka_unit_test(test_one_block_has_one_hash),
		cmocka_unit_test(test_malformed_fields_are_refused),
		cmocka_unit_test(test_data_is_bounded),
		cmocka_unit_test(test_filter_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
