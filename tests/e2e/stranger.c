// SPDX-License-Identifier: Apache-2.0
/*
 * Somebody who is no member: connects through the gateway as anybody can, keeps
 * as many links open as it is told (the listener ends each after its ten
 * seconds) and sends over them what looks like WireGuard handshakes with a valid
 * first MAC; the keys it takes are on chain. Ends by itself and prints what it
 * did as JSON. In C, because an emulated machine has to make 26 links a second
 * to hold 256.
 *   stranger IPV4 PORT SNI WIREGUARD_KEY_HEX LINKS INITIATIONS_PER_SECOND SECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LINKS_MAX = 1024, OPENING_MAX = 16, OPENING_MS = 10000, CATCH_UP_MAX = 8,
	INITIATION_BYTES = 148, MAC1_AT = 116, MAC2_AT = 132, KEY_BYTES = 32,
};

enum state { ABSENT, CONNECTING, SHAKING, OPEN };

struct link {
	enum state state;
	int fd;
	SSL *ssl;
	short wants;
	int64_t since_ms;
};

static struct link links[LINKS_MAX];
static struct pollfd polled[LINKS_MAX];
static SSL_CTX *context;
static struct sockaddr_in gateway = { .sin_family = AF_INET };
static const char *name;
static uint8_t mac1_key[KEY_BYTES];
static unsigned long opened, closed, refused, sent, peak;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void give_up(const char *what)
{
	fprintf(stderr, "stranger: %s\n", what);
	exit(1);
}

static void end_link(struct link *l)
{
	if (l->state == OPEN)
		closed++;
	else
		refused++;
	SSL_free(l->ssl);
	close(l->fd);
	*l = (struct link){ 0 };
}

static void begin_link(struct link *l)
{
	int one = 1;

	*l = (struct link){ .state = CONNECTING, .wants = POLLOUT, .since_ms = now_ms() };
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	l->ssl = SSL_new(context);
	if (l->fd < 0 || !l->ssl || !SSL_set_fd(l->ssl, l->fd) ||
	    !SSL_set_tlsext_host_name(l->ssl, name))
		give_up("no socket or no TLS");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(l->fd, (struct sockaddr *)&gateway, sizeof(gateway)) && errno != EINPROGRESS)
		end_link(l);
}

/* The handshake as far as it goes now. */
static void shake(struct link *l)
{
	int ret = SSL_connect(l->ssl);

	if (ret == 1) {
		l->state = OPEN;
		l->wants = POLLIN;
		opened++;
		return;
	}
	switch (SSL_get_error(l->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		l->wants = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		l->wants = POLLOUT;
		break;
	default:
		end_link(l);
	}
}

static void on_ready(struct link *l)
{
	uint8_t thrown_away[4096];
	int ret;

	if (l->state == CONNECTING)
		l->state = SHAKING;
	if (l->state == SHAKING) {
		shake(l);
		return;
	}
	do
		ret = SSL_read(l->ssl, thrown_away, sizeof(thrown_away));
	while (ret > 0);
	if (SSL_get_error(l->ssl, ret) != SSL_ERROR_WANT_READ)
		end_link(l);
}

/* A handshake initiation that passes the owner's check of the first MAC and
 * fails when it is decrypted (WireGuard, section 5.4.4); its length before it. */
static void make_initiation(uint8_t frame[2 + INITIATION_BYTES])
{
	uint8_t *packet = frame + 2;
	size_t size = 16;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;

	frame[0] = INITIATION_BYTES >> 8;
	frame[1] = INITIATION_BYTES & 0xff;
	memset(packet, 0, INITIATION_BYTES);
	if (RAND_bytes(packet + 4, MAC1_AT - 4) != 1)
		give_up("no random bytes");
	packet[0] = 1;
	if (!c || !EVP_MAC_init(c, mac1_key, sizeof(mac1_key), params) ||
	    !EVP_MAC_update(c, packet, MAC1_AT) ||
	    !EVP_MAC_final(c, packet + MAC1_AT, &size, size))
		give_up("no BLAKE2s");
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

static void set_key(const char *hex)
{
	uint8_t text[8 + KEY_BYTES] = "mac1----";

	for (int i = 0; i < KEY_BYTES; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			give_up("the key is 64 hexadecimal digits");
		text[8 + i] = (uint8_t)byte;
	}
	if (!EVP_Digest(text, sizeof(text), mac1_key, NULL, EVP_blake2s256(), NULL))
		give_up("no BLAKE2s");
}

/* One initiation over the next open link. */
static void shoot(size_t count)
{
	static size_t turn;
	uint8_t frame[2 + INITIATION_BYTES];

	for (size_t i = 0; i < count; i++) {
		struct link *l = &links[turn++ % count];

		if (l->state != OPEN)
			continue;
		make_initiation(frame);
		if (SSL_write(l->ssl, frame, sizeof(frame)) == (int)sizeof(frame))
			sent++;
		return;
	}
}

static void fill(size_t count)
{
	size_t opening = 0, open = 0;
	int64_t now = now_ms();

	for (size_t i = 0; i < count; i++) {
		struct link *l = &links[i];

		if (l->state != OPEN && l->state != ABSENT && now - l->since_ms > OPENING_MS)
			end_link(l);
		open += l->state == OPEN;
		opening += l->state == CONNECTING || l->state == SHAKING;
	}
	if (open > peak)
		peak = open;
	for (size_t i = 0; i < count && opening < OPENING_MAX; i++)
		if (links[i].state == ABSENT) {
			begin_link(&links[i]);
			opening++;
		}
}

static void turn(size_t count, int wait_ms)
{
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = links[i].state == ABSENT ? -1 : links[i].fd,
					     .events = links[i].wants };
	if (poll(polled, count, wait_ms) <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (polled[i].revents && links[i].state != ABSENT)
			on_ready(&links[i]);
}

int main(int argc, char **argv)
{
	size_t count;
	double per_second;
	int64_t begin = now_ms(), end;

	if (argc != 8 || inet_pton(AF_INET, argv[1], &gateway.sin_addr) != 1 ||
	    strlen(argv[4]) != 2 * KEY_BYTES)
		give_up("usage: stranger IPV4 PORT SNI WIREGUARD_KEY_HEX LINKS "
			"INITIATIONS_PER_SECOND SECONDS");
	signal(SIGPIPE, SIG_IGN);
	gateway.sin_port = htons((uint16_t)atoi(argv[2]));
	name = argv[3];
	set_key(argv[4]);
	count = (size_t)atoi(argv[5]);
	per_second = atof(argv[6]);
	end = begin + (int64_t)(1000 * atof(argv[7]));
	if (!count || count > LINKS_MAX || per_second <= 0)
		give_up("1 to 1024 links, and more than no initiation a second");
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		give_up("no TLS");
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	while (now_ms() < end) {
		double due = per_second * (double)(now_ms() - begin) / 1000;

		fill(count);
		turn(count, 10);
		/* What is behind is made up for in small steps, if links are open. */
		for (int i = 0; i < CATCH_UP_MAX && (double)(sent + 1) <= due; i++)
			shoot(count);
	}
	printf("{\"opened\":%lu,\"peak\":%lu,\"sent\":%lu,\"closed\":%lu,\"refused\":%lu}\n",
	       opened, peak, sent, closed, refused);
	return 0;
}
