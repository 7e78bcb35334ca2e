// SPDX-License-Identifier: Apache-2.0
/*
 * The option table and its parsers. It checks form and bounds only; whether a
 * value is true (a chain id, an address) is for the part that uses it.
 */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "log.h"

enum kind {
	KIND_U64, KIND_U32, KIND_U16, KIND_OCTAL, KIND_URL, KIND_URLS, KIND_ADDRESS,
	KIND_DOMAIN, KIND_DOMAINS, KIND_PATH, KIND_SOCKET, KIND_NAME, KIND_IFNAME,
	KIND_PAYMASTER, KIND_ATTESTOR, KIND_LISTEN, KIND_LEVEL, KIND_FORMAT,
};

struct option {
	const char *name;
	enum kind kind;
	size_t offset;            /* of the first field it fills */
	const char *fallback;     /* NULL: none; then `required` tells */
	bool required;
	bool maybe_token;         /* refused on the command line */
	uint64_t min, max;
	const char *help;
};

#define AT(field) offsetof(struct config, field)

static const struct option options[] = {
	{ "CHAIN_ID", KIND_U64, AT(chain_id), NULL, true, false, 1, UINT64_MAX >> 1,
	  "chain id; every endpoint must answer the same" },
	{ "RPC_URL", KIND_URLS, AT(rpc_url), NULL, true, true, 0, 0,
	  "JSON-RPC endpoints of the chain, comma-separated; the first is asked" },
	{ "BUNDLER_URL", KIND_URL, AT(bundler_url), NULL, true, true, 0, 0,
	  "ERC-4337 bundler" },
	{ "PAYMASTER_URL", KIND_URL, AT(paymaster_url), NULL, false, true, 0, 0,
	  "ERC-7677 paymaster service; without it the account pays" },
	{ "PAYMASTER_PROVIDER", KIND_PAYMASTER, AT(paymaster_provider), "erc7677", false,
	  false, 0, 0, "protocol of the paymaster service: erc7677" },
	{ "GAS_POLICY_ID", KIND_NAME, AT(gas_policy_id), NULL, false, true, 0, 0,
	  "policy id that the paymaster service asks for" },
	{ "MEMBER_CONTRACT", KIND_ADDRESS, AT(member_contract), NULL, false, false, 0, 0,
	  "this node's member contract (default: app_id of the CVM)" },
	{ "INDEXER_REGISTRY_ADDR", KIND_ADDRESS, AT(indexer_registry), NULL, false, false, 0,
	  0, "IndexerRegistry contract" },
	{ "GATEWAY_DOMAIN", KIND_DOMAIN, AT(gateway_domain), NULL, true, false, 0, 0,
	  "domain under which the dstack gateway serves this CVM" },
	{ "PEER_GATEWAY_DOMAINS", KIND_DOMAINS, AT(peer_gateway_domains), NULL, false, false,
	  0, 0, "gateway domains accepted from peers (default: any)" },
	{ "WG_TCP_PORT", KIND_U16, AT(wg_tcp_port), "51900", false, false, 1, 65535,
	  "TCP port on which the bridge listens" },
	{ "WG_LISTEN_PORT", KIND_U16, AT(wg_listen_port), "51821", false, false, 1, 65535,
	  "WireGuard's UDP port" },
	{ "HEARTBEAT_PORT", KIND_U16, AT(heartbeat_port), "51820", false, false, 1, 65535,
	  "UDP port of beats on the mesh address" },
	{ "PEER_GRPC_PORT", KIND_U16, AT(peer_grpc_port), "50051", false, false, 1, 65535,
	  "TCP port of the peer service on the mesh address" },
	{ "BEAT_INTERVAL_MS", KIND_U32, AT(beat_interval_ms), "2000", false, false, 50, 30000,
	  "time between beats" },
	{ "BEAT_MISS", KIND_U32, AT(beat_miss), "3", false, false, 1, 100,
	  "missed beats until a peer is suspect" },
	{ "BEAT_CONVICT", KIND_U32, AT(beat_convict), "5", false, false, 2, 200,
	  "missed beats until a peer is down; above BEAT_MISS" },
	{ "MIN_PEERS", KIND_U32, AT(min_peers), "1", false, false, 0, 65535,
	  "live peers needed to converge; 0 lets a solo cluster become healthy" },
	{ "CHAIN_POLL_MS", KIND_U32, AT(chain_poll_ms), "2000", false, false, 250, 3600000,
	  "time between chain polls until healthy" },
	{ "SEND_PER_HOUR", KIND_U32, AT(send_per_hour), "600", false, false, 1, 100000,
	  "messages the application may send in an hour" },
	{ "WG_INTERFACE", KIND_IFNAME, AT(ifname), "attestmesh0", false, false, 1, 15,
	  "name of the WireGuard interface" },
	{ "RUNTIME_DIR", KIND_PATH, AT(runtime_dir), "/run/attestmeshd", false, false, 0, 0,
	  "private directory of locks and control sockets, one per node" },
	{ "STATE_DIR", KIND_PATH, AT(state_dir), NULL, false, false, 0, 0,
	  "directory for the wrapped copy of the CSK" },
	{ "AGENT_GRPC_SOCKET", KIND_SOCKET, AT(agent_socket),
	  "/var/run/attestmesh/agent.sock", false, false, 0, 0,
	  "unix socket for the application" },
	{ "AGENT_GRPC_SOCKET_MODE", KIND_OCTAL, AT(agent_socket_mode), "0666", false, false, 0,
	  0777, "its permissions, octal; whoever may open it has the CSK" },
	{ "DSTACK_SOCKET", KIND_SOCKET, AT(dstack_socket), NULL, false, false, 0, 0,
	  "socket of the dstack guest agent (default: searched)" },
	{ "ATTESTOR", KIND_ATTESTOR, AT(attestor), "dstack", false, false, 0, 0,
	  "attestation method: dstack" },
	{ "HEALTH_HTTP_ADDR", KIND_LISTEN, AT(health_host), "0.0.0.0:9090", false, false, 0, 0,
	  "address and port of /healthz and /metrics" },
	{ "LOG_LEVEL", KIND_LEVEL, AT(log_level), "info", false, false, 0, 0,
	  "debug, info, warn or error" },
	{ "LOG_FORMAT", KIND_FORMAT, AT(log_json), "text", false, false, 0, 0,
	  "text or json" },
};

