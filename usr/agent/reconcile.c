// SPDX-License-Identifier: Apache-2.0
/*
 * Decisions about peers and their legs. Pure.
 */
#include "reconcile.h"

#include <stdlib.h>
#include <string.h>

struct by_key {
	const uint8_t *key;
	size_t at;
};

static int order(const void *a, const void *b)
{
	return memcmp(((const struct by_key *)a)->key, ((const struct by_key *)b)->key,
		      MESH_KEY_BYTES);
}

static const struct by_key *look_up(const struct by_key *list, size_t count,
				    const uint8_t *key)
{
	struct by_key wanted = { .key = key };

	return count ? bsearch(&wanted, list, count, sizeof(*list), order) : NULL;
}

static bool same_place(const struct mesh_peer *wanted, const struct mesh_peer_state *present)
{
	const struct mesh_peer *p = &present->peer;

	return present->exact && wanted->addr4 == p->addr4 &&
	       wanted->has_addr6 == p->has_addr6 &&
	       (!wanted->has_addr6 || !memcmp(wanted->addr6, p->addr6, sizeof(p->addr6)));
}

size_t reconcile_peers(const struct mesh_peer *wanted, size_t wanted_count,
		       const struct mesh_peer_state *present,
		       size_t present_count, struct reconcile_step *steps)
{
	struct by_key *want = calloc(wanted_count + 1, sizeof(*want));
	struct by_key *have = calloc(present_count + 1, sizeof(*have));
	size_t count = 0;

	if (!want || !have)
		goto out; /* nothing is done now; the next look tries again */
	for (size_t i = 0; i < wanted_count; i++)
		want[i] = (struct by_key){ wanted[i].key, i };
	for (size_t i = 0; i < present_count; i++)
		have[i] = (struct by_key){ present[i].peer.key, i };
	qsort(want, wanted_count, sizeof(*want), order);
	qsort(have, present_count, sizeof(*have), order);
	for (size_t i = 0; i < present_count; i++)
		if (!look_up(want, wanted_count, present[i].peer.key))
			steps[count++] = (struct reconcile_step){ RECONCILE_DEL, i };
	for (size_t i = 0; i < wanted_count; i++) {
		const struct by_key *found = look_up(have, present_count, wanted[i].key);

		if (!found)
			steps[count++] = (struct reconcile_step){ RECONCILE_ADD, i };
		else if (!same_place(&wanted[i], &present[found->at]))
			steps[count++] = (struct reconcile_step){ RECONCILE_FIX, i };
	}
out:
	free(want);
	free(have);
	return count;
}

static int64_t intervals(const struct reconcile_facts *f, int64_t count)
{
	return count * (int64_t)f->interval_ms;
}

/* Takes the moment's facts into the memory; true if the peer is heard again
 * after a silence that made us give it up. */
static bool observe(struct reconcile_leg *leg, const struct reconcile_facts *f)
{
	const struct mesh_peer_state *wg = f->wg;
	bool again = false;

	if (!leg->seen) {
		*leg = (struct reconcile_leg){ .seen = true, .wanted_ms = f->now_ms };
		/* What passed before the first look is no news. */
		leg->rx_bytes = wg ? wg->rx_bytes : 0;
		/* A link that was open before it, of an earlier agent's, is: its
		 * port may be unknown to WireGuard. `opened` stays 0. */
	}
	if (wg && wg->rx_bytes > leg->rx_bytes) {
		again = leg->heard_ms && f->now_ms - leg->heard_ms >=
					 intervals(f, RECONCILE_SILENCE_INTERVALS);
		leg->heard_ms = f->now_ms;
	}
	if (wg)
		leg->rx_bytes = wg->rx_bytes;
	if (wg && wg->handshake_secs != leg->handshake_secs) {
		leg->handshake_secs = wg->handshake_secs;
		/* A peer that was added anew has none: its session is gone. */
		leg->handshake_ms = wg->handshake_secs ? f->now_ms : 0;
	}
	if (!f->strays)
		leg->stray_ms = 0;
	else if (!leg->stray_ms)
		leg->stray_ms = f->now_ms;
	if (!f->endpoint_accepted)
		leg->accepted_ms = 0;
	else if (!leg->accepted_ms)
		leg->accepted_ms = f->now_ms;
	return again;
}

