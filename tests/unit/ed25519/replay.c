// SPDX-License-Identifier: Apache-2.0
/*
 * Runs recorded cases (see tests/fuzz/ed25519) on a machine that has nothing but
 * a C library: 32-bit, big-endian, emulated. Lines of the record:
 *
 *	v PUB SIG MSG VERDICT	k PUB ERROR	s SEED MSG SIG
 */
#include "selftest.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 4096, MSG_MAX = 1024 };

static struct selftest_memory *memory;
static struct ed25519_batch_scratch batch;
static unsigned long passed, failed;

static void count(bool ok, const char *line)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	fprintf(stderr, "differs: %.200s\n", line);
}

/* Returns the number of bytes; "-" is none. */
static size_t unhex(u8 *out, const char *hex)
{
	unsigned int byte;
	size_t n = 0;

	if (hex[0] == '-')
		return 0;
	for (; hex[0] && hex[1] && n < MSG_MAX; hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1)
			exit(2);
		out[n++] = byte;
	}
	return n;
}

static enum ed25519_key_error load(const u8 *pub)
{
	memory->key.table = memory->table;
	memory->key.shape = comb_shape_for_bytes(sizeof(memory->table));
	return ed25519_key_load(&memory->key, pub, memory->scratch);
}

static bool verdict(char word[4][2200])
{
	struct ed25519_job job = { .key = &memory->key };
	u8 pub[MSG_MAX], sig[MSG_MAX], msg[MSG_MAX];
	bool alone;

	unhex(pub, word[0]);
	unhex(sig, word[1]);
	job.sig = sig;
	job.msg = msg;
	job.msg_bytes = unhex(msg, word[2]);
	if (load(pub))
		return false;
	alone = ed25519_verify(&job);
	return alone == (word[3][0] == '1') &&
	       ed25519_verify_batch(&batch, &job, 1) == alone;
}

struct message {
	u8 data[MSG_MAX];
	size_t bytes;
};

static void feed(void *v, struct ed_sha512 *hash)
{
	struct message *m = v;

	ed_sha512_update(hash, m->data, m->bytes);
}

static bool signature(char word[4][2200])
{
	u8 seed[MSG_MAX], want[MSG_MAX], sig[64];
	struct ed25519_secret secret;
	struct message m;

	unhex(seed, word[0]);
	m.bytes = unhex(m.data, word[1]);
	unhex(want, word[2]);
	ed25519_secret_load(&secret, seed);
	ed25519_sign(sig, &secret, feed, &m);
	return !memcmp(sig, want, sizeof(sig));
}

static void run(const char *line)
{
	static char word[4][2200];
	u8 pub[MSG_MAX];
	int n;

	n = sscanf(line + 1, "%2199s %2199s %2199s %2199s", word[0], word[1],
		   word[2], word[3]);
	if (line[0] == 'v' && n == 4) {
		count(verdict(word), line);
	} else if (line[0] == 's' && n == 3) {
		count(signature(word), line);
	} else if (line[0] == 'k' && n == 2) {
		unhex(pub, word[0]);
		count((int)load(pub) == atoi(word[1]), line);
	} else {
		fprintf(stderr, "not a record: %.80s\n", line);
		exit(2);
	}
}

static u64 scalar_batch(void *ctx, const struct ed25519_job *jobs, unsigned int n)
{
	return ed25519_verify_batch(ctx, jobs, n);
}

int main(int argc, char **argv)
{
	static struct ed25519_base base;
	static char line[LINE_MAX_BYTES];
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;

	memory = aligned_alloc(64, (sizeof(*memory) + 63) & ~(size_t)63);
	if (!f || !memory)
		return 2;
	ed25519_init(&base, malloc(ed25519_init_scratch_bytes()));
	count(!selftest_scalar(memory), "known answers");
	count(!selftest_batches(memory, scalar_batch, &batch), "batches");
	while (fgets(line, sizeof(line), f))
		run(line);
	printf("%lu passed, %lu failed (%d-bit, %s-endian, %s products)\n", passed,
	       failed, (int)sizeof(long) * 8,
	       __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "big" : "little",
	       ED_HAVE_U128 ? "64x64" : "32x32");
	return failed || !passed;
}
