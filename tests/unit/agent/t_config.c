// SPDX-License-Identifier: Apache-2.0
/*
 * Every option: absent, malformed, at its bounds and one past them. A refusal
 * names the option; whatever is accepted lands in the right field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

static const char *const required[][2] = {
	{ "CHAIN_ID", "31337" },
	{ "RPC_URL", "http://127.0.0.1:8545" },
	{ "BUNDLER_URL", "http://127.0.0.1:4337/v2/rpc" },
	{ "GATEWAY_DOMAIN", "gw.example" },
};

static int minimal(void **state)
{
	const char *format = getenv("CMOCKA_MESSAGE_OUTPUT");
	char kept[16] = "";

	(void)state;
	if (format)
		snprintf(kept, sizeof(kept), "%s", format);
	clearenv();
	if (kept[0])
		setenv("CMOCKA_MESSAGE_OUTPUT", kept, 1);
	for (size_t i = 0; i < 4; i++)
		setenv(required[i][0], required[i][1], 1);
	return 0;
}

static int load(struct config *c, const char *name, const char *value, char *error)
{
	char *argv[] = { (char *)"attestmeshd", NULL };
	int ret;

	minimal(NULL);
	if (name && value)
		setenv(name, value, 1);
	else if (name)
		unsetenv(name);
	error[0] = '\0';
	ret = config_load(c, 1, argv, error);
	minimal(NULL);
	return ret;
}

/* Only whether it is accepted. */
static int load_with(struct config *c, const char *name, const char *value, char *error)
{
	int ret = load(c, name, value, error);

	config_free(c);
	return ret;
}

static void test_defaults(void **state)
{
	char error[CONFIG_ERROR_CHARS];
	struct config c;

	(void)state;
	assert_int_equal(load(&c, NULL, NULL, error), 0);
	assert_int_equal(c.chain_id, 31337);
	assert_int_equal(c.rpc_urls, 1);
	assert_null(c.paymaster_url);
	assert_false(c.has_member_contract);
	assert_int_equal(c.wg_tcp_port, 51900);
	assert_int_equal(c.wg_listen_port, 51821);
	assert_int_equal(c.heartbeat_port, 51820);
	assert_int_equal(c.peer_grpc_port, 50051);
	assert_int_equal(c.beat_interval_ms, 2000);
	assert_int_equal(c.beat_miss, 3);
	assert_int_equal(c.beat_convict, 5);
	assert_int_equal(c.agent_socket_mode, 0666);
	assert_string_equal(c.runtime_dir, "/run/attestmeshd");
	assert_string_equal(c.agent_socket, "/var/run/attestmesh/agent.sock");
	assert_string_equal(c.health_host, "0.0.0.0");
	assert_int_equal(c.health_port, 9090);
	config_free(&c);
}

static void test_each_required_option_is_missed_by_name(void **state)
{
	char error[CONFIG_ERROR_CHARS];
	struct config c;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(load_with(&c, required[i][0], NULL, error), -1);
		assert_memory_equal(error, required[i][0], strlen(required[i][0]));
		assert_non_null(strstr(error, "not set"));
		/* Empty counts as not set. */
		assert_int_equal(load_with(&c, required[i][0], "", error), -1);
	}
}