struct reader {
	struct config *c;
	const struct option *o;
	char *error;
};

static int refuse(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct reader *r, const char *format, ...)
{
	char why[CONFIG_ERROR_CHARS - 128];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(r->error, CONFIG_ERROR_CHARS, "%s: %s", r->o->name, why);
	return -1;
}

static void *field(const struct reader *r)
{
	return (char *)r->c + r->o->offset;
}

static int number(struct reader *r, const char *text, int base, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, base);
	if (base == 8 && (!isdigit((unsigned char)text[0]) || *end || errno || *out > r->o->max))
		return refuse(r, "not octal permissions; give 0000 to 0777");
	if (!isdigit((unsigned char)text[0]) || *end || errno)
		return refuse(r, "not a decimal number; give one from %llu to %llu",
			      (unsigned long long)r->o->min, (unsigned long long)r->o->max);
	if (*out < r->o->min || *out > r->o->max)
		return refuse(r, "%llu is out of bounds; give %llu to %llu",
			      (unsigned long long)*out, (unsigned long long)r->o->min,
			      (unsigned long long)r->o->max);
	return 0;
}

/* Loopback, and addresses that cannot be reached from outside a site. */
static bool host_is_local(const char *host, size_t len)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr v6;
	struct in_addr v4;
	uint32_t a;

	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (!strcmp(text, "localhost"))
		return true;
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) || (v6.s6_addr[0] & 0xfe) == 0xfc;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	a = ntohl(v4.s_addr);
	return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8;
}

