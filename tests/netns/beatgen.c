// SPDX-License-Identifier: Apache-2.0
/*
 * Sends beats of a member from userspace, signed with libsodium and laid out
 * from the offsets of the design, with defects on request. It shares no code
 * with the module that it tests.
 *
 *	beatgen from=ADDR to=ADDR seed=HEX domain=HEX id=HEX inc=N seq=N [option]...
 *	beatgen key SEEDHEX...		prints the public keys
 *
 *	port=N		UDP port at both ends (51820)
 *	interval=MS	the sender's interval in the beat (200)
 *	flags=N		flags byte
 *	count=N		so many beats, sequence rising (1)
 *	every=US	pause between them (0)
 *	same=1		all of them with the same sequence
 *	digest=HEX live=N known=N window=HEX base=N
 *	floor=INC:SEQ	what the trailer acknowledges
 *	flip=OFFSET	turn one bit after signing
 *	set=OFFSET:HEX	write bytes after signing
 *	len=N		send so many bytes of it (zeros beyond the beat)
 *	dev=NAME	bind to a device
 */
#include <arpa/inet.h>
#include <endian.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

enum { SIGNED = 224, SIGNATURE = 224, TRAILER = 288, BEAT = 312, ROOM = 2048 };

struct options {
	const char *from, *to, *dev, *window, *digest, *set;
	unsigned char seed[32], domain[32], id[32];
	uint64_t inc, seq, floor_inc, floor_seq;
	unsigned int port, interval, flags, count, every, live, known, base;
	int flip, len, same;
};

static void die(const char *what)
{
	fprintf(stderr, "beatgen: %s\n", what);
	exit(2);
}

static size_t unhex(const char *s, unsigned char *out, size_t max)
{
	size_t n;

	if (sodium_hex2bin(out, max, s, strlen(s), NULL, &n, NULL))
		die(s);
	return n;
}

