// SPDX-License-Identifier: Apache-2.0
/*
 * Dialled links. A link has at most three connections: `cur` carries, `next`
 * is being opened to take its place, `old` still delivers what was under way
 * when it was replaced. The loopback port is the carrier's and outlives all of
 * them, so WireGuard never notices a redial.
 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "carrier.h"
#include "log.h"
#include "schedule.h"
#include "secret.h"

enum {
	TABLE_BUCKETS = 4096,
	LOCAL_BASE = 0x7f400000,       /* 127.64.0.0/11 for dialled links */
	LOCAL_MASK = 0x001fffff,
	LOCAL_RANGE = 0x7f400000,      /* what may be asked for: 127.64.0.0/10 */
	LOCAL_RANGE_MASK = ~0x003fffff,
};

struct attempt {
	struct link *link;
	struct conn *conn;
};

struct link {
	struct links *owner;
	struct link *bucket_next, *queue_next;
	struct bridge_link_set want;
	struct carrier *carrier;
	struct attempt *cur, *next, *old;
	const struct attempt *reading;     /* whose bytes are being delivered */
	struct resolve_request *resolving;
	bool queued;                       /* waits for one of the handshakes */
	bool up;                           /* a datagram came over cur */
	bool silent;                       /* cur is being replaced for silence */
	bool moved;                        /* … because the peer's host changed */
	unsigned barren;                   /* silences in a row */
	struct schedule schedule;
	struct loop_timer dial_timer;
	int64_t renew_ms;                  /* age at which cur is replaced; 0 = never */
	int64_t cur_heard_ms;              /* first datagram over cur; 0 = none */
	struct resolve_address addresses[RESOLVE_ADDRESSES_MAX];
	size_t address_count, address_at;
	int64_t resolved_ms;
	struct bridge_link shown;          /* as last told, with its counts */
	uint32_t told_opened;              /* shown.opened when it was last told */
};

struct links {
	const struct bridge_env *env;
	links_fn notify;
	void *arg;
	struct loop_timer tick;
	size_t count;
	unsigned handshakes;               /* dialling connections */
	struct link *queue, **queue_tail;
	struct link *bucket[TABLE_BUCKETS];
};

static void link_dial(struct link *l);

static struct link **bucket_of(struct links *s, const uint8_t *peer)
{
	return &s->bucket[load_be32(peer) % TABLE_BUCKETS];
}

static struct link *find(struct links *s, const uint8_t *peer)
{
	struct link *l = *bucket_of(s, peer);

	while (l && memcmp(l->want.peer, peer, BRIDGE_PEER_ID_BYTES))
		l = l->bucket_next;
	return l;
}

static uint32_t random32(void)
{
	uint32_t value;

	secret_random(&value, sizeof(value));
	return value;
}

static uint8_t state_of(const struct link *l)
{
	if (l->cur)
		return l->up ? BRIDGE_LINK_UP : BRIDGE_LINK_TLS;
	return l->next || l->resolving || l->queued ? BRIDGE_LINK_DIALLING
						    : BRIDGE_LINK_WAITING;
}

static void fill(struct link *l)
{
	int64_t now_ms = loop_now_ms(l->owner->env->loop);
	struct bridge_link *b = &l->shown;

	memcpy(b->peer, l->want.peer, sizeof(b->peer));
	memcpy(b->host, l->want.host, sizeof(b->host));
	b->port = l->want.port;
	b->interval_ms = l->want.interval_ms;
	b->local_ipv4 = carrier_ipv4(l->carrier);
	b->local_port = carrier_port(l->carrier);
	b->state = state_of(l);
	b->tls_age_ms = l->cur ? now_ms - conn_opened_ms(l->cur->conn) : -1;
	b->rx_age_ms = carrier_heard_ms(l->carrier) ?
		       now_ms - carrier_heard_ms(l->carrier) : -1;
	b->counts = *carrier_counts(l->carrier);
}

/* Tells the agent if state or connection are not as last told. */
static void show(struct link *l)
{
	static const char *const names[] = {
		[BRIDGE_LINK_WAITING] = "waiting", [BRIDGE_LINK_DIALLING] = "dialling",
		[BRIDGE_LINK_TLS] = "tls", [BRIDGE_LINK_UP] = "up",
	};
	uint8_t state = l->shown.state;

	fill(l);
	if (l->shown.state == state && l->shown.opened == l->told_opened)
		return;
	l->told_opened = l->shown.opened;
	log_debug("link %s: %s%s%s", l->want.host, names[l->shown.state],
		  l->shown.error[0] ? ", " : "", l->shown.error);
	l->owner->notify(l->owner->arg, &l->shown);
}

