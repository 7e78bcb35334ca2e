// SPDX-License-Identifier: Apache-2.0
/*
 * Load for the bridge's benchmark: datagrams of WireGuard's data shape out of
 * WireGuard's port, or counted as they arrive there. Prints one number: how
 * many were sent or came.
 *   load send IPV4 PORT SECONDS BYTES     load count SECONDS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WG_PORT = 51821, BATCH = 32, SLOT_BYTES = 2048, BUFFER_BYTES = 4 << 20 };

static uint8_t slot[BATCH][SLOT_BYTES];
static struct iovec vector[BATCH];
static struct mmsghdr message[BATCH];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(WG_PORT) };
	struct timeval wait = { .tv_usec = 100000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER_BYTES;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror("load");
		exit(1);
	}
	return fd;
}

static void prepare(size_t bytes)
{
	for (int i = 0; i < BATCH; i++) {
		slot[i][0] = 4;
		vector[i] = (struct iovec){ slot[i], bytes };
		message[i].msg_hdr.msg_iov = &vector[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
}

int main(int argc, char **argv)
{
	unsigned long long total = 0;
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = open_socket();
	double end;

	if (argc == 6 && !strcmp(argv[1], "send")) {
		inet_pton(AF_INET, argv[2], &to.sin_addr);
		to.sin_port = htons((uint16_t)atoi(argv[3]));
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			return 1;
		prepare((size_t)atoi(argv[5]));
		for (end = now() + atof(argv[4]); now() < end;) {
			int sent = sendmmsg(fd, message, BATCH, 0);

			total += sent > 0 ? (unsigned)sent : 0;
		}
	} else if (argc == 3) {
		prepare(SLOT_BYTES);
		for (end = now() + atof(argv[2]); now() < end;) {
			int got = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);

			total += got > 0 ? (unsigned)got : 0;
		}
	} else {
		return 2;
	}
	printf("%llu\n", total);
	return 0;
}
