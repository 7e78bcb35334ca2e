// SPDX-License-Identifier: Apache-2.0
/* Health views as text, escaping, and the rules for quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "dial.h"
#include "health.h"
#include "health_out.h"

static struct health_view shown;
static struct loop *loop;
static struct health *h;
static int quotes, quote_error;
static uint8_t quoted[64];

static void fill(struct health_view *view, void *arg)
{
	(void)arg;
	*view = shown;
}

static int quote(const uint8_t data[64], void *arg)
{
	(void)arg;
	quotes++;
	memcpy(quoted, data, 64);
	return quote_error;
}

static const struct health_ops ops = { fill, quote };
static const struct health_ops no_quotes = { fill, NULL };

static void start(const struct health_ops *with)
{
	memset(&shown, 0, sizeof(shown));
	quotes = quote_error = 0;
	shown.phase = health_phase_names[0];
	for (int i = 0; i < HEALTH_PHASES; i++)
		shown.phase_seconds[i] = -1;
	loop = loop_new();
	h = health_new(loop, with, NULL);
	assert_non_null(h);
	assert_int_equal(health_listen(h, "127.0.0.1", 0), 0);
}

static void stop(void)
{
	health_free(h);
	loop_free(loop);
}

static char *ask(const char *target, int *status)
{
	char request[1024];
	char *answer;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", target);
	answer = dial_ask(loop, health_port(h), request);
	assert_int_equal(sscanf(answer, "HTTP/1.1 %d ", status), 1);
	return strstr(answer, "\r\n\r\n") + 4;
}

static void test_healthz_is_200_only_when_healthy(void **state)
{
	int status;

	(void)state;
	start(&ops);
	for (int i = 0; i < HEALTH_PHASES; i++) {
		shown.phase = health_phase_names[i];
		ask("/healthz", &status);
		assert_int_equal(status, i == HEALTH_PHASES - 1 ? 200 : 503);
	}
	shown.csk_acquired = shown.first_converged = true;
	shown.live_peers = 1;
	assert_string_equal(ask("/healthz", &status),
			    "{\"csk_acquired\":true,\"first_converged\":true,"
			    "\"live_peers\":1,\"phase\":\"healthy\"}\n");
	stop();
}

static void test_foreign_text_is_cut_and_escaped(void **state)
{
	char evil[] = "a\"b\\c\n<script>&'\xff";
	json_t *json;
	char *body;
	int status;

	(void)state;
	start(&ops);
	strcpy(shown.blocked_by, evil);
	memset(shown.progress, 'w', HEALTH_TEXT_CHARS - 1);
	/* Several sentences, one of them foreign: shown whole. */
	memset(shown.waiting_for, 'w', HEALTH_JOINED_CHARS - 1);
	shown.waiting_for[HEALTH_JOINED_CHARS - 2] = '\n';
	strcpy(shown.warnings[0], evil);
	strcpy(shown.drops[0].reason, "bad\"} 1\nx{a=\"");
	strcpy(shown.endpoints[0], "https://user:token@rpc.example:8545/v2/key?x=1");
	shown.warning_count = shown.drop_count = shown.endpoint_count = 1;
	json = json_loads(ask("/healthz", &status), 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "blocked_by")),
			    "a\"b\\c?<script>&'?");
	assert_int_equal(json_string_length(json_object_get(json, "progress")), 200);
	assert_int_equal(json_string_length(json_object_get(json, "waiting_for")),
			 HEALTH_JOINED_CHARS - 1);
	assert_string_equal(json_string_value(json_object_get(json, "waiting_for")) +
			    HEALTH_JOINED_CHARS - 3, "w?");
	assert_string_equal(json_string_value(json_array_get(
		json_object_get(json, "warnings"), 0)), "a\"b\\c?<script>&'?");
	json_decref(json);
	body = ask("/", &status);
	assert_null(strstr(body, "<script"));
	assert_non_null(strstr(body, "&lt;script&gt;&amp;&#39;?"));
	assert_null(strstr(body, "token"));
	assert_null(strstr(body, "/v2"));
	assert_non_null(strstr(body, "https://rpc.example:8545<"));
	body = ask("/metrics", &status);
	assert_non_null(strstr(body,
		"attestmesh_beats_dropped_total{reason=\"bad_} 1?x{a=_\"} 0\n"));
	stop();
}

static void test_every_metric_line_is_well_formed(void **state)
{
	char *line, *body;
	int status, lines = 0;

	(void)state;
	start(&ops);
	shown.drop_count = 2;
	strcpy(shown.drops[0].reason, "replay");
	shown.drops[1].count = 7;
	strcpy(shown.drops[1].reason, "bad_signature");
	shown.phase_seconds[2] = 1.5;
	body = ask("/metrics", &status);
	assert_int_equal(status, 200);
	for (line = strtok(body, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		char name[128];
		double value;

		if (*line == '#')
			continue;
		assert_int_equal(strncmp(line, "attestmesh_", 11), 0);
		if (sscanf(line, "%127[a-z0-9_]%*[^}]} %lf", name, &value) != 2)
			assert_int_equal(sscanf(line, "%127[a-z0-9_] %lf", name, &value), 2);
	}
	assert_true(lines > 60);
	assert_non_null(strstr(ask("/metrics", &status), "reason=\"bad_signature\"} 7\n"));
	assert_non_null(strstr(ask("/metrics", &status),
		"attestmesh_phase_entered_seconds{phase=\"subscribing\"} 1.500\n"));
	stop();
}

static void test_lists_are_bounded(void **state)
{
	json_t *json;
	int status;

	(void)state;
	start(&ops);
	shown.away_count = HEALTH_AWAY_MAX + 5;
	shown.peer_count = HEALTH_PEERS_MAX + 5;
	shown.warning_count = HEALTH_WARNINGS_MAX + 5;
	shown.drop_count = HEALTH_DROPS_MAX + 5;
	json = json_loads(ask("/healthz", &status), 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "agents_away")),
			 HEALTH_AWAY_MAX);
	assert_int_equal(json_integer_value(json_object_get(json, "agents_away_count")),
			 HEALTH_AWAY_MAX + 5);
	assert_int_equal(json_array_size(json_object_get(json, "warnings")),
			 HEALTH_WARNINGS_MAX);
	json_decref(json);
	assert_non_null(strstr(ask("/", &status), "and 5 more"));
	ask("/metrics", &status);
	assert_int_equal(status, 200);
	ask("/nothing", &status);
	assert_int_equal(status, 404);
	stop();
}

