// SPDX-License-Identifier: Apache-2.0
/*
 * The eight-lane field against bitwise arithmetic, each lane with values of its
 * own, limbs at the bounds that ifma_fe.h states. Compiled with the flags of
 * ifma.c, of which it tests the parts.
 */
#include "support.h"

#include <immintrin.h>
#include <string.h>

#include "ifma_fe.h"

enum { ROUNDS = 200 };

static const u64 carried = (1ULL << 51) + (1ULL << 16), wide = 1ULL << 59;

static void make(struct ifma_fe *a, u64 *rng, u64 bound)
{
	int i, lane;
	u64 r;

	for (i = 0; i < 5; i++)
		for (lane = 0; lane < 8; lane++) {
			r = support_random(rng);
			a->limb[i].lane[lane] = r % 4 == 0 ? bound - 1 :
				r % 4 == 1 ? 0 : support_random(rng) % bound;
		}
}

/* The value of one lane: limbs of up to 63 bits, by repeated reference sums. */
static void lane_bytes(u8 s[32], const struct ifma_fe *a, int lane)
{
	u8 t[32], x[32] = { 0 }, radix[32] = { 0 };
	int i, k;

	radix[6] = 8; /* 2^51 */
	memset(s, 0, 32);
	for (i = 4; i >= 0; i--) {
		ref_mul_p(t, s, radix);
		for (k = 0; k < 8; k++)
			x[k] = a->limb[i].lane[lane] >> 8 * k;
		ref_add_p(s, t, x);
	}
}

static void all_below(const struct ifma_fe *a, u64 bound)
{
	int i, lane;

	for (i = 0; i < 5; i++)
		for (lane = 0; lane < 8; lane++)
			assert_true(a->limb[i].lane[lane] < bound);
}

static void equal_in_lanes(const struct ifma_fe *got, const struct ifma_fe *a,
			   const struct ifma_fe *b,
			   void (*ref)(u8 *, const u8 *, const u8 *))
{
	u8 x[32], y[32], want[32], g[32];
	int lane;

	for (lane = 0; lane < 8; lane++) {
		lane_bytes(x, a, lane);
		lane_bytes(y, b, lane);
		lane_bytes(g, got, lane);
		ref(want, x, y);
		assert_memory_equal(g, want, 32);
	}
}

static void test_products_of_carried_elements(void **state)
{
	struct ifma_fe a, b, r;
	u64 rng = 1;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, carried);
		make(&b, &rng, carried);
		fe8_store(&r, fe8_mul(fe8_load(&a), fe8_load(&b)));
		all_below(&r, wide);
		equal_in_lanes(&r, &a, &b, ref_mul_p);
		fe8_store(&r, fe8_sqr(fe8_load(&a)));
		all_below(&r, wide);
		equal_in_lanes(&r, &a, &a, ref_mul_p);
	}
}

static void test_sums_and_differences_of_wide_elements(void **state)
{
	struct ifma_fe a, b, r, c;
	u64 rng = 2;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, 2 * wide);
		make(&b, &rng, wide);
		fe8_store(&r, fe8_add(fe8_load(&a), fe8_load(&b)));
		equal_in_lanes(&r, &a, &b, ref_add_p);
		fe8_store(&r, fe8_sub(fe8_load(&a), fe8_load(&b)));
		all_below(&r, 1ULL << 62);
		equal_in_lanes(&a, &r, &b, ref_add_p);
		fe8_store(&c, fe8_carry(fe8_load(&r)));
		all_below(&c, carried);
		equal_in_lanes(&a, &c, &b, ref_add_p);
	}
}

static void test_carry_takes_anything_below_2_63(void **state)
{
	struct ifma_fe a, r, zero;
	u64 rng = 3;
	int i;

	(void)state;
	fe8_store(&zero, fe8_small(0));
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, 1ULL << 63);
		fe8_store(&r, fe8_carry(fe8_load(&a)));
		all_below(&r, carried + (1ULL << 17));
		equal_in_lanes(&r, &a, &zero, ref_add_p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products_of_carried_elements),
		cmocka_unit_test(test_sums_and_differences_of_wide_elements),
		cmocka_unit_test(test_carry_takes_anything_below_2_63),
	};

	if (!fpu_has_lanes()) {
		print_message("1..0 # SKIP no AVX-512 IFMA and VBMI\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, support_setup, NULL);
}
