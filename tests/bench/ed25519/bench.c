// SPDX-License-Identifier: Apache-2.0
/*
 * Verifications per CPU second for known keys, ours against libsodium and
 * OpenSSL: all in one process, batch by batch in turn, so that each evicts the
 * others' code and tables from the caches. Prints JSON; checks every verdict,
 * asserts no speed.
 *
 * Where the work is, for a key with 16 KiB: 37 additions from its table and 22
 * from the base point's, 7 products each, and 18 doublings of 4 products and 4
 * squares; the last addition before a doubling saves one product, the shared
 * inversion costs 5 a signature. 544 products in all, nine tenths of the time of
 * plain C; hashing 355 bytes is the other large part (2,700 cycles of 37,000 on
 * a Zen 4), digits and reduction less than half of that. What bought what in
 * plain C there, against libsodium 1.0.18: 3.6 with carries that shift across
 * words, 4.4 to 4.5 with carries that do not and sums written out, 4.8 to 5.0
 * with 22 instead of 30 additions from the base point's table and its rows
 * prefetched. The four-word field with MULX and ADX makes that 6.0 to 6.2.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "eval.h"
#include "fpu.h"
#include "lanes.h"

enum {
	KEYS_MAX = 10000,
	HEAD_BYTES = 51,	/* a beat's constant prefix */
	BODY_BYTES = 224,
	MSG_BYTES = HEAD_BYTES + BODY_BYTES,
	BATCH = ED25519_BATCH,
	RUNS = 5,
	OPENSSL_EVERY = 4,	/* it is slow: a batch in four is enough */
	BATCHES_MIN = 160,
};

enum kind { LIBSODIUM, OPENSSL, SCALAR, IFMA };

struct contender {
	const char *impl;	/* as reported */
	const char *field;
	enum kind kind;
	bool adx;
	size_t table_bytes;
	size_t keys_max;
	struct ed25519_key *keys;
	double seconds[RUNS];	/* per verification */
};

static struct contender contenders[] = {
	{ "libsodium", "", LIBSODIUM, false, 0, KEYS_MAX, NULL, { 0 } },
	{ "openssl", "", OPENSSL, false, 0, KEYS_MAX, NULL, { 0 } },
	{ "scalar-c", "51-bit limbs", SCALAR, false, 16384, KEYS_MAX, NULL, { 0 } },
	{ "scalar", "mulx/adx", SCALAR, true, 4096, KEYS_MAX, NULL, { 0 } },
	{ "scalar", "mulx/adx", SCALAR, true, 16384, KEYS_MAX, NULL, { 0 } },
	{ "ifma", "8 lanes", IFMA, true, 4096, KEYS_MAX, NULL, { 0 } },
	{ "ifma", "8 lanes", IFMA, true, 16384, KEYS_MAX, NULL, { 0 } },
	{ "ifma", "8 lanes", IFMA, true, 65536, 1000, NULL, { 0 } },
};
enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

static unsigned char pub[KEYS_MAX][32], sig[KEYS_MAX][64];
static unsigned char msg[KEYS_MAX][MSG_BYTES];
static EVP_PKEY *pkey[KEYS_MAX];
static EVP_MD_CTX *md;
static struct lanes_scratch *lanes;
static struct ed25519_job jobs[BATCH];

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* Huge pages, as the kernel's direct map has. */
static void *table_memory(size_t bytes)
{
	void *p = aligned_alloc(2 << 20, (bytes + (2 << 20) - 1) & ~(size_t)((2 << 20) - 1));

	if (!p)
		die("no memory");
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void make_signatures(size_t n)
{
	unsigned char sk[64];
	size_t i;

	for (i = 0; i < n; i++) {
		crypto_sign_keypair(pub[i], sk);
		randombytes_buf(msg[i], MSG_BYTES);
		crypto_sign_detached(sig[i], NULL, msg[i], MSG_BYTES, sk);
		pkey[i] = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						      pub[i], 32);
		if (!pkey[i])
			die("OpenSSL refuses a key");
	}
}

static void load_keys(struct contender *c, size_t n, void *scratch)
{
	u8 *tables;
	size_t i;

	if (n > c->keys_max)
		n = c->keys_max;
	tables = table_memory(n * c->table_bytes);
	c->keys = calloc(n, sizeof(*c->keys));
	if (!c->keys)
		die("no memory");
	for (i = 0; i < n; i++) {
		c->keys[i].shape = comb_shape_for_bytes(c->table_bytes);
		c->keys[i].table = (struct ge_entry *)(tables + i * c->table_bytes);
		if (ed25519_key_load(&c->keys[i], pub[i], scratch))
			die("a good key was refused");
	}
}

