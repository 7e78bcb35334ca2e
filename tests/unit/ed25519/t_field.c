// SPDX-License-Identifier: Apache-2.0
/*
 * The portable field and the four-word one against bitwise arithmetic: random
 * values, and every limb at its bound.
 */
#include "support.h"
#include "fe_adx.h"

#include <string.h>

enum { ROUNDS = 300 };

/* Elements as large as the operations allow: what fe.h calls loose and tight. */
static u64 limb(u64 *rng, u64 bound)
{
	switch (support_random(rng) % 4) {
	case 0:
		return bound - 1;
	case 1:
		return 0;
	default:
		return support_random(rng) % bound;
	}
}

static void make(struct fe *a, u64 *rng, u64 bound)
{
	int i;

	for (i = 0; i < 5; i++)
		a->v[i] = limb(rng, bound);
}

static void check_mul(const struct fe *a, const struct fe *b)
{
	u8 ab[32], bb[32], want[32], got[32];
	struct fe r;
	int i;

	fe_to_bytes(ab, a);
	fe_to_bytes(bb, b);
	fe_mul(&r, a, b);
	for (i = 0; i < 5; i++)
		assert_true(r.v[i] < (1ULL << 51) + (1ULL << 15));
	fe_to_bytes(got, &r);
	ref_mul_p(want, ab, bb);
	assert_memory_equal(got, want, 32);
	fe_sqr(&r, a);
	for (i = 0; i < 5; i++)
		assert_true(r.v[i] < (1ULL << 51) + (1ULL << 15));
	fe_to_bytes(got, &r);
	ref_mul_p(want, ab, ab);
	assert_memory_equal(got, want, 32);
}

static void test_products_of_loose_elements(void **state)
{
	u64 rng = 1;
	struct fe a, b;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, 1ULL << 54);
		make(&b, &rng, 1ULL << 54);
		check_mul(&a, &b);
	}
}

static void test_sums_and_differences_of_tight_elements(void **state)
{
	const u64 tight = (1ULL << 51) + (1ULL << 15);
	u8 ab[32], bb[32], rb[32], back[32];
	struct fe a, b, r;
	u64 rng = 2;
	int i, k;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, tight);
		make(&b, &rng, tight);
		fe_to_bytes(ab, &a);
		fe_to_bytes(bb, &b);
		fe_add(&r, &a, &b);
		fe_to_bytes(rb, &r);
		ref_add_p(back, ab, bb);
		assert_memory_equal(rb, back, 32);
		fe_sub(&r, &a, &b);
		for (k = 0; k < 5; k++)
			assert_true(r.v[k] < 1ULL << 54);
		fe_to_bytes(rb, &r);
		ref_add_p(back, rb, bb);
		assert_memory_equal(back, ab, 32);
	}
}

/* What is subtracted may have limbs up to 2^53 - 77, the largest below 4p's. */
static void test_differences_at_their_bound(void **state)
{
	static const u8 zero[32];
	u8 ab[32], bb[32], rb[32], back[32];
	struct fe a, b, r;
	u64 rng = 4;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		make(&a, &rng, (1ULL << 51) + (1ULL << 15));
		make(&b, &rng, (1ULL << 53) - 76);
		fe_to_bytes(ab, &a);
		fe_to_bytes(bb, &b);
		fe_sub(&r, &a, &b);
		fe_to_bytes(rb, &r);
		ref_add_p(back, rb, bb);
		assert_memory_equal(back, ab, 32);
		fe_neg(&r, &b);
		fe_to_bytes(rb, &r);
		ref_add_p(back, rb, bb);
		assert_memory_equal(back, zero, 32);
	}
}

/* 0, 1, p - 1, p, p + 1, 2^255 - 1: bytes in, the value below p out */
static void test_encoding_is_canonical(void **state)
{
	u8 s[32], out[32], low;
	struct fe a;
	int i;

	(void)state;
	for (i = 0; i < 38; i++) {
		memset(s, 0xff, 32);
		s[31] = 0x7f;
		s[0] = 0xff - i;
		fe_from_bytes(&a, s);
		fe_to_bytes(out, &a);
		low = 0xff - 0xed - i;	/* s - p while that is not negative */
		if (i <= 18) {
			memset(s, 0, 32);
			s[0] = low;
		}
		assert_memory_equal(out, s, 32);
		assert_int_equal(fe_is_zero(&a), i == 18);
	}
}