static int check_url(struct reader *r, const char *url, size_t len)
{
	const char *host, *end;
	bool plain = len > 7 && !strncasecmp(url, "http://", 7);

	if (len > CONFIG_URL_MAX_CHARS)
		return refuse(r, "longer than %d characters; give a shorter URL", CONFIG_URL_MAX_CHARS);
	if (!plain && !(len > 8 && !strncasecmp(url, "https://", 8)))
		return refuse(r, "not an https:// URL; give https://HOST/PATH");
	for (size_t i = 0; i < len; i++)
		if (url[i] <= ' ' || url[i] > '~')
			return refuse(r, "has a character that no URL has; write it as %%XX");
	host = url + (plain ? 7 : 8);
	if (*host == '[') {
		host++;
		end = memchr(host, ']', len - (size_t)(host - url));
	} else {
		end = host + strcspn(host, ":/?#,");
	}
	if (!end || end == host || end > url + len)
		return refuse(r, "has no host; give https://HOST/PATH");
	if (memchr(host, '@', strcspn(host, "/?#,")))
		return refuse(r, "has a user name; give the token in the path");
	if (plain && !host_is_local(host, (size_t)(end - host)))
		return refuse(r, "http:// is for loopback and site-local addresses; give https://");
	return 0;
}

/* A copy that config_free() releases; NULL when memory is short. */
static const char *keep(struct config *c, const char *text, size_t len)
{
	char *copy = strndup(text, len);

	if (copy)
		c->owned[c->owned_count++] = copy;
	return copy;
}

/* Splits at commas; every part is checked, then copied. */
static int split(struct reader *r, const char *text, const char **out, size_t max,
		 size_t *count, int (*check)(struct reader *, const char *, size_t))
{
	*count = 0;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (*count == max)
			return refuse(r, "more than %zu entries; give fewer", max);
		if (check(r, text, len))
			return -1;
		out[*count] = keep(r->c, text, len);
		if (!out[(*count)++])
			return refuse(r, "out of memory; give the machine more");
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static int check_domain(struct reader *r, const char *text, size_t len)
{
	size_t label = 0;

	if (!len || len > CONFIG_DOMAIN_MAX_CHARS)
		return refuse(r, "not a domain; give 1 to %d characters", CONFIG_DOMAIN_MAX_CHARS);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '.') {
			if (!label || i + 1 == len)
				return refuse(r, "has an empty label; give names with single dots between them");
			label = 0;
			continue;
		}
		if (!islower((unsigned char)c) && !isdigit((unsigned char)c) && c != '-')
			return refuse(r, "not a domain; give lowercase letters, digits, '-' and '.'");
		if (++label > 63)
			return refuse(r, "has a label longer than 63 characters; give a shorter name");
	}
	return 0;
}

static int read_path(struct reader *r, const char *text, size_t max)
{
	if (text[0] != '/')
		return refuse(r, "not an absolute path; give one that begins with /");
	if (strlen(text) > max)
		return refuse(r, "longer than %zu characters; give a shorter path", max);
	*(const char **)field(r) = text;
	return 0;
}

static int read_listen(struct reader *r, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct option port = { r->o->name, .min = 1, .max = 65535 };
	struct reader rp = { r->c, &port, r->error };
	struct in_addr v4;
	uint64_t value;
	const char *host;

	if (!colon)
		return refuse(r, "give ADDRESS:PORT, for example 0.0.0.0:9090");
	if (number(&rp, colon + 1, 10, &value))
		return -1;
	host = keep(r->c, text, (size_t)(colon - text));
	if (!host)
		return refuse(r, "out of memory; give the machine more");
	if (inet_pton(AF_INET, host, &v4) != 1)
		return refuse(r, "the address is not IPv4; give ADDRESS:PORT, for example 0.0.0.0:9090");
	r->c->health_host = host;
	r->c->health_port = (uint16_t)value;
	return 0;
}

static int read_ifname(struct reader *r, const char *text)
{
	size_t len = strlen(text);

	if (!len || len > 15 || !strcmp(text, ".") || !strcmp(text, "..") ||
	    strcspn(text, "/: \t\n") != len)
		return refuse(r, "not an interface name; give 1 to 15 characters");
	*(const char **)field(r) = text;
	return 0;
}

static int read_choice(struct reader *r, const char *text, const char *const *names,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	return refuse(r, "unknown value; give %s", r->o->help);
}

static int read_address(struct reader *r, const char *text)
{
	uint8_t *address = field(r);

	if (!hex_decode(address, 20, text))
		return refuse(r, "not an address; give 0x and 40 hexadecimal digits");
	if (bytes_are_zero(address, 20))
		return refuse(r, "the zero address; give a contract's");
	if (address == r->c->member_contract)
		r->c->has_member_contract = true;
	else
		r->c->has_indexer_registry = true;
	return 0;
}

