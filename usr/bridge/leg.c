// SPDX-License-Identifier: Apache-2.0
/*
 * Accepted links. Unproven ones sit in an array, so that a random one can give
 * way to a newcomer; a flood then evicts mostly itself, and an honest peer,
 * which needs a fraction of a second and tries again, gets through.
 */
#include "leg.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carrier.h"
#include "log.h"
#include "secret.h"

enum {
	LOCAL_BASE = 0x7f600000,   /* 127.96.0.0/11 for accepted links */
	LOCAL_COUNT = 0x00200000,
	LISTEN_BACKLOG = 256,
	ACCEPT_PAUSE_MS = 100,     /* when descriptors are short */
};

struct leg {
	struct legs *owner;
	struct conn *conn;
	struct carrier *carrier;
	struct leg *prev, *next;   /* among the proven */
	size_t slot;               /* among the unproven */
	bool proven;
	int64_t since_ms;
	int64_t window_ms;         /* start of the second being counted */
	unsigned handshakes, data; /* in it … */
	size_t bytes;              /* … and all of them */
};

struct legs {
	const struct bridge_env *env;
	legs_status_fn notify;
	void *arg;
	int fd;                    /* -1: not listening */
	struct loop_fd *watch;
	struct loop_timer tick, resume;
	uint32_t next_local;
	int64_t accepts_ms;        /* start of the second being counted */
	unsigned accepts;          /* in it */
	struct leg *unproven[BRIDGE_UNPROVEN_MAX];
	size_t unproven_count, proven_count;
	struct leg *proven;        /* newest first */
	uint32_t evicted, expired, refused;
};

static void leg_close(struct leg *g)
{
	struct legs *s = g->owner;

	if (g->proven) {
		if (g->prev)
			g->prev->next = g->next;
		else
			s->proven = g->next;
		if (g->next)
			g->next->prev = g->prev;
		s->proven_count--;
	} else {
		s->unproven[g->slot] = s->unproven[--s->unproven_count];
		s->unproven[g->slot]->slot = g->slot;
	}
	conn_close(g->conn);
	carrier_free(g->carrier);
	free(g);
}

static uint32_t random_below(uint32_t bound)
{
	uint32_t value;

	secret_random(&value, sizeof(value));
	return value % bound;
}

/* The proven leg that was silent longest makes room. */
static void evict_proven(struct legs *s)
{
	struct leg *worst = s->proven;

	for (struct leg *g = s->proven; g; g = g->next)
		if (carrier_heard_ms(g->carrier) < carrier_heard_ms(worst->carrier))
			worst = g;
	leg_close(worst);
}

static void prove(struct leg *g)
{
	struct legs *s = g->owner;

	if (s->proven_count >= BRIDGE_LEGS_MAX)
		evict_proven(s);
	s->unproven[g->slot] = s->unproven[--s->unproven_count];
	s->unproven[g->slot]->slot = g->slot;
	g->proven = true;
	g->prev = NULL;
	g->next = s->proven;
	if (g->next)
		g->next->prev = g;
	s->proven = g;
	s->proven_count++;
	s->notify(s->arg);
}

static void from_wg(void *arg, enum wg_kind kind)
{
	struct leg *g = arg;

	if (!g->proven && (kind == WG_RESPONSE || kind == WG_DATA))
		prove(g);
}

/* Begins a new second of counting when the last one is over. */
static void turn_window(struct leg *g)
{
	int64_t now_ms = loop_now_ms(g->owner->env->loop);

	if (now_ms - g->window_ms < 1000)
		return;
	g->window_ms = now_ms;
	g->handshakes = g->data = 0;
	g->bytes = 0;
}

static bool from_peer(void *arg, enum wg_kind kind)
{
	struct leg *g = arg;

	if (g->proven)
		return true;
	turn_window(g);
	if (kind == WG_DATA)
		return g->data++ < LEG_DATA_PER_SECOND;
	return g->handshakes++ < LEG_HANDSHAKES_PER_SECOND;
}

static const struct carrier_events carrier_events = {
	.from_wg = from_wg, .from_peer = from_peer,
};

static void on_open(void *arg)
{
	struct leg *g = arg;

	carrier_attach(g->carrier, g->conn);
}

