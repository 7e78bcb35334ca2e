// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps mesh and peers set in the kernel module. Whatever is asked of it is
 * remembered and done from a timer, again and again until the kernel has it;
 * a look once a second finds a mesh, a module or a family that went away.
 */
#include "kern.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	KERN_LOOK_MS = 1000,             /* while everything is set */
	FLOOR_AHEAD_SECS = 3600,         /* what one false block time can do, at most */
};

struct kern {
	struct loop *loop;
	struct kern_config config;
	const struct kern_callbacks *callbacks;
	void *arg;
	struct loop_timer timer;
	struct am *am;
	struct am_events *events;
	struct loop_fd *watch;
	struct am_module module;
	bool has_module;

	bool want_mesh;
	struct kern_identity identity;
	uint64_t block_secs;             /* the highest told */
	uint64_t floor_ms;               /* of the last MESH_SET */
	int64_t floor_set_ms;
	bool raise_stopped;              /* the next floor need not wait */
	struct am_peer_config *peers;
	size_t peer_count;

	bool mesh_set, peers_set, tried_anew;
	uint32_t ifindex;
	uint64_t epoch, event_seq;       /* event_seq 0: not known yet */
	bool ready, said;
	char waiting_for[KERN_TEXT_CHARS];
};

static void soon(struct kern *k)
{
	loop_timer_set(&k->timer, 0);
}

static void say(struct kern *k, bool ready, const char *text)
{
	if (k->said && ready == k->ready && !strcmp(text, k->waiting_for))
		return;
	if (!ready && *text && strcmp(text, k->waiting_for))
		log_warn("waiting for %s", text);
	k->said = true;
	k->ready = ready;
	snprintf(k->waiting_for, sizeof(k->waiting_for), "%s", text);
	k->callbacks->ready(k->arg, ready, k->waiting_for);
}

static void close_module(struct kern *k)
{
	loop_fd_del(k->watch);
	k->watch = NULL;
	am_events_close(k->events);
	k->events = NULL;
	am_close(k->am);
	k->am = NULL;
	k->has_module = k->mesh_set = k->peers_set = false;
}

/* Makes it set again; what the kernel had is not known any more. */
static void unset(struct kern *k)
{
	k->mesh_set = k->peers_set = false;
	k->event_seq = 0;
}

static int on_event(const struct am_event *event, void *arg)
{
	struct kern *k = arg;
	bool gap = k->event_seq && event->seq != k->event_seq + 1;

	if (event->ifindex != k->ifindex)
		return 0;
	k->event_seq = event->seq;
	if (event->type == AM_EVENT_GONE) {
		unset(k);
		soon(k);
	}
	if (event->type == AM_EVENT_RAISE_STOPPED)
		k->raise_stopped = true;
	if (gap)
		k->callbacks->resync(k->arg);
	k->callbacks->event(k->arg, event);
	return 0;
}

static void on_events(int fd, uint32_t epoll_events, void *arg)
{
	struct kern *k = arg;
	int ret = am_events_read(k->events, on_event, k);

	(void)fd;
	(void)epoll_events;
	if (ret == -ENOBUFS) {
		k->event_seq = 0;
		k->callbacks->resync(k->arg);
	} else if (ret) {
		close_module(k);
		soon(k);
	}
}

/* Words for a refusal of opening or setting; `why` is the kernel's, or "". */
static void explain(struct kern *k, int ret, const char *what, const char *why)
{
	char text[KERN_TEXT_CHARS];

	if (!k->am && ret == -ENOENT)
		snprintf(text, sizeof(text),
			 "module: attestmesh is not in this kernel; load attestmesh_ed25519.ko and attestmesh.ko");
	else if (ret == -EPERM)
		snprintf(text, sizeof(text), "module: %s: not permitted; the agent needs CAP_NET_ADMIN",
			 what);
	else
		snprintf(text, sizeof(text), "module: %s: %.160s", what, *why ? why : strerror(-ret));
	say(k, false, text);
}

static int open_module(struct kern *k)
{
	int ret = am_open(&k->am);

	if (!ret)
		ret = am_module_get(k->am, KERN_LEVEL_MIN, &k->module);
	if (ret == -EOPNOTSUPP) {
		char text[KERN_TEXT_CHARS];

		snprintf(text, sizeof(text), "module: it speaks interface level %u, this agent "
			 "needs %d; load a newer module", k->module.interface_level,
			 KERN_LEVEL_MIN);
		say(k, false, text);
		return ret;
	}
	if (!ret)
		ret = am_events_open(&k->events);
	if (!ret) {
		k->watch = loop_fd_add(k->loop, am_events_fd(k->events), EPOLLIN, on_events, k);
		ret = k->watch ? 0 : -ENOMEM;
	}
	if (ret) {
		explain(k, ret, "opening it", k->am ? am_error(k->am) : "");
		return ret;
	}
	k->has_module = true;
	log_info("module %s, interface level %u, ed25519 %s", k->module.version,
		 k->module.interface_level, k->module.ed25519);
	return 0;
}

