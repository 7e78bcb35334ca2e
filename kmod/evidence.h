/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting observers: who, among the peers whose views are evidence, hears a
 * suspect and who lacks it. It judges nobody; live.c does with the counts.
 */
#ifndef _AMESH_EVIDENCE_H
#define _AMESH_EVIDENCE_H

#include "live.h"

/**
 * amesh_evidence_count - count observers for up to 64 suspects at once
 * @live: the mesh
 * @word: they have the indices @word x 64 to @word x 64 + 63
 * @suspects: bit i set = count for the peer with index @word x 64 + i, which
 *	is configured
 *
 * An observer counts for X if it has a seat, is up, neither doubts itself nor
 * leaves, its last window covering X arrived after X's last beat here (at the
 * same nanosecond is not after), and an earlier window of its incarnation had
 * X. Writes ev_has and ev_lacks of each.
 */
void amesh_evidence_count(struct amesh_live *live, u32 word, u64 suspects);

#endif /* _AMESH_EVIDENCE_H */
