// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge's client against a bridge played here by hand: hello, lists,
 * refusals, other versions, loss and return.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridgectl.h"

enum { WAIT_ROUNDS = 200, ROUND_MS = 20 };

static struct {
	struct loop *loop;
	struct bridgectl *ctl;
	char directory[64], path[96];
	int listener, fd;
	unsigned ups, downs, links, lists, refusals;
	size_t listed_links, listed_legs;
	char text[BRIDGECTL_TEXT_CHARS];
	enum bridge_type refused;
	int refused_status;
	struct bridge_status status;
} t;

static void on_up(void *arg, bool up, const char *text)
{
	(void)arg;
	if (up)
		t.ups++;
	else
		t.downs++;
	snprintf(t.text, sizeof(t.text), "%s", text);
}

static void on_link(void *arg, const struct bridge_link *link)
{
	(void)arg;
	(void)link;
	t.links++;
}

static void on_listed(void *arg, const struct bridge_link *links, size_t link_count,
		      const struct bridge_leg *legs, size_t leg_count)
{
	(void)arg;
	(void)links;
	(void)legs;
	t.lists++;
	t.listed_links = link_count;
	t.listed_legs = leg_count;
}

static void on_status(void *arg, const struct bridge_status *status)
{
	(void)arg;
	t.status = *status;
}

static void on_refused(void *arg, enum bridge_type request, int status, const char *text)
{
	(void)arg;
	t.refusals++;
	t.refused = request;
	t.refused_status = status;
	snprintf(t.text, sizeof(t.text), "%s", text);
}

static const struct bridgectl_callbacks callbacks = {
	.up = on_up, .link = on_link, .listed = on_listed, .status = on_status,
	.refused = on_refused,
};

#define wait_until(condition)                                              \
	do {                                                               \
		for (int round_ = 0; round_ < WAIT_ROUNDS && !(condition); round_++) \
			loop_run_once(t.loop, ROUND_MS);                   \
		assert_true(condition);                                    \
	} while (0)

static void listen_here(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, t.path);
	unlink(t.path);
	t.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(t.listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(t.listener, 4), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.listener = t.fd = -1;
	strcpy(t.directory, "/tmp/t_bridgectl.XXXXXX");
	if (!mkdtemp(t.directory))
		return -1;
	snprintf(t.path, sizeof(t.path), "%s/bridge.sock", t.directory);
	t.loop = loop_new();
	t.ctl = bridgectl_new(t.loop, t.path, &callbacks, NULL);
	return !t.loop || !t.ctl;
}

static int teardown(void **state)
{
	(void)state;
	bridgectl_free(t.ctl);
	loop_free(t.loop);
	if (t.fd >= 0)
		close(t.fd);
	if (t.listener >= 0)
		close(t.listener);
	unlink(t.path);
	return rmdir(t.directory);
}

static void tell(uint16_t type, uint32_t seq, const void *body, size_t len)
{
	uint8_t record[BRIDGE_RECORD_MAX_BYTES];
	struct bridge_head head = { .type = type, .len = (uint16_t)len, .seq = seq };

	memcpy(record, &head, sizeof(head));
	if (len)
		memcpy(record + sizeof(head), body, len);
	assert_true(send(t.fd, record, sizeof(head) + len, 0) >= 0);
}

/* The next request of that type; others before it are passed over. */
static uint32_t hear(uint16_t type)
{
	uint8_t record[BRIDGE_RECORD_MAX_BYTES];
	struct bridge_head head;

	for (int i = 0; i < WAIT_ROUNDS; i++) {
		ssize_t got = recv(t.fd, record, sizeof(record), MSG_DONTWAIT);

		memcpy(&head, record, sizeof(head));
		if (got >= (ssize_t)sizeof(head) && head.type == type)
			return head.seq;
		if (got < 0)
			loop_run_once(t.loop, ROUND_MS);
	}
	fail_msg("request %u did not come", type);
	return 0;
}

static void answer(uint32_t seq, int status, const char *text)
{
	struct bridge_reply reply = { .status = status };

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	tell(BRIDGE_REPLY, seq, &reply, sizeof(reply));
}

static void accept_client(uint32_t protocol)
{
	struct bridge_hello hello = { .protocol = protocol, .program = "played 9" };

	t.fd = -1;
	wait_until(t.fd >= 0 || (t.fd = accept(t.listener, NULL, NULL)) >= 0);
	tell(BRIDGE_HELLO, 0, &hello, sizeof(hello));
}

static void come_up(void)
{
	listen_here();
	accept_client(BRIDGE_PROTOCOL);
	hear(BRIDGE_HELLO);
	answer(hear(BRIDGE_LIST), 0, "");
	wait_until(t.ups == 1);
}