static ptrdiff_t on_data(void *arg, const uint8_t *in, size_t len)
{
	struct leg *g = arg;
	ptrdiff_t used;

	turn_window(g);
	used = carrier_data(g->carrier, in, len);
	/* Whatever a stranger sends costs deciphering, so it may send little. */
	g->bytes += used > 0 ? (size_t)used : 0;
	if (!g->proven && g->bytes > LEG_BYTES_PER_SECOND)
		conn_pause(g->conn, g->window_ms + 1000 - loop_now_ms(g->owner->env->loop));
	return used;
}

static void on_writable(void *arg)
{
	struct leg *g = arg;

	carrier_writable(g->carrier);
}

static void on_ended(void *arg, const char *why)
{
	struct leg *g = arg;
	struct legs *s = g->owner;

	log_debug("leg %u: %s", carrier_port(g->carrier), why);
	leg_close(g);
	s->notify(s->arg);
}

static const struct conn_events conn_events = {
	.open = on_open, .data = on_data, .writable = on_writable, .ended = on_ended,
};

/* Takes over the descriptor. */
static int leg_new(struct legs *s, int fd)
{
	const struct bridge_env *env = s->env;
	struct leg *g = calloc(1, sizeof(*g));
	uint32_t local = LOCAL_BASE + s->next_local++ % LOCAL_COUNT;
	int err = ENOMEM;

	if (!g) {
		close(fd);
		return -ENOMEM;
	}
	*g = (struct leg){ .owner = s, .since_ms = loop_now_ms(env->loop),
			   .window_ms = loop_now_ms(env->loop) };
	g->carrier = carrier_new(env->loop, local, 0, env->wg_port, &carrier_events, g);
	if (!g->carrier) {
		err = errno;
		close(fd);
		goto fail;
	}
	g->conn = conn_accepted(env->loop, env->tls.server, fd, &conn_events, g);
	if (!g->conn) {
		err = errno;
		carrier_free(g->carrier);
		goto fail;
	}
	if (s->unproven_count == BRIDGE_UNPROVEN_MAX) {
		leg_close(s->unproven[random_below(BRIDGE_UNPROVEN_MAX)]);
		s->evicted++;
	}
	g->slot = s->unproven_count;
	s->unproven[s->unproven_count++] = g;
	return 0;
fail:
	free(g);
	return -err;
}

static void on_tick(void *arg)
{
	struct legs *s = arg;
	const struct bridge_env *env = s->env;
	int64_t now_ms = loop_now_ms(env->loop);

	for (size_t i = s->unproven_count; i-- > 0;) {
		if (now_ms - s->unproven[i]->since_ms < LEG_UNPROVEN_MS)
			continue;
		leg_close(s->unproven[i]);
		s->expired++;
	}
	for (struct leg *g = s->proven; g && env->idle_ms; g = g->next)
		carrier_keep(g->carrier, env->idle_ms / ENV_IDLE_PARTS);
	if (s->unproven_count || s->proven_count || s->fd >= 0)
		loop_timer_set(&s->tick, LEG_TICK_MS);
}

static void pause_accepting(struct legs *s, int err)
{
	s->refused++;
	log_warn("no connection can be accepted: %s; raise the limit of open files", strerror(err));
	loop_fd_mod(s->watch, 0);
	loop_timer_set(&s->resume, ACCEPT_PAUSE_MS);
}

/* Whether this second has room for one more; if not, the next one goes on. */
static bool may_accept(struct legs *s)
{
	int64_t now_ms = loop_now_ms(s->env->loop);

	if (now_ms - s->accepts_ms >= 1000) {
		s->accepts_ms = now_ms;
		s->accepts = 0;
	}
	if (s->accepts < LEG_ACCEPTS_PER_SECOND) {
		s->accepts++;
		return true;
	}
	loop_fd_mod(s->watch, 0);
	loop_timer_set(&s->resume, 1000 - (now_ms - s->accepts_ms));
	return false;
}

static void on_resume(void *arg)
{
	struct legs *s = arg;

	if (s->watch)
		loop_fd_mod(s->watch, EPOLLIN);
}