static void attempt_close(struct attempt **a)
{
	if (!*a)
		return;
	conn_close((*a)->conn);
	free(*a);
	*a = NULL;
}

static void unqueue(struct link *l)
{
	struct links *s = l->owner;
	struct link **at = &s->queue;

	if (!l->queued)
		return;
	while (*at != l)
		at = &(*at)->queue_next;
	*at = l->queue_next;
	if (!l->queue_next)
		s->queue_tail = at;
	l->queued = false;
}

/* The attempt failed: the next one when the schedule says. */
static void failed(struct link *l, const char *why)
{
	int64_t now_ms = loop_now_ms(l->owner->env->loop);

	snprintf(l->shown.error, sizeof(l->shown.error), "%s", why);
	loop_timer_set(&l->dial_timer, schedule_next(&l->schedule, now_ms, random32()));
	show(l);
}

static void on_open(void *arg);
static ptrdiff_t on_data(void *arg, const uint8_t *in, size_t len);
static void on_writable(void *arg);
static void on_ended(void *arg, const char *why);

static const struct conn_events conn_events = {
	.open = on_open, .data = on_data, .writable = on_writable, .ended = on_ended,
};

/* Opens a connection; it has a place among the handshakes. False: failed(). */
static bool start(struct link *l)
{
	const struct resolve_address *a = &l->addresses[l->address_at++ % l->address_count];
	const struct bridge_env *env = l->owner->env;
	struct attempt *next = calloc(1, sizeof(*next));

	l->shown.dials++;
	if (next)
		next->conn = conn_dial(env->loop, env->tls.client,
				       (const struct sockaddr *)&a->at, a->len,
				       l->want.host, &conn_events, next);
	if (!next || !next->conn) {
		const char *why = errno == EADDRNOTAVAIL ?
			"the name leads to this machine or to no usable address" :
			strerror(errno);

		free(next);
		failed(l, why);
		return false;
	}
	next->link = l;
	l->next = next;
	l->owner->handshakes++;
	show(l);
	return true;
}

static void serve_queue(struct links *s)
{
	while (s->queue && s->handshakes < LINK_HANDSHAKES_MAX) {
		struct link *l = s->queue;

		unqueue(l);
		start(l);
	}
}

static void enqueue(struct link *l)
{
	struct links *s = l->owner;

	if (s->handshakes < LINK_HANDSHAKES_MAX) {
		start(l);
		return;
	}
	l->queue_next = NULL;
	l->queued = true;
	*s->queue_tail = l;
	s->queue_tail = &l->queue_next;
	show(l);
}

static void on_resolved(void *arg, int error, const struct resolve_address *addresses,
			size_t count)
{
	struct link *l = arg;

	l->resolving = NULL;
	if (!error && count) {
		memcpy(l->addresses, addresses, count * sizeof(*addresses));
		l->address_count = count;
		l->address_at = 0;
		l->resolved_ms = loop_now_ms(l->owner->env->loop);
	}
	/* While names cannot be resolved the last addresses are better than none. */
	if (l->address_count)
		enqueue(l);
	else
		failed(l, error ? gai_strerror(error) : "the name has no address");
}

static void link_dial(struct link *l)
{
	const struct bridge_env *env = l->owner->env;

	if (l->next || l->resolving || l->queued)
		return;
	loop_timer_cancel(&l->dial_timer);
	if (l->address_count && loop_now_ms(env->loop) - l->resolved_ms < LINK_ADDRESS_MS) {
		enqueue(l);
		return;
	}
	l->resolving = resolve_start(env->resolver, l->want.host, l->want.port,
				     on_resolved, l);
	if (l->resolving)
		show(l);
	else
		failed(l, "no memory");
}

static void on_dial_timer(void *arg)
{
	link_dial(arg);
}

/* Gives up what is under way towards a new connection. */
static void abandon(struct link *l)
{
	resolve_cancel(l->resolving);
	l->resolving = NULL;
	unqueue(l);
	if (l->next) {
		attempt_close(&l->next);
		l->owner->handshakes--;
	}
	loop_timer_cancel(&l->dial_timer);
}