static int read_enum(struct reader *r, const char *text)
{
	static const char *const paymasters[] = { "erc7677" };
	static const char *const attestors[] = { "dstack" };
	static const char *const formats[] = { "text", "json" };
	enum log_level level;
	int chosen;

	switch (r->o->kind) {
	case KIND_PAYMASTER:
		chosen = read_choice(r, text, paymasters, ARRAY_LEN(paymasters));
		if (chosen >= 0)
			r->c->paymaster_provider = (enum config_paymaster)chosen;
		return chosen < 0 ? -1 : 0;
	case KIND_ATTESTOR:
		chosen = read_choice(r, text, attestors, ARRAY_LEN(attestors));
		if (chosen >= 0)
			r->c->attestor = (enum config_attestor)chosen;
		return chosen < 0 ? -1 : 0;
	case KIND_FORMAT:
		chosen = read_choice(r, text, formats, ARRAY_LEN(formats));
		if (chosen >= 0)
			r->c->log_json = chosen == 1;
		return chosen < 0 ? -1 : 0;
	default:
		if (!log_level_parse(text, &level))
			return refuse(r, "unknown value; give %s", r->o->help);
		r->c->log_level = (int)level;
		return 0;
	}
}

static int read_number(struct reader *r, const char *text)
{
	uint64_t value;

	if (number(r, text, r->o->kind == KIND_OCTAL ? 8 : 10, &value))
		return -1;
	if (r->o->kind == KIND_U64)
		*(uint64_t *)field(r) = value;
	else if (r->o->kind == KIND_U16)
		*(uint16_t *)field(r) = (uint16_t)value;
	else
		*(uint32_t *)field(r) = (uint32_t)value;
	return 0;
}

static int read_value(struct reader *r, const char *text)
{
	switch (r->o->kind) {
	case KIND_U64:
	case KIND_U32:
	case KIND_U16:
	case KIND_OCTAL:
		return read_number(r, text);
	case KIND_URL:
		*(const char **)field(r) = text;
		return check_url(r, text, strlen(text));
	case KIND_URLS:
		return split(r, text, r->c->rpc_url, CONFIG_RPC_URLS_MAX, &r->c->rpc_urls,
			     check_url);
	case KIND_ADDRESS:
		return read_address(r, text);
	case KIND_DOMAIN:
		*(const char **)field(r) = text;
		return check_domain(r, text, strlen(text));
	case KIND_DOMAINS:
		return split(r, text, r->c->peer_gateway_domains, CONFIG_DOMAINS_MAX,
			     &r->c->peer_gateway_domain_count, check_domain);
	case KIND_PATH:
		/* Room for the longest socket name made inside it. */
		return read_path(r, text, CONFIG_PATH_MAX_CHARS - 32);
	case KIND_SOCKET:
		return read_path(r, text, CONFIG_PATH_MAX_CHARS);
	case KIND_NAME:
		*(const char **)field(r) = text;
		return strlen(text) > 128 ? refuse(r, "longer than 128 characters; give the policy's id") : 0;
	case KIND_IFNAME:
		return read_ifname(r, text);
	case KIND_LISTEN:
		return read_listen(r, text);
	case KIND_PAYMASTER:
	case KIND_ATTESTOR:
	case KIND_LEVEL:
	case KIND_FORMAT:
		return read_enum(r, text);
	}
	return refuse(r, "unknown kind");
}

/* "--rpc-url=x" and "--RPC_URL=x" name RPC_URL. */
static bool names_option(const char *arg, size_t len, const char *name)
{
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = arg[i] == '-' ? '_' : (char)toupper((unsigned char)arg[i]);

		if (c != name[i])
			return false;
	}
	return true;
}

static int check_arguments(int argc, char **argv, char *error)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2;
		const char *equals = strchr(argv[i], '=');
		bool known = false;

		if (strncmp(argv[i], "--", 2) || !equals) {
			snprintf(error, CONFIG_ERROR_CHARS,
				 "argument %d is not --name=value; see --help", i);
			return -1;
		}
		for (size_t k = 0; k < ARRAY_LEN(options) && !known; k++) {
			known = names_option(name, (size_t)(equals - name), options[k].name);
			if (known && options[k].maybe_token) {
				snprintf(error, CONFIG_ERROR_CHARS,
					 "%s: may hold an access token, which every process could read on the command line; set it in the environment",
					 options[k].name);
				return -1;
			}
		}
		if (!known) {
			snprintf(error, CONFIG_ERROR_CHARS,
				 "unknown option --%.*s; see --help",
				 (int)(equals - name > 64 ? 64 : equals - name), name);
			return -1;
		}
	}
	return 0;
}

