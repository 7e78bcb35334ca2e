// SPDX-License-Identifier: Apache-2.0
/* Endpoint envelopes: exact bytes, both readings of keys, every malformed form,
 * the rules of belief, ids against an independent encoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "envelope.h"

static struct envelope sample(void)
{
	struct envelope e = { .port = 443 };

	memset(e.member_id, 0x10, 32);
	memset(e.wg_pub, 0x20, 32);
	memset(e.ed25519_pub, 0xf0, 32);
	strcpy(e.host, "abababababababababababababababababababab-51900s.gw.test");
	return e;
}

static struct member sender_of(const struct envelope *e)
{
	struct member m = { .index = 3 };

	memcpy(m.id, e->member_id, 32);
	memcpy(m.wg_pub, e->wg_pub, 32);
	memset(m.contract, 0xab, 20);
	return m;
}

static void test_encoding_is_exact(void **state)
{
	uint8_t out[ENVELOPE_PLAIN_MAX_BYTES];
	struct envelope e = sample(), back;
	size_t len = envelope_encode(&e, out);

	(void)state;
	/* map(6) text(4) "kind" array(32) …, then member_id as small integers,
	 * and the beat key as two-byte ones (0x18 0xf0). */
	assert_memory_equal(out, "\xa6\x64kind\x98\x20", 8);
	assert_non_null(memmem(out, len, "\x69member_id\x98\x20\x10\x10", 14));
	assert_non_null(memmem(out, len, "\x64port\x19\x01\xbb\x66wg_pub\x98\x20\x18\x20", 19));
	assert_non_null(memmem(out, len, "\x6b" "ed25519_pub\x98\x20\x18\xf0\x18\xf0", 18));
	assert_int_equal(envelope_decode(&back, out, len), ENVELOPE_OK);
	assert_memory_equal(&back, &e, sizeof(e));
	assert_true(envelope_reserved(out, len));
}

/* The same map with keys as byte strings, in another order, with an unknown
 * field and with the optional ones. */
static size_t variant(uint8_t *out, bool with_port)
{
	uint8_t canon[ENVELOPE_PLAIN_MAX_BYTES], *w = out, *kind;
	struct envelope e = sample();
	size_t len = envelope_encode(&e, canon);

	kind = memmem(canon, len, "kind", 4);
	assert_non_null(kind);
	*w++ = (uint8_t)(0xa0 | (with_port ? 9 : 8));
#define TEXT(t) (*w++ = (uint8_t)(0x60 | (sizeof(t) - 1)), memcpy(w, t, sizeof(t) - 1), \
		 w += sizeof(t) - 1)
#define WORD(p) (memcpy(w, "\x58\x20", 2), memcpy(w + 2, p, 32), w += 34)
	TEXT("udp_ip");
	TEXT("192.0.2.7");
	TEXT("udp_port");
	memcpy(w, "\x19\xca\x6c", 3);
	w += 3;
	TEXT("wg_pub");
	WORD(e.wg_pub);
	TEXT("future");
	memcpy(w, "\x82\xf5\xa1\x61x\x01", 6);
	w += 6;
	TEXT("ed25519_pub");
	WORD(e.ed25519_pub);
	TEXT("member_id");
	WORD(e.member_id);
	TEXT("host");
	*w++ = 0x78;
	*w++ = (uint8_t)strlen(e.host);
	memcpy(w, e.host, strlen(e.host));
	w += strlen(e.host);
	TEXT("kind");
	/* As in the canonical form: an array of integers. */
	for (const uint8_t *p = kind + 4, *end = memmem(canon, len, "\x69member_id", 10);
	     p < end; p++)
		*w++ = *p;
	if (with_port) {
		TEXT("port");
		memcpy(w, "\x1a\x00\x00\x01\xbb", 5);
		w += 5;
	}
	return (size_t)(w - out);
}

