/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libattestmesh: the liveness of an AttestMesh cluster as the kernel module
 * keeps it, over generic netlink. Reading needs no privilege; what changes
 * something needs CAP_NET_ADMIN. This is the only public header; it owns no
 * WireGuard, no chain and no agent.
 *
 * Conventions: functions return 0 or a negative errno, and am_error() then
 * has a sentence, the kernel's own where it gave one. Handles are not to be
 * shared between threads without a lock of the caller's. IPv4 addresses are
 * in network byte order, as in struct in_addr; ages and times are in the unit
 * that the name ends in. Numbers that a newer module may bring (states,
 * reasons, flags) are passed through; the am_*_name() functions render them.
 */
#ifndef ATTESTMESH_H
#define ATTESTMESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/attestmesh.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AM_ID_LEN 32
#define AM_KEY_LEN 32
#define AM_DIGEST_LEN 16
#define AM_ADDR6_LEN 16
#define AM_BLOCKERS_MAX 8
#define AM_BITMAP_MAX 8192
#define AM_DROPS 13

struct am;         /* requests */
struct am_events;  /* the multicast group, on a socket of its own */

struct am_module {
	char version[32];
	uint32_t interface_level;
	uint8_t beat_version;
	char ed25519[16];       /* "ifma" or "scalar" */
	uint32_t peers_max, meshes_max, peers_per_message_max;
	uint32_t beats_per_second_max, interval_ms_min, interval_ms_max;
};

/* Packets refused, by the check that refused them, in the checks' order. */
struct am_drops {
	uint64_t wrong_iif, too_short, magic, version, length, unknown_source,
		member_id, no_key, replay, rate, queue_full, bad_signature,
		stale_key;
};

struct am_counters {
	uint64_t beats, early_beats, datagrams, tx_again, tx_late,
		tx_no_endpoint, tx_error, tx_icmp, tx_spared, sign_errors,
		accepted, stalls, raises, events_lost;
};

struct am_mesh {
	uint32_t ifindex;
	char ifname[16];
	uint8_t domain[AM_ID_LEN], member_id[AM_ID_LEN];
	uint32_t index;
	uint32_t addr4;
	bool has_addr6;
	uint8_t addr6[AM_ADDR6_LEN];
	uint64_t incarnation_floor;
	uint16_t port;
	uint32_t interval_ms, miss, convict, min_peers, linger_ms;
	uint8_t public_key[AM_KEY_LEN];
	uint64_t incarnation, sequence;
	uint32_t flags;         /* enum attestmesh_beat_flag, of the next beat */
	uint32_t known, live;   /* self included */
	uint32_t peers_unknown, peers_silent, peers_up, peers_suspect, peers_down;
	uint8_t digest[AM_DIGEST_LEN];
	bool converged, first_converged;
	uint32_t blockers;      /* live peers whose view differs */
	uint32_t blocker_count; /* of these, named below */
	uint8_t blocker[AM_BLOCKERS_MAX][AM_ID_LEN];
	uint64_t epoch, event_seq;
	struct am_counters counters;
	struct am_drops drops;
};

struct am_peer {
	uint8_t id[AM_ID_LEN];
	uint32_t index;
	uint32_t addr4;
	bool has_addr6, has_key, has_beat, has_rtt;
	uint8_t addr6[AM_ADDR6_LEN];
	uint8_t key[AM_KEY_LEN];
	uint64_t epoch;
	uint32_t key_status;    /* enum attestmesh_key_status */
	uint32_t state;         /* enum attestmesh_state */
	uint32_t reason;        /* enum attestmesh_reason */
	uint64_t state_age_ms;
	uint64_t beat_age_ms;   /* valid with has_beat, as the beat_* below */
	uint32_t beat_flags, beat_interval_ms;
	uint64_t beat_wall_ms;
	uint8_t beat_version_max;
	uint64_t incarnation, sequence;
	uint32_t rtt_us, rtt_min_us; /* valid with has_rtt */
	uint32_t loss_permille;
	uint32_t link;          /* enum attestmesh_link_flag */
	bool agrees;
	uint8_t digest[AM_DIGEST_LEN];
	uint32_t live, known;
	uint64_t accepted, datagrams;
	struct am_drops drops;
};

/* One row of the matrix: whom one member hears. */
struct am_view {
	uint8_t id[AM_ID_LEN];
	uint32_t index;
	bool self;
	uint64_t windows;       /* bit w: the window with base 1024 w is known */
	size_t bitmap_len;      /* bytes */
	const uint8_t *bitmap;  /* LSB first; valid during the callback */
};

/*
 * What MESH_SET takes. The kernel reads `seed` from this struct and nothing
 * keeps it; the caller wipes its own. Fields whose has_* is false are left to
 * the kernel: their old value, or the default.
 */
struct am_mesh_config {
	uint32_t ifindex;
	bool has_identity;      /* domain, member_id, addr4, seed, floor */
	uint8_t domain[AM_ID_LEN], member_id[AM_ID_LEN];
	uint32_t addr4;
	bool has_addr6;
	uint8_t addr6[AM_ADDR6_LEN];
	const uint8_t *seed;    /* AM_KEY_LEN bytes, with has_identity */
	uint64_t incarnation_floor;
	bool has_index, has_port, has_timing, has_min_peers, has_linger;
	uint32_t index;
	uint16_t port;
	uint32_t interval_ms, miss, convict; /* has_timing */
	uint32_t min_peers, linger_ms;
	bool own;               /* this handle's socket becomes the agent's */
};