static const char *value_of(const struct option *o, int argc, char **argv)
{
	const char *text;

	for (int i = argc - 1; i >= 1; i--) {
		const char *equals = strchr(argv[i], '=');

		if (names_option(argv[i] + 2, (size_t)(equals - argv[i] - 2), o->name))
			return equals + 1;
	}
	text = getenv(o->name);
	/* Compose files pass unset variables as empty ones. */
	return text && *text ? text : o->fallback;
}

static bool same_directory_as_socket(const struct config *c)
{
	size_t len = strlen(c->runtime_dir);

	while (len > 1 && c->runtime_dir[len - 1] == '/')
		len--;
	return !strncmp(c->agent_socket, c->runtime_dir, len) && c->agent_socket[len] == '/' &&
	       !strchr(c->agent_socket + len + 1, '/');
}

static int check_ports(const struct config *c, char *error)
{
	const struct { const char *name; uint16_t port; } udp[] = {
		{ "WG_LISTEN_PORT", c->wg_listen_port }, { "HEARTBEAT_PORT", c->heartbeat_port },
	}, tcp[] = {
		{ "WG_TCP_PORT", c->wg_tcp_port }, { "PEER_GRPC_PORT", c->peer_grpc_port },
		{ "HEALTH_HTTP_ADDR", c->health_port },
	};

	if (udp[0].port == udp[1].port) {
		snprintf(error, CONFIG_ERROR_CHARS, "%s: the same port as %s; give another",
			 udp[1].name, udp[0].name);
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(tcp); i++)
		for (size_t k = 0; k < i; k++)
			if (tcp[i].port == tcp[k].port) {
				snprintf(error, CONFIG_ERROR_CHARS,
					 "%s: the same port as %s; give another", tcp[i].name,
					 tcp[k].name);
				return -1;
			}
	return 0;
}

static int check_together(const struct config *c, char *error)
{
	if (c->beat_convict <= c->beat_miss) {
		snprintf(error, CONFIG_ERROR_CHARS,
			 "BEAT_CONVICT: %u is not above BEAT_MISS (%u); give more", c->beat_convict,
			 c->beat_miss);
		return -1;
	}
	if (same_directory_as_socket(c)) {
		snprintf(error, CONFIG_ERROR_CHARS,
			 "RUNTIME_DIR: is the directory of AGENT_GRPC_SOCKET, which the application mounts; give another");
		return -1;
	}
	return check_ports(c, error);
}

int config_load(struct config *c, int argc, char **argv, char error[CONFIG_ERROR_CHARS])
{
	*c = (struct config){ 0 };
	if (check_arguments(argc, argv, error))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		struct reader r = { c, &options[i], error };
		const char *text = value_of(&options[i], argc, argv);

		if (!text) {
			if (options[i].required)
				return refuse(&r, "not set; give it: %s", options[i].help);
			continue;
		}
		if (read_value(&r, text))
			return -1;
	}
	return check_together(c, error);
}

void config_free(struct config *c)
{
	while (c->owned_count)
		free(c->owned[--c->owned_count]);
}

void config_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];

		fprintf(out, "  %-24s %s", o->name, o->help);
		if (o->required)
			fprintf(out, " (required)");
		else if (o->fallback)
			fprintf(out, " (default %s)", o->fallback);
		if (o->max && o->max < UINT32_MAX && o->kind != KIND_OCTAL &&
		    o->kind != KIND_IFNAME)
			fprintf(out, " [%llu..%llu]", (unsigned long long)o->min,
				(unsigned long long)o->max);
		fputc('\n', out);
	}
}

char *config_url_public(char *out, size_t size, const char *url)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host ? host + 3 : url;
	len = (size_t)(host - url) + strcspn(host, "/?#");
	log_foreign(out, size, url, len);
	return out;
}