/* A connection of the link that was not there at the last look. */
static void observe_link(struct reconcile_leg *leg, const struct reconcile_facts *f)
{
	const struct bridge_link *link = f->link;

	if (!link || link->state < BRIDGE_LINK_TLS) {
		leg->tls_pending = false;
		leg->tls_ms = 0;
		/* A bridge that was restarted counts from one again. */
		if (!link)
			leg->opened = 0;
		return;
	}
	if (link->opened == leg->opened && leg->tls_ms)
		return;
	leg->opened = link->opened;
	leg->tls_ms = f->now_ms;
	leg->tls_pending = true;
}

static bool endpoint_is_link(const struct reconcile_facts *f)
{
	return f->wg && f->wg->has_endpoint && f->link &&
	       f->wg->endpoint4 == f->link->local_ipv4 &&
	       f->wg->endpoint_port == f->link->local_port;
}

/* The side with the lower index: always a link, and WireGuard told of its port
 * whenever a connection has opened; also if it has that port already, because
 * being told makes it send, and that proves the new leg at the other end. */
static unsigned dialler(struct reconcile_leg *leg, const struct reconcile_facts *f)
{
	bool open = f->link && f->link->state >= BRIDGE_LINK_TLS;

	if (!f->link)
		return RECONCILE_DIAL;
	if (!open || !f->wg || (!leg->tls_pending && f->wg->has_endpoint))
		return 0;
	leg->tls_pending = false;
	return RECONCILE_PORT;
}

/* Whether the side that should be dialled has waited long enough. */
static bool must_dial_too(const struct reconcile_leg *leg, const struct reconcile_facts *f)
{
	int64_t silence_ms = intervals(f, RECONCILE_SILENCE_INTERVALS);
	int64_t since_ms = leg->heard_ms ? leg->heard_ms : leg->wanted_ms;

	if (silence_ms < RECONCILE_SILENCE_MS)
		silence_ms = RECONCILE_SILENCE_MS;
	if (f->now_ms - since_ms >= silence_ms)
		return true;
	return !leg->handshake_ms && leg->stray_ms &&
	       f->now_ms - leg->stray_ms >= RECONCILE_STRAY_MS;
}

/* The other side: dials only when it must, and stops when the peer's own link
 * carries again. */
static unsigned dialled(struct reconcile_leg *leg, const struct reconcile_facts *f)
{
	if (!f->link)
		return f->wg && must_dial_too(leg, f) ? RECONCILE_DIAL : 0;
	if (leg->accepted_ms &&
	    f->now_ms - leg->accepted_ms >= intervals(f, RECONCILE_SETTLED_INTERVALS))
		return RECONCILE_DROP;
	if (!leg->tls_pending || !f->wg ||
	    f->now_ms - leg->tls_ms < RECONCILE_HANDSHAKE_MS)
		return 0;
	leg->tls_pending = false;
	/* A handshake that came meanwhile came by the peer's own link. */
	if (leg->handshake_ms >= leg->tls_ms || endpoint_is_link(f))
		return 0;
	return RECONCILE_PORT;
}

unsigned reconcile_leg(struct reconcile_leg *leg,
		       const struct reconcile_facts *facts)
{
	bool again = observe(leg, facts);
	unsigned todo;

	if (!facts->has_host)
		return facts->link ? RECONCILE_DROP : 0;
	observe_link(leg, facts);
	todo = facts->we_dial ? dialler(leg, facts) : dialled(leg, facts);
	if (again && facts->link && facts->link->state < BRIDGE_LINK_TLS)
		todo |= RECONCILE_KICK;
	return todo;
}