static void verify_libsodium(size_t from, size_t keys)
{
	size_t i, k;

	for (i = 0; i < BATCH; i++) {
		k = (from + i) % keys;
		if (crypto_sign_verify_detached(sig[k], msg[k], MSG_BYTES, pub[k]))
			die("libsodium refuses");
	}
}

static void verify_openssl(size_t from, size_t keys)
{
	size_t i, k;

	for (i = 0; i < BATCH; i++) {
		k = (from + i) % keys;
		EVP_MD_CTX_reset(md);
		if (EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey[k]) != 1 ||
		    EVP_DigestVerify(md, sig[k], 64, msg[k], MSG_BYTES) != 1)
			die("OpenSSL refuses");
	}
}

static void verify_ours(const struct contender *c, size_t from, size_t keys)
{
	size_t i, k;
	u64 good;

	for (i = 0; i < BATCH; i++) {
		k = (from + i) % keys;
		jobs[i] = (struct ed25519_job){ &c->keys[k], sig[k], msg[k],
			msg[k] + HEAD_BYTES, HEAD_BYTES, BODY_BYTES };
	}
	eval_use_adx = c->adx;
	if (c->kind == IFMA)
		good = lanes_verify_batch(lanes, jobs, BATCH);
	else
		good = ed25519_verify_batch(&lanes->scalar, jobs, BATCH);
	if (good != ~0ULL)
		die("we refuse");
}

static void verify(const struct contender *c, size_t from, size_t keys)
{
	switch (c->kind) {
	case LIBSODIUM:
		verify_libsodium(from, keys);
		return;
	case OPENSSL:
		verify_openssl(from, keys);
		return;
	case SCALAR:
	case IFMA:
		verify_ours(c, from, keys);
		return;
	}
}

static bool takes_part(const struct contender *c, size_t keys)
{
	if (keys > c->keys_max)
		return false;
	if (c->kind == IFMA)
		return fpu_has_lanes();
	return c->kind != SCALAR || !c->adx || eval_adx_available();
}

/* One run: every key at least once, each batch by every contender in turn. */
static void run(size_t keys, int r)
{
	size_t batches = (keys + BATCH - 1) / BATCH, b, c, done[CONTENDERS] = { 0 };
	double t0, sum[CONTENDERS] = { 0 };

	if (batches < BATCHES_MIN)
		batches = BATCHES_MIN;
	for (b = 0; b < batches; b++)
		for (c = 0; c < CONTENDERS; c++) {
			if (!takes_part(&contenders[c], keys))
				continue;
			if (contenders[c].kind == OPENSSL && b % OPENSSL_EVERY)
				continue;
			t0 = cpu_seconds();
			verify(&contenders[c], b * BATCH % keys, keys);
			sum[c] += cpu_seconds() - t0;
			done[c] += BATCH;
		}
	for (c = 0; c < CONTENDERS; c++)
		contenders[c].seconds[r] = done[c] ? sum[c] / done[c] : 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double v[RUNS])
{
	double s[RUNS];

	memcpy(s, v, sizeof(s));
	qsort(s, RUNS, sizeof(s[0]), ascending);
	return s[RUNS / 2];
}

/* Ratios are taken within a run, then their median: drift cancels. */
static double ratio_to(const struct contender *c, const struct contender *to)
{
	double v[RUNS];
	int r;

	for (r = 0; r < RUNS; r++)
		v[r] = to->seconds[r] / c->seconds[r];
	return median(v);
}

static void report(size_t keys, bool *first)
{
	const struct contender *c;
	int r, i;

	for (c = contenders; c < contenders + CONTENDERS; c++) {
		if (!takes_part(c, keys))
			continue;
		printf("%s\n    {\"impl\": \"%s\", \"field\": \"%s\", \"keys\": %zu, "
		       "\"table_bytes\": %zu, \"verifies_per_cpu_s\": %.0f, "
		       "\"ratio_libsodium\": %.2f, \"ratio_openssl\": %.2f, \"runs\": [",
		       *first ? "" : ",", c->impl, c->field, keys, c->table_bytes,
		       1 / median(c->seconds), ratio_to(c, &contenders[0]),
		       ratio_to(c, &contenders[1]));
		for (r = i = 0; r < RUNS; r++, i++)
			printf("%s%.0f", i ? ", " : "", 1 / c->seconds[r]);
		printf("]}");
		*first = false;
	}
	fflush(stdout);
}

