// SPDX-License-Identifier: Apache-2.0
/*
 * After a GetKey no readable part of the process still holds the key's hex
 * text, which passed through libcurl and jansson. The search is shown to work
 * by a copy that is freed without being wiped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "canned.h"
#include "dstack.h"

#if defined(__SANITIZE_ADDRESS__)
enum { CAN_SEARCH = 0 }; /* the sanitizer's own copies and shadow are in the way */
#else
enum { CAN_SEARCH = 1 };
#endif

static bool done;

static void on_key(const struct dstack_key *key, const struct dstack_failure *why, void *arg)
{
	(void)why;
	(void)arg;
	assert_non_null(key);
	done = true;
}

/* The middle of the text: an allocator may overwrite the ends of what is freed. */
static void needle(char out[25], unsigned int salt)
{
	for (unsigned int i = 0; i < 24; i++)
		out[i] = "0123456789abcdef"[(i * 7 + salt * 5 + i * i) % 16];
	out[24] = '\0';
}

static size_t count_in_heap(unsigned int salt)
{
	char line[256], text[25];
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t found = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[5];

		if (!strstr(line, "[heap]") ||
		    sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3)
			continue;
		needle(text, salt);
		for (char *p = (char *)from; p && p < (char *)to;) {
			p = memmem(p, (size_t)((char *)to - p), text, 24);
			if (p) {
				found++;
				p++;
			}
		}
		memset(text, 0, sizeof(text));
	}
	fclose(maps);
	return found;
}

static void test_the_search_finds_what_is_not_wiped(void **state)
{
	char text[25], *copy;

	(void)state;
	if (!CAN_SEARCH)
		skip();
	needle(text, 1);
	copy = malloc(80);
	assert_non_null(copy);
	memset(copy, 'x', 80);
	memcpy(copy + 28, text, 24);
	memset(text, 0, sizeof(text));
	__asm__ volatile("" : : "r"(copy) : "memory"); /* the store is not dead */
	free(copy);
	assert_true(count_in_heap(1) >= 1);
}

static void test_no_copy_of_the_key_is_left(void **state)
{
	static char answer[700];
	struct loop *loop;
	struct http *http;
	struct canned server;
	struct dstack *d;
	char text[25];
	int at;

	(void)state;
	if (!CAN_SEARCH)
		skip();
	loop = loop_new();
	http = http_new(loop);
	canned_start(&server, loop);
	needle(text, 2);
	at = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Length: 360\r\n\r\n"
			     "{\"key\":\"%020d%s%020d\",\"signature_chain\":[\"", 0, text, 0);
	memset(answer + at, '1', 130);
	at += 130;
	at += sprintf(answer + at, "\",\"");
	memset(answer + at, '1', 130);
	strcpy(answer + at + 130, "\"]}");
	assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 360);
	memset(text, 0, sizeof(text));
	server.answer = answer; /* static: not in the heap */
	d = dstack_new(loop, http, server.path);
	assert_int_equal(dstack_get_key(d, "p", "", on_key, NULL), 0);
	for (int i = 0; i < 100 && !done; i++)
		loop_run_once(loop, 100);
	assert_true(done);
	assert_int_equal(count_in_heap(2), 0);
	dstack_free(d);
	http_free(http);
	canned_stop(&server);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_search_finds_what_is_not_wiped),
		cmocka_unit_test(test_no_copy_of_the_key_is_left),
	};

	if (sodium_init() < 0 || http_global_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
