/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mesh with peers for the liveness tests: memory, time and beats. It drives
 * the pure files as the module does and knows none of their rules.
 */
#ifndef TESTS_KMOD_NET_H
#define TESTS_KMOD_NET_H

#include "cm.h"
#include "kmod/converge.h"
#include "kmod/evidence.h"

#define MS AMESH_NS_PER_MS
#define NET_PEERS 64
#define NET_START_NS (1000000 * MS)

struct net {
	struct amesh_live live; /* first: the callback finds the net by it */
	struct amesh_live_peer peer[NET_PEERS];
	u64 sequence[NET_PEERS];
	u64 incarnation[NET_PEERS];
	u64 now;
	u32 changes; /* calls of the callback */
	enum amesh_state last_old;
	struct amesh_live_peer *last_peer;
};

static inline void net_changed(struct amesh_live *live, struct amesh_live_peer *peer,
			enum amesh_state old)
{
	struct net *net = (struct net *)live;

	net->changes++;
	net->last_old = old;
	net->last_peer = peer;
}

static inline void net_row(struct net *net, struct amesh_live_peer *peer)
{
	size_t bytes = amesh_live_row_wants(&net->live, peer);

	if (bytes)
		free(amesh_live_row_give(&net->live, peer, malloc(bytes),
					 bytes));
}

/* This node has index 0, its peers 1 to @peers; interval 1 s, 3, 5, 1. */
static inline struct net *net_new(u32 peers)
{
	static const struct amesh_live_config config = { 1000, 3, 5, 1 };
	struct net *net = calloc(1, sizeof(*net));
	u32 i;

	net->now = NET_START_NS;
	assert_int_equal(amesh_live_init(&net->live, &config, 0,
					 malloc(amesh_live_bytes(1)), 1,
					 net_changed, net->now), 0);
	for (i = 0; i < peers; i++) {
		assert_int_equal(amesh_live_add(&net->live, &net->peer[i],
						i + 1, true, net->now), 0);
		net_row(net, &net->peer[i]);
		net->incarnation[i] = 1;
	}
	return net;
}

static inline void net_free(struct net *net)
{
	u32 i;

	for (i = 0; i < NET_PEERS; i++)
		if (net->live.by_index[net->peer[i].index] == &net->peer[i])
			free(amesh_live_remove(&net->live, &net->peer[i],
					       net->now));
	free(net->live.by_index);
	free(net);
}

/* A beat of peer @i (index @i + 1) whose window hears those in @up (bit =
 * registration index), with @flags, arriving at net->now.
 */
static inline void net_beat_flags(struct net *net, u32 i, u64 up, u8 flags)
{
	struct amesh_beat beat = {
		.incarnation = net->incarnation[i],
		.sequence = ++net->sequence[i],
		.interval_ms = 1000,
		.flags = flags,
	};

	amesh_put_le64(beat.window, up);
	amesh_live_accept(&net->live, &net->peer[i], &beat, net->now);
}

static inline void net_beat(struct net *net, u32 i, u64 up)
{
	net_beat_flags(net, i, up, 0);
}

/* The expiry pass, with every peer in the wheel. */
static inline void net_pass(struct net *net)
{
	u32 i;

	amesh_live_pass(&net->live, net->now);
	for (i = 0; i < NET_PEERS; i++)
		if (net->live.by_index[net->peer[i].index] == &net->peer[i])
			amesh_live_check(&net->live, &net->peer[i], net->now);
	amesh_live_judge(&net->live, net->now);
	amesh_live_refresh(&net->live, net->now);
}

/* Let time pass with a pass every 125 ms, the last one exactly at the end. */
static inline void net_run(struct net *net, u64 ms)
{
	u64 end = net->now + ms * MS;

	while (net->now < end) {
		net->now = amesh_min_u64(net->now + 125 * MS, end);
		net_pass(net);
	}
}

#endif
