/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a mesh, per CPU so that the receive path shares no cache line,
 * and the names of the reasons for which a packet is dropped. It counts; what
 * is counted when is decided where it happens.
 */
#ifndef _AMESH_STATS_H
#define _AMESH_STATS_H

#include <linux/percpu.h>
#include <uapi/linux/attestmesh.h>

/* In the order of the checks and of the uapi's attributes. */
enum amesh_drop {
	AMESH_DROP_WRONG_IIF,
	AMESH_DROP_SHORT,
	AMESH_DROP_MAGIC,
	AMESH_DROP_VERSION,
	AMESH_DROP_LENGTH,
	AMESH_DROP_UNKNOWN_SOURCE,
	AMESH_DROP_MEMBER_ID,
	AMESH_DROP_NO_KEY,
	AMESH_DROP_REPLAY,
	AMESH_DROP_RATE,
	AMESH_DROP_QUEUE_FULL,
	AMESH_DROP_BAD_SIGNATURE,
	AMESH_DROP_STALE_KEY,
	AMESH_DROPS,
};

/* From here on a drop is counted at its peer as well. */
#define AMESH_DROP_FIRST_OF_PEER AMESH_DROP_MEMBER_ID
#define AMESH_PEER_DROPS (AMESH_DROPS - AMESH_DROP_FIRST_OF_PEER)

static_assert(ATTESTMESH_A_DROPS_STALE_KEY - ATTESTMESH_A_DROPS_WRONG_IIF ==
	      AMESH_DROP_STALE_KEY - AMESH_DROP_WRONG_IIF, "same order");

/* Likewise in the order of the uapi's COUNTERS attributes. */
enum amesh_count {
	AMESH_COUNT_BEATS,
	AMESH_COUNT_EARLY_BEATS,
	AMESH_COUNT_DATAGRAMS,
	AMESH_COUNT_TX_AGAIN,
	AMESH_COUNT_TX_LATE,
	AMESH_COUNT_TX_NO_ENDPOINT,
	AMESH_COUNT_TX_ERROR,
	AMESH_COUNT_TX_ICMP,
	AMESH_COUNT_TX_SPARED,
	AMESH_COUNT_SIGN_ERRORS,
	AMESH_COUNT_ACCEPTED,
	AMESH_COUNT_STALLS,
	AMESH_COUNT_RAISES,
	AMESH_COUNT_EVENTS_LOST,
	AMESH_COUNTS,
};

static_assert(ATTESTMESH_A_COUNTERS_EVENTS_LOST -
	      ATTESTMESH_A_COUNTERS_BEATS ==
	      AMESH_COUNT_EVENTS_LOST - AMESH_COUNT_BEATS, "same order");

/**
 * struct amesh_stats - one CPU's share of a mesh's counters
 * @drop: by enum amesh_drop
 * @count: by enum amesh_count
 *
 * Written by this_cpu_inc() from softirq and process context. On 32-bit
 * machines a reader may catch a counter between its halves; it is a figure
 * for people and nothing is decided by it.
 */
struct amesh_stats {
	u64 drop[AMESH_DROPS];
	u64 count[AMESH_COUNTS];
};

/* Sum over the CPUs; process context. */
void amesh_stats_sum(const struct amesh_stats __percpu *stats,
		     struct amesh_stats *sum);

#endif /* _AMESH_STATS_H */
