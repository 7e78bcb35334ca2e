/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is the module's as a whole: work queues, and the tally of objects by
 * which a test proves that everything created was destroyed.
 */
#ifndef _AMESH_MAIN_H
#define _AMESH_MAIN_H

#include <linux/atomic.h>
#include <linux/workqueue.h>

#define AMESH_VERSION "1.0.0"

/* Ticks and sending: short or sleeping, and late ones cost liveness. */
extern struct workqueue_struct *amesh_wq_time;
/* Verification: long, may wait. */
extern struct workqueue_struct *amesh_wq_verify;
/* Taking meshes apart; waits for the other two. */
extern struct workqueue_struct *amesh_wq_release;

enum amesh_alive {
	AMESH_ALIVE_MESHES,
	AMESH_ALIVE_PEERS,
	AMESH_ALIVE_SOCKETS,
	AMESH_ALIVE_KINDS,
};

/**
 * struct amesh_tally - objects of one kind
 * @now: that exist
 * @ever: that were created
 */
struct amesh_tally {
	atomic_long_t now;
	atomic_long_t ever;
};

extern struct amesh_tally amesh_tally[AMESH_ALIVE_KINDS];

static inline void amesh_alive_inc(enum amesh_alive kind)
{
	atomic_long_inc(&amesh_tally[kind].now);
	atomic_long_inc(&amesh_tally[kind].ever);
}

static inline void amesh_alive_dec(enum amesh_alive kind)
{
	atomic_long_dec(&amesh_tally[kind].now);
}

#endif /* _AMESH_MAIN_H */
