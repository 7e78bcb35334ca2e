// SPDX-License-Identifier: Apache-2.0
/*
 * What the module's decisions cost by themselves: the pure files in a process,
 * without packets, locks or signatures. Prints `pure op=... peers=... ns=...`
 * lines, medians; and `rows peers=... bytes=...`, the memory that the rows of the
 * largest mesh there may be take, which no guest here is large enough for.
 *   pure PEERS...
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "kmod/converge.h"
#include "kmod/rowmem.h"

#define SEC (1000 * AMESH_NS_PER_MS)

enum {
	INTERVAL_MS = 2000,
	ROUNDS = 51,
	SUSPECT_EACH = 64, /* so that each is judged by a walk of its own */
};

struct world {
	struct amesh_live live;
	struct amesh_live_peer *peer;
	struct amesh_beat beat;
	u32 peers;
	u64 now_ns;
};

static void fail(const char *what)
{
	fprintf(stderr, "pure: %s\n", what);
	exit(1);
}

static void *must(void *mem)
{
	if (!mem)
		fail("no memory");
	return mem;
}

static u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static int compare(const void *x, const void *y)
{
	u64 a = *(const u64 *)x, b = *(const u64 *)y;

	return a < b ? -1 : a > b;
}

static void say(const struct world *w, const char *op, u64 *took, u32 per)
{
	qsort(took, ROUNDS, sizeof(*took), compare);
	printf("pure op=%s peers=%u ns=%llu\n", op, w->peers,
	       (unsigned long long)(took[ROUNDS / 2] / per));
}

static void ignore(struct amesh_live *live, struct amesh_live_peer *peer,
		   enum amesh_state old)
{
	(void)live;
	(void)peer;
	(void)old;
}

/* A beat of a peer that hears all: the window in turn, as they come. */
static void hear(struct world *w, u32 i)
{
	struct amesh_live_peer *peer = &w->peer[i];
	u32 at = (u32)(w->beat.sequence % w->live.view.used);

	w->beat.window_base = at * AMESH_WINDOW_MEMBERS;
	amesh_live_accept(&w->live, peer, &w->beat, w->now_ns);
}

static void hear_all(struct world *w, u32 but_each)
{
	u32 i;

	w->beat.sequence++;
	w->now_ns += INTERVAL_MS * AMESH_NS_PER_MS;
	for (i = 0; i < w->peers; i++) {
		if (!but_each || i % but_each)
			hear(w, i);
	}
}

static void open_world(struct world *w, u32 peers)
{
	static const struct amesh_live_config config = { INTERVAL_MS, 3, 5, 1 };
	u32 windows = peers / AMESH_WINDOW_MEMBERS + 1, i;

	memset(w, 0, sizeof(*w));
	w->peers = peers;
	w->now_ns = SEC;
	w->peer = must(calloc(peers, sizeof(*w->peer)));
	w->beat.incarnation = 1;
	w->beat.interval_ms = INTERVAL_MS;
	memset(w->beat.window, 0xff, sizeof(w->beat.window));
	if (amesh_live_init(&w->live, &config, 0,
			    must(malloc(amesh_live_bytes(windows))), windows,
			    ignore, w->now_ns))
		fail("the mesh is refused");
	for (i = 0; i < peers; i++)
		if (amesh_live_add(&w->live, &w->peer[i], i + 1, true, w->now_ns))
			fail("a peer is refused");
	for (i = 0; i < peers; i++) {
		size_t bytes = amesh_live_row_wants(&w->live, &w->peer[i]);

		free(amesh_live_row_give(&w->live, &w->peer[i],
					 must(malloc(bytes)), bytes));
	}
	/* Twice each window, so that there is evidence. */
	for (i = 0; i < 2 * windows + 2; i++)
		hear_all(w, 0);
}

static void close_world(struct world *w)
{
	u32 i;

	for (i = 0; i < w->peers; i++)
		free(amesh_live_remove(&w->live, &w->peer[i], w->now_ns));
	free(w->live.by_index);
	free(w->peer);
}

static void beats(struct world *w, u64 *took)
{
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		u64 t = clock_ns();

		hear_all(w, 0);
		took[i] = clock_ns() - t;
	}
	if (w->live.state_count[AMESH_STATE_UP] != w->peers)
		fail("not all are up");
	say(w, "beat-accepted", took, w->peers);
}

static void digests(struct world *w, u64 *took)
{
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		u64 t;

		amesh_view_set(&w->live.view, 1, i & 1, i & 1);
		t = clock_ns();
		if (!amesh_view_refresh(&w->live.view))
			fail("the digest was not stale");
		took[i] = clock_ns() - t;
	}
	amesh_view_set(&w->live.view, 1, true, true);
	say(w, "digest", took, 1);
}

/* One in SUSPECT_EACH falls silent: what does the pass that judges them cost?
 * It is too early to convict by time, and who tells of them hears them, so every
 * round has the same to do.
 */
static void judgements(struct world *w, u64 *took)
{
	u32 silent = (w->peers + SUSPECT_EACH - 1) / SUSPECT_EACH, i, k;

	for (i = 0; i < 2; i++)
		hear_all(w, SUSPECT_EACH);
	w->now_ns += 2 * INTERVAL_MS * AMESH_NS_PER_MS;
	for (i = 0; i < w->peers; i += SUSPECT_EACH)
		amesh_live_check(&w->live, &w->peer[i], w->now_ns);
	if (w->live.state_count[AMESH_STATE_SUSPECT] != silent)
		fail("not the silent ones are suspect");
	for (k = 0; k < ROUNDS; k++) {
		u64 t = clock_ns();

		amesh_live_judge(&w->live, w->now_ns);
		took[k] = clock_ns() - t;
	}
	if (w->live.state_count[AMESH_STATE_SUSPECT] != silent)
		fail("a peer that others hear was convicted before its time");
	say(w, "suspect-judged", took, silent);
}

/* Blocks are mapped, not touched: what counts is what is asked for. */
static void rows(u32 peers)
{
	struct amesh_rowmem *rowmem = must(calloc(1, sizeof(*rowmem)));
	u32 windows = (peers + AMESH_WINDOW_MEMBERS - 1) / AMESH_WINDOW_MEMBERS;
	unsigned long long asked = 0;
	u32 i;

	for (i = 0; i < peers; i++) {
		size_t bytes = amesh_row_bytes(windows, i < AMESH_OBSERVERS_MAX);
		size_t block = amesh_rowmem_wants(rowmem, bytes);

		if (block) {
			void *mem = mmap(NULL, block, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
					 -1, 0);

			if (mem == MAP_FAILED)
				fail("no memory");
			amesh_rowmem_add(rowmem, bytes, mem, block);
			asked += block;
		}
		if (!amesh_rowmem_get(rowmem, bytes))
			fail("no place for a row");
	}
	printf("rows peers=%u bytes=%llu bitmaps=%llu\n", peers, asked,
	       (unsigned long long)peers * windows * AMESH_WINDOW_BYTES);
	free(rowmem);
}

int main(int argc, char **argv)
{
	u64 took[ROUNDS];
	struct world w;
	int i;

	for (i = 1; i < argc; i++) {
		unsigned long peers = strtoul(argv[i], NULL, 10);

		if (!peers || peers >= AMESH_PEERS_MAX)
			fail("peers: 1 to 65,535");
		open_world(&w, (u32)peers);
		beats(&w, took);
		digests(&w, took);
		judgements(&w, took);
		close_world(&w);
	}
	rows(AMESH_PEERS_MAX);
	return 0;
}