static void test_a_missing_bridge_is_named_and_waited_for(void **state)
{
	(void)state;
	wait_until(t.downs == 1);
	assert_non_null(strstr(t.text, t.path));
	assert_non_null(strstr(t.text, "attestmesh-bridge"));
	assert_int_equal(bridgectl_listen(t.ctl, true), -ENOTCONN);
	come_up();
	assert_string_equal(t.text, "");
	assert_int_equal(t.downs, 1);
	assert_true(bridgectl_is_up(t.ctl));
}

static void test_it_is_up_only_after_the_first_list(void **state)
{
	struct bridge_link link = { .state = BRIDGE_LINK_UP };
	struct bridge_leg leg = { .proven = 1 };
	struct bridge_status status = { .listening = 1, .links = 1 };
	uint32_t seq;

	(void)state;
	listen_here();
	accept_client(BRIDGE_PROTOCOL);
	seq = hear(BRIDGE_LIST);
	tell(BRIDGE_LINK, seq, &link, sizeof(link));
	tell(BRIDGE_LEG, seq, &leg, sizeof(leg));
	tell(BRIDGE_LEG, seq, &leg, sizeof(leg));
	tell(BRIDGE_STATUS, seq, &status, sizeof(status));
	wait_until(t.status.listening == 1);
	assert_int_equal(t.ups, 0);
	assert_int_equal(t.links, 1);
	answer(seq, 0, "");
	wait_until(t.lists == 1);
	assert_int_equal(t.ups, 1);
	assert_int_equal(t.listed_links, 1);
	assert_int_equal(t.listed_legs, 2);
	/* A notice is no part of a list. */
	tell(BRIDGE_LINK, 0, &link, sizeof(link));
	wait_until(t.links == 2);
	assert_int_equal(bridgectl_list(t.ctl), 0);
	answer(hear(BRIDGE_LIST), 0, "");
	wait_until(t.lists == 2);
	assert_int_equal(t.listed_links, 0);
}

static void test_refusals_name_the_request(void **state)
{
	(void)state;
	come_up();
	assert_int_equal(bridgectl_listen(t.ctl, true), 0);
	answer(hear(BRIDGE_LISTEN), EADDRINUSE, "TCP port 51900: in use");
	wait_until(t.refusals == 1);
	assert_int_equal(t.refused, BRIDGE_LISTEN);
	assert_int_equal(t.refused_status, EADDRINUSE);
	assert_non_null(strstr(t.text, "51900"));
	assert_int_equal(bridgectl_leg_del(t.ctl, 1, 2), 0);
	answer(hear(BRIDGE_LEG_DEL), EOPNOTSUPP, "unsupported");
	wait_until(t.refusals == 2);
	assert_int_equal(t.refused, BRIDGE_LEG_DEL);
	assert_int_equal(t.refused_status, EOPNOTSUPP);
}

static void test_another_protocol_is_shown_and_served(void **state)
{
	(void)state;
	listen_here();
	accept_client(BRIDGE_PROTOCOL + 1);
	answer(hear(BRIDGE_LIST), 0, "");
	wait_until(t.ups == 1);
	assert_non_null(strstr(t.text, "played 9"));
	assert_non_null(strstr(t.text, "protocol 2"));
}

static void test_strange_records_are_passed_over(void **state)
{
	struct bridge_head lying = { .type = BRIDGE_LINK, .len = 600, .seq = 0 };
	uint8_t shorter[4] = { 0 };

	(void)state;
	come_up();
	assert_true(send(t.fd, &lying, sizeof(lying), 0) >= 0);
	assert_true(send(t.fd, shorter, sizeof(shorter), 0) >= 0);
	tell(200, 0, "newer", 5);
	tell(BRIDGE_LINK, 0, shorter, sizeof(shorter));
	wait_until(t.links == 1);
	assert_true(bridgectl_is_up(t.ctl));
}

static void test_a_lost_bridge_is_found_again(void **state)
{
	(void)state;
	come_up();
	close(t.fd);
	close(t.listener);
	wait_until(t.downs >= 1);
	assert_false(bridgectl_is_up(t.ctl));
	t.ups = 0;
	come_up();
	assert_true(bridgectl_is_up(t.ctl));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_missing_bridge_is_named_and_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_up_only_after_the_first_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals_name_the_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_protocol_is_shown_and_served, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_records_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_bridge_is_found_again, setup, teardown),
	};

	return cmocka_run_group_tests_name("bridgectl", tests, NULL, NULL);
}