static void test_other_encodings_are_understood(void **state)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES];
	struct envelope want = sample(), got;
	size_t len = variant(plain, true);

	(void)state;
	assert_int_equal(envelope_decode(&got, plain, len), ENVELOPE_OK);
	assert_memory_equal(got.wg_pub, want.wg_pub, 32);
	assert_memory_equal(got.ed25519_pub, want.ed25519_pub, 32);
	assert_string_equal(got.host, want.host);
	assert_int_equal(got.port, 443);
	assert_string_equal(got.udp_ip, "192.0.2.7");
	assert_int_equal(got.udp_port, 51820);
	len = variant(plain, false); /* a field is missing */
	assert_int_equal(envelope_decode(&got, plain, len), ENVELOPE_MALFORMED);
}

static void test_every_truncation_is_malformed(void **state)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES + 1], *copy;
	struct envelope e = sample(), got;
	size_t len = envelope_encode(&e, plain);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		copy = malloc(cut ? cut : 1); /* exact, so that the sanitizer sees */
		memcpy(copy, plain, cut);
		assert_int_not_equal(envelope_decode(&got, copy, cut), ENVELOPE_OK);
		free(copy);
	}
	plain[len] = 0; /* and so is a longer one */
	assert_int_equal(envelope_decode(&got, plain, len + 1), ENVELOPE_MALFORMED);
}

static void test_random_changes_never_crash(void **state)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES], *copy;
	struct envelope e = sample(), got;
	size_t len = envelope_encode(&e, plain);
	unsigned int seed = 11;

	(void)state;
	copy = malloc(len);
	for (int round = 0; round < 100000; round++) {
		memcpy(copy, plain, len);
		for (int n = rand_r(&seed) % 4; n >= 0; n--)
			copy[(size_t)rand_r(&seed) % len] = (uint8_t)rand_r(&seed);
		envelope_decode(&got, copy, len);
		assert_true(strlen(got.host) <= ENVELOPE_HOST_MAX);
	}
	free(copy);
}

static void test_duplicate_fields_are_malformed(void **state)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES];
	struct envelope e = sample(), got;
	size_t len = envelope_encode(&e, plain);

	(void)state;
	plain[0] = 0xa7;
	memcpy(plain + len, "\x64port\x19\x01\xbb", 8);
	assert_int_equal(envelope_decode(&got, plain, len + 8), ENVELOPE_MALFORMED);
}

static void test_only_the_kind_is_reserved(void **state)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX_BYTES];
	struct envelope e = sample(), got;
	size_t len = envelope_encode(&e, plain), kind_end = 8 + 2 * 32;

	(void)state;
	assert_int_equal(envelope_decode(&got, (const uint8_t *)"hello", 5), ENVELOPE_OTHER_KIND);
	assert_false(envelope_reserved((const uint8_t *)"", 0));
	assert_false(envelope_reserved((const uint8_t *)"\xa0", 1));
	/* A map that goes wrong after the kind, or has no definite length. */
	memset(plain + kind_end + 2, 0xff, len - kind_end - 2);
	assert_true(envelope_reserved(plain, len));
	assert_int_equal(envelope_decode(&got, plain, len), ENVELOPE_MALFORMED);
	len = envelope_encode(&e, plain);
	plain[0] = 0xbf;
	assert_true(envelope_reserved(plain, len));
	assert_int_equal(envelope_decode(&got, plain, len), ENVELOPE_MALFORMED);
	/* Another kind is an application's own business. */
	len = envelope_encode(&e, plain);
	plain[9] ^= 1;
	assert_false(envelope_reserved(plain, len));
	assert_int_equal(envelope_decode(&got, plain, len), ENVELOPE_OTHER_KIND);
}

