// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events. An event is numbered whether or not anybody listens; a listener
 * that misses a number reads the state again.
 */
#include "event.h"

#include "net.h"
#include "nl.h"
#include "peer.h"

/**
 * struct event - one being written
 * @msg: NULL if nobody listens or there is no memory
 * @hdr: its generic netlink header
 * @full: an attribute did not fit, which would be a mistake here
 */
struct event {
	struct sk_buff *msg;
	void *hdr;
	bool full;
};

static void event_begin(struct amesh_mesh *mesh, struct event *event, u8 cmd)
{
	struct net *net = mesh->an->net;

	memset(event, 0, sizeof(*event));
	mesh->event_seq++;
	if (!genl_has_listeners(&amesh_nl_family, net, ATTESTMESH_NLGRP_EVENTS))
		return;
	event->msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!event->msg) {
		amesh_count(mesh, AMESH_COUNT_EVENTS_LOST);
		return;
	}
	event->hdr = genlmsg_put(event->msg, 0, 0, &amesh_nl_family, 0, cmd);
	event->full = !event->hdr ||
		nla_put_u32(event->msg, ATTESTMESH_A_EVENT_IFINDEX,
			    mesh->ifindex) ||
		nla_put_u64_64bit(event->msg, ATTESTMESH_A_EVENT_SEQ,
				  mesh->event_seq, ATTESTMESH_A_EVENT_PAD);
}

static void event_end(struct amesh_mesh *mesh, struct event *event)
{
	if (!event->msg)
		return;
	if (WARN_ON_ONCE(event->full)) {
		nlmsg_free(event->msg);
		amesh_count(mesh, AMESH_COUNT_EVENTS_LOST);
		return;
	}
	genlmsg_end(event->msg, event->hdr);
	/* -ESRCH: nobody there any more; -ENOBUFS: a listener is told so. */
	genlmsg_multicast_netns(&amesh_nl_family, mesh->an->net, event->msg, 0,
				ATTESTMESH_NLGRP_EVENTS, GFP_KERNEL);
}

static void put_u32(struct event *event, int attr, u32 v)
{
	if (event->msg && nla_put_u32(event->msg, attr, v))
		event->full = true;
}

static void put_u8(struct event *event, int attr, u8 v)
{
	if (event->msg && nla_put_u8(event->msg, attr, v))
		event->full = true;
}

static void put_peer(struct event *event, const struct amesh_peer *peer)
{
	if (event->msg && nla_put(event->msg, ATTESTMESH_A_EVENT_ID,
				  ATTESTMESH_ID_LEN, amesh_peer_id(peer)))
		event->full = true;
	put_u32(event, ATTESTMESH_A_EVENT_INDEX, peer->live.index);
}

void amesh_event_peer(struct amesh_mesh *mesh, const struct amesh_peer *peer,
		      enum amesh_state old)
{
	struct event event;

	lockdep_assert_held(&mesh->lock);
	event_begin(mesh, &event, ATTESTMESH_CMD_PEER_CHANGED);
	put_peer(&event, peer);
	put_u32(&event, ATTESTMESH_A_EVENT_OLD_STATE, old);
	put_u32(&event, ATTESTMESH_A_EVENT_NEW_STATE, peer->live.state);
	put_u32(&event, ATTESTMESH_A_EVENT_REASON, peer->live.reason);
	put_u32(&event, ATTESTMESH_A_EVENT_BEAT_FLAGS, peer->live.flags);
	put_u32(&event, ATTESTMESH_A_EVENT_LIVE, amesh_live_count(&mesh->live) + 1);
	event_end(mesh, &event);
}

void amesh_event_converged(struct amesh_mesh *mesh)
{
	struct event event;

	lockdep_assert_held(&mesh->lock);
	event_begin(mesh, &event, ATTESTMESH_CMD_CONVERGED_CHANGED);
	put_u8(&event, ATTESTMESH_A_EVENT_CONVERGED, mesh->live.converged);
	put_u8(&event, ATTESTMESH_A_EVENT_FIRST_CONVERGED,
	       mesh->live.first_converged);
	put_u32(&event, ATTESTMESH_A_EVENT_LIVE, amesh_live_count(&mesh->live) + 1);
	event_end(mesh, &event);
}

void amesh_event_own(struct amesh_mesh *mesh, u8 cmd,
		     const struct amesh_peer *peer, u64 incarnation)
{
	struct event event;

	lockdep_assert_held(&mesh->lock);
	event_begin(mesh, &event, cmd);
	put_peer(&event, peer);
	if (event.msg && nla_put_u64_64bit(event.msg,
					   ATTESTMESH_A_EVENT_INCARNATION,
					   incarnation, ATTESTMESH_A_EVENT_PAD))
		event.full = true;
	event_end(mesh, &event);
}

void amesh_event_gone(struct amesh_mesh *mesh)
{
	struct event event;

	event_begin(mesh, &event, ATTESTMESH_CMD_MESH_GONE);
	put_u32(&event, ATTESTMESH_A_EVENT_GONE, mesh->gone);
	event_end(mesh, &event);
}
