/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: descriptors by epoll, timers by one timerfd over a heap,
 * signals by signalfd, work put off to the end of the current batch. One
 * thread, one loop; nothing here blocks but loop_run() itself.
 *
 * Anything may be removed or freed from inside any callback: a removed watch
 * is never called again, and its memory is released after the batch.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_fd;

typedef void (*loop_fd_fn)(int fd, uint32_t epoll_events, void *arg);
typedef void (*loop_fn)(void *arg);
typedef void (*loop_signal_fn)(int signal, void *arg);

/*
 * A timer, embedded in its owner. Zeroed by loop_timer_init(); must be
 * cancelled before its memory goes.
 */
struct loop_timer {
	struct loop *loop;
	loop_fn fn;
	void *arg;
	int64_t due_ms;   /* boottime, valid while pending */
	size_t slot;      /* place in the heap + 1; 0 = not pending */
};

/* Work for the end of the batch, embedded in its owner. */
struct loop_defer {
	struct loop_defer *next;
	loop_fn fn;
	void *arg;
	bool pending;
};

/* NULL when the kernel refuses a descriptor or memory is short. */
struct loop *loop_new(void);
/* Every watch and timer must be gone; deferred work is dropped. */
void loop_free(struct loop *l);
/* Runs until loop_stop(). 0 or a negative errno of epoll_wait(). */
int loop_run(struct loop *l);
/* One batch, waiting at most wait_ms (-1: as long as it takes). For tests. */
int loop_run_once(struct loop *l, int wait_ms);
void loop_stop(struct loop *l);

/* Boottime in ms, read once per batch. */
int64_t loop_now_ms(const struct loop *l);

/* Watches fd (level-triggered EPOLLIN / EPOLLOUT …). The fd stays the
 * caller's. NULL on failure, with errno set. */
struct loop_fd *loop_fd_add(struct loop *l, int fd, uint32_t epoll_events,
			    loop_fd_fn fn, void *arg);
/* Changes what is watched. 0 or a negative errno. */
int loop_fd_mod(struct loop_fd *w, uint32_t epoll_events);
/* Ends the watch; call before closing the fd. NULL is fine. */
void loop_fd_del(struct loop_fd *w);

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg);
/* (Re)arms it to fire once, delay_ms from now (negative counts as 0). Never
 * fires earlier. Memory for the heap is reserved; -ENOMEM if that fails. */
int loop_timer_set(struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
bool loop_timer_pending(const struct loop_timer *t);

/* Runs fn(arg) once at the end of this batch; again-calls while pending are
 * one. */
void loop_defer(struct loop *l, struct loop_defer *d, loop_fn fn, void *arg);
void loop_defer_cancel(struct loop *l, struct loop_defer *d);

/* Blocks the signal and delivers it to fn instead. 0 or a negative errno. */
int loop_signal(struct loop *l, int signal, loop_signal_fn fn, void *arg);

#endif