static void on_open(void *arg)
{
	struct attempt *a = arg;
	struct link *l = a->link;
	const struct bridge_env *env = l->owner->env;

	l->owner->handshakes--;
	attempt_close(&l->old);
	if (l->cur && !l->silent)
		l->old = l->cur;
	else
		attempt_close(&l->cur);
	/* A renewal does not interrupt the session; anything else has to prove
	 * itself again. */
	if (!l->old || l->moved)
		l->up = false;
	l->cur = a;
	l->next = NULL;
	l->silent = l->moved = false;
	l->cur_heard_ms = 0;
	/* The replaced one drains before the cut, too. */
	l->renew_ms = env->cut_ms > LINK_RENEW_MARGIN_MS ?
		      schedule_renew(env->cut_ms - LINK_RENEW_MARGIN_MS, random32()) : 0;
	l->shown.opened++;
	l->shown.error[0] = '\0';
	carrier_attach(l->carrier, a->conn);
	show(l);
	serve_queue(l->owner);
}

static ptrdiff_t on_data(void *arg, const uint8_t *in, size_t len)
{
	struct attempt *a = arg;
	ptrdiff_t used;

	a->link->reading = a;
	used = carrier_data(a->link->carrier, in, len);
	a->link->reading = NULL;
	return used;
}

static void on_writable(void *arg)
{
	struct attempt *a = arg;

	if (a == a->link->cur)
		carrier_writable(a->link->carrier);
}

static void lost(struct link *l, const char *why)
{
	int64_t now_ms = loop_now_ms(l->owner->env->loop);
	int64_t delay_ms = random32() % SCHEDULE_QUICK_MS;

	snprintf(l->shown.error, sizeof(l->shown.error), "%s", why);
	l->shown.cuts++;
	carrier_attach(l->carrier, NULL);
	attempt_close(&l->cur);
	/* One that never carried anything does not restart the schedule: whoever
	 * accepts and closes at once is not to be dialled quickly for ever. */
	if (l->up)
		schedule_begin(&l->schedule, now_ms);
	else
		delay_ms = schedule_next(&l->schedule, now_ms, random32());
	l->up = l->silent = false;
	if (!l->next && !l->resolving && !l->queued)
		loop_timer_set(&l->dial_timer, delay_ms);
	show(l);
}

static void on_ended(void *arg, const char *why)
{
	struct attempt *a = arg;
	struct link *l = a->link;

	if (a == l->next) {
		attempt_close(&l->next);
		l->owner->handshakes--;
		failed(l, why);
		serve_queue(l->owner);
	} else if (a == l->cur) {
		lost(l, why);
	} else {
		attempt_close(&l->old);
	}
}

static void from_wg(void *arg, enum wg_kind kind)
{
	(void)arg;
	(void)kind;
}

static bool from_peer(void *arg, enum wg_kind kind)
{
	struct link *l = arg;

	if (l->reading == l->cur && (kind == WG_RESPONSE || kind == WG_DATA)) {
		l->barren = 0;
		if (!l->cur_heard_ms)
			l->cur_heard_ms = loop_now_ms(l->owner->env->loop);
		if (!l->up) {
			l->up = true;
			show(l);
		}
	}
	return true;
}

static const struct carrier_events carrier_events = {
	.from_wg = from_wg, .from_peer = from_peer,
};

/* Replacement before the cut, after silence; the end of the replaced one. */
static void look_after(struct link *l, int64_t now_ms)
{
	const struct bridge_env *env = l->owner->env;
	int64_t opened_ms = conn_opened_ms(l->cur->conn);
	int64_t heard_ms = carrier_heard_ms(l->carrier);
	bool dialling = l->next || l->resolving || l->queued ||
			loop_timer_pending(&l->dial_timer);

	if (env->idle_ms)
		carrier_keep(l->carrier, env->idle_ms / ENV_IDLE_PARTS);
	if (l->old && (now_ms - opened_ms >= LINK_DRAIN_MAX_MS ||
		       (l->cur_heard_ms && now_ms - l->cur_heard_ms >= LINK_DRAIN_MS)))
		attempt_close(&l->old);
	if (dialling)
		return;
	if (heard_ms < opened_ms)
		heard_ms = opened_ms;
	if (l->want.interval_ms &&
	    now_ms - heard_ms >= schedule_silence(l->want.interval_ms, l->barren)) {
		l->silent = true;
		l->barren++;
		l->shown.silences++;
	} else if (l->renew_ms && now_ms - opened_ms >= l->renew_ms) {
		l->shown.renewals++;
	} else {
		return;
	}
	schedule_begin(&l->schedule, now_ms);
	link_dial(l);
}

