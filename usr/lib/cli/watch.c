// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh watch: the kernel's events as they happen, one a line.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "mesh_record.h"

struct watch {
	const struct cli *cli;
	uint32_t ifindex;      /* 0: all */
	unsigned seen;
};

static void stamp(char out[40])
{
	struct timespec now;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + len, 40 - len, ".%03ldZ", now.tv_nsec / 1000000);
}

static void print(const struct watch *w, struct out_record *r)
{
	switch (w->cli->format) {
	case CLI_JSON:
		out_json_open(r);
		printf("}\n");
		break;
	case CLI_TAB:
		out_tab(r);
		break;
	case CLI_HUMAN:
		for (size_t i = 0; i < r->count; i++)
			printf("%s%s%s%s", i ? "  " : "", i > 1 ? r->field[i].key : "",
			       i > 1 ? " " : "", r->field[i].value);
		putchar('\n');
		break;
	}
	/* Readers of a pipe want each event when it happens. */
	fflush(stdout);
}

static int on_event(const struct am_event *e, void *arg)
{
	struct out_record r = { 0 };
	struct watch *w = arg;
	char when[40];

	if (w->ifindex && e->ifindex != w->ifindex)
		return 0;
	stamp(when);
	out_text(&r, "time", when);
	record_event(&r, e);
	print(w, &r);
	return w->cli->count && ++w->seen >= w->cli->count;
}

static void print_lost(const struct watch *w)
{
	struct out_record r = { 0 };
	char when[40];

	stamp(when);
	out_text(&r, "time", when);
	out_text(&r, "event", "lost");
	print(w, &r);
}

int cli_watch(const struct cli *c)
{
	struct watch w = { .cli = c };
	struct am_events *events;
	int ret = am_events_open(&events);

	if (ret)
		return cli_fail("%s", ret == -ENOENT ?
			"the module attestmesh is not in this kernel; load attestmesh.ko" :
			strerror(-ret));
	if (c->ifname && !(w.ifindex = if_nametoindex(c->ifname))) {
		am_events_close(events);
		return cli_fail("there is no interface %s; `attestmesh show` lists meshes", c->ifname);
	}
	while (!ret) {
		struct pollfd p = { .fd = am_events_fd(events), .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			break;
		ret = am_events_read(events, on_event, &w);
		if (ret == -ENOBUFS) {
			print_lost(&w);
			ret = 0;
		}
		if (ferror(stdout))
			break;
	}
	am_events_close(events);
	return ret > 0 ? CLI_OK : cli_fail("events: %s", strerror(ret ? -ret : errno));
}
