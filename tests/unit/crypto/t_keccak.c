// SPDX-License-Identifier: Apache-2.0
/* Keccak-256 against public values and values of an independent implementation
 * around the block boundary; incremental use equals one-shot use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "keccak.h"

static const struct {
	size_t len; /* bytes 0, 1, 2 … mod 256 */
	const char *hash;
} counting[] = {
	{ 0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" },
	{ 3, "f84a97f1f0a956e738abd85c2e0a5026f8874e3ec09c8f012159dfeeaab2b156" },
	{ 135, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62" },
	{ 136, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e" },
	{ 137, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db" },
	{ 272, "fdf2ec49e749960d3c8521a0219af8d03e30e2b3bf19bd16150ee0eaf133d66e" },
	{ 300, "a679e749a6af300c36e7ff2255d220864eab27b382f9cfdc5aa4d13563ba36ff" },
};

static void expect_hash(const void *bytes, size_t len, const char *hex)
{
	uint8_t hash[32], want[32];

	assert_true(hex_decode(want, 32, hex));
	keccak256(hash, bytes, len);
	assert_memory_equal(hash, want, 32);
}

static void test_known_values(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_LEN(counting); i++)
		expect_hash(bytes, counting[i].len, counting[i].hash);
	expect_hash("abc", 3, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

static void test_pieces_equal_the_whole(void **state)
{
	uint8_t bytes[300], whole[32], pieces[32];
	struct keccak256 k;

	(void)state;
	memset(bytes, 0x5a, sizeof(bytes));
	keccak256(whole, bytes, sizeof(bytes));
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 17) {
		keccak256_init(&k);
		keccak256_add(&k, bytes, cut);
		keccak256_add(&k, bytes + cut, sizeof(bytes) - cut);
		keccak256_done(&k, pieces);
		assert_memory_equal(whole, pieces, 32);
	}
}

static void test_is_not_sha3(void **state)
{
	uint8_t hash[32], sha3[32];

	(void)state;
	/* SHA3-256 of nothing: the padding differs, so must the hash. */
	hex_decode(sha3, 32, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
	keccak256(hash, "", 0);
	assert_memory_not_equal(hash, sha3, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_pieces_equal_the_whole),
		cmocka_unit_test(test_is_not_sha3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