static void on_accept(int fd, uint32_t epoll_events, void *arg)
{
	struct legs *s = arg;

	(void)epoll_events;
	for (int i = 0; i < LEG_ACCEPTS_PER_TURN && may_accept(s); i++) {
		int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (accepted >= 0) {
			if (leg_new(s, accepted))
				s->refused++;
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(s, errno);
		if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
	s->notify(s->arg);
}

/* Dual stack where there is IPv6, else IPv4. */
static int listening_socket(uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, zero = 0, err;

	if (fd >= 0) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (!bind(fd, (struct sockaddr *)&v6, sizeof(v6)) && !listen(fd, LISTEN_BACKLOG))
			return fd;
		err = errno;
		close(fd);
		if (err != EADDRNOTAVAIL && err != EAFNOSUPPORT)
			return -err;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&v4, sizeof(v4)) && !listen(fd, LISTEN_BACKLOG))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static void stop_listening(struct legs *s)
{
	loop_fd_del(s->watch);
	s->watch = NULL;
	loop_timer_cancel(&s->resume);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int legs_listen(struct legs *s, bool on)
{
	int fd;

	if (on == (s->fd >= 0))
		return 0;
	if (!on) {
		stop_listening(s);
		s->notify(s->arg);
		return 0;
	}
	fd = listening_socket(s->env->tcp_port);
	if (fd < 0)
		return fd;
	s->watch = loop_fd_add(s->env->loop, fd, EPOLLIN, on_accept, s);
	if (!s->watch) {
		close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	loop_timer_set(&s->tick, LEG_TICK_MS);
	s->notify(s->arg);
	return 0;
}

void legs_clear(struct legs *s)
{
	while (s->unproven_count)
		leg_close(s->unproven[0]);
	while (s->proven)
		leg_close(s->proven);
}

static bool is_at(const struct leg *g, uint32_t ipv4, uint16_t port)
{
	return carrier_ipv4(g->carrier) == ipv4 && carrier_port(g->carrier) == port;
}

int legs_del(struct legs *s, uint32_t ipv4, uint16_t port)
{
	struct leg *g = s->proven;

	while (g && !is_at(g, ipv4, port))
		g = g->next;
	for (size_t i = 0; !g && i < s->unproven_count; i++)
		if (is_at(s->unproven[i], ipv4, port))
			g = s->unproven[i];
	if (!g)
		return -ENOENT;
	leg_close(g);
	s->notify(s->arg);
	return 0;
}

void legs_status(const struct legs *s, struct bridge_status *out)
{
	out->listening = s->fd >= 0;
	out->legs = (uint32_t)s->proven_count;
	out->unproven = (uint32_t)s->unproven_count;
	out->evicted = s->evicted;
	out->expired = s->expired;
	out->refused = s->refused;
}

static void report(const struct leg *g, legs_fn fn, void *arg)
{
	int64_t now_ms = loop_now_ms(g->owner->env->loop);
	int64_t heard_ms = carrier_heard_ms(g->carrier);
	struct bridge_leg out = {
		.local_ipv4 = carrier_ipv4(g->carrier),
		.local_port = carrier_port(g->carrier),
		.proven = g->proven,
		.age_ms = now_ms - g->since_ms,
		.rx_age_ms = heard_ms ? now_ms - heard_ms : -1,
		.counts = *carrier_counts(g->carrier),
	};

	fn(arg, &out);
}

void legs_each(struct legs *s, legs_fn fn, void *arg)
{
	for (struct leg *g = s->proven; g; g = g->next)
		report(g, fn, arg);
	for (size_t i = 0; i < s->unproven_count; i++)
		report(s->unproven[i], fn, arg);
}

struct legs *legs_new(const struct bridge_env *env, legs_status_fn notify, void *arg)
{
	struct legs *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->env = env;
	s->notify = notify;
	s->arg = arg;
	s->fd = -1;
	s->next_local = random_below(LOCAL_COUNT);
	loop_timer_init(&s->tick, env->loop, on_tick, s);
	loop_timer_init(&s->resume, env->loop, on_resume, s);
	return s;
}

void legs_free(struct legs *s)
{
	if (!s)
		return;
	legs_clear(s);
	stop_listening(s);
	loop_timer_cancel(&s->tick);
	free(s);
}
