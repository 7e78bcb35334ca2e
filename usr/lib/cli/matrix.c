// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh matrix: who hears whom, a row for this node and each live peer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mesh_record.h"

enum { WINDOW_BITS = 1024 };

struct row {
	uint32_t index;
	bool self;
	uint64_t windows;
	uint8_t id[AM_ID_LEN];
	uint8_t *bitmap;
	size_t bitmap_len;
};

struct matrix {
	struct row *row;
	size_t count, size;
};

static int keep(const struct am_view *v, void *arg)
{
	struct matrix *m = arg;
	struct row *r;

	if (m->count == m->size) {
		size_t size = m->size ? 2 * m->size : 16;
		struct row *grown = reallocarray(m->row, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->row = grown;
		m->size = size;
	}
	r = &m->row[m->count];
	*r = (struct row){ .index = v->index, .self = v->self, .windows = v->windows,
			   .bitmap_len = v->bitmap_len };
	memcpy(r->id, v->id, sizeof(r->id));
	r->bitmap = malloc(v->bitmap_len + 1);
	if (!r->bitmap)
		return -ENOMEM;
	if (v->bitmap_len)
		memcpy(r->bitmap, v->bitmap, v->bitmap_len);
	m->count++;
	return 0;
}

static bool hears(const struct row *r, uint32_t index)
{
	return index / 8 < r->bitmap_len && r->bitmap[index / 8] & 1 << index % 8;
}

static char cell(const struct row *r, const struct row *of)
{
	if (r->index == of->index)
		return '.';
	if (hears(r, of->index))
		return '+';
	return r->windows >> of->index / WINDOW_BITS & 1 ? '-' : '?';
}

static void print_human(const char *ifname, const struct matrix *m)
{
	printf("%s: rows hear columns (+ yes, - no, ? not told yet, . itself)\n%8s", ifname, "");
	for (size_t k = 0; k < m->count; k++)
		printf("%6u", m->row[k].index);
	putchar('\n');
	for (size_t i = 0; i < m->count; i++) {
		printf("%6u%s", m->row[i].index, m->row[i].self ? " *" : "  ");
		for (size_t k = 0; k < m->count; k++)
			printf("%6c", cell(&m->row[i], &m->row[k]));
		putchar('\n');
	}
}

static void print_hears(const struct row *r)
{
	const char *separator = "";

	for (uint32_t i = 0; i < 8 * r->bitmap_len; i++)
		if (hears(r, i)) {
			printf("%s%u", separator, i);
			separator = ",";
		}
}

static void print_row(const struct cli *c, const char *ifname, const struct row *r, bool first)
{
	struct out_record record = { 0 };

	out_text(&record, "interface", ifname);
	out_number(&record, "index", r->index);
	out_hex(&record, "member_id", r->id, AM_ID_LEN);
	out_bool(&record, "self", r->self);
	if (c->format == CLI_JSON) {
		printf("%s", first ? "" : ",");
		out_json_open(&record);
		printf(",\"hears\":[");
		print_hears(r);
		printf("]}");
		return;
	}
	printf("%s\t%u\t%s\t%s\t", ifname, r->index, record.field[2].value,
	       record.field[3].value);
	print_hears(r);
	putchar('\n');
}

struct walk {
	const struct cli *cli;
	struct am *am;
	bool printed;
};

static int on_mesh(const struct am_mesh *mesh, void *arg)
{
	struct matrix m = { 0 };
	struct walk *w = arg;
	int ret = am_view_each(w->am, mesh->ifindex, keep, &m);

	if (!ret && w->cli->format == CLI_HUMAN)
		print_human(mesh->ifname, &m);
	for (size_t i = 0; !ret && w->cli->format != CLI_HUMAN && i < m.count; i++) {
		print_row(w->cli, mesh->ifname, &m.row[i], !w->printed);
		w->printed = true;
	}
	for (size_t i = 0; i < m.count; i++)
		free(m.row[i].bitmap);
	free(m.row);
	return ret;
}

int cli_matrix(const struct cli *c)
{
	struct walk w = { .cli = c, .am = cli_open() };
	int ret;

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