static uint64_t floor_now(const struct kern *k)
{
	uint64_t most_secs = (uint64_t)clock_wall_ms() / 1000 + FLOOR_AHEAD_SECS;

	return 1000 * (k->block_secs < most_secs ? k->block_secs : most_secs);
}

static int send_mesh(struct kern *k, uint64_t floor_ms)
{
	const struct kern_identity *id = &k->identity;
	struct am_mesh_config config = {
		.ifindex = k->ifindex, .has_identity = true, .addr4 = id->addr4,
		.has_addr6 = id->has_addr6, .seed = id->seed, .incarnation_floor = floor_ms,
		.has_index = true, .index = id->index, .has_port = true, .port = k->config.port,
		.has_timing = true, .interval_ms = k->config.interval_ms,
		.miss = k->config.miss, .convict = k->config.convict,
		.has_min_peers = true, .min_peers = k->config.min_peers,
		.has_linger = true, .linger_ms = ATTESTMESH_LINGER_FOREVER, .own = true,
	};
	int ret;

	memcpy(config.domain, id->domain, sizeof(config.domain));
	memcpy(config.member_id, id->member_id, sizeof(config.member_id));
	memcpy(config.addr6, id->addr6, sizeof(config.addr6));
	ret = am_mesh_set(k->am, &config);
	if (!ret) {
		k->floor_ms = floor_ms;
		k->floor_set_ms = loop_now_ms(k->loop);
		k->raise_stopped = false;
	}
	return ret;
}

/* The interface holds a mesh of another identity, left by an earlier agent of
 * another cluster or key: it gives way, once. */
static bool replaced_other(struct kern *k, int ret)
{
	struct am_mesh mesh;

	if (ret != -EBUSY || k->tried_anew || am_mesh_get(k->am, k->ifindex, &mesh))
		return false;
	k->tried_anew = true;
	log_warn("%s has beats of another identity in the kernel; they end", k->config.ifname);
	return !am_mesh_del(k->am, k->ifindex);
}

static int set_mesh(struct kern *k)
{
	uint32_t ifindex = if_nametoindex(k->config.ifname);
	char text[KERN_TEXT_CHARS];
	struct am_mesh mesh;
	int ret;

	/* The old index stays until then: the event of its end may still come. */
	if (!ifindex) {
		snprintf(text, sizeof(text), "interface %s", k->config.ifname);
		say(k, false, text);
		return -ENODEV;
	}
	k->ifindex = ifindex;
	ret = send_mesh(k, floor_now(k));
	/* The first cause is kept: what follows asks again and again says why. */
	snprintf(text, sizeof(text), "%s", ret ? am_error(k->am) : "");
	if (replaced_other(k, ret)) {
		ret = send_mesh(k, floor_now(k));
		snprintf(text, sizeof(text), "%s", ret ? am_error(k->am) : "");
	}
	if (ret == -EADDRINUSE || (ret == -EBUSY && !k->tried_anew))
		snprintf(text, sizeof(text), "UDP port %u of the mesh address is taken; end the "
			 "program that has it or set HEARTBEAT_PORT", k->config.port);
	if (ret) {
		explain(k, ret, "setting the mesh", text);
		return ret;
	}
	ret = am_mesh_get(k->am, k->ifindex, &mesh);
	if (ret) {
		explain(k, ret, "setting the mesh", am_error(k->am));
		return ret;
	}
	if (k->epoch < mesh.epoch)
		k->epoch = mesh.epoch;
	k->event_seq = 0;
	k->mesh_set = true;
	k->peers_set = false;
	return 0;
}

/* All peers under a new epoch, then everything older goes: at no moment is a
 * wanted peer missing. */
static int set_peers(struct kern *k)
{
	int ret;

	k->epoch++;
	ret = am_peer_set(k->am, k->ifindex, k->epoch, k->peers, k->peer_count);
	if (!ret)
		ret = am_peer_del_before(k->am, k->ifindex, k->epoch);
	if (ret) {
		explain(k, ret, "setting the peers", am_error(k->am));
		return ret;
	}
	k->peers_set = true;
	return 0;
}

