// SPDX-License-Identifier: Apache-2.0
/* The buffer keeps its cap, remembers its failure and survives reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "buf.h"

static void test_holds_exactly_its_cap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_true(buf_add_str(&b, "12345"));
	assert_false(buf_add_byte(&b, '6'));
	assert_true(b.failed);
	assert_int_equal(b.len, 5);
	assert_string_equal((char *)b.data, "12345");
	buf_reset(&b);
	assert_true(buf_printf(&b, "%d-%s", 12, "ab"));
	assert_false(buf_printf(&b, "%d", 1));
	assert_string_equal((char *)b.data, "12-ab");
	buf_free(&b);
}

static void test_failure_is_sticky(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_false(buf_add(&b, "12345", 5));
	assert_false(buf_add(&b, "1", 1));
	assert_null(buf_reserve(&b, 0));
	buf_free(&b);
}

static void test_grows_and_drops(void **state)
{
	struct buf b;

	(void)state;
	buf_init_secret(&b, 100000);
	for (int i = 0; i < 20000; i++)
		assert_true(buf_add(&b, &(uint8_t){ (uint8_t)i }, 1));
	buf_drop(&b, 0);
	buf_drop(&b, 300);
	assert_int_equal(b.len, 19700);
	assert_int_equal(b.data[0], 300 & 255);
	buf_drop(&b, b.len);
	assert_int_equal(b.len, 0);
	buf_free(&b);
	assert_true(buf_add_str(&b, "again"));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds_exactly_its_cap),
		cmocka_unit_test(test_failure_is_sticky),
		cmocka_unit_test(test_grows_and_drops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