/* Known answer, computed with another implementation of ABI and keccak256. */
static void test_report_data_is_the_recipe(void **state)
{
	static const uint8_t want[64] = {
		0xf7, 0x00, 0x22, 0x87, 0xd5, 0x8a, 0x40, 0x93,
		0xe9, 0xa3, 0xff, 0xc6, 0xe2, 0xf6, 0x88, 0x98,
		0xab, 0x69, 0x08, 0x59, 0x58, 0x6d, 0xfa, 0xbb,
		0xe3, 0x9e, 0x02, 0xca, 0x1f, 0x32, 0xe8, 0x2a,
		0x22, 0xae, 0x6d, 0xa6, 0xb4, 0x82, 0xf9, 0xb1,
		0xb1, 0x9b, 0x0b, 0x89, 0x7c, 0x3f, 0xd4, 0x38,
		0x84, 0x18, 0x0a, 0x1c, 0x5e, 0xe3, 0x61, 0xe1,
		0x10, 0x7a, 0x1b, 0xc6, 0x35, 0x64, 0x9d, 0xda,
	};
	uint8_t out[64];

	(void)state;
	memset(&shown, 0, sizeof(shown));
	shown.chain_id = 8453;
	memset(shown.cluster, 0x11, 20);
	memset(shown.member_contract, 0x22, 20);
	memset(shown.x_pub, 0x33, 32);
	memset(shown.wg_pub, 0x44, 32);
	memset(shown.ed_pub, 0x55, 32);
	health_report_data(out, &shown, (const uint8_t *)"\x01\x02", 2);
	assert_memory_equal(out, want, 64);
}

static int send_attestation(const char *nonce)
{
	char request[512];
	int fd = dial(NULL, health_port(h));

	snprintf(request, sizeof(request), "GET /attestation?nonce=%s HTTP/1.1\r\n\r\n",
		 nonce);
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	return fd;
}

static void test_quotes_one_at_a_time(void **state)
{
	static char answer[8192];
	size_t len = 0;
	ssize_t n;
	json_t *json;
	int fd, status;

	(void)state;
	start(&ops);
	ask("/attestation?nonce=01", &status);
	assert_int_equal(status, 503); /* no keys yet */
	shown.has_self = true;
	ask("/attestation", &status);
	assert_int_equal(status, 400);
	ask("/attestation?nonce=", &status);
	assert_int_equal(status, 400);
	ask("/attestation?nonce=zz", &status);
	assert_int_equal(status, 400);
	ask("/attestation?nonce=0x", &status);
	assert_int_equal(status, 400);
	assert_int_equal(quotes, 0);
	fd = send_attestation("0102");
	DIAL_UNTIL(loop, quotes == 1);
	ask("/attestation?nonce=03", &status);
	assert_int_equal(status, 429);
	health_quote_done(h, (const uint8_t *)"\xab\xcd", 2, NULL);
	DIAL_UNTIL(loop, (n = dial_read(fd, answer + len, sizeof(answer) - 1 - len)) < 0 ||
		   (len += (size_t)n, false));
	json = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "quote")), "0xabcd");
	assert_string_equal(json_string_value(json_object_get(json, "nonce")), "0x0102");
	json_decref(json);
	/* Answered, but the ten seconds are not over. */
	ask("/attestation?nonce=03", &status);
	assert_int_equal(status, 429);
	assert_int_equal(quotes, 1);
	/* An answer that nobody asked for changes nothing. */
	health_quote_done(h, NULL, 0, "late");
	stop();
}

static void test_quotes_that_cannot_be_had(void **state)
{
	int fd, status;
	char answer[1024] = "";

	(void)state;
	start(&no_quotes);
	shown.has_self = true;
	ask("/attestation?nonce=01", &status);
	assert_int_equal(status, 404);
	stop();
	start(&ops);
	shown.has_self = true;
	quote_error = -1;
	ask("/attestation?nonce=01", &status);
	assert_int_equal(status, 503);
	stop();
	start(&ops);
	shown.has_self = true;
	fd = send_attestation("01");
	DIAL_UNTIL(loop, quotes == 1);
	health_quote_done(h, NULL, 0, "guest agent: \"gone\"");
	DIAL_UNTIL(loop, dial_read(fd, answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, "503"));
	assert_non_null(strstr(answer, "{\"error\":\"guest agent: \\\"gone\\\"\"}"));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthz_is_200_only_when_healthy),
		cmocka_unit_test(test_foreign_text_is_cut_and_escaped),
		cmocka_unit_test(test_every_metric_line_is_well_formed),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_report_data_is_the_recipe),
		cmocka_unit_test(test_quotes_one_at_a_time),
		cmocka_unit_test(test_quotes_that_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
