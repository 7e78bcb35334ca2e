/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one network namespace remembers of one domain for as long as the
 * namespace exists: per member ever configured, its replay floor, the last
 * incarnation used as that member here, and its one raise. Deleting a peer
 * or a mesh therefore forgets nothing that protects against replay. Memory
 * comes from the caller; nothing is ever evicted, a full table refuses.
 */
#ifndef _AMESH_FLOORS_H
#define _AMESH_FLOORS_H

#include "own.h"
#include "replay.h"

/**
 * struct amesh_floor - what is remembered of one member
 * @next: chain of its bucket
 * @member_id: key of the table
 * @replay: floor for beats of this member; the live one while it is a peer
 *	(a peer points here, so there is no copy to bring up to date)
 * @own_last: last incarnation used as this member here, 0 = never
 * @own_peer: what this member as a peer has made this node do
 */
struct amesh_floor {
	struct amesh_floor *next;
	u8 member_id[AMESH_ID_LEN];
	struct amesh_replay replay;
	u64 own_last;
	struct amesh_own_peer own_peer;
};

/**
 * struct amesh_floors - the table of one domain; about 8 KiB and the entries
 * @bucket: heads of the chains
 * @seed: random, so that chains differ from host to host; the worst chain is
 *	65,536 long and only configuration walks it
 * @count: entries
 *
 * Protected by the namespace's lock. Entries live as long as the table.
 */
struct amesh_floors {
	struct amesh_floor *bucket[AMESH_FLOORS_BUCKETS];
	u64 seed;
	u32 count;
};

/**
 * amesh_floors_init - an empty table
 * @floors: filled in completely
 * @seed: 64 random bits
 */
void amesh_floors_init(struct amesh_floors *floors, u64 seed);

/**
 * amesh_floors_find - look a member up
 * @floors: the table
 * @member_id: AMESH_ID_LEN bytes
 *
 * Return: its entry or NULL.
 */
struct amesh_floor *amesh_floors_find(const struct amesh_floors *floors,
				      const u8 *member_id);

/**
 * amesh_floors_insert - remember a member
 * @floors: the table
 * @entry: zeroed memory of the caller, given to the table if 0 is returned
 * @member_id: AMESH_ID_LEN bytes
 *
 * Done when a peer or a mesh is configured, never later: deleting one can
 * then not fail.
 *
 * Return: 0, -EEXIST if the member is there, -ENOSPC if AMESH_FLOORS_MAX are.
 */
int amesh_floors_insert(struct amesh_floors *floors, struct amesh_floor *entry,
			const u8 *member_id);

/**
 * amesh_floors_pop - take any entry out, to free it
 * @floors: the table, when the namespace ends
 *
 * Return: an entry of which the caller is the owner again, or NULL when the
 * table is empty.
 */
struct amesh_floor *amesh_floors_pop(struct amesh_floors *floors);

#endif /* _AMESH_FLOORS_H */
