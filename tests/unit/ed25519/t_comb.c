// SPDX-License-Identifier: Apache-2.0
/*
 * Combs: every digit value in every column of every table size, in each field
 * and each lane, against libsodium's scalar multiplication; building; decoding
 * and encoding of points; multiples of the base point.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

struct lane_case {
	struct comb_pair pair;
	u8 want[32];
};

static struct ifma_scratch *ifma;

/* h += digit's multiple: sum of +-2^((i*T + j)*S + c) over the teeth */
static void add_digit(u8 h[32], const struct comb_shape *s, int comb,
		      int column, u16 digit)
{
	int index = (digit & COMB_INDEX) - (comb << (s->teeth - 1)), j, bit;
	bool negative = digit & COMB_NEGATIVE, plus;
	u8 wide[64], power[32];

	for (j = 0; j < s->teeth; j++) {
		bit = (comb * s->teeth + j) * s->spacing + column;
		memset(wide, 0, sizeof(wide));
		wide[bit / 8] = 1 << bit % 8;
		crypto_core_ed25519_scalar_reduce(power, wide);
		plus = (j == s->teeth - 1 || index >> j & 1) != negative;
		if (plus)
			crypto_core_ed25519_scalar_add(h, h, power);
		else
			crypto_core_ed25519_scalar_sub(h, h, power);
	}
}

/* In (comb, column) the value @v + its number: over all v, all values come. */
static void fill_digits(struct comb_digits *d, u8 k[32],
			const struct comb_shape *s, int v)
{
	int i, c, values = 1 << s->teeth, x;

	memset(d, 0, sizeof(*d));
	memset(k, 0, 32);
	for (c = 0; c < s->spacing; c++)
		for (i = 0; i < s->combs; i++) {
			x = (v + 7 * (c * s->combs + i)) % values;
			d->d[c * s->combs + i] =
				(i << (s->teeth - 1)) + (x >> 1) +
				(x & 1 ? COMB_NEGATIVE : 0);
			add_digit(k, s, i, c, d->d[c * s->combs + i]);
		}
}

/* [k]P, also for k = 0 */
static void multiple(u8 r[32], const u8 k[32], const u8 p[32])
{
	static const u8 identity[32] = { 1 };

	if (crypto_scalarmult_ed25519_noclamp(r, k, p))
		memcpy(r, identity, 32);
}

static void make_case(struct lane_case *lc, const struct ed25519_key *key, int v)
{
	u8 ka[32], kb[32], a[32], b[32], one[32] = { 1 }, base[32];

	lc->pair.shape = key->shape;
	lc->pair.table = key->table;
	lc->pair.base = ed25519_base_table();
	fill_digits(&lc->pair.a, ka, key->shape, v);
	fill_digits(&lc->pair.b, kb, &comb_base_verify, 3 * v + 1);
	crypto_core_ed25519_scalar_negate(ka, ka); /* the table is -A's */
	multiple(a, ka, key->pub);
	crypto_scalarmult_ed25519_base_noclamp(base, one);
	multiple(b, kb, base);
	crypto_core_ed25519_add(lc->want, a, b);
}

static void check_scalar(const struct lane_case *lc)
{
	struct ge r;
	u8 got[32];

	comb_evaluate(&r, &lc->pair, NULL);
	ge_encode(got, &r);
	assert_memory_equal(got, lc->want, 32);
	if (!support_has_adx())
		return;
	eval_adx_pair(&r, &lc->pair, &lc->pair);
	ge_encode(got, &r);
	assert_memory_equal(got, lc->want, 32);
}

/* From the order of adding, all combs of a column, to that of one comb. */
static void to_lane(struct ifma_digits *o, const struct comb_digits *d,
		    const struct comb_shape *s, int lane)
{
	int i, c, at;

	for (i = 0; i < s->combs; i++)
		for (c = 0; c < s->spacing; c++) {
			at = i * s->spacing + c;
			o->index[at * IFMA_LANES + lane] =
				d->d[c * s->combs + i] & COMB_INDEX;
			o->negative[at] &= ~(1 << lane);
			if (d->d[c * s->combs + i] & COMB_NEGATIVE)
				o->negative[at] |= 1 << lane;
		}
}

