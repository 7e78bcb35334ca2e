// SPDX-License-Identifier: Apache-2.0
/*
 * A few threads that call getaddrinfo(). Requests go in by a locked queue,
 * come back by another one and an eventfd. A cancelled request still passes
 * both queues and is freed on the loop's side, so no thread ever sees freed
 * memory. The threads live as long as the process.
 */
#include "resolve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control.h"

enum { RESOLVE_STACK_BYTES = 256 * 1024 };

struct resolve_request {
	struct resolve_request *next;
	resolve_fn fn;                 /* loop's side only; NULL = cancelled */
	void *arg;
	char host[BRIDGE_HOST_MAX_CHARS + 1];
	char port[6];
	int error;
	size_t count;
	struct resolve_address addresses[RESOLVE_ADDRESSES_MAX];
};

struct resolver {
	pthread_mutex_t lock;          /* protects both queues */
	pthread_cond_t asked;
	struct resolve_request *todo, **todo_tail, *done;
	struct loop_fd *watch;
	int event_fd;
};

static void look_up(struct resolve_request *q)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;

	q->error = getaddrinfo(q->host, q->port, &hints, &list);
	if (q->error)
		return;
	for (struct addrinfo *a = list; a && q->count < RESOLVE_ADDRESSES_MAX; a = a->ai_next) {
		memcpy(&q->addresses[q->count].at, a->ai_addr, a->ai_addrlen);
		q->addresses[q->count++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
}

static void *work(void *arg)
{
	struct resolver *r = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct resolve_request *q = r->todo;

		if (!q) {
			pthread_cond_wait(&r->asked, &r->lock);
			continue;
		}
		r->todo = q->next;
		if (!r->todo)
			r->todo_tail = &r->todo;
		pthread_mutex_unlock(&r->lock);
		look_up(q);
		pthread_mutex_lock(&r->lock);
		q->next = r->done;
		r->done = q;
		/* A full counter is readable already: nothing to make good. */
		if (write(r->event_fd, &one, sizeof(one)) < 0)
			continue;
	}
	return NULL;
}

static void on_done(int fd, uint32_t epoll_events, void *arg)
{
	struct resolver *r = arg;
	struct resolve_request *q, *next;
	uint64_t count;

	(void)epoll_events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&r->lock);
	q = r->done;
	r->done = NULL;
	pthread_mutex_unlock(&r->lock);
	for (; q; q = next) {
		next = q->next;
		if (q->fn)
			q->fn(q->arg, q->error, q->addresses, q->count);
		free(q);
	}
}

static int start_threads(struct resolver *r)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	ret = pthread_attr_init(&attr);
	if (ret)
		return -ret;
	pthread_attr_setstacksize(&attr, RESOLVE_STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < RESOLVE_THREADS && !ret; i++)
		ret = pthread_create(&thread, &attr, work, r);
	pthread_attr_destroy(&attr);
	return -ret;
}

struct resolver *resolver_new(struct loop *loop)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->asked, NULL);
	r->todo_tail = &r->todo;
	r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event_fd >= 0)
		r->watch = loop_fd_add(loop, r->event_fd, EPOLLIN, on_done, r);
	/* On failure the caller ends the process: threads that started may hold
	 * r, so it is not freed. */
	return r->watch && !start_threads(r) ? r : NULL;
}

void resolver_stop(struct resolver *r)
{
	loop_fd_del(r->watch);
	r->watch = NULL;
}

struct resolve_request *resolve_start(struct resolver *r, const char *host,
				      uint16_t port, resolve_fn fn, void *arg)
{
	struct resolve_request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->fn = fn;
	q->arg = arg;
	snprintf(q->host, sizeof(q->host), "%s", host);
	snprintf(q->port, sizeof(q->port), "%u", port);
	pthread_mutex_lock(&r->lock);
	*r->todo_tail = q;
	r->todo_tail = &q->next;
	pthread_cond_signal(&r->asked);
	pthread_mutex_unlock(&r->lock);
	return q;
}

void resolve_cancel(struct resolve_request *request)
{
	if (request)
		request->fn = NULL;
}