static void test_inverse_times_itself_is_one(void **state)
{
	static const u8 one[32] = { 1 };
	struct fe a, r;
	u64 rng = 3;
	u8 out[32];
	int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		make(&a, &rng, 1ULL << 51);
		fe_invert(&r, &a);
		fe_mul(&r, &r, &a);
		fe_to_bytes(out, &r);
		if (!fe_is_zero(&a))
			assert_memory_equal(out, one, 32);
	}
	fe_set(&a, 0);
	fe_invert(&r, &a);
	assert_true(fe_is_zero(&r));
}

static void test_constants(void **state)
{
	struct fe t, u;
	u8 out[32], want[32] = { 0xec };

	(void)state;
	fe_sqr(&t, &fe_sqrt_m1);
	fe_to_bytes(out, &t);
	memset(want + 1, 0xff, 31);
	want[31] = 0x7f;
	assert_memory_equal(out, want, 32);	/* -1 */
	fe_set(&u, 121666);
	fe_mul(&t, &fe_d, &u);
	fe_set(&u, 121665);
	fe_add(&t, &t, &u);
	assert_true(fe_is_zero(&t));
	fe_add(&t, &fe_d, &fe_d);
	fe_sub(&t, &t, &fe_2d);
	assert_true(fe_is_zero(&t));
	fe_add(&t, &fe_half, &fe_half);
	fe_to_bytes(out, &t);
	memset(want, 0, 32);
	want[0] = 1;
	assert_memory_equal(out, want, 32);
}

/* Four-word elements may be any 256 bits, so all ones and the like must work. */
static u64 word(u64 *rng)
{
	switch (support_random(rng) % 4) {
	case 0:
		return ~0ULL;
	case 1:
		return support_random(rng) % 40;
	case 2:
		return ~0ULL - support_random(rng) % 40;
	default:
		return support_random(rng);
	}
}

static void f4_bytes(u8 s[32], const struct f4 *a)
{
	struct fe t;

	f4_to_fe(&t, a);
	fe_to_bytes(s, &t);
}

static void check_f4(const struct f4 *a, const struct f4 *b)
{
	u8 ab[32], bb[32], got[32], want[32];
	struct f4 r;

	f4_bytes(ab, a);
	f4_bytes(bb, b);
	f4_mul(&r, a, b);
	f4_bytes(got, &r);
	ref_mul_p(want, ab, bb);
	assert_memory_equal(got, want, 32);
	f4_sqr(&r, a);
	f4_bytes(got, &r);
	ref_mul_p(want, ab, ab);
	assert_memory_equal(got, want, 32);
	f4_add(&r, a, b);
	f4_bytes(got, &r);
	ref_add_p(want, ab, bb);
	assert_memory_equal(got, want, 32);
	f4_sub(&r, a, b);
	f4_bytes(got, &r);
	ref_add_p(want, got, bb);
	assert_memory_equal(want, ab, 32);
}

static void test_four_word_field_takes_any_256_bits(void **state)
{
	struct f4 a, b, r;
	u64 rng = 4;
	int i, k;

	(void)state;
	if (!support_has_adx()) {
		print_message("# skipped: no BMI2 and ADX\n");
		skip();
	}
	for (i = 0; i < 2 * ROUNDS; i++) {
		for (k = 0; k < 4; k++) {
			a.v[k] = word(&rng);
			b.v[k] = word(&rng);
		}
		check_f4(&a, &b);
	}
	/* in place, as the laws use them */
	r = a;
	f4_mul(&r, &r, &r);
	f4_sqr(&a, &a);
	assert_memory_equal(&r, &a, sizeof(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products_of_loose_elements),
		cmocka_unit_test(test_sums_and_differences_of_tight_elements),
		cmocka_unit_test(test_differences_at_their_bound),
		cmocka_unit_test(test_encoding_is_canonical),
		cmocka_unit_test(test_inverse_times_itself_is_one),
		cmocka_unit_test(test_constants),
		cmocka_unit_test(test_four_word_field_takes_any_256_bits),
	};

	return cmocka_run_group_tests(tests, support_setup, NULL);
}
