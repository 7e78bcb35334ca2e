// SPDX-License-Identifier: Apache-2.0
/* The event loop: order of timers, removal inside callbacks, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

enum { TIMERS = 500 };

struct many {
	struct loop *loop;
	struct loop_timer timers[TIMERS];
	int64_t due[TIMERS];
	int fired, last;
	bool in_order, never_early;
};

struct one {
	struct many *all;
	int i;
};

static struct one ones[TIMERS];

static void on_many(void *arg)
{
	struct one *o = arg;
	struct many *m = o->all;

	if (m->last >= 0 && m->due[m->last] > m->due[o->i])
		m->in_order = false;
	if (clock_boot_ms() < m->due[o->i])
		m->never_early = false;
	m->last = o->i;
	if (++m->fired == TIMERS / 2)
		loop_stop(m->loop);
}

static void test_timers_fire_in_order_and_never_early(void **state)
{
	struct many *m = calloc(1, sizeof(*m));

	(void)state;
	assert_non_null(m);
	*m = (struct many){ .loop = loop_new(), .last = -1, .in_order = true,
			    .never_early = true };
	for (int i = 0; i < TIMERS; i++) {
		int delay = (i * 7919) % 40;

		ones[i] = (struct one){ m, i };
		loop_timer_init(&m->timers[i], m->loop, on_many, &ones[i]);
		assert_int_equal(loop_timer_set(&m->timers[i], delay), 0);
		m->due[i] = m->timers[i].due_ms;
	}
	for (int i = 0; i < TIMERS; i += 2)
		loop_timer_cancel(&m->timers[i]);
	assert_false(loop_timer_pending(&m->timers[0]));
	assert_true(loop_timer_pending(&m->timers[1]));
	assert_int_equal(loop_run(m->loop), 0);
	assert_int_equal(m->fired, TIMERS / 2);
	assert_true(m->in_order);
	assert_true(m->never_early);
	loop_free(m->loop);
	free(m);
}

struct pair {
	struct loop *loop;
	struct loop_fd *watch[2];
	int calls;
};

/* Whichever runs first removes the other, which is ready as well. */
static void on_pair(int fd, uint32_t events, void *arg)
{
	struct pair *p = arg;

	(void)fd;
	(void)events;
	p->calls++;
	loop_fd_del(p->watch[0]);
	loop_fd_del(p->watch[1]);
}

static void test_a_watch_removed_in_the_batch_is_not_called(void **state)
{
	struct pair p = { .loop = loop_new() };
	int fds[2][2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		assert_int_equal(write(fds[i][1], "x", 1), 1);
		p.watch[i] = loop_fd_add(p.loop, fds[i][0], EPOLLIN, on_pair, &p);
		assert_non_null(p.watch[i]);
	}
	assert_int_equal(loop_run_once(p.loop, 1000), 0);
	assert_int_equal(p.calls, 1);
	assert_int_equal(loop_run_once(p.loop, 0), 0);
	assert_int_equal(p.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	loop_free(p.loop);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void test_deferred_work_runs_once_and_can_be_withdrawn(void **state)
{
	struct loop *l = loop_new();
	struct loop_defer a = { 0 }, b = { 0 }, c = { 0 };
	int n = 0, withdrawn = 0;

	(void)state;
	loop_defer(l, &a, count, &n);
	loop_defer(l, &b, count, &withdrawn);
	loop_defer(l, &c, count, &n);
	loop_defer(l, &a, count, &n);
	loop_defer_cancel(l, &b);
	loop_defer_cancel(l, &c);
	loop_defer(l, &c, count, &n);
	assert_int_equal(loop_run_once(l, -1), 0);
	assert_int_equal(n, 2);
	assert_int_equal(withdrawn, 0);
	loop_free(l);
}

static void on_signal(int signal, void *arg)
{
	*(int *)arg = signal;
}

static void test_signals_arrive_as_events(void **state)
{
	struct loop *l = loop_new();
	int usr1 = 0, usr2 = 0;

	(void)state;
	assert_int_equal(loop_signal(l, SIGUSR1, on_signal, &usr1), 0);
	assert_int_equal(loop_signal(l, SIGUSR2, on_signal, &usr2), 0);
	assert_int_equal(loop_signal(l, 0, on_signal, &usr2), -22);
	assert_int_equal(loop_signal(l, 65, on_signal, &usr2), -22);
	kill(getpid(), SIGUSR2);
	assert_int_equal(loop_run_once(l, 1000), 0);
	assert_int_equal(usr1, 0);
	assert_int_equal(usr2, SIGUSR2);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_fire_in_order_and_never_early),
		cmocka_unit_test(test_a_watch_removed_in_the_batch_is_not_called),
		cmocka_unit_test(test_deferred_work_runs_once_and_can_be_withdrawn),
		cmocka_unit_test(test_signals_arrive_as_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
