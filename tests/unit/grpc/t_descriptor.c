// SPDX-License-Identifier: Apache-2.0
/* Look-ups in the built-in descriptors, and the reader under malformed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "grpc/descriptor.h"

static struct descriptor_file file;

/* The name in a file's first field. */
static void assert_file(const char *name)
{
	assert_int_equal(file.bytes[0], 0x0a);
	assert_int_equal(file.bytes[1], strlen(name));
	assert_memory_equal(file.bytes + 2, name, strlen(name));
}

static void test_finds_every_kind_of_symbol(void **state)
{
	static const struct { const char *symbol, *file; } known[] = {
		{ "attestmesh.agent.v1.Agent", "agent.proto" },
		{ "attestmesh.agent.v1.Agent.GetSelf", "agent.proto" },
		{ "attestmesh.agent.v1.PeerEvent", "agent.proto" },
		{ "attestmesh.peer.v1.CandidateKind", "peer.proto" },
		{ "grpc.health.v1.HealthCheckResponse.ServingStatus", "health.proto" },
		{ "grpc.reflection.v1.ServerReflection", "reflection.proto" },
		{ "grpc.reflection.v1alpha.ServerReflection", "reflection_v1alpha.proto" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_true(descriptor_by_symbol(known[i].symbol, &file));
		assert_file(known[i].file);
		assert_true(descriptor_by_name(known[i].file, &file));
		assert_file(known[i].file);
	}
}

static void test_finds_nothing_else(void **state)
{
	static const char *const unknown[] = {
		"", ".", "attestmesh.agent.v1", "attestmesh.agent.v1.", "Agent",
		"attestmesh.agent.v1.Agent.", "attestmesh.agent.v1.Agent.Nothing",
		"attestmesh.agent.v1.AgentGetSelf", "attestmesh.agent.v1.Agen",
		"attestmesh.agent.v1.Agent.GetSelf.X", "grpc.health.v1.ServingStatus",
		"grpc.health.v1.HealthCheckResponse.",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (descriptor_by_symbol(unknown[i], &file))
			fail_msg("found \"%s\"", unknown[i]);
	assert_false(descriptor_by_name("agent", &file));
	assert_false(descriptor_by_name("", &file));
}

static int count_fields(const void *bytes, size_t len)
{
	struct pb_reader r = { bytes, (const uint8_t *)bytes + len };
	struct pb_field f;
	int count = 0;

	while (pb_next(&r, &f))
		count++;
	return count;
}

static void test_malformed_bytes_end_the_reading(void **state)
{
	(void)state;
	assert_int_equal(count_fields("\x08\x01\x12\1a\x1d" "1234\x21" "12345678", 19), 4);
	assert_int_equal(count_fields("\x12\x02z", 3), 0);     /* past the end */
	assert_int_equal(count_fields("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), 0);
	assert_int_equal(count_fields("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12), 0);
	assert_int_equal(count_fields("\x0b", 1), 0);          /* a group */
	assert_int_equal(count_fields("\x00\x00", 2), 0);      /* field 0 */
	assert_int_equal(count_fields("\x08", 1), 0);
	assert_int_equal(count_fields("\x1d" "123", 4), 0);
	/* Every cut of the real set is survived. */
	for (size_t len = 0; len < grpc_descriptor_set_len; len += 13)
		count_fields(grpc_descriptor_set, len);
	assert_int_equal(count_fields(grpc_descriptor_set, grpc_descriptor_set_len), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_every_kind_of_symbol),
		cmocka_unit_test(test_finds_nothing_else),
		cmocka_unit_test(test_malformed_bytes_end_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
