// SPDX-License-Identifier: Apache-2.0
/* Event queue: a binary heap of recycled events. See queue.h. */
#include "queue.h"

#include <stdlib.h>

#include "world.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

/* A released event is chained through its packet pointer. */
struct event *queue_new(struct queue *queue, enum event_type type, u64 at_ns,
			u32 node)
{
	struct event *event = queue->free;

	if (event)
		queue->free = (struct event *)(void *)event->packet;
	else
		event = sim_alloc(sizeof(*event));
	memset(event, 0, sizeof(*event));
	event->type = (u8)type;
	event->at_ns = at_ns;
	event->node = node;
	return event;
}

void queue_release(struct queue *queue, struct event *event)
{
	event->packet = (struct packet *)(void *)queue->free;
	queue->free = event;
}

void queue_push(struct queue *queue, struct event *event)
{
	u32 i, up;

	if (queue->len == queue->cap) {
		queue->cap = queue->cap ? 2 * queue->cap : 1024;
		queue->heap = realloc(queue->heap,
				      queue->cap * sizeof(*queue->heap));
		if (!queue->heap)
			abort();
	}
	event->order = queue->orders++;
	for (i = queue->len++; i; i = up) {
		up = (i - 1) / 2;
		if (!before(event, queue->heap[up]))
			break;
		queue->heap[i] = queue->heap[up];
	}
	queue->heap[i] = event;
}

struct event *queue_pop(struct queue *queue)
{
	struct event *first, *last;
	u32 i = 0, down;

	if (!queue->len)
		return NULL;
	first = queue->heap[0];
	last = queue->heap[--queue->len];
	for (;;) {
		down = 2 * i + 1;
		if (down >= queue->len)
			break;
		if (down + 1 < queue->len &&
		    before(queue->heap[down + 1], queue->heap[down]))
			down++;
		if (!before(queue->heap[down], last))
			break;
		queue->heap[i] = queue->heap[down];
		i = down;
	}
	if (queue->len)
		queue->heap[i] = last;
	return first;
}

void packet_put(struct packet *packet)
{
	if (packet && !--packet->refs)
		free(packet);
}

void queue_end(struct queue *queue)
{
	struct event *event;

	while ((event = queue_pop(queue))) {
		if (event->type == EV_DELIVER)
			packet_put(event->packet);
		free(event);
	}
	while ((event = queue->free)) {
		queue->free = (struct event *)(void *)event->packet;
		free(event);
	}
	free(queue->heap);
}