static void test_ids_equal_an_independent_encoder(void **state)
{
	uint8_t a[32], b[32], secret[32], id[32], want[32];

	(void)state;
	memset(a, 0x11, 32);
	memset(b, 0x22, 32);
	memset(secret, 0x33, 32);
	hex_decode(want, 32, "447d486f092825ac7b02ee87eca83381632b6497a7b131ed58c68949f64993ca");
	envelope_id(id, a, b, (const uint8_t *)"plain", 5, secret, 0);
	assert_memory_equal(id, want, 32);
	hex_decode(want, 32, "304bfa3e73ed4bce7fc23bbcf1385ff7084d152b0386001db8d59fc2f6ed6b30");
	envelope_id(id, a, b, (const uint8_t *)"plain", 5, secret, 2);
	assert_memory_equal(id, want, 32);
}

#define REFUSED(change) do { \
		struct envelope e = sample(); \
		struct member m = sender_of(&e); \
		const char *domains = NULL; \
		assert_null(envelope_refusal(&e, &m, domains)); \
		change; \
		assert_non_null(envelope_refusal(&e, &m, domains)); \
		(void)m; \
	} while (0)

static void test_rules_of_belief(void **state)
{
	struct envelope good = sample();
	struct member from = sender_of(&good);

	(void)state;
	REFUSED(m.id[0] ^= 1);
	REFUSED(m.wg_pub[0] ^= 1);
	REFUSED(m.removed_at = 1);
	REFUSED((memset(m.wg_pub, 0, 32), memset(e.wg_pub, 0, 32)));
	REFUSED(memset(e.ed25519_pub, 0, 32));
	REFUSED(e.port = 444);
	REFUSED(e.port = 0);
	REFUSED(m.contract[19] ^= 1);
	REFUSED(strcpy(e.host, "gw.test"));
	REFUSED(strcpy(e.host, ""));
	REFUSED(e.host[0] = 'A');
	REFUSED(strcpy(e.host + 40, "-51900.gw.test"));
	REFUSED(strcpy(e.host + 40, "-51900g.gw.test"));
	REFUSED(strcpy(e.host + 40, "-0s.gw.test"));
	REFUSED(strcpy(e.host + 40, "-65536s.gw.test"));
	REFUSED(strcpy(e.host + 40, "-51900s."));
	REFUSED(strcpy(e.host + 40, "-51900s..test"));
	REFUSED(strcpy(e.host + 40, "-51900s.gw test"));
	REFUSED(strcpy(e.host + 40, "-51900s.gw.test:1"));
	REFUSED(domains = "gw.other");
	REFUSED(domains = "gw.tes,w.test,xgw.test");
	assert_non_null(envelope_refusal(&good, NULL, NULL));
	assert_null(envelope_refusal(&good, &from, ""));
	assert_null(envelope_refusal(&good, &from, "gw.test"));
	assert_null(envelope_refusal(&good, &from, "a.b,gw.test"));
	strcpy(good.host + 40, "-65535s.gw.test");
	assert_null(envelope_refusal(&good, &from, NULL));
}

static void test_host_is_bounded(void **state)
{
	char host[ENVELOPE_HOST_MAX + 1], domain[300];
	uint8_t contract[20];

	(void)state;
	memset(contract, 0xab, 20);
	assert_true(envelope_host(host, contract, 51900, "gw.test"));
	assert_string_equal(host, "abababababababababababababababababababab-51900s.gw.test");
	memset(domain, 'a', sizeof(domain));
	domain[ENVELOPE_HOST_MAX - 48] = '\0'; /* 40 digits, "-51900s." */
	assert_true(envelope_host(host, contract, 51900, domain));
	domain[ENVELOPE_HOST_MAX - 48] = 'a';
	domain[ENVELOPE_HOST_MAX - 47] = '\0';
	assert_false(envelope_host(host, contract, 51900, domain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding_is_exact),
		cmocka_unit_test(test_other_encodings_are_understood),
		cmocka_unit_test(test_every_truncation_is_malformed),
		cmocka_unit_test(test_random_changes_never_crash),
		cmocka_unit_test(test_duplicate_fields_are_malformed),
		cmocka_unit_test(test_only_the_kind_is_reserved),
		cmocka_unit_test(test_ids_equal_an_independent_encoder),
		cmocka_unit_test(test_rules_of_belief),
		cmocka_unit_test(test_host_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
