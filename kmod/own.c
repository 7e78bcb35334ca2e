// SPDX-License-Identifier: GPL-2.0-only
/*
 * Own incarnation and sequence. See own.h.
 */
#include "own.h"

int amesh_own_init(struct amesh_own *own, u64 floor, u64 last_used)
{
	if (last_used == U64_MAX)
		return -ERANGE;
	own->incarnation = amesh_max_u64(floor, last_used + 1);
	own->sequence = 0;
	own->floor = floor;
	own->twins = 0;
	return 0;
}

void amesh_own_lift_floor(struct amesh_own *own, u64 floor)
{
	own->floor = amesh_max_u64(own->floor, floor);
}

bool amesh_own_next(struct amesh_own *own)
{
	if (own->sequence < U64_MAX - 1) {
		own->sequence++;
		return false;
	}
	own->incarnation = amesh_add_sat_u64(own->incarnation, 1);
	own->sequence = 1;
	return true;
}

static bool is_sent(const struct amesh_own *own,
		    const struct amesh_trailer *trailer)
{
	if (trailer->floor_sequence == 0)
		return true;
	if (trailer->floor_incarnation != own->incarnation)
		return trailer->floor_incarnation < own->incarnation;
	return trailer->floor_sequence <= own->sequence;
}

/* What was noted under another mesh says nothing about this one. */
static void bind_peer(struct amesh_own_peer *peer, u64 mesh)
{
	if (peer->mesh == mesh)
		return;
	memset(peer, 0, sizeof(*peer));
	peer->mesh = mesh;
}

/* Of an older incarnation it is not known whether this node sent it. */
static void note_sent(const struct amesh_own *own, struct amesh_own_peer *peer,
		      u64 mesh, const struct amesh_trailer *trailer)
{
	if (trailer->floor_sequence == 0 ||
	    trailer->floor_incarnation != own->incarnation)
		return;
	bind_peer(peer, mesh);
	peer->showed = true;
	peer->shows = 0;
}

static bool is_another_start(const struct amesh_own *own,
			     const struct amesh_own_peer *peer,
			     const struct amesh_trailer *trailer)
{
	return peer->showed &&
	       trailer->floor_incarnation >=
		       amesh_add_sat_u64(own->incarnation,
					 AMESH_TWIN_APART_MS);
}

static void testify(struct amesh_own *own, struct amesh_own_peer *peer)
{
	if (!peer->twin)
		own->twins++;
	peer->twin = true;
}

/* The highest incarnation that a raise may reach. */
static u64 raise_bound(const struct amesh_own *own)
{
	return amesh_add_sat_u64(own->floor, AMESH_RAISE_MS_MAX);
}

enum amesh_own_verdict amesh_own_trailer(struct amesh_own *own,
					 struct amesh_own_peer *peer, u64 mesh,
					 const struct amesh_trailer *trailer)
{
	bool started;

	if (is_sent(own, trailer)) {
		note_sent(own, peer, mesh, trailer);
		return AMESH_OWN_SENT;
	}
	bind_peer(peer, mesh);
	started = is_another_start(own, peer, trailer);
	if (peer->raised || started)
		testify(own, peer);
	if (peer->raised)
		return AMESH_OWN_TWIN;
	if (started && peer->shows < AMESH_TWIN_SHOWS) {
		peer->shows++;
		return AMESH_OWN_TWIN;
	}
	/* The new incarnation, one above, may reach the bound, not pass it. */
	if (trailer->floor_incarnation >= raise_bound(own))
		return AMESH_OWN_STOPPED;
	peer->raised = true;
	own->incarnation = trailer->floor_incarnation + 1;
	own->sequence = 0;
	return AMESH_OWN_RAISED;
}

bool amesh_own_tell(struct amesh_own *own, const struct amesh_trailer *trailer)
{
	u64 bound = raise_bound(own);

	if (own->sequence < AMESH_TWIN_TELL_BEATS ||
	    trailer->floor_incarnation >= bound)
		return false;
	own->incarnation = amesh_min_u64(amesh_add_sat_u64(trailer->floor_incarnation,
							   AMESH_TWIN_APART_MS),
					 bound);
	own->sequence = 0;
	return true;
}

bool amesh_own_is_twin(const struct amesh_own *own, u32 peers)
{
	return own->twins >= 2 || (own->twins == 1 && peers == 1);
}

void amesh_own_peer_gone(struct amesh_own *own, struct amesh_own_peer *peer,
			 u64 mesh)
{
	bind_peer(peer, mesh);
	if (peer->twin)
		own->twins--;
	peer->twin = false;
}
