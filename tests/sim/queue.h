/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in order of time, those of the same nanosecond in the order in which
 * they were made. It owns the events' memory; what they mean is world.c.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "kmod/beat.h"

enum event_type {
	EV_DELIVER,	/* a packet reaches a node's socket */
	EV_DRAIN,	/* the verify work of a node runs */
	EV_SEND,	/* the send work of a node runs */
	EV_PASS,	/* the expiry work of a node runs */
	EV_AGENT,	/* the agent of a node repeats MESH_SET */
	EV_FAULT,	/* the next thing goes wrong */
	EV_START,	/* a node that was down starts */
	EV_STUMBLE,	/* a node stalls once more */
	EV_TELL,	/* a node learns of a change of a member */
};

/**
 * struct packet - one signed beat, shared by all its copies
 * @refs: events, slots and history entries that hold it
 * @uid: number in order of building, over all nodes
 * @from: node that signed it
 * @life: life of that node in which it was built
 * @key: key that signed it
 * @wire: signed part
 */
struct packet {
	u32 refs;
	u32 from;
	u32 life;
	u32 key;
	u64 uid;
	u8 wire[AMESH_BEAT_SIGNED_LEN];
};

/**
 * struct event - something that happens to a node
 * @at_ns: when
 * @order: number in order of making
 * @gen: of a work: stale unless it equals the node's; of a replayed packet:
 *	for this life of the node alone
 * @packet: of EV_DELIVER
 * @trailer: of EV_DELIVER
 * @tells: of EV_DELIVER: the receiver's life when the trailer was built; 0 if
 *	the sender still had something of its former lives to verify
 * @held: of EV_DELIVER: waited in the card of a node that stood still
 */
struct event {
	u64 at_ns;
	u64 order;
	struct packet *packet;
	struct amesh_trailer trailer;
	u32 node;
	u32 from;
	u32 gen;
	u32 tells;
	u8 type;
	bool held;
};

struct queue {
	struct event **heap;
	u32 len;
	u32 cap;
	u64 orders;
	struct event *free;
};

struct event *queue_new(struct queue *queue, enum event_type type, u64 at_ns,
			u32 node);
void queue_push(struct queue *queue, struct event *event);
struct event *queue_pop(struct queue *queue);
void queue_release(struct queue *queue, struct event *event);
void queue_end(struct queue *queue);

void packet_put(struct packet *packet);

#endif