static void print_cpu(void)
{
	char line[256], *name = NULL;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "model name", 10) && (name = strchr(line, ':')))
			break;
	if (f)
		fclose(f);
	if (name)
		name[strcspn(name, "\n\"")] = 0;
	printf("{\n  \"cpu\": \"%s\",\n  \"has_ifma\": %s,\n  \"where\": \"userspace\",\n"
	       "  \"libsodium\": \"%s\",\n  \"openssl\": \"%s\",\n  \"batch\": %d,\n"
	       "  \"message_bytes\": %d,\n  \"results\": [", name ? name + 2 : "unknown",
	       fpu_has_lanes() ? "true" : "false", sodium_version_string(),
	       OpenSSL_version(OPENSSL_VERSION_STRING), BATCH, MSG_BYTES);
}

/*
 * FPU sections: fpu_enter() and fpu_leave() are wrapped by the linker, and time is
 * taken only while @section_us is set. In the kernel nothing else runs on that
 * processor meanwhile.
 */
enum { SECTION_BATCHES = 400, SECTION_KEYS = BATCH };

static double *section_us;	/* the longest of a batch */
static double section_start;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * t.tv_sec + 1e-3 * t.tv_nsec;
}

bool __real_fpu_enter(void);
bool __wrap_fpu_enter(void);
bool __wrap_fpu_enter(void)
{
	if (section_us)
		section_start = now_us();
	return __real_fpu_enter();
}

void __real_fpu_leave(void);
void __wrap_fpu_leave(void);
void __wrap_fpu_leave(void)
{
	double us;

	__real_fpu_leave();
	if (!section_us)
		return;
	us = now_us() - section_start;
	if (us > *section_us)
		*section_us = us;
}

static void report_sections(size_t table_bytes, void *scratch, bool last)
{
	struct contender c = { .kind = IFMA, .adx = eval_adx_available(),
			       .table_bytes = table_bytes, .keys_max = KEYS_MAX };
	double us[SECTION_BATCHES] = { 0 };
	int b;

	load_keys(&c, SECTION_KEYS, scratch);
	for (b = 0; b < SECTION_BATCHES; b++) {
		section_us = &us[b];
		verify_ours(&c, 0, SECTION_KEYS);
	}
	section_us = NULL;
	qsort(us, SECTION_BATCHES, sizeof(us[0]), ascending);
	printf("\n    {\"table_bytes\": %zu, \"signatures\": %d, \"longest_us_median\": %.1f, "
	       "\"longest_us_p99\": %.1f}%s", table_bytes, BATCH,
	       us[SECTION_BATCHES / 2], us[SECTION_BATCHES * 99 / 100],
	       last ? "" : ",");
}

/* Every contender must refuse a broken signature, or its speed means nothing. */
static void refuse_broken(void)
{
	size_t c;
	u64 good;
	int i;

	sig[3][40] ^= 1;
	for (c = 0; c < CONTENDERS; c++) {
		if (!contenders[c].keys || !takes_part(&contenders[c], 1000))
			continue;
		for (i = 0; i < 8; i++)
			jobs[i] = (struct ed25519_job){ &contenders[c].keys[i],
				sig[i], msg[i], msg[i] + HEAD_BYTES, HEAD_BYTES,
				BODY_BYTES };
		eval_use_adx = contenders[c].adx;
		good = contenders[c].kind == IFMA ?
			lanes_verify_batch(lanes, jobs, 8) :
			ed25519_verify_batch(&lanes->scalar, jobs, 8);
		if (good != 0xf7)
			die("a broken signature was not refused");
	}
	sig[3][40] ^= 1;
}

int main(int argc, char **argv)
{
	static const size_t counts[] = { 1, 1000, 10000 };
	size_t keys_max = argc > 1 ? strtoul(argv[1], NULL, 10) : KEYS_MAX, i;
	struct ed25519_base *base = table_memory(sizeof(*base));
	void *scratch = malloc(ed25519_init_scratch_bytes());
	bool first = true;
	int r;

	if (sodium_init() < 0 || !scratch || keys_max < 1 || keys_max > KEYS_MAX)
		die("cannot start");
	lanes = table_memory(sizeof(*lanes));
	md = EVP_MD_CTX_new();
	ed25519_init(base, scratch);
	make_signatures(keys_max);
	for (i = 0; i < CONTENDERS; i++)
		if (contenders[i].table_bytes)
			load_keys(&contenders[i], keys_max, scratch);
	refuse_broken();
	print_cpu();
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (counts[i] > keys_max)
			break;
		run(counts[i], 0); /* not counted: pages and clock settle */
		for (r = 0; r < RUNS; r++)
			run(counts[i], r);
		report(counts[i], &first);
	}
	printf("\n  ],\n  \"fpu_sections\": [");
	for (i = 0; fpu_has_lanes() && keys_max >= SECTION_KEYS && i < COMB_SIZES; i++)
		report_sections(1024 << i, scratch, i + 1 == COMB_SIZES);
	printf("\n  ]\n}\n");
	return 0;
}