static void on_tick(void *arg)
{
	struct links *s = arg;
	int64_t now_ms = loop_now_ms(s->env->loop);

	for (size_t i = 0; i < TABLE_BUCKETS; i++)
		for (struct link *l = s->bucket[i]; l; l = l->bucket_next)
			if (l->cur)
				look_after(l, now_ms);
	if (s->count)
		loop_timer_set(&s->tick, LINK_TICK_MS);
}

static struct carrier *open_carrier(struct link *l)
{
	const struct bridge_env *env = l->owner->env;
	uint32_t ask = l->want.want_ipv4;
	struct carrier *c = NULL;

	if (l->want.want_port && (ask & (uint32_t)LOCAL_RANGE_MASK) == LOCAL_RANGE)
		c = carrier_new(env->loop, ask, l->want.want_port, env->wg_port,
				&carrier_events, l);
	if (c)
		return c;
	return carrier_new(env->loop, LOCAL_BASE | (load_be32(l->want.peer) & LOCAL_MASK),
			   0, env->wg_port, &carrier_events, l);
}

static int add(struct links *s, const struct bridge_link_set *want)
{
	struct link **bucket = bucket_of(s, want->peer);
	struct link *l;

	if (s->count >= BRIDGE_LINKS_MAX)
		return -ENOSPC;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->owner = s;
	l->want = *want;
	l->carrier = open_carrier(l);
	if (!l->carrier) {
		int err = errno;

		free(l);
		return -err;
	}
	loop_timer_init(&l->dial_timer, s->env->loop, on_dial_timer, l);
	schedule_begin(&l->schedule, loop_now_ms(s->env->loop));
	l->bucket_next = *bucket;
	*bucket = l;
	if (!s->count++)
		loop_timer_set(&s->tick, LINK_TICK_MS);
	link_dial(l);
	return 0;
}

static void change(struct link *l, const struct bridge_link_set *want)
{
	bool same_place = l->want.port == want->port && !strcmp(l->want.host, want->host);

	l->want.interval_ms = want->interval_ms;
	if (same_place)
		return;
	memcpy(l->want.host, want->host, sizeof(l->want.host));
	l->want.port = want->port;
	l->address_count = 0;
	l->moved = true;
	abandon(l);
	schedule_begin(&l->schedule, loop_now_ms(l->owner->env->loop));
	link_dial(l);
}

static void link_free(struct link *l)
{
	struct links *s = l->owner;
	struct link **at = bucket_of(s, l->want.peer);

	while (*at != l)
		at = &(*at)->bucket_next;
	*at = l->bucket_next;
	s->count--;
	abandon(l);
	attempt_close(&l->cur);
	attempt_close(&l->old);
	carrier_free(l->carrier);
	free(l);
	serve_queue(s);
}

int links_set(struct links *s, const struct bridge_link_set *want)
{
	struct link *l = find(s, want->peer);

	if (!want->port || !want->host[0] ||
	    !memchr(want->host, '\0', sizeof(want->host)))
		return -EINVAL;
	if (!l)
		return add(s, want);
	change(l, want);
	return 0;
}

int links_del(struct links *s, const uint8_t peer[BRIDGE_PEER_ID_BYTES])
{
	struct link *l = find(s, peer);

	if (!l)
		return -ENOENT;
	link_free(l);
	return 0;
}

int links_kick(struct links *s, const uint8_t peer[BRIDGE_PEER_ID_BYTES])
{
	struct link *l = find(s, peer);

	if (!l)
		return -ENOENT;
	schedule_begin(&l->schedule, loop_now_ms(s->env->loop));
	if (!l->cur || l->silent)
		link_dial(l);
	return 0;
}

void links_clear(struct links *s)
{
	/* Else the end of one would start the next. */
	while (s->queue)
		unqueue(s->queue);
	for (size_t i = 0; i < TABLE_BUCKETS; i++)
		while (s->bucket[i])
			link_free(s->bucket[i]);
}

size_t links_count(const struct links *s)
{
	return s->count;
}

void links_each(struct links *s, links_fn fn, void *arg)
{
	for (size_t i = 0; i < TABLE_BUCKETS; i++)
		for (struct link *l = s->bucket[i]; l; l = l->bucket_next) {
			fill(l);
			fn(arg, &l->shown);
		}
}

struct links *links_new(const struct bridge_env *env, links_fn notify, void *arg)
{
	struct links *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->env = env;
	s->notify = notify;
	s->arg = arg;
	s->queue_tail = &s->queue;
	loop_timer_init(&s->tick, env->loop, on_tick, s);
	return s;
}

void links_free(struct links *s)
{
	if (!s)
		return;
	links_clear(s);
	loop_timer_cancel(&s->tick);
	free(s);
}
