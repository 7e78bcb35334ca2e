// SPDX-License-Identifier: Apache-2.0
/*
 * Option table of the bridge. Names are the agent's, so that one environment
 * serves both.
 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum kind { KIND_TEXT, KIND_U16, KIND_U32, KIND_LEVEL, KIND_FORMAT };

struct option_row {
	const char *name;
	enum kind kind;
	size_t offset, size;        /* of the field; size for text */
	uint32_t least, most;
	const char *standard;
	const char *help;
};

#define FIELD(f) offsetof(struct options, f), sizeof(((struct options *)0)->f)

static const struct option_row table[] = {
	{ "RUNTIME_DIR", KIND_TEXT, FIELD(runtime_dir), 1, 79, "/run/attestmeshd",
	  "directory (0700) of the control socket, the agent's too" },
	{ "WG_INTERFACE", KIND_TEXT, FIELD(ifname), 1, 15, "attestmesh0",
	  "name of the WireGuard interface, part of the socket's name" },
	{ "WG_LISTEN_PORT", KIND_U16, FIELD(wg_port), 1, 65535, "51821",
	  "WireGuard's UDP port on 127.0.0.1" },
	{ "WG_TCP_PORT", KIND_U16, FIELD(tcp_port), 1, 65535, "51900",
	  "TCP port on which links from peers are accepted" },
	{ "GATEWAY_CUT_SECS", KIND_U32, FIELD(cut_secs), 0, 31536000, "18000",
	  "the gateway ends any connection at this age; links are renewed before it (3 or more); 0 = never" },
	{ "GATEWAY_IDLE_SECS", KIND_U32, FIELD(idle_secs), 0, 31536000, "600",
	  "the gateway ends a connection with a direction silent so long; 0 = never" },
	{ "LOG_LEVEL", KIND_LEVEL, FIELD(log_level), 0, 0, "info", "debug, info, warn or error" },
	{ "LOG_FORMAT", KIND_FORMAT, FIELD(log_json), 0, 0, "text", "text or json" },
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

static void help(void)
{
	printf("attestmesh-bridge: carries the WireGuard datagrams of one node over TLS\n"
	       "through the gateway, told by the agent which peers to dial.\n\n"
	       "Usage: attestmesh-bridge [--NAME=value ...]\n\n"
	       "Options are environment variables; --NAME=value takes precedence.\n\n");
	for (size_t i = 0; i < ROWS; i++)
		printf("  %-18s %s (default %s)\n", table[i].name, table[i].help,
		       table[i].standard);
	printf("\nIt runs without privileges, under the agent's uid, and opens\n"
	       "bridge-<WG_INTERFACE>.sock in RUNTIME_DIR. SIGTERM ends it, and with it all links.\n");
}

static int bad(const struct option_row *row, const char *value, const char *why)
{
	fprintf(stderr, "attestmesh-bridge: %s=%.64s: %s; set it to %s\n", row->name,
		value, why, row->help);
	return -1;
}

static int set_number(const struct option_row *row, void *field, const char *value)
{
	char *end, why[64];
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno)
		return bad(row, value, "not a number");
	if (number < row->least || number > row->most) {
		snprintf(why, sizeof(why), "not between %u and %u", row->least, row->most);
		return bad(row, value, why);
	}
	if (row->kind == KIND_U16)
		*(uint16_t *)field = (uint16_t)number;
	else
		*(uint32_t *)field = (uint32_t)number;
	return 0;
}

static int set_text(const struct option_row *row, char *field, const char *value)
{
	if (strlen(value) < row->least || strlen(value) >= row->size)
		return bad(row, value, "empty or too long");
	strcpy(field, value);
	return 0;
}

static int set(const struct option_row *row, struct options *o, const char *value)
{
	void *field = (char *)o + row->offset;
	enum log_level level;

	switch (row->kind) {
	case KIND_TEXT:
		return set_text(row, field, value);
	case KIND_U16:
	case KIND_U32:
		return set_number(row, field, value);
	case KIND_LEVEL:
		if (!log_level_parse(value, &level))
			return bad(row, value, "no such level");
		*(int *)field = level;
		return 0;
	case KIND_FORMAT:
		*(bool *)field = !strcmp(value, "json");
		return *(bool *)field || !strcmp(value, "text") ? 0 :
			bad(row, value, "no such format");
	}
	return -1;
}

static int from_argument(struct options *o, const char *argument)
{
	const char *equals = strchr(argument, '=');

	for (size_t i = 0; equals && i < ROWS; i++) {
		size_t len = strlen(table[i].name);

		if (!strncmp(argument, "--", 2) && (size_t)(equals - argument) == 2 + len &&
		    !strncmp(argument + 2, table[i].name, len))
			return set(&table[i], o, equals + 1);
	}
	fprintf(stderr, "attestmesh-bridge: %.64s: no such option; --help lists them\n", argument);
	return -1;
}

static int check(const struct options *o)
{
	if (o->wg_port == o->tcp_port) {
		fprintf(stderr, "attestmesh-bridge: WG_LISTEN_PORT and WG_TCP_PORT are both %u; "
			"set them apart, as the agent's are\n", o->wg_port);
		return -1;
	}
	if (o->runtime_dir[0] != '/' || strchr(o->ifname, '/')) {
		fprintf(stderr, "attestmesh-bridge: RUNTIME_DIR must be an absolute path and "
			"WG_INTERFACE an interface's name; correct them\n");
		return -1;
	}
	return 0;
}

int options_load(struct options *o, int argc, char **argv)
{
	memset(o, 0, sizeof(*o));
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			help();
			return 1;
		}
	for (size_t i = 0; i < ROWS; i++) {
		const char *value = getenv(table[i].name);

		if (set(&table[i], o, value && *value ? value : table[i].standard))
			return -1;
	}
	for (int i = 1; i < argc; i++)
		if (from_argument(o, argv[i]))
			return -1;
	return check(o);
}
