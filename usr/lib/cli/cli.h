/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of the command line share: options, exit codes, complaints.
 * One file per verb; main.c has the table.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "attestmesh.h"

enum cli_format { CLI_HUMAN, CLI_TAB, CLI_JSON };

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Options of all verbs; a verb ignores what its help does not name. */
struct cli {
	enum cli_format format;
	const char *ifname;        /* NULL: all, or the default */
	const char *runtime_dir;
	const char *socket;        /* the agent's */
	unsigned count;            /* 0: without end */
};

/* Each returns an exit code. */
int cli_show(const struct cli *c);
int cli_peers(const struct cli *c);
int cli_matrix(const struct cli *c);
int cli_watch(const struct cli *c);
int cli_down(const struct cli *c);
int cli_health(const struct cli *c);
int cli_doctor(const struct cli *c);

/* "attestmesh: …" on standard error; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Opens the library, with cause and remedy on failure; NULL then. */
struct am *cli_open(void);
/* Calls fn for the mesh of --interface, or for each. CLI_OK or CLI_FAILED. */
int cli_each_mesh(const struct cli *c, struct am *am, am_mesh_fn fn, void *arg);

#endif