struct am_peer_config {
	uint8_t id[AM_ID_LEN];
	uint32_t index;
	uint32_t addr4;
	bool has_addr6, has_key;
	uint8_t addr6[AM_ADDR6_LEN];
	uint8_t key[AM_KEY_LEN];
};

enum am_event_type {
	AM_EVENT_PEER,          /* id, index, old_state, new_state, reason, beat_flags, live */
	AM_EVENT_CONVERGED,     /* converged, first_converged, live */
	AM_EVENT_GONE,          /* gone */
	AM_EVENT_TWIN,          /* id, index (who holds it), incarnation */
	AM_EVENT_RAISE_STOPPED, /* id, index, incarnation */
};

struct am_event {
	enum am_event_type type;
	uint32_t ifindex;
	uint64_t seq;           /* counts from 1 per mesh; a gap is a loss */
	uint8_t id[AM_ID_LEN];
	uint32_t index;
	uint32_t old_state, new_state, reason, beat_flags, live;
	bool converged, first_converged;
	uint32_t gone;          /* enum attestmesh_gone */
	uint64_t incarnation;
};

/* Callbacks return 0 to go on; anything else ends the walk and is returned. */
typedef int (*am_mesh_fn)(const struct am_mesh *mesh, void *arg);
typedef int (*am_peer_fn)(const struct am_peer *peer, void *arg);
typedef int (*am_view_fn)(const struct am_view *view, void *arg);
typedef int (*am_event_fn)(const struct am_event *event, void *arg);

/* -ENOENT: the module is not loaded; other errno: no netlink, no memory. */
int am_open(struct am **out) __attribute__((warn_unused_result, nonnull));
void am_close(struct am *am);
/* The last failure of this handle in words; "" before any. Never NULL. */
const char *am_error(const struct am *am) __attribute__((nonnull));
/* The socket, for who wants to know its port; never read from it. */
int am_fd(const struct am *am) __attribute__((nonnull));

/* level: the lowest interface level that the caller can use (0: any);
 * -EOPNOTSUPP if the module does not reach it. */
int am_module_get(struct am *am, uint32_t level, struct am_module *out)
	__attribute__((warn_unused_result, nonnull));

/* -ENODEV: no such interface; -ENOENT: no mesh on it. */
int am_mesh_get(struct am *am, uint32_t ifindex, struct am_mesh *out)
	__attribute__((warn_unused_result, nonnull));
int am_mesh_each(struct am *am, am_mesh_fn fn, void *arg)
	__attribute__((warn_unused_result, nonnull(1, 2)));
/* Errors: the kernel's, see MESH_SET in linux/attestmesh.h. */
int am_mesh_set(struct am *am, const struct am_mesh_config *config)
	__attribute__((warn_unused_result, nonnull));
int am_mesh_del(struct am *am, uint32_t ifindex)
	__attribute__((warn_unused_result, nonnull));

/* -ENOENT: no such peer, or no mesh. */
int am_peer_get(struct am *am, uint32_t ifindex, const uint8_t id[AM_ID_LEN],
		struct am_peer *out) __attribute__((warn_unused_result, nonnull));
/* By registration index. -EINTR: peers came or went meanwhile, what was
 * reported is incomplete; ask again. */
int am_peer_each(struct am *am, uint32_t ifindex, am_peer_fn fn, void *arg)
	__attribute__((warn_unused_result, nonnull(1, 3)));
/* Any number of peers, in messages of as many as the kernel takes; each
 * message is all or nothing, and the first refused one ends it. */
int am_peer_set(struct am *am, uint32_t ifindex, uint64_t epoch,
		const struct am_peer_config *peers, size_t count)
	__attribute__((warn_unused_result, nonnull(1)));
/* Deletes by id (any number), or everything stamped below epoch. */
int am_peer_del(struct am *am, uint32_t ifindex,
		const uint8_t (*ids)[AM_ID_LEN], size_t count)
	__attribute__((warn_unused_result, nonnull(1)));
int am_peer_del_before(struct am *am, uint32_t ifindex, uint64_t epoch)
	__attribute__((warn_unused_result, nonnull));

/* The matrix: this node's row and those of its live peers. */
int am_view_each(struct am *am, uint32_t ifindex, am_view_fn fn, void *arg)
	__attribute__((warn_unused_result, nonnull(1, 3)));

/* Subscribes. -ENOENT: the module is not loaded. */
int am_events_open(struct am_events **out)
	__attribute__((warn_unused_result, nonnull));
void am_events_close(struct am_events *events);
/* Non-blocking; readable when events wait. */
int am_events_fd(const struct am_events *events) __attribute__((nonnull));
/* Delivers what waits, then 0. -ENOBUFS: events were lost, read the state
 * anew. Events of kinds that this library does not know are skipped. */
int am_events_read(struct am_events *events, am_event_fn fn, void *arg)
	__attribute__((warn_unused_result, nonnull(1, 2)));

/* "up", "suspect" …; "?" for a number from the future. Static strings. */
const char *am_state_name(uint32_t state);
const char *am_reason_name(uint32_t reason);
const char *am_key_status_name(uint32_t status);
const char *am_gone_name(uint32_t gone);
/* The drop counters as an array in the order of AM_DROPS names. */
const char *am_drop_name(unsigned which);
uint64_t am_drop_value(const struct am_drops *drops, unsigned which)
	__attribute__((nonnull));

#ifdef __cplusplus
}
#endif

#endif
