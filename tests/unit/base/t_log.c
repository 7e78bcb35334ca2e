// SPDX-License-Identifier: Apache-2.0
/* The log: foreign text is cut and made harmless, JSON stays JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static void capture(char *out, size_t size, enum log_level level, const char *text)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_write(level, "%s", text);
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	n = read(fds[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(saved);
}

static void test_foreign_text_is_cut_and_printable(void **state)
{
	char in[300], out[300];

	(void)state;
	memset(in, 'a', sizeof(in));
	in[1] = '\n';
	in[2] = '\x1b';
	in[3] = '\xff';
	log_foreign(out, sizeof(out), in, 199);
	assert_int_equal(strlen(out), 199);
	log_foreign(out, sizeof(out), in, 200);
	assert_int_equal(strlen(out), 200);
	log_foreign(out, sizeof(out), in, 201);
	assert_int_equal(strlen(out), 200);
	assert_memory_equal(out, "a???a", 5);
	log_foreign(out, 4, in, sizeof(in));
	assert_string_equal(out, "a??");
}

static void test_a_text_line_stays_one_line(void **state)
{
	char line[4096];

	(void)state;
	log_set(LOG_INFO, false, "p");
	capture(line, sizeof(line), LOG_WARN, "one\ntwo");
	assert_non_null(strstr(line, " p warn: one two\n"));
	capture(line, sizeof(line), LOG_DEBUG, "below the level");
	assert_string_equal(line, "");
}

static void test_json_is_escaped_and_bounded(void **state)
{
	char line[8192], text[5000];

	(void)state;
	log_set(LOG_DEBUG, true, "p");
	capture(line, sizeof(line), LOG_ERROR, "a\"b\\c\nd");
	assert_non_null(strstr(line, "\"message\":\"a\\\"b\\\\c\\u000ad\"}\n"));
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture(line, sizeof(line), LOG_ERROR, text);
	assert_true(strlen(line) <= LOG_LINE_MAX_BYTES);
	assert_string_equal(line + strlen(line) - 3, "\"}\n");
}

static void test_levels_have_names(void **state)
{
	enum log_level level;

	(void)state;
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_WARN);
	assert_false(log_level_parse("loud", &level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_text_is_cut_and_printable),
		cmocka_unit_test(test_a_text_line_stays_one_line),
		cmocka_unit_test(test_json_is_escaped_and_bounded),
		cmocka_unit_test(test_levels_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
