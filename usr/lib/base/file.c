// SPDX-License-Identifier: Apache-2.0
/* Small files: bounded read, atomic write, lock, private directory. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_PATH_MAX_BYTES = 4096, FILE_CHUNK_BYTES = 4096 };

int file_read(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t chunk[FILE_CHUNK_BYTES];
	ssize_t got;
	int ret = 0;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0) {
			if (errno == EINTR)
				continue;
			ret = -errno;
			break;
		}
		if (!buf_add(b, chunk, (size_t)got)) {
			ret = -EFBIG;
			break;
		}
	}
	explicit_bzero(chunk, sizeof(chunk));
	close(fd);
	return ret;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

static int sync_directory_of(const char *path)
{
	char copy[FILE_PATH_MAX_BYTES];
	int fd, ret = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int file_write_atomic(const char *path, const void *bytes, size_t len)
{
	char temporary[FILE_PATH_MAX_BYTES];
	int fd, ret;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.%d.new", path,
			     getpid()) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, bytes, len);
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && !ret)
		ret = -errno;
	if (!ret && rename(temporary, path) < 0)
		ret = -errno;
	if (ret) {
		unlink(temporary);
		return ret;
	}
	return sync_directory_of(path);
}

int file_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

int dir_private(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid != geteuid() || (st.st_mode & 0022))
		return -EPERM;
	return 0;
}
