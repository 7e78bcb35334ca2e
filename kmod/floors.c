// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of what a namespace remembers of a domain's members. See
 * floors.h.
 */
#include "floors.h"

static_assert((AMESH_FLOORS_BUCKETS & (AMESH_FLOORS_BUCKETS - 1)) == 0,
	      "buckets are chosen by masking");

static u32 bucket_of(const struct amesh_floors *floors, const u8 *member_id)
{
	u64 h = floors->seed;
	int i;

	for (i = 0; i < AMESH_ID_LEN; i += 8) {
		h ^= amesh_get_le64(member_id + i);
		/* Shift, multiply, shift, multiply: each bit of an id, the
		 * highest too, reaches the low bits that choose the bucket.
		 */
		h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ULL;
		h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ULL;
		h ^= h >> 32;
	}
	return (u32)h & (AMESH_FLOORS_BUCKETS - 1);
}

void amesh_floors_init(struct amesh_floors *floors, u64 seed)
{
	memset(floors, 0, sizeof(*floors));
	floors->seed = seed;
}

struct amesh_floor *amesh_floors_find(const struct amesh_floors *floors,
				      const u8 *member_id)
{
	struct amesh_floor *entry;

	entry = floors->bucket[bucket_of(floors, member_id)];
	while (entry && memcmp(entry->member_id, member_id, AMESH_ID_LEN))
		entry = entry->next;
	return entry;
}

int amesh_floors_insert(struct amesh_floors *floors, struct amesh_floor *entry,
			const u8 *member_id)
{
	struct amesh_floor **head;

	if (amesh_floors_find(floors, member_id))
		return -EEXIST;
	if (floors->count >= AMESH_FLOORS_MAX)
		return -ENOSPC;
	memcpy(entry->member_id, member_id, AMESH_ID_LEN);
	head = &floors->bucket[bucket_of(floors, member_id)];
	entry->next = *head;
	*head = entry;
	floors->count++;
	return 0;
}

struct amesh_floor *amesh_floors_pop(struct amesh_floors *floors)
{
	struct amesh_floor *entry;
	u32 i;

	for (i = 0; i < AMESH_FLOORS_BUCKETS; i++) {
		entry = floors->bucket[i];
		if (!entry)
			continue;
		floors->bucket[i] = entry->next;
		floors->count--;
		return entry;
	}
	return NULL;
}
