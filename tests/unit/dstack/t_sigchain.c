// SPDX-License-Identifier: Apache-2.0
/*
 * The KMS signature chain against a chain captured from a live CVM (public
 * values published in amiller/dstack-kms-simulator) and the simulator fixture
 * that dstack ships, and against every single-byte corruption of both links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "sigchain.h"

struct published {
	const char *purpose, *derived, *app_id, *link0, *link1, *app, *root;
};

static const struct published production = {
	"mainnet",
	"036d4d81a04af9c85a6be7b4756eed6746a558a64fb5b7946c678c493fcc0e55af",
	"25e9a28b7c0cdad98c25c0ea226b1a94809e55c7",
	"38ff7ff5c251ff814eb56f8ec3ef3c58687d3ba04828c619c607e7f429f5cf8c"
	"5f226402e4e06f7d7f5205853893278e7fff3769516120573f03b531cf1e438700",
	"8166a59735c458253ba6012d1d671ff51eefe0931226c1a7baef5a375eeb205f"
	"20e1d7783980ecdf3c7f749ab96cf1ede1c90600190ea6000b33ed9b15720dcb00",
	"02605c9587ae3c9c622a3f8478d773ea150256aa1d2888a8d395a3a2553f8f48e2",
	"52d3cf51c8a37a2ccfc79bbb98c7810d7dd4ce51",
}, simulator = {
	"ethereum",
	"0339e8166d41463a41b9b1f00ec50679a9eda73e8e91e19764eb384ef00c00732d",
	"5bb4ff9a3837357f19dc176407a5709c62eb6c56",
	"091ec4087982f5ef4001afe951c5ec77929eca48970783e1a9e570f3db066329"
	"587890c29f70605346cdc6cd44bfb1889ec4a95e83d6b0ac6f331e1f99aee81501",
	"9e618603e72d01fedb82deff6daf2d62a572becf0059eec3f89c1ab40e1f2e59"
	"4d2a283f843f34e8f39e4cc49a612496ce67223a12ac923f8efe330346dfc6c500",
	"02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c",
	"a7f6043c29f9cc1d9d6acf554c53e0c6792aaeaf",
};

static struct sigchain chain_of(const struct published *p)
{
	struct sigchain c = { .purpose = p->purpose, .has_link = { true, true } };

	assert_true(hex_decode(c.derived, 33, p->derived));
	assert_true(hex_decode(c.app_id, 20, p->app_id));
	assert_true(hex_decode(c.link[0], 65, p->link0));
	assert_true(hex_decode(c.link[1], 65, p->link1));
	return c;
}

static void verify(const struct published *p)
{
	struct sigchain c = chain_of(p);
	struct sigchain_roots roots;
	uint8_t root[20], app[33];

	hex_decode(root, 20, p->root);
	hex_decode(app, 33, p->app);
	assert_int_equal(sigchain_check(&c, root, &roots), SIGCHAIN_OK);
	assert_memory_equal(roots.app, app, 33);
	for (int link = 0; link < 2; link++)
		for (int i = 0; i < 65; i++)
			for (int bit = 0; bit < 8; bit += 7) {
				c.link[link][i] ^= (uint8_t)(1 << bit);
				assert_int_not_equal(sigchain_check(&c, root, &roots), SIGCHAIN_OK);
				c.link[link][i] ^= (uint8_t)(1 << bit);
			}
	c.link[0][64] = (uint8_t)(c.link[0][64] + 27); /* equivalent encodings */
	c.link[1][64] = (uint8_t)(c.link[1][64] + 27);
	assert_int_equal(sigchain_check(&c, root, &roots), SIGCHAIN_OK);
}

static void test_captured_production_chain(void **state)
{
	(void)state;
	verify(&production);
}

static void test_simulator_chain(void **state)
{
	(void)state;
	verify(&simulator);
}

static void test_inputs_are_bound(void **state)
{
	struct sigchain good = chain_of(&simulator), c;
	struct sigchain_roots roots;
	uint8_t root[20];

	(void)state;
	hex_decode(root, 20, simulator.root);
	c = good;
	c.app_id[19] ^= 1;
	assert_int_equal(sigchain_check(&c, root, &roots), SIGCHAIN_WRONG_KMS_ROOT);
	c = good;
	c.purpose = "Ethereum";
	assert_int_equal(sigchain_check(&c, root, &roots), SIGCHAIN_WRONG_KMS_ROOT);
	c = good;
	c.derived[0] ^= 1; /* the other point with the same x */
	assert_int_equal(sigchain_check(&c, root, &roots), SIGCHAIN_WRONG_KMS_ROOT);
	root[0] ^= 1;
	assert_int_equal(sigchain_check(&good, root, &roots), SIGCHAIN_WRONG_KMS_ROOT);
}

static void make_high_s(uint8_t sig[65])
{
	uint8_t order[32];
	int borrow = 0;

	hex_decode(order, 32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - sig[32 + i] - borrow;

		borrow = d < 0;
		sig[32 + i] = (uint8_t)d;
	}
	sig[64] ^= 1;
}

static void test_each_fault_has_its_name(void **state)
{
	struct sigchain good = chain_of(&simulator), c;
	struct sigchain_roots roots;

	(void)state;
	c = good;
	c.has_link[0] = false;
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_NO_LINK0);
	c = good;
	c.has_link[1] = false;
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_NO_LINK1);
	c = good;
	make_high_s(c.link[0]);
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_HIGH_S0);
	c = good;
	make_high_s(c.link[1]);
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_HIGH_S1);
	c = good;
	c.link[0][64] = 2;
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_BAD_LINK0);
	c = good;
	memset(c.link[1], 0, 32);
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_BAD_LINK1);
	c = good;
	c.derived[0] = 4;
	assert_int_equal(sigchain_recover(&c, &roots), SIGCHAIN_BAD_PUBKEY);
	assert_non_null(strstr(sigchain_text(SIGCHAIN_NO_LINK1), "link 1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_production_chain),
		cmocka_unit_test(test_simulator_chain),
		cmocka_unit_test(test_inputs_are_bound),
		cmocka_unit_test(test_each_fault_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