static int raise_floor(struct kern *k)
{
	uint64_t floor_ms = floor_now(k);
	int64_t age_ms = loop_now_ms(k->loop) - k->floor_set_ms;

	if (floor_ms <= k->floor_ms || (!k->raise_stopped && age_ms < KERN_FLOOR_EVERY_MS))
		return 0;
	return send_mesh(k, floor_ms);
}

/* Everything is set: is it still? */
static int look(struct kern *k)
{
	struct am_mesh mesh;
	int ret = am_mesh_get(k->am, k->ifindex, &mesh);

	if (ret)
		return ret;
	return raise_floor(k);
}

static int work(struct kern *k)
{
	bool anew = false;
	int ret;

	if (!k->am || !k->has_module) {
		close_module(k);
		ret = open_module(k);
		if (ret)
			return ret;
	}
	if (!k->want_mesh)
		return 0;
	if (k->mesh_set && k->peers_set) {
		ret = look(k);
		if (!ret)
			return 0;
		explain(k, ret, "the mesh is gone", am_error(k->am));
		/* While the module is there its sockets stay open: the event of
		 * the mesh's end may not have been read yet. */
		if (!am_module_get(k->am, KERN_LEVEL_MIN, &k->module))
			return -EAGAIN;
		close_module(k);
		return ret;
	}
	if (!k->mesh_set) {
		ret = set_mesh(k);
		if (ret)
			return ret;
		anew = true;
	}
	ret = set_peers(k);
	if (ret)
		return ret;
	say(k, true, "");
	if (anew)
		k->callbacks->resync(k->arg);
	return 0;
}

static void on_timer(void *arg)
{
	struct kern *k = arg;
	int ret = work(k);

	/* A number that is not ours any more, after the module came back. */
	if (ret == -ENOENT)
		close_module(k);
	if (ret)
		unset(k);
	if (!loop_timer_pending(&k->timer))
		loop_timer_set(&k->timer, ret ? KERN_RETRY_MS : KERN_LOOK_MS);
}

struct kern *kern_new(struct loop *loop, const struct kern_config *config,
		      const struct kern_callbacks *callbacks, void *arg)
{
	struct kern *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->loop = loop;
	k->config = *config;
	k->callbacks = callbacks;
	k->arg = arg;
	loop_timer_init(&k->timer, loop, on_timer, k);
	soon(k);
	return k;
}

void kern_free(struct kern *k)
{
	if (!k)
		return;
	loop_timer_cancel(&k->timer);
	close_module(k);
	free(k->peers);
	free(k);
}

void kern_mesh_set(struct kern *k, const struct kern_identity *identity,
		   uint64_t block_time_secs)
{
	k->identity = *identity;
	if (k->block_secs < block_time_secs)
		k->block_secs = block_time_secs;
	k->want_mesh = true;
	k->tried_anew = false;
	unset(k);
	soon(k);
}

void kern_block_time(struct kern *k, uint64_t block_time_secs)
{
	if (k->block_secs >= block_time_secs)
		return;
	k->block_secs = block_time_secs;
	if (k->raise_stopped)
		soon(k);
}

int kern_peers_set(struct kern *k, const struct am_peer_config *peers, size_t count)
{
	struct am_peer_config *copy;

	if (k->peers && count == k->peer_count &&
	    !memcmp(peers, k->peers, count * sizeof(*peers)))
		return 0;
	copy = malloc((count + 1) * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, peers, count * sizeof(*copy));
	free(k->peers);
	k->peers = copy;
	k->peer_count = count;
	k->peers_set = false;
	if (k->want_mesh)
		soon(k);
	return 0;
}

void kern_clear(struct kern *k)
{
	uint32_t ifindex = if_nametoindex(k->config.ifname);
	int ret = k->am && ifindex ? am_mesh_del(k->am, ifindex) : 0;

	if (ret && ret != -ENOENT)
		log_warn("the kernel's mesh could not be ended: %s", am_error(k->am));
	k->want_mesh = false;
	unset(k);
	free(k->peers);
	k->peers = NULL;
	k->peer_count = 0;
	memset(&k->identity, 0, sizeof(k->identity));
	say(k, false, "");
}

int kern_mesh(struct kern *k, struct am_mesh *out)
{
	return k->am && k->mesh_set ? am_mesh_get(k->am, k->ifindex, out) : -ENODEV;
}

int kern_peers(struct kern *k, am_peer_fn fn, void *arg)
{
	return k->am && k->mesh_set ? am_peer_each(k->am, k->ifindex, fn, arg) : -ENODEV;
}

bool kern_module(const struct kern *k, struct am_module *out)
{
	if (k->has_module)
		*out = k->module;
	return k->has_module;
}

const char *kern_waiting_for(const struct kern *k)
{
	return k->waiting_for;
}
