// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh: the command line. A table of verbs, the options common to them,
 * and their help.
 */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct verb {
	const char *name;
	int (*run)(const struct cli *c);
	const char *synopsis, *help;
};

static const struct verb verbs[] = {
	{ "show", cli_show, "[--json|--tab] [-i INTERFACE]",
	  "Shows each mesh as the kernel has it: this node's place, liveness counts,\n"
	  "convergence and who blocks it, counters, and a line for each peer.\n"
	  "JSON: an array of meshes, each with `peers`. Tab: a line per mesh, columns in the\n"
	  "order of the JSON's keys." },
	{ "peers", cli_peers, "[--json|--tab] [-i INTERFACE]",
	  "Shows the peers: state (unknown, silent, up, suspect, down), the reason of the\n"
	  "last change, when it was heard, round trip, loss, whether an agent is attached\n"
	  "there and whether its view agrees with ours. JSON: an array of peers." },
	{ "matrix", cli_matrix, "[--json|--tab] [-i INTERFACE]",
	  "Shows who hears whom, by the signed views of the live peers. JSON: an array of\n"
	  "rows with the registration indices each one `hears`." },
	{ "watch", cli_watch, "[--json|--tab] [-i INTERFACE] [-n COUNT]",
	  "Prints the kernel's events as they happen, one a line: peer (old and new state,\n"
	  "reason), converged, gone, twin, raise-stopped; `lost` when some were missed.\n"
	  "Ends after COUNT events, or with the terminal." },
	{ "down", cli_down, "[--json|--tab] [-i INTERFACE] [--runtime-dir DIR]",
	  "Ends this node's mesh: the peers are told that it leaves, links and interface go.\n"
	  "Routes that keep mesh addresses from leaving in clear stay. Refused while an\n"
	  "agent runs. Needs CAP_NET_ADMIN." },
	{ "health", cli_health, "[--json|--tab] [--socket PATH]",
	  "Asks the agent for its phase. Exit code 0 only when it is healthy: a container's\n"
	  "health check." },
	{ "doctor", cli_doctor, "[--json|--tab] [-i INTERFACE] [--runtime-dir DIR] [--socket PATH]",
	  "Checks what a node needs of this machine, names what is missing and what to do.\n"
	  "Exit code 1 if something is." },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

int cli_fail(const char *format, ...)
{
	va_list args;

	fputs("attestmesh: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_FAILED;
}

struct am *cli_open(void)
{
	struct am *am;
	int ret = am_open(&am);

	if (!ret)
		return am;
	if (ret == -ENOENT)
		cli_fail("the module attestmesh is not in this kernel; load attestmesh.ko");
	else
		cli_fail("generic netlink: %s; is it allowed here?", strerror(-ret));
	return NULL;
}

struct mesh_list {
	struct am_mesh at[ATTESTMESH_MESHES_MAX];
	size_t count;
};

static int keep_mesh(const struct am_mesh *mesh, void *arg)
{
	struct mesh_list *list = arg;

	if (list->count < ATTESTMESH_MESHES_MAX)
		list->at[list->count++] = *mesh;
	return 0;
}

/* The list is taken first: callbacks ask on the same socket. */
static int each_of_all(struct am *am, am_mesh_fn fn, void *arg)
{
	struct mesh_list *list = calloc(1, sizeof(*list));
	int ret = list ? am_mesh_each(am, keep_mesh, list) : -ENOMEM;

	for (size_t i = 0; !ret && i < list->count; i++)
		ret = fn(&list->at[i], arg);
	free(list);
	return ret ? cli_fail("%s", *am_error(am) ? am_error(am) : strerror(ENOMEM)) : CLI_OK;
}

int cli_each_mesh(const struct cli *c, struct am *am, am_mesh_fn fn, void *arg)
{
	uint32_t ifindex;
	struct am_mesh mesh;
	int ret;

	if (!c->ifname)
		return each_of_all(am, fn, arg);
	ifindex = if_nametoindex(c->ifname);
	if (!ifindex)
		return cli_fail("there is no interface %s; `attestmesh show` lists meshes",
				c->ifname);
	ret = am_mesh_get(am, ifindex, &mesh);
	if (!ret)
		ret = fn(&mesh, arg);
	return ret ? cli_fail("%s: %s", c->ifname, am_error(am)) : CLI_OK;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static void help_all(FILE *to)
{
	fprintf(to, "attestmesh: the mesh of this node, as its kernel and its agent have it.\n\n"
		"Usage: attestmesh VERB [options]; attestmesh VERB --help\n\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].synopsis);
	fprintf(to, "\nOptions: --json and --tab choose the output, -i the interface (default: all, or\n"
		"attestmesh0); --runtime-dir and --socket default to RUNTIME_DIR\n"
		"(/run/attestmeshd) and AGENT_GRPC_SOCKET (/var/run/attestmesh/agent.sock), -i of\n"
		"down and doctor to WG_INTERFACE.\n"
		"Exit codes: 0 well, 1 failed or not healthy, 2 wrong usage.\n");
}

static void help_verb(const struct verb *v)
{
	printf("attestmesh %s %s\n\n%s\n", v->name, v->synopsis, v->help);
}

static int usage(const char *what, const char *why)
{
	fprintf(stderr, "attestmesh: %.64s: %s; see attestmesh --help\n", what, why);
	return CLI_USAGE;
}

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

/* Options with a value; true if `name` is one of them and took it. */
static bool take_value(struct cli *c, const char *name, const char *value, bool *good)
{
	char *end;

	*good = value != NULL;
	if (!strcmp(name, "-i") || !strcmp(name, "--interface")) {
		c->ifname = value;
		*good = value && *value && strlen(value) < IFNAMSIZ;
	} else if (!strcmp(name, "--runtime-dir")) {
		c->runtime_dir = value;
	} else if (!strcmp(name, "--socket")) {
		c->socket = value;
	} else if (!strcmp(name, "-n") || !strcmp(name, "--count")) {
		unsigned long n = value ? strtoul(value, &end, 10) : 0;

		*good = value && *value >= '1' && *value <= '9' && !*end && n <= 1000000000;
		c->count = (unsigned)n;
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {
		.runtime_dir = environment("RUNTIME_DIR", "/run/attestmeshd"),
		.socket = environment("AGENT_GRPC_SOCKET", "/var/run/attestmesh/agent.sock"),
	};
	const struct verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
	bool good;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		help_all(stdout);
		return CLI_OK;
	}
	if (!v) {
		if (argc > 1)
			return usage(argv[1], "no such verb");
		help_all(stderr);
		return CLI_USAGE;
	}
	if (v->run == cli_down || v->run == cli_doctor)
		c.ifname = environment("WG_INTERFACE", NULL);
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			help_verb(v);
			return CLI_OK;
		}
		if (!strcmp(argv[i], "--json"))
			c.format = CLI_JSON;
		else if (!strcmp(argv[i], "--tab"))
			c.format = CLI_TAB;
		else if (!take_value(&c, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &good))
			return usage(argv[i], "no such option");
		else if (!good)
			return usage(argv[i], "needs a valid value");
		else
			i++;
	}
	return v->run(&c);
}