static void put16(unsigned char *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); }
static void put32(unsigned char *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
static void put64(unsigned char *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }

static void parse(struct options *o, char *arg)
{
	char *value = strchr(arg, '='), *colon;

	if (!value)
		die(arg);
	*value++ = 0;
	if (!strcmp(arg, "from")) o->from = value;
	else if (!strcmp(arg, "to")) o->to = value;
	else if (!strcmp(arg, "dev")) o->dev = value;
	else if (!strcmp(arg, "window")) o->window = value;
	else if (!strcmp(arg, "digest")) o->digest = value;
	else if (!strcmp(arg, "set")) o->set = value;
	else if (!strcmp(arg, "seed")) unhex(value, o->seed, 32);
	else if (!strcmp(arg, "domain")) unhex(value, o->domain, 32);
	else if (!strcmp(arg, "id")) unhex(value, o->id, 32);
	else if (!strcmp(arg, "inc")) o->inc = strtoull(value, NULL, 0);
	else if (!strcmp(arg, "seq")) o->seq = strtoull(value, NULL, 0);
	else if (!strcmp(arg, "port")) o->port = atoi(value);
	else if (!strcmp(arg, "interval")) o->interval = atoi(value);
	else if (!strcmp(arg, "flags")) o->flags = atoi(value);
	else if (!strcmp(arg, "count")) o->count = atoi(value);
	else if (!strcmp(arg, "every")) o->every = atoi(value);
	else if (!strcmp(arg, "live")) o->live = atoi(value);
	else if (!strcmp(arg, "known")) o->known = atoi(value);
	else if (!strcmp(arg, "base")) o->base = atoi(value);
	else if (!strcmp(arg, "flip")) o->flip = atoi(value);
	else if (!strcmp(arg, "len")) o->len = atoi(value);
	else if (!strcmp(arg, "same")) o->same = atoi(value);
	else if (!strcmp(arg, "floor") && (colon = strchr(value, ':'))) {
		o->floor_inc = strtoull(value, NULL, 0);
		o->floor_seq = strtoull(colon + 1, NULL, 0);
	} else {
		die(arg);
	}
}

static void build(const struct options *o, uint64_t seq, unsigned char *wire)
{
	static const char context[] = "attestmesh.beat.v1";
	unsigned char input[sizeof(context) + 32 + SIGNED], pk[32], sk[64];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(wire, 0, ROOM);
	memcpy(wire, "AMB1", 4);
	wire[4] = 1;
	wire[5] = o->flags;
	put16(wire + 6, o->interval);
	put64(wire + 8, o->inc);
	put64(wire + 16, seq);
	put64(wire + 24, now.tv_sec * 1000ULL + now.tv_nsec / 1000000);
	memcpy(wire + 32, o->id, 32);
	if (o->digest)
		unhex(o->digest, wire + 64, 16);
	put32(wire + 80, o->live);
	put32(wire + 84, o->known);
	put32(wire + 88, o->base);
	wire[92] = 1;
	if (o->window)
		unhex(o->window, wire + 96, 128);
	memcpy(input, context, sizeof(context));
	memcpy(input + sizeof(context), o->domain, 32);
	memcpy(input + sizeof(context) + 32, wire, SIGNED);
	crypto_sign_seed_keypair(pk, sk, o->seed);
	crypto_sign_detached(wire + SIGNATURE, NULL, input, sizeof(input), sk);
	put64(wire + TRAILER, o->floor_seq);
	put64(wire + TRAILER + 8, o->floor_inc);
	put32(wire + TRAILER + 16, 1000);
}

static void spoil(const struct options *o, unsigned char *wire)
{
	if (o->flip >= 0)
		wire[o->flip] ^= 1;
	if (o->set) {
		const char *colon = strchr(o->set, ':');
		int at = atoi(o->set);

		if (!colon || at < 0 || at >= ROOM)
			die("set");
		unhex(colon + 1, wire + at, ROOM - at);
	}
}

static socklen_t address(const char *text, unsigned int port,
			 struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		return sizeof(*in4);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		die(text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static int open_socket(const struct options *o)
{
	struct sockaddr_storage ss;
	socklen_t len = address(o->from, o->port, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* The mesh of this namespace may hold the port: then any other will do,
	 * the module judges the address alone.
	 */
	if (bind(fd, (struct sockaddr *)&ss, len)) {
		len = address(o->from, 0, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len))
			die("bind");
	}
	if (o->dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->dev,
				 strlen(o->dev)))
		die("dev");
	return fd;
}

static int print_keys(int n, char **seeds)
{
	unsigned char seed[32], pk[32], sk[64];
	char hex[65];

	for (; n; n--, seeds++) {
		if (unhex(*seeds, seed, sizeof(seed)) != sizeof(seed))
			die(*seeds);
		crypto_sign_seed_keypair(pk, sk, seed);
		printf("%s\n", sodium_bin2hex(hex, sizeof(hex), pk, sizeof(pk)));
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .port = 51820, .interval = 200, .count = 1,
			     .flip = -1, .len = BEAT, .live = 1, .known = 1 };
	unsigned char wire[ROOM];
	struct sockaddr_storage to;
	socklen_t to_len;
	unsigned int sent = 0;
	int fd;

	if (sodium_init() < 0)
		die("sodium");
	if (argc > 2 && !strcmp(argv[1], "key"))
		return print_keys(argc - 2, argv + 2);
	for (int i = 1; i < argc; i++)
		parse(&o, argv[i]);
	if (!o.from || !o.to || o.len < 0 || o.len > ROOM || o.flip >= ROOM)
		die("from, to, len, flip");
	fd = open_socket(&o);
	to_len = address(o.to, o.port, &to);
	for (unsigned int i = 0; i < o.count; i++) {
		/* A flood signs once: only the sequence differs then, so every
		 * further beat is a forgery.
		 */
		if (!i || o.every)
			build(&o, o.seq + (o.same ? 0 : i), wire);
		else if (!o.same)
			put64(wire + 16, o.seq + i);
		if (!i || o.every)
			spoil(&o, wire);
		sent += sendto(fd, wire, o.len, 0, (struct sockaddr *)&to,
			       to_len) == o.len;
		if (o.every)
			usleep(o.every);
	}
	printf("sent=%u\n", sent);
	return 0;
}
