/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This node's own (incarnation, sequence): how it starts, counts, and rises
 * past what peers still hold from an earlier life. It decides when another
 * instance of this member must be running; it does not report it.
 */
#ifndef _AMESH_OWN_H
#define _AMESH_OWN_H

#include "beat.h"

/**
 * struct amesh_own - own numbers of one mesh
 * @incarnation: in use
 * @sequence: of the last beat built; 0 = none in this incarnation
 * @floor: highest floor given by MESH_SET so far, ms
 * @twins: peers that are witnesses of another instance
 *
 * Protected by the mesh's lock.
 */
struct amesh_own {
	u64 incarnation;
	u64 sequence;
	u64 floor;
	u32 twins;
};

/**
 * struct amesh_own_peer - what one peer has already made this node do
 * @mesh: number of the mesh (its creation) for which the rest holds; another
 *	number means that nothing has happened yet. It lives in the namespace's
 *	table (floors.h), so that deleting and re-adding a peer gives it no
 *	second raise.
 * @raised: this peer's one raise is used
 * @twin: this peer counts in amesh_own.twins
 * @showed: this peer has shown a number that this node had sent
 * @shows: how often it has shown another start since then, up to
 *	AMESH_TWIN_SHOWS
 */
struct amesh_own_peer {
	u64 mesh;
	bool raised;
	bool twin;
	bool showed;
	u8 shows;
};

/**
 * enum amesh_own_verdict - what a trailer did
 * @AMESH_OWN_SENT: nothing; the floor is something this node has sent
 * @AMESH_OWN_RAISED: the incarnation rose past the floor: store it as last
 *	used, send a beat at once
 * @AMESH_OWN_STOPPED: the raise would pass the bound: event raise-stopped;
 *	the peer's raise is not used up, a higher floor by MESH_SET enables it
 * @AMESH_OWN_TWIN: the peer is a witness of another instance; see
 *	amesh_own_is_twin() and amesh_own_tell()
 */
enum amesh_own_verdict {
	AMESH_OWN_SENT,
	AMESH_OWN_RAISED,
	AMESH_OWN_STOPPED,
	AMESH_OWN_TWIN,
};

/**
 * amesh_own_init - start a mesh's own numbers
 * @own: filled in completely
 * @floor: incarnation floor of MESH_SET, ms
 * @last_used: last incarnation that this (domain, member) used in this
 *	namespace, 0 if none
 *
 * incarnation = max(floor, last_used + 1). The caller stores it as last used
 * before the first beat goes out, and again after every raise.
 *
 * Return: 0, or -ERANGE if no incarnation is left above @last_used.
 */
int amesh_own_init(struct amesh_own *own, u64 floor, u64 last_used);

/**
 * amesh_own_lift_floor - MESH_SET repeated with the same identity
 * @own: own numbers
 * @floor: the floor it brings, ms
 *
 * Keeps incarnation and sequence; a higher floor widens how far a raise may
 * go, a lower one changes nothing.
 */
void amesh_own_lift_floor(struct amesh_own *own, u64 floor);

/**
 * amesh_own_next - number the next beat
 * @own: own numbers
 *
 * Call when a beat is built, before any copy of it can reach a peer: what
 * this returned counts as sent. The last sequence of an incarnation is never
 * used (it stands for leaving); the incarnation rises instead.
 *
 * Return: true if the incarnation rose (store it as last used).
 */
bool amesh_own_next(struct amesh_own *own);

/**
 * amesh_own_trailer - judge the floor that a peer holds for this node
 * @own: own numbers
 * @peer: what this peer has already caused
 * @mesh: number of this mesh
 * @trailer: from a beat of that peer that was accepted
 *
 * "Unsent" is a floor above (incarnation, sequence of the last beat built).
 * A floor below that is one this node's next beat passes by itself, whoever
 * sent it, and calls for nothing.
 *
 * A peer is a witness of another instance if it shows an unsent floor after
 * its one raise; or if it has shown a number of this node and now shows one of
 * another start (AMESH_TWIN_APART_MS): a floor moves by what its holder hears,
 * so somebody else has sent it since. Then the raise is held back for
 * AMESH_TWIN_SHOWS beats: raising at once would wipe the sign from the other
 * peers before they are heard, and two instances that raise in turn would never
 * both see it.
 *
 * Return: what was done.
 */
enum amesh_own_verdict amesh_own_trailer(struct amesh_own *own,
					 struct amesh_own_peer *peer, u64 mesh,
					 const struct amesh_trailer *trailer);

/**
 * amesh_own_is_twin - is another instance of this member running?
 * @own: own numbers
 * @peers: peers configured now
 *
 * One peer alone may lie, so two must have shown it, or the only one.
 */
bool amesh_own_is_twin(const struct amesh_own *own, u32 peers);

/**
 * amesh_own_tell - raise so that the other instance sees it as well
 * @own: own numbers, of a node for which amesh_own_is_twin() holds
 * @trailer: the one that showed it
 *
 * Of two instances the one with the higher numbers is shown nothing unsent: it
 * learns of the other only by being passed. It is also how the one that stays
 * comes back after the other one was stopped.
 *
 * Return: true if the incarnation rose (as AMESH_OWN_RAISED), false if it has
 * not had AMESH_TWIN_TELL_BEATS beats yet, or would pass the bound.
 */
bool amesh_own_tell(struct amesh_own *own, const struct amesh_trailer *trailer);

/**
 * amesh_own_peer_gone - a peer is deleted: it no longer counts as a witness
 * @own: own numbers
 * @peer: its entry; it keeps @raised
 * @mesh: number of this mesh
 */
void amesh_own_peer_gone(struct amesh_own *own, struct amesh_own_peer *peer,
			 u64 mesh);

#endif /* _AMESH_OWN_H */