static void check_lanes(const struct lane_case lc[8])
{
	struct ifma_pair *p = &ifma->pair[0];
	int lane;

	for (lane = 0; lane < 8; lane++) {
		p->shape = lc[lane].pair.shape;
		p->table[lane] = lc[lane].pair.table;
		to_lane(&p->a, &lc[lane].pair.a, p->shape, lane);
		to_lane(&p->b, &lc[lane].pair.b, &comb_base_verify, lane);
	}
	ifma_evaluate(ifma, 0, p, p);
	ifma_encode(ifma, 1);
	for (lane = 0; lane < 8; lane++)
		assert_memory_equal(ifma->encoding[0][lane], lc[lane].want, 32);
}

static void test_every_digit_in_every_column(void **state)
{
	struct ed25519_key *key[2];
	static struct lane_case lc[8];
	unsigned char pub[32], sk[64];
	int size, v, values, lane;

	(void)state;
	ifma = support_alloc(sizeof(*ifma));
	for (size = 0; size < COMB_SIZES; size++) {
		for (v = 0; v < 2; v++) {
			crypto_sign_keypair(pub, sk);
			key[v] = support_key(pub, 1024 << size);
			assert_non_null(key[v]);
		}
		/* the base's combs have more teeth: all their digits once */
		values = 1 << (size ? comb_key_shapes[size].teeth :
			       comb_base_verify.teeth);
		for (v = 0; v < values; v += 8) {
			for (lane = 0; lane < 8; lane++) {
				make_case(&lc[lane], key[lane & 1], v + lane);
				check_scalar(&lc[lane]);
			}
			if (support_has_ifma())
				check_lanes(lc);
		}
		support_key_free(key[0]);
		support_key_free(key[1]);
	}
	free(ifma);
}

static void test_shapes_cover_the_scalar_and_fit(void **state)
{
	const struct comb_shape *s;
	int i;

	(void)state;
	for (i = 0; i < COMB_SIZES; i++) {
		s = &comb_key_shapes[i];
		assert_int_equal(comb_table_bytes(s), 1024 << i);
		assert_ptr_equal(comb_shape_for_bytes(1024 << i), s);
		assert_true(comb_bits(s) >= COMB_BITS_MIN);
		assert_true(comb_bits(s) <= COMB_BITS_MAX);
		assert_true(s->spacing >= comb_base_verify.spacing);
		assert_true(s->combs * ((s->spacing + 7) / 8 * 8) <=
			    COMB_DIGITS_MAX);
	}
	assert_true(comb_bits(&comb_base_verify) >= COMB_BITS_MIN);
	assert_true(comb_bits(&comb_base_sign) >= COMB_BITS_MIN);
	assert_int_equal(comb_base_verify.entries, 4096);
	assert_int_equal(comb_base_sign.entries, 64);
	assert_null(comb_shape_for_bytes(0));
	assert_null(comb_shape_for_bytes(512));
	assert_null(comb_shape_for_bytes(4095));
	assert_null(comb_shape_for_bytes(131072));
}

static void test_base_multiples(void **state)
{
	static struct ge_entry table[64] __attribute__((aligned(64)));
	void *scratch = support_alloc(comb_scratch_bytes(&comb_base_sign));
	u8 k[32], want[32], got[32], low[32] = { 0 };
	struct sc s;
	struct ge r;
	int i;

	(void)state;
	comb_build(table, &comb_base_sign, &ge_base, scratch);
	for (i = 0; i < 300; i++) {
		crypto_core_ed25519_scalar_random(k);
		if (i < 20) {
			low[0] = i + 1;
			memcpy(k, low, 32);
			if (i & 1)
				crypto_core_ed25519_scalar_negate(k, low);
		}
		sc_from_bytes(&s, k);
		comb_base_mult(&r, table, &s);
		ge_encode(got, &r);
		crypto_scalarmult_ed25519_base_noclamp(want, k);
		assert_memory_equal(got, want, 32);
	}
	memset(&s, 0, sizeof(s));
	comb_base_mult(&r, table, &s);
	assert_true(ge_is_identity(&r));
	free(scratch);
}

static void test_points_survive_encoding(void **state)
{
	u8 p[32], q[32];
	struct ge g, n;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		crypto_core_ed25519_random(p);
		assert_int_equal(ge_decode(&g, p), GE_DECODED);
		ge_encode(q, &g);
		assert_memory_equal(p, q, 32);
		assert_true(ge_has_prime_order(&g));
		ge_negate(&n, &g);
		ge_add(&n, &n, &g);
		assert_true(ge_is_identity(&n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes_cover_the_scalar_and_fit),
		cmocka_unit_test(test_every_digit_in_every_column),
		cmocka_unit_test(test_base_multiples),
		cmocka_unit_test(test_points_survive_encoding),
	};

	return cmocka_run_group_tests(tests, support_setup, NULL);
}
