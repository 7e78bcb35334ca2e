// SPDX-License-Identifier: Apache-2.0
/*
 * The event loop. Timers sit in a binary heap and one timerfd is armed for the
 * earliest. Removed watches keep their memory until the batch in which they
 * were removed is over, because epoll may have reported them already.
 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum {
	LOOP_BATCH_EVENTS = 64,
	LOOP_SIGNALS_MAX = 64,
	LOOP_HEAP_FIRST = 64,
};

struct loop_fd {
	struct loop *loop;
	struct loop_fd *next_dead;
	loop_fd_fn fn;         /* NULL once removed */
	void *arg;
	int fd;
};

struct loop {
	int epoll_fd, timer_fd, signal_fd;
	bool stopping;
	int64_t now_ms;
	int64_t armed_ms;      /* what timer_fd is set to; -1 = off */
	struct loop_timer **heap;
	size_t heap_len, heap_size;
	struct loop_fd *dead;
	struct loop_defer *defer_head, **defer_tail;
	struct loop_fd *signal_watch, *timer_watch;
	sigset_t signals;
	struct { loop_signal_fn fn; void *arg; } on_signal[LOOP_SIGNALS_MAX + 1];
};

static void heap_place(struct loop *l, size_t i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->slot = i + 1;
}

static void heap_up(struct loop *l, size_t i)
{
	struct loop_timer *t = l->heap[i];

	while (i && l->heap[(i - 1) / 2]->due_ms > t->due_ms) {
		heap_place(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct loop_timer *t = l->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->heap_len)
			break;
		if (child + 1 < l->heap_len &&
		    l->heap[child + 1]->due_ms < l->heap[child]->due_ms)
			child++;
		if (l->heap[child]->due_ms >= t->due_ms)
			break;
		heap_place(l, i, l->heap[child]);
		i = child;
	}
	heap_place(l, i, t);
}

static void heap_remove(struct loop *l, struct loop_timer *t)
{
	size_t i = t->slot - 1;
	struct loop_timer *last = l->heap[--l->heap_len];

	t->slot = 0;
	if (last == t)
		return;
	heap_place(l, i, last);
	heap_up(l, i);
	heap_down(l, last->slot - 1);
}

static void arm(struct loop *l)
{
	int64_t due = l->heap_len ? l->heap[0]->due_ms : -1;
	struct itimerspec when = { 0 };

	if (due == l->armed_ms)
		return;
	if (due >= 0) {
		when.it_value.tv_sec = due / 1000;
		when.it_value.tv_nsec = due % 1000 * 1000000;
		if (!due)
			when.it_value.tv_nsec = 1;
	}
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	l->armed_ms = due;
}

static void on_timer_fd(int fd, uint32_t events, void *arg)
{
	struct loop *l = arg;
	uint64_t expirations;

	(void)events;
	if (read(fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return;
	l->armed_ms = -1;
}

static void run_timers(struct loop *l)
{
	/* A timer re-armed with no delay waits for the next batch. */
	int64_t now = l->now_ms;

	while (l->heap_len && l->heap[0]->due_ms <= now) {
		struct loop_timer *t = l->heap[0];

		heap_remove(l, t);
		t->fn(t->arg);
	}
}

static void run_deferred(struct loop *l)
{
	struct loop_defer *d;

	while ((d = l->defer_head)) {
		l->defer_head = d->next;
		if (!l->defer_head)
			l->defer_tail = &l->defer_head;
		d->pending = false;
		d->fn(d->arg);
	}
}

static void free_dead(struct loop *l)
{
	struct loop_fd *w;

	while ((w = l->dead)) {
		l->dead = w->next_dead;
		free(w);
	}
}

static void on_signal_fd(int fd, uint32_t events, void *arg)
{
	struct loop *l = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo <= LOOP_SIGNALS_MAX && l->on_signal[info.ssi_signo].fn)
			l->on_signal[info.ssi_signo].fn((int)info.ssi_signo,
							l->on_signal[info.ssi_signo].arg);
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->signal_fd = -1;
	l->armed_ms = -1;
	l->defer_tail = &l->defer_head;
	sigemptyset(&l->signals);
	l->now_ms = clock_boot_ms();
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->epoll_fd >= 0 && l->timer_fd >= 0)
		l->timer_watch = loop_fd_add(l, l->timer_fd, EPOLLIN, on_timer_fd, l);
	if (!l->timer_watch) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_fd_del(l->timer_watch);
	loop_fd_del(l->signal_watch);
	free_dead(l);
	for (size_t i = 0; i < l->heap_len; i++)
		l->heap[i]->slot = 0;
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l->heap);
	free(l);
}

