// SPDX-License-Identifier: Apache-2.0
/* Header texts and codes: bounds, malformed input, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "grpc/bucket.h"
#include "grpc/meta.h"
#include "grpc/status.h"

static int64_t timeout(const char *text)
{
	return grpc_timeout_parse((const uint8_t *)text, strlen(text));
}

static void test_timeouts_are_read_in_every_unit(void **state)
{
	(void)state;
	assert_int_equal(timeout("1H"), 3600000);
	assert_int_equal(timeout("2M"), 120000);
	assert_int_equal(timeout("3S"), 3000);
	assert_int_equal(timeout("4m"), 4);
	assert_int_equal(timeout("1u"), 1);
	assert_int_equal(timeout("1000u"), 1);
	assert_int_equal(timeout("1001u"), 2);
	assert_int_equal(timeout("1n"), 1);
	assert_int_equal(timeout("0S"), 0);
	assert_int_equal(timeout("99999999H"), INT32_MAX);
}

static void test_malformed_timeouts_are_refused(void **state)
{
	static const char *const bad[] = { "", "S", "1", "1x", "-1S", "1.5S", " 1S",
					   "100000000S", "1s", "1SS" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(timeout(bad[i]), -1);
}

static void test_written_timeouts_read_back(void **state)
{
	static const uint32_t values[] = { 0, 1, 2000, 99999999 };
	char text[GRPC_TIMEOUT_CHARS];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t len = grpc_timeout_format(text, values[i]);

		assert_int_equal(grpc_timeout_parse((uint8_t *)text, len), values[i]);
	}
	/* Past eight digits of ms only whole seconds fit. */
	assert_int_equal(grpc_timeout_format(text, 100000999), strlen("100000S"));
	assert_string_equal(text, "100000S");
}

static void test_messages_survive_the_wire(void **state)
{
	static const char *const texts[] = { "", "plain", "100% of it", "\x01\n\xff" "a%2" };
	char wire[64], back[64];

	(void)state;
	assert_int_equal(grpc_message_encode(wire, sizeof(wire), texts[3]), 14);
	assert_string_equal(wire, "%01%0A%FFa%252");
	for (size_t i = 0; i < 3; i++) {
		size_t len = grpc_message_encode(wire, sizeof(wire), texts[i]);

		grpc_message_decode(back, sizeof(back), (uint8_t *)wire, len);
		assert_string_equal(back, texts[i]);
	}
}

static void test_messages_are_cut_between_escapes(void **state)
{
	char wire[8];

	(void)state;
	assert_int_equal(grpc_message_encode(wire, 7, "ab\n\n"), 5);
	assert_string_equal(wire, "ab%0A");
	assert_int_equal(grpc_message_encode(wire, 8, "abcdefghij"), 7);
}

static void test_malformed_escapes_stand_for_themselves(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(grpc_message_decode(out, sizeof(out),
						(const uint8_t *)"%zz%4%", 6), "%zz%4%");
	assert_string_equal(grpc_message_decode(out, sizeof(out),
						(const uint8_t *)"%41%0a", 6), "A?");
	assert_string_equal(grpc_message_decode(out, 3, (const uint8_t *)"abcdef", 6), "ab");
}

static bool type_ok(const char *text)
{
	return grpc_content_type_ok((const uint8_t *)text, strlen(text));
}

static void test_content_types(void **state)
{
	(void)state;
	assert_true(type_ok("application/grpc"));
	assert_true(type_ok("application/grpc+proto"));
	assert_true(type_ok("application/grpc;charset=utf-8"));
	assert_false(type_ok("application/grpc-web"));
	assert_false(type_ok("application/grp"));
	assert_false(type_ok("text/html"));
	assert_false(type_ok(""));
}

static void test_codes_of_others(void **state)
{
	(void)state;
	assert_int_equal(grpc_status_of_http(404), GRPC_UNIMPLEMENTED);
	assert_int_equal(grpc_status_of_http(503), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of_http(401), GRPC_UNAUTHENTICATED);
	assert_int_equal(grpc_status_of_http(418), GRPC_UNKNOWN);
	assert_int_equal(grpc_status_of_reset(7), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of_reset(8), GRPC_CANCELLED);
	assert_int_equal(grpc_status_of_reset(11), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(grpc_status_of_reset(1), GRPC_INTERNAL);
	assert_string_equal(grpc_status_name(GRPC_DATA_LOSS), "DATA_LOSS");
	assert_string_equal(grpc_status_name((enum grpc_status)17), "?");
}

static void test_bucket_holds_its_burst_and_no_more(void **state)
{
	struct bucket b;
	int taken = 0;

	(void)state;
	bucket_init(&b, 5, 10, 1000);
	while (bucket_take(&b, 1000))
		taken++;
	assert_int_equal(taken, 5);
	assert_false(bucket_take(&b, 1099));
	assert_true(bucket_take(&b, 1100));
	assert_false(bucket_take(&b, 1100));
	bucket_give_milli(&b, 1000);
	assert_true(bucket_take(&b, 1100));
	/* A clock that stands still or goes back gives nothing. */
	assert_false(bucket_take(&b, 50));
	for (taken = 0; bucket_take(&b, INT64_MAX); taken++)
		;
	assert_int_equal(taken, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeouts_are_read_in_every_unit),
		cmocka_unit_test(test_malformed_timeouts_are_refused),
		cmocka_unit_test(test_written_timeouts_read_back),
		cmocka_unit_test(test_messages_survive_the_wire),
		cmocka_unit_test(test_messages_are_cut_between_escapes),
		cmocka_unit_test(test_malformed_escapes_stand_for_themselves),
		cmocka_unit_test(test_content_types),
		cmocka_unit_test(test_codes_of_others),
		cmocka_unit_test(test_bucket_holds_its_burst_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
