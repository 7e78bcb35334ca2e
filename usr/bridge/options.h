/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge's options: environment variables or --name=value, one table with
 * name, bounds, default and help. A bad value is refused by name.
 */
#ifndef BRIDGE_OPTIONS_H
#define BRIDGE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	char ifname[16];
	char runtime_dir[80];
	uint16_t wg_port, tcp_port;
	uint32_t cut_secs, idle_secs;
	int log_level;       /* enum log_level */
	bool log_json;
};

/* 0; 1: help was printed, end well; -1: said on standard error what is wrong. */
int options_load(struct options *o, int argc, char **argv);

#endif