int loop_run_once(struct loop *l, int wait_ms)
{
	struct epoll_event events[LOOP_BATCH_EVENTS];
	int n;

	arm(l);
	n = epoll_wait(l->epoll_fd, events, LOOP_BATCH_EVENTS,
		       l->defer_head ? 0 : wait_ms);
	if (n < 0 && errno != EINTR)
		return -errno;
	l->now_ms = clock_boot_ms();
	for (int i = 0; i < n; i++) {
		struct loop_fd *w = events[i].data.ptr;

		if (w->fn)
			w->fn(w->fd, events[i].events, w->arg);
	}
	run_timers(l);
	run_deferred(l);
	free_dead(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int ret = 0;

	l->stopping = false;
	while (!l->stopping && !ret)
		ret = loop_run_once(l, -1);
	return ret;
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, uint32_t epoll_events,
			    loop_fd_fn fn, void *arg)
{
	struct loop_fd *w = calloc(1, sizeof(*w));
	struct epoll_event ev = { .events = epoll_events, .data.ptr = w };

	if (!w)
		return NULL;
	*w = (struct loop_fd){ .loop = l, .fn = fn, .arg = arg, .fd = fd };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(w);
		return NULL;
	}
	return w;
}

int loop_fd_mod(struct loop_fd *w, uint32_t epoll_events)
{
	struct epoll_event ev = { .events = epoll_events, .data.ptr = w };

	return epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? -errno : 0;
}

void loop_fd_del(struct loop_fd *w)
{
	if (!w || !w->fn)
		return;
	epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fn = NULL;
	w->next_dead = w->loop->dead;
	w->loop->dead = w;
}

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg)
{
	*t = (struct loop_timer){ .loop = l, .fn = fn, .arg = arg };
}

static int heap_room(struct loop *l)
{
	size_t size = l->heap_size ? 2 * l->heap_size : LOOP_HEAP_FIRST;
	struct loop_timer **heap;

	if (l->heap_len < l->heap_size)
		return 0;
	heap = reallocarray(l->heap, size, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	l->heap = heap;
	l->heap_size = size;
	return 0;
}

int loop_timer_set(struct loop_timer *t, int64_t delay_ms)
{
	struct loop *l = t->loop;
	int ret;

	loop_timer_cancel(t);
	ret = heap_room(l);
	if (ret)
		return ret;
	/* The clock is read anew: a long batch must not shorten the delay. The
	 * extra ms makes up for the one that truncation may have cut. */
	t->due_ms = clock_boot_ms() + 1 + (delay_ms > 0 ? delay_ms : 0);
	heap_place(l, l->heap_len, t);
	heap_up(l, l->heap_len++);
	return 0;
}

void loop_timer_cancel(struct loop_timer *t)
{
	if (t->slot)
		heap_remove(t->loop, t);
}

bool loop_timer_pending(const struct loop_timer *t)
{
	return t->slot != 0;
}

void loop_defer(struct loop *l, struct loop_defer *d, loop_fn fn, void *arg)
{
	if (d->pending)
		return;
	*d = (struct loop_defer){ .fn = fn, .arg = arg, .pending = true };
	*l->defer_tail = d;
	l->defer_tail = &d->next;
}

void loop_defer_cancel(struct loop *l, struct loop_defer *d)
{
	struct loop_defer **at = &l->defer_head;

	if (!d->pending)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (l->defer_tail == &d->next)
		l->defer_tail = at;
	d->pending = false;
}

int loop_signal(struct loop *l, int signal, loop_signal_fn fn, void *arg)
{
	int fd;

	if (signal < 1 || signal > LOOP_SIGNALS_MAX)
		return -EINVAL;
	sigaddset(&l->signals, signal);
	if (sigprocmask(SIG_BLOCK, &l->signals, NULL) < 0)
		return -errno;
	fd = signalfd(l->signal_fd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	l->signal_fd = fd;
	if (!l->signal_watch)
		l->signal_watch = loop_fd_add(l, fd, EPOLLIN, on_signal_fd, l);
	if (!l->signal_watch)
		return -ENOMEM;
	l->on_signal[signal].fn = fn;
	l->on_signal[signal].arg = arg;
	return 0;
}
