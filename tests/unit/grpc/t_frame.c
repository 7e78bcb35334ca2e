// SPDX-License-Identifier: Apache-2.0
/* Message framing in every cut, and its refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "grpc/frame.h"

static const uint8_t two[] = { 0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0,
			       0, 0, 0, 0, 1, 'z' };

/* Feeds `two` in pieces of `cut` bytes and writes the messages to out. */
static void collect(size_t cut, char *out)
{
	struct grpc_frame f;
	size_t at = 0;

	grpc_frame_init(&f, 3);
	*out = '\0';
	while (at < sizeof(two)) {
		size_t len = sizeof(two) - at < cut ? sizeof(two) - at : cut;
		const uint8_t *p = two + at;

		at += len;
		while (len) {
			if (grpc_frame_feed(&f, &p, &len) == GRPC_FRAME_MORE) {
				assert_int_equal(len, 0);
				break;
			}
			strncat(out, f.body.data ? (char *)f.body.data : "", f.body.len);
			strcat(out, "|");
			grpc_frame_next(&f);
		}
	}
	assert_true(grpc_frame_empty(&f));
	grpc_frame_free(&f);
}

static void test_messages_come_whole_from_any_cut(void **state)
{
	char out[32];

	(void)state;
	for (size_t cut = 1; cut <= sizeof(two); cut++) {
		collect(cut, out);
		assert_string_equal(out, "abc||z|");
	}
}

static enum grpc_frame_state feed(const uint8_t *bytes, size_t len, uint32_t most)
{
	struct grpc_frame f;
	enum grpc_frame_state state;

	grpc_frame_init(&f, most);
	state = grpc_frame_feed(&f, &bytes, &len);
	grpc_frame_free(&f);
	return state;
}

static void test_length_bound_and_one_past_it(void **state)
{
	(void)state;
	assert_int_equal(feed((const uint8_t *)"\0\0\0\0\3abc", 8, 3), GRPC_FRAME_MESSAGE);
	assert_int_equal(feed((const uint8_t *)"\0\0\0\0\4abcd", 9, 3), GRPC_FRAME_TOO_LONG);
	assert_int_equal(feed((const uint8_t *)"\0\xff\xff\xff\xff", 5, 1 << 20),
			 GRPC_FRAME_TOO_LONG);
}

static void test_a_long_length_is_refused_before_memory_is_taken(void **state)
{
	const uint8_t head[] = { 0, 0x7f, 0xff, 0xff, 0xff };
	const uint8_t *p = head;
	size_t len = sizeof(head);
	struct grpc_frame f;

	(void)state;
	grpc_frame_init(&f, 1000);
	assert_int_equal(grpc_frame_feed(&f, &p, &len), GRPC_FRAME_TOO_LONG);
	assert_null(f.body.data);
	grpc_frame_free(&f);
	/* And one within the bound takes memory as bytes arrive. */
	p = (const uint8_t *)"\0\0\x10\0\0xy";
	len = 7;
	grpc_frame_init(&f, 1 << 20);
	assert_int_equal(grpc_frame_feed(&f, &p, &len), GRPC_FRAME_MORE);
	assert_int_equal(f.body.len, 2);
	assert_true(f.body.size < 4096);
	grpc_frame_free(&f);
}

static void test_compressed_flag(void **state)
{
	(void)state;
	assert_int_equal(feed((const uint8_t *)"\1\0\0\0\0", 5, 3), GRPC_FRAME_COMPRESSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_come_whole_from_any_cut),
		cmocka_unit_test(test_length_bound_and_one_past_it),
		cmocka_unit_test(test_a_long_length_is_refused_before_memory_is_taken),
		cmocka_unit_test(test_compressed_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