static const struct { const char *name, *good, *bad; } values[] = {
	{ "CHAIN_ID", "1", "0" }, { "CHAIN_ID", "8453", "0x1" }, { "CHAIN_ID", "1", "-1" },
	{ "CHAIN_ID", "9223372036854775807", "9223372036854775808" },
	{ "RPC_URL", "https://rpc.example/x,http://[::1]:1", "https://rpc.example,," },
	{ "RPC_URL", "http://10.0.2.2:18545", "http://rpc.example" },
	{ "RPC_URL", "https://u.example/p@q", "https://user:pass@host.example/" },
	{ "RPC_URL", "https://a", "ftp://a" }, { "RPC_URL", "https://a", "https://" },
	{ "RPC_URL", "https://a/1,https://a/2,https://a/3,https://a/4,https://a/5,https://a/6,https://a/7,https://a/8",
	  "https://a/1,https://a/2,https://a/3,https://a/4,https://a/5,https://a/6,https://a/7,https://a/8,https://a/9" },
	{ "BUNDLER_URL", "https://b", "b" }, { "BUNDLER_URL", "http://172.31.0.1/", "http://172.32.0.1/" },
	{ "PAYMASTER_URL", "http://192.168.1.1/", "http://192.169.1.1/" },
	{ "PAYMASTER_URL", "https://p", "https://p\x01" },
	{ "PAYMASTER_PROVIDER", "erc7677", "alchemy" },
	{ "MEMBER_CONTRACT", "0x1111111111111111111111111111111111111111",
	  "0x11111111111111111111111111111111111111111" },
	{ "MEMBER_CONTRACT", "1111111111111111111111111111111111111111",
	  "0x0000000000000000000000000000000000000000" },
	{ "INDEXER_REGISTRY_ADDR", "0x1111111111111111111111111111111111111111", "0x1" },
	{ "GATEWAY_DOMAIN", "a-b.c9", "A.b" }, { "GATEWAY_DOMAIN", "a.b", "a..b" },
	{ "GATEWAY_DOMAIN", "a", "a." }, { "GATEWAY_DOMAIN", "a", "a b" },
	{ "PEER_GATEWAY_DOMAINS", "a.b,c.d", "a.b," },
	{ "WG_TCP_PORT", "65535", "65536" }, { "WG_TCP_PORT", "1", "0" },
	{ "WG_LISTEN_PORT", "1", "51820" }, { "HEARTBEAT_PORT", "1", "99999" },
	{ "PEER_GRPC_PORT", "50052", "51900" }, { "PEER_GRPC_PORT", "50052", "9090" },
	{ "BEAT_INTERVAL_MS", "50", "49" }, { "BEAT_INTERVAL_MS", "30000", "30001" },
	{ "BEAT_MISS", "4", "5" }, { "BEAT_MISS", "1", "0" },
	{ "BEAT_CONVICT", "200", "201" }, { "BEAT_CONVICT", "4", "3" },
	{ "MIN_PEERS", "0", "65536" }, { "CHAIN_POLL_MS", "250", "249" },
	{ "SEND_PER_HOUR", "100000", "100001" }, { "SEND_PER_HOUR", "1", "0" },
	{ "WG_INTERFACE", "a23456789012345", "a234567890123456" },
	{ "WG_INTERFACE", "mesh", "me/sh" }, { "WG_INTERFACE", "mesh", ".." },
	{ "RUNTIME_DIR", "/run/x", "run/x" }, { "RUNTIME_DIR", "/run/x", "/var/run/attestmesh" },
	{ "RUNTIME_DIR", "/run/x", "/var/run/attestmesh//" },
	{ "STATE_DIR", "/var/lib/x", "x" },
	{ "AGENT_GRPC_SOCKET", "/a/b", "a/b" },
	{ "AGENT_GRPC_SOCKET_MODE", "0777", "1000" }, { "AGENT_GRPC_SOCKET_MODE", "600", "0668" },
	{ "DSTACK_SOCKET", "/var/run/dstack.sock", "dstack.sock" },
	{ "ATTESTOR", "dstack", "tdx" },
	{ "HEALTH_HTTP_ADDR", "127.0.0.1:1", "127.0.0.1" },
	{ "HEALTH_HTTP_ADDR", "0.0.0.0:65535", "0.0.0.0:65536" },
	{ "HEALTH_HTTP_ADDR", "0.0.0.0:1", "localhost:9090" },
	{ "LOG_LEVEL", "debug", "loud" }, { "LOG_FORMAT", "json", "xml" },
};

