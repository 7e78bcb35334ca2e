// SPDX-License-Identifier: Apache-2.0
/*
 * The fence and what it refuses, in a network namespace of the test's own.
 * WireGuard itself: tests/bridge/guest.py.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mesh.h"
#include "mesh_clash.h"
#include "rtnl.h"
#include "secret.h"

static struct nlreq *route;

static int isolate(void **state)
{
	struct rtnl_link link;

	(void)state;
	if (secret_init() || unshare(CLONE_NEWNET) || nlreq_open(&route, NETLINK_ROUTE))
		return -1;
	return rtnl_link_get(route, "lo", &link) ||
	       rtnl_link_change(route, link.ifindex, link.mtu, true);
}

static int end(void **state)
{
	(void)state;
	nlreq_close(route);
	return 0;
}

static struct mesh_net net(const char *net4, uint8_t prefix)
{
	struct mesh_net n = { .prefix4 = prefix, .net6 = { 0xfd, 9, 8, 7, 6, 5 },
			      .own6 = { 0xfd, 9, 8, 7, 6, 5, [15] = 1 } };

	inet_pton(AF_INET, net4, &n.net4);
	n.own4 = n.net4 | htonl(1);
	return n;
}

static struct mesh *new_mesh(void)
{
	struct mesh_config config = { .ifname = "attestmesh0", .listen_port = 51821 };
	char error[MESH_ERROR_CHARS];
	struct mesh *m;

	assert_int_equal(mesh_new(&m, &config, error), 0);
	return m;
}

static int count_unreachable(const struct rtnl_route *r, void *arg)
{
	if (r->type == RTN_UNREACHABLE && r->priority == UINT32_MAX)
		(*(unsigned *)arg)++;
	return 0;
}

static void test_the_fence_stands_before_any_device(void **state)
{
	struct mesh_net n = net("10.77.0.0", 16);
	struct mesh *m = new_mesh();
	char error[MESH_ERROR_CHARS];
	unsigned four = 0, six = 0;
	bool ipv6;

	(void)state;
	assert_int_equal(mesh_ifindex(m), 0);
	assert_int_equal(mesh_fence(m, &n, &ipv6, error), 0);
	assert_int_equal(mesh_fence(m, &n, &ipv6, error), 0);
	assert_int_equal(rtnl_route_each(route, AF_INET, count_unreachable, &four), 0);
	assert_int_equal(four, 1);
	assert_int_equal(rtnl_route_each(route, AF_INET6, count_unreachable, &six), 0);
	assert_int_equal(six, ipv6);
	mesh_free(m);
}

static void test_prefixes_are_bounded(void **state)
{
	static const struct { uint8_t prefix; int ret; } cases[] = {
		{ 7, -ERANGE }, { 8, 0 }, { 29, 0 }, { 30, -ERANGE }, { 0, -ERANGE }, { 32, -ERANGE },
	};
	struct mesh *m = new_mesh();
	char error[MESH_ERROR_CHARS];
	bool ipv6;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mesh_net n = net("11.0.0.0", cases[i].prefix);

		assert_int_equal(mesh_fence(m, &n, &ipv6, error), cases[i].ret);
		if (cases[i].ret)
			assert_non_null(strstr(error, "prefix"));
	}
	mesh_free(m);
}

static void test_an_address_inside_is_refused_by_name(void **state)
{
	struct rtnl_addr a = { .family = AF_INET, .prefix = 32, .addr = { 10, 78, 3, 4 } };
	struct mesh *m = new_mesh();
	struct mesh_net n = net("10.78.0.0", 16);
	char error[MESH_ERROR_CHARS];
	struct rtnl_link link;
	bool ipv6;

	(void)state;
	assert_int_equal(rtnl_link_get(route, "lo", &link), 0);
	a.ifindex = link.ifindex;
	assert_int_equal(rtnl_addr_add(route, &a), 0);
	assert_int_equal(mesh_fence(m, &n, &ipv6, error), -EADDRINUSE);
	assert_non_null(strstr(error, "10.78.3.4"));
	assert_non_null(strstr(error, "of lo"));
	assert_non_null(strstr(error, "10.78.0.0/16"));
	/* Beside it is fine. */
	n = net("10.79.0.0", 16);
	assert_int_equal(mesh_fence(m, &n, &ipv6, error), 0);
	assert_int_equal(rtnl_addr_del(route, &a), 0);
	n = net("10.78.0.0", 16);
	assert_int_equal(mesh_fence(m, &n, &ipv6, error), 0);
	mesh_free(m);
}

static void test_a_name_server_inside_is_refused_by_name(void **state)
{
	struct mesh_net n = net("10.80.0.0", 16);
	char error[MESH_ERROR_CHARS] = "";

	(void)state;
	assert_int_equal(mesh_clash_names("", &n, error), 0);
	assert_int_equal(mesh_clash_names("nameserver 10.81.0.1\noptions ndots:1\n", &n, error), 0);
	assert_int_equal(mesh_clash_names("# nameserver 10.80.0.1\n", &n, error), 0);
	assert_int_equal(mesh_clash_names("search x\nnameserver 10.80.255.254\n", &n, error),
			 -EADDRINUSE);
	assert_non_null(strstr(error, "name server 10.80.255.254"));
	assert_int_equal(mesh_clash_names("nameserver fd09:807:605::9", &n, error), -EADDRINUSE);
	assert_int_equal(mesh_clash_names("nameserver fd09:807:606::9", &n, error), 0);
	assert_int_equal(mesh_clash_names("nameserver nonsense\nnameserver", &n, error), 0);
}

static void test_without_wireguard_the_cause_is_named(void **state)
{
	struct mesh_net n = net("10.77.0.0", 16);
	struct mesh *m = new_mesh();
	char error[MESH_ERROR_CHARS] = "";
	uint8_t key[32] = { 8, [31] = 64 };
	bool created, ipv6 = true;
	int ret = mesh_device(m, &n, key, &created, &ipv6, error);

	(void)state;
	/* A machine with WireGuard makes the device; one without says so. */
	if (ret)
		assert_non_null(strstr(error, "WireGuard"));
	else
		assert_true(created);
	mesh_free(m);
}

static int other_user_space(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

static void test_without_rights_the_cause_is_named(void **state)
{
	struct mesh_net n = net("10.77.0.0", 16);
	char error[MESH_ERROR_CHARS] = "";
	struct mesh *m = new_mesh();
	uint8_t key[32] = { 8, [31] = 64 };
	bool created, ipv6 = true;

	(void)state;
	/* The handle's socket is of the old namespace, its rights those of the
	 * process: none there any more. */
	if (other_user_space())
		skip();
	assert_int_equal(mesh_device(m, &n, key, &created, &ipv6, error), -EPERM);
	assert_non_null(strstr(error, "CAP_NET_ADMIN"));
	mesh_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_fence_stands_before_any_device),
		cmocka_unit_test(test_prefixes_are_bounded),
		cmocka_unit_test(test_an_address_inside_is_refused_by_name),
		cmocka_unit_test(test_a_name_server_inside_is_refused_by_name),
		cmocka_unit_test(test_without_wireguard_the_cause_is_named),
		/* The last: it gives up the rights of the process. */
		cmocka_unit_test(test_without_rights_the_cause_is_named),
	};

	return cmocka_run_group_tests_name("mesh", tests, isolate, end);
}
