// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh show: each mesh and its peers.
 * attestmesh peers: the peers alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mesh_record.h"

enum { DUMP_TRIES = 5 };

struct peers {
	struct am_peer *at;
	size_t count, size;
};

struct walk {
	const struct cli *cli;
	struct am *am;
	bool with_mesh;
	unsigned printed;
};

static int keep_peer(const struct am_peer *p, void *arg)
{
	struct peers *all = arg;

	if (all->count == all->size) {
		size_t size = all->size ? 2 * all->size : 64;
		struct am_peer *grown = reallocarray(all->at, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		all->at = grown;
		all->size = size;
	}
	all->at[all->count++] = *p;
	return 0;
}

/* Reads until a list came whole: peers may come and go meanwhile. */
static int read_peers(struct am *am, uint32_t ifindex, struct peers *all)
{
	int ret = -EINTR;

	for (int i = 0; ret == -EINTR && i < DUMP_TRIES; i++) {
		all->count = 0;
		ret = am_peer_each(am, ifindex, keep_peer, all);
	}
	return ret;
}

static void print_table(const struct peers *all)
{
	struct out_record *rows = calloc(all->count + 1, sizeof(*rows));
	const struct out_record **list = calloc(all->count + 1, sizeof(*list));

	for (size_t i = 0; rows && list && i < all->count; i++) {
		record_peer_brief(&rows[i], &all->at[i]);
		list[i] = &rows[i];
	}
	if (rows && list)
		out_table(list, all->count);
	free(rows);
	free(list);
}

static void print_json(const struct peers *all, const char *ifname, bool first)
{
	struct out_record r = { 0 };

	for (size_t i = 0; i < all->count; i++) {
		out_clear(&r);
		if (ifname)
			out_text(&r, "interface", ifname);
		record_peer(&r, &all->at[i]);
		printf("%s", i || !first ? "," : "");
		out_json_open(&r);
		putchar('}');
	}
}

static void print_tab(const struct peers *all, const char *ifname)
{
	struct out_record r = { 0 };

	for (size_t i = 0; i < all->count; i++) {
		out_clear(&r);
		out_text(&r, "interface", ifname);
		record_peer(&r, &all->at[i]);
		out_tab(&r);
	}
}

static void print(const struct walk *w, const struct am_mesh *mesh, const struct peers *all)
{
	struct out_record r = { 0 };

	record_mesh(&r, mesh);
	switch (w->cli->format) {
	case CLI_JSON:
		if (w->with_mesh) {
			printf("%s", w->printed ? "," : "");
			out_json_open(&r);
			printf(",\"peers\":[");
		}
		print_json(all, w->with_mesh ? NULL : mesh->ifname, w->with_mesh || !w->printed);
		if (w->with_mesh)
			printf("]}");
		return;
	case CLI_TAB:
		if (w->with_mesh)
			out_tab(&r);
		else
			print_tab(all, mesh->ifname);
		return;
	case CLI_HUMAN:
		if (w->with_mesh) {
			printf("%smesh %s\n", w->printed ? "\n" : "", mesh->ifname);
			out_lines(&r, 2);
			putchar('\n');
		}
		print_table(all);
		return;
	}
}

static int on_mesh(const struct am_mesh *mesh, void *arg)
{
	struct peers all = { 0 };
	struct walk *w = arg;
	int ret = read_peers(w->am, mesh->ifindex, &all);

	if (!ret)
		print(w, mesh, &all);
	if (!ret && (w->with_mesh || all.count))
		w->printed++;
	free(all.at);
	return ret;
}

static int run(const struct cli *c, bool with_mesh)
{
	struct walk w = { .cli = c, .with_mesh = with_mesh };
	int ret;

	w.am = cli_open();
	if (!w.am)
		return CLI_FAILED;
	if (c->format == CLI_JSON)
		putchar('[');
	ret = cli_each_mesh(c, w.am, on_mesh, &w);
	if (c->format == CLI_JSON)
		printf("]\n");
	am_close(w.am);
	return ret;
}

int cli_show(const struct cli *c)
{
	return run(c, true);
}

int cli_peers(const struct cli *c)
{
	return run(c, false);
}