static void test_each_option_at_its_bound_and_one_past(void **state)
{
	char error[CONFIG_ERROR_CHARS];
	struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (load_with(&c, values[i].name, values[i].good, error))
			fail_msg("%s=%s refused: %s", values[i].name, values[i].good, error);
		if (!load_with(&c, values[i].name, values[i].bad, error))
			fail_msg("%s=%s accepted", values[i].name, values[i].bad);
		if (!strchr(error, ':') || strlen(error) < 10)
			fail_msg("%s: no reason: %s", values[i].name, error);
	}
}

static void test_overlong_values_are_refused(void **state)
{
	char error[CONFIG_ERROR_CHARS], text[4096];
	struct config c;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://", 8);
	text[CONFIG_URL_MAX_CHARS] = '\0';
	assert_int_equal(load_with(&c, "BUNDLER_URL", text, error), 0);
	text[CONFIG_URL_MAX_CHARS] = 'a';
	text[CONFIG_URL_MAX_CHARS + 1] = '\0';
	assert_int_equal(load_with(&c, "BUNDLER_URL", text, error), -1);
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[CONFIG_PATH_MAX_CHARS] = '\0';
	assert_int_equal(load_with(&c, "AGENT_GRPC_SOCKET", text, error), 0);
	text[CONFIG_PATH_MAX_CHARS] = 'a';
	text[CONFIG_PATH_MAX_CHARS + 1] = '\0';
	assert_int_equal(load_with(&c, "AGENT_GRPC_SOCKET", text, error), -1);
	for (int i = 0; i < CONFIG_DOMAIN_MAX_CHARS; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	text[CONFIG_DOMAIN_MAX_CHARS] = '\0';
	assert_int_equal(load_with(&c, "GATEWAY_DOMAIN", text, error), 0);
	text[CONFIG_DOMAIN_MAX_CHARS] = 'a';
	text[CONFIG_DOMAIN_MAX_CHARS + 1] = '\0';
	assert_int_equal(load_with(&c, "GATEWAY_DOMAIN", text, error), -1);
}

static int load_args(struct config *c, char *error, int argc, const char *one,
		     const char *two)
{
	char *argv[] = { (char *)"attestmeshd", (char *)one, (char *)two, NULL };
	int ret;

	minimal(NULL);
	error[0] = '\0';
	ret = config_load(c, argc, argv, error);
	config_free(c);
	return ret;
}

static void test_arguments_override_and_are_checked(void **state)
{
	char error[CONFIG_ERROR_CHARS];
	struct config c;

	(void)state;
	assert_int_equal(load_args(&c, error, 3, "--beat-interval-ms=100",
				   "--BEAT_INTERVAL_MS=200"), 0);
	assert_int_equal(c.beat_interval_ms, 200);
	assert_int_equal(load_args(&c, error, 2, "--beat-interval=100", NULL), -1);
	assert_non_null(strstr(error, "unknown option"));
	assert_int_equal(load_args(&c, error, 2, "--beat-interval-ms", NULL), -1);
	assert_int_equal(load_args(&c, error, 2, "beat-interval-ms=3", NULL), -1);
	/* What may hold a token never comes by the command line. */
	assert_int_equal(load_args(&c, error, 2, "--rpc-url=https://a/secret", NULL), -1);
	assert_non_null(strstr(error, "command line"));
	assert_null(strstr(error, "secret"));
}

static void test_an_url_is_shown_without_its_path(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(config_url_public(out, sizeof(out), "https://h.example:1/v2/key"),
			    "https://h.example:1");
	assert_string_equal(config_url_public(out, sizeof(out), "https://h?token=1"),
			    "https://h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_each_required_option_is_missed_by_name),
		cmocka_unit_test(test_each_option_at_its_bound_and_one_past),
		cmocka_unit_test(test_overlong_values_are_refused),
		cmocka_unit_test(test_arguments_override_and_are_checked),
		cmocka_unit_test(test_an_url_is_shown_without_its_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
