// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to this machine's kernel in a network namespace of the test's own:
 * families, links, addresses, routes, refusals in the kernel's words, and that
 * requests are wiped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nlreq.h"
#include "rtnl.h"

static int isolate(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static struct nlreq *opened(int protocol)
{
	struct nlreq *q;

	assert_int_equal(nlreq_open(&q, protocol), 0);
	return q;
}

static void test_families_are_found_by_name(void **state)
{
	struct nlreq *q = opened(NETLINK_GENERIC);
	struct nlreq_family f;

	(void)state;
	assert_int_equal(nlreq_family(q, "nlctrl", &f), 0);
	assert_int_equal(f.id, GENL_ID_CTRL);
	assert_int_equal(f.groups, 1);
	assert_string_equal(f.group[0].name, "notify");
	assert_int_equal(nlreq_family(q, "no-such-family", &f), -ENOENT);
	assert_true(strlen(nlreq_error(q)) > 0);
	/* A failure does not spoil what follows. */
	assert_int_equal(nlreq_family(q, "nlctrl", &f), 0);
	assert_string_equal(nlreq_error(q), "");
	nlreq_close(q);
}

static void test_a_missing_message_is_a_lack_of_memory(void **state)
{
	struct nlreq *q = opened(NETLINK_GENERIC);

	(void)state;
	assert_int_equal(nlreq_run(q, NULL, NULL, NULL), -ENOMEM);
	nlreq_close(q);
}

static int count_addr(const struct rtnl_addr *a, void *arg)
{
	unsigned *count = arg;

	(void)a;
	(*count)++;
	return 0;
}

static void test_links_and_addresses(void **state)
{
	struct nlreq *q = opened(NETLINK_ROUTE);
	struct rtnl_addr a = { .family = AF_INET, .prefix = 24, .addr = { 10, 1, 2, 3 } };
	struct rtnl_link link;
	unsigned count = 0;
	char name[16];

	(void)state;
	assert_int_equal(rtnl_link_get(q, "nothere", &link), -ENODEV);
	assert_int_equal(rtnl_link_get(q, "lo", &link), 0);
	assert_string_equal(link.name, "lo");
	assert_string_equal(link.kind, "");
	assert_false(link.up);
	assert_int_equal(rtnl_link_change(q, link.ifindex, link.mtu, true), 0);
	assert_int_equal(rtnl_link_get(q, "lo", &link), 0);
	assert_true(link.up);
	rtnl_link_name(q, link.ifindex, name);
	assert_string_equal(name, "lo");
	rtnl_link_name(q, 12345, name);
	assert_string_equal(name, "?");
	a.ifindex = link.ifindex;
	assert_int_equal(rtnl_addr_each(q, AF_INET, count_addr, &count), 0);
	assert_int_equal(rtnl_addr_add(q, &a), 0);
	assert_int_equal(rtnl_addr_add(q, &a), 0);
	assert_int_equal(rtnl_addr_each(q, AF_INET, count_addr, &count), 0);
	assert_int_equal(count, 1 + 2); /* 127.0.0.1, then it and the new one */
	assert_int_equal(rtnl_addr_del(q, &a), 0);
	assert_int_equal(rtnl_addr_del(q, &a), -EADDRNOTAVAIL);
	nlreq_close(q);
}

static int keep_unreachable(const struct rtnl_route *r, void *arg)
{
	if (r->type == RTN_UNREACHABLE && r->prefix == 16)
		*(struct rtnl_route *)arg = *r;
	return 0;
}

static void test_unreachable_routes_have_the_lowest_priority(void **state)
{
	const uint8_t net[16] = { 10, 77 }, net6[16] = { 0xfd, 1, 2, 3, 4, 5 };
	struct nlreq *q = opened(NETLINK_ROUTE);
	struct rtnl_route found = { 0 };

	(void)state;
	assert_int_equal(rtnl_route_unreachable(q, AF_INET, net, 16), 0);
	assert_int_equal(rtnl_route_unreachable(q, AF_INET, net, 16), 0);
	assert_int_equal(rtnl_route_each(q, AF_INET, keep_unreachable, &found), 0);
	assert_int_equal(found.priority, UINT32_MAX);
	assert_memory_equal(found.dst, net, 4);
	assert_int_equal(rtnl_route_unreachable(q, AF_INET6, net6, 48), 0);
	nlreq_close(q);
}

static void test_refusals_are_in_the_kernels_words(void **state)
{
	const uint8_t crooked[16] = { 10, 77, 1 };
	struct nlreq *q = opened(NETLINK_ROUTE);

	(void)state;
	assert_int_equal(rtnl_route_unreachable(q, AF_INET, crooked, 16), -EINVAL);
	assert_non_null(strstr(nlreq_error(q), "Invalid prefix"));
	assert_int_equal(rtnl_link_add(q, "x0", "nosuchkind", 1400), -EOPNOTSUPP);
	nlreq_close(q);
}

/* A callback's verdict ends the walk; the socket goes on serving. */
static int stop_at_once(const struct rtnl_addr *a, void *arg)
{
	(void)a;
	(*(unsigned *)arg)++;
	return -ECANCELED;
}

static void test_a_callback_ends_the_walk(void **state)
{
	struct nlreq *q = opened(NETLINK_ROUTE);
	struct rtnl_link link;
	unsigned count = 0;

	(void)state;
	assert_int_equal(rtnl_link_get(q, "lo", &link), 0);
	assert_int_equal(rtnl_link_change(q, link.ifindex, link.mtu, true), 0);
	assert_int_equal(rtnl_addr_each(q, AF_INET, stop_at_once, &count), -ECANCELED);
	assert_int_equal(count, 1);
	assert_int_equal(rtnl_link_get(q, "lo", &link), 0);
	nlreq_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families_are_found_by_name),
		cmocka_unit_test(test_a_missing_message_is_a_lack_of_memory),
		cmocka_unit_test(test_links_and_addresses),
		cmocka_unit_test(test_unreachable_routes_have_the_lowest_priority),
		cmocka_unit_test(test_refusals_are_in_the_kernels_words),
		cmocka_unit_test(test_a_callback_ends_the_walk),
	};

	return cmocka_run_group_tests_name("nlreq", tests, isolate, NULL);
}
