/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: environment variables, or --name=value in place
 * of one. One table (config.c) holds every name, bound, default and help line;
 * a bad value is refused at start by name, with what was wrong and what to do.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONFIG_RPC_URLS_MAX = 8,
	CONFIG_URL_MAX_CHARS = 2048,
	CONFIG_PATH_MAX_CHARS = 107,      /* sun_path without its terminator */
	CONFIG_DOMAIN_MAX_CHARS = 190,    /* leaves room for "<40 hex>-65535s." in 253 */
	CONFIG_DOMAINS_MAX = 16,
	CONFIG_ERROR_CHARS = 512,
};

enum config_paymaster { PAYMASTER_ERC7677 };
enum config_attestor { ATTESTOR_DSTACK };

/*
 * Strings point into the environment or the arguments and live as long as the
 * process; NULL where an optional one is absent.
 */
struct config {
	uint64_t chain_id;
	const char *rpc_url[CONFIG_RPC_URLS_MAX];
	size_t rpc_urls;
	const char *bundler_url;
	const char *paymaster_url;        /* NULL: operations pay for themselves */
	enum config_paymaster paymaster_provider;
	const char *gas_policy_id;
	bool has_member_contract;         /* else the app_id of this CVM */
	uint8_t member_contract[20];
	bool has_indexer_registry;
	uint8_t indexer_registry[20];
	const char *gateway_domain;
	const char *peer_gateway_domains[CONFIG_DOMAINS_MAX];
	size_t peer_gateway_domain_count; /* 0: any */
	uint16_t wg_tcp_port, wg_listen_port, heartbeat_port, peer_grpc_port;
	uint32_t beat_interval_ms, beat_miss, beat_convict, min_peers;
	uint32_t chain_poll_ms;
	uint32_t send_per_hour;
	const char *ifname;
	const char *runtime_dir;
	const char *state_dir;            /* NULL: nothing is stored */
	const char *agent_socket;
	uint32_t agent_socket_mode;
	const char *dstack_socket;        /* NULL: searched */
	enum config_attestor attestor;
	const char *health_host;
	uint16_t health_port;
	int log_level;                    /* enum log_level */
	bool log_json;
	char *owned[CONFIG_RPC_URLS_MAX + CONFIG_DOMAINS_MAX + 1];
	size_t owned_count;
};

/*
 * Reads environment and arguments. 0, or -1 with one line in error that names
 * the option, what was wrong with it and the remedy.
 */
int config_load(struct config *c, int argc, char **argv,
		char error[CONFIG_ERROR_CHARS]);
/* Releases what config_load() copied, also after a refusal. */
void config_free(struct config *c);
/* Prints every option with its default, bounds and meaning. */
void config_help(FILE *out);
/* Scheme, host and port of a URL, without what may be a token. Returns out. */
char *config_url_public(char *out, size_t size, const char *url);

#endif
