// SPDX-License-Identifier: Apache-2.0
/* Small files: bounds of reads, atomic replacement, locks, directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/t_file.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(in_dir("f"));
	unlink(in_dir("lock"));
	rmdir(in_dir("private"));
	rmdir(in_dir("open"));
	return rmdir(dir);
}

static void test_write_replaces_and_read_is_bounded(void **state)
{
	struct stat st;
	struct buf b;

	(void)state;
	assert_int_equal(file_write_atomic(in_dir("f"), "first", 5), 0);
	assert_int_equal(file_write_atomic(in_dir("f"), "second", 6), 0);
	assert_int_equal(stat(in_dir("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init(&b, 6);
	assert_int_equal(file_read(in_dir("f"), &b), 0);
	assert_string_equal((char *)b.data, "second");
	buf_free(&b);
	buf_init(&b, 5);
	assert_int_equal(file_read(in_dir("f"), &b), -EFBIG);
	buf_free(&b);
	assert_int_equal(file_read(in_dir("none"), &b), -ENOENT);
	assert_int_equal(file_write_atomic(in_dir("none/f"), "x", 1), -ENOENT);
}

static void test_a_lock_is_held_once(void **state)
{
	int fd = file_lock(in_dir("lock"));

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_lock(in_dir("lock")), -EWOULDBLOCK);
	close(fd);
	fd = file_lock(in_dir("lock"));
	assert_true(fd >= 0);
	close(fd);
}

static void test_a_directory_others_may_write_is_refused(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(dir_private(in_dir("private")), 0);
	assert_int_equal(dir_private(in_dir("private")), 0);
	assert_int_equal(stat(in_dir("private"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(mkdir(in_dir("open"), 0700), 0);
	assert_int_equal(chmod(in_dir("open"), 0777), 0);
	assert_int_equal(dir_private(in_dir("open")), -EPERM);
	assert_int_equal(dir_private(in_dir("f")), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_replaces_and_read_is_bounded),
		cmocka_unit_test(test_a_lock_is_held_once),
		cmocka_unit_test(test_a_directory_others_may_write_is_refused),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
