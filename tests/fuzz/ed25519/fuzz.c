// SPDX-License-Identifier: Apache-2.0
/*
 * Differential fuzzing: signatures with defects of every class, through the
 * portable field, the four-word one, eight lanes, libsodium and OpenSSL.
 *
 *	fuzz [-j JOBS] [-p SECS] CASES SEED [RECORD]
 *
 * JOBS processes share the cases, each with a stretch of the random numbers of
 * its own; every SECS seconds a line says how far they are. Required of every case: our implementations compute the same point bit for
 * bit and the same verdict, libsodium gives that verdict, and OpenSSL accepts
 * what we accept. Key loading and signing are compared beside it. A failure
 * prints the seed, the job and the case, and ends all jobs; RECORD (RECORD.1 and
 * so on of further jobs) gets cases for other machines to replay.
 */
#include "support.h"
#include "jobs.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = ED25519_BATCH,
	MSG_MAX = 640,
	POOL = 16,		/* keys per table size */
	SIZES = 3,
	OPENSSL_EVERY = 16,	/* batches; it is slow */
};

/*
 * Random numbers between the starts of two jobs: a case takes about 600, so no
 * job comes near the next one's. Counted and checked at the end all the same.
 */
#define STRIDE_DRAWS (1ULL << 48)

static const size_t table_bytes[SIZES] = { 4096, 16384, 1024 };

struct signer {
	u8 seed[32], a[32], pub[32];
	unsigned char sk[64];
	struct ed25519_key *key;
};

enum defect {
	NONE, R_BIT, S_BIT, MSG_BIT, MSG_SHORTER, OTHER_KEY, S_PLUS_L, S_NEGATED,
	S_EDGE, R_TORSION, R_SMALL, R_NEGATED, R_NOT_CANONICAL, SIG_RANDOM,
	SWAPPED, DEFECTS
};

static const char *const defect_names[DEFECTS] = {
	"none", "R bit", "S bit", "message bit", "shorter message", "other key",
	"S + L", "L - S", "S at an edge", "R + torsion", "small order R", "-R",
	"R not canonical", "random", "swapped halves",
};

static struct signer pool[SIZES][POOL];
static u8 sigs[BATCH][64], msgs[BATCH][MSG_MAX];
static struct ed25519_job jobs[BATCH];
static enum defect defects[BATCH];
static struct lanes_scratch *lanes;
static struct ed25519_batch_scratch *scalar;
static u64 rng, seed0, cases;
static unsigned int jobs_n = 1, this_job;
static const char *record_path;
static FILE *record;

/* What a job leaves behind, in shared memory: one writer each. */
struct tally {
	u64 cases;	/* read while it runs */
	u64 draws;
	u64 done[DEFECTS], accepted[DEFECTS];
};

static struct tally *tallies, *tally;

static void report(const char *what, u64 batch, int i)
{
	fprintf(stderr, "fuzz: %s; seed %llu, job %u, batch %llu, case %d (%s)\n",
		what, (unsigned long long)seed0, this_job,
		(unsigned long long)batch, i,
		i >= 0 ? defect_names[defects[i]] : "-");
	exit(1);
}

static u64 below(u64 n)
{
	return support_random(&rng) % n;
}

static void hex(const u8 *p, size_t n)
{
	fputc(' ', record);
	if (!n)
		fputc('-', record);
	while (n--)
		fprintf(record, "%02x", *p++);
}

static void new_signer(struct signer *s, size_t bytes)
{
	if (s->key)
		support_key_free(s->key);
	support_random_bytes(&rng, s->seed, 32);
	raw_keypair(s->a, s->pub, s->seed);
	crypto_sign_seed_keypair(s->pub, s->sk, s->seed);
	s->key = support_key(s->pub, bytes);
	if (!s->key)
		report("a good key was refused", 0, -1);
}

static void torsion(u8 t[32], unsigned int k)
{
	memset(t, 0, 32);
	t[0] = 1;
	while (k--)
		crypto_core_ed25519_add(t, t, ref_torsion);
}

static void plus_order(u8 s[32])
{
	int i, t, carry = 0;

	for (i = 0; i < 32; i++) {
		t = s[i] + ref_order[i] + carry;
		s[i] = t;
		carry = t >> 8;
	}
}

static void edge_scalar(u8 s[32])
{
	int i;

	memset(s, 0, 32);
	switch (below(7)) {
	case 0:
		s[0] = below(3);
		break;
	case 1:
		memcpy(s, ref_order, 32);
		s[0] += below(4) - 2;
		break;
	case 2:
		s[31] = 1 << (4 + below(4));
		break;
	case 3:
		memset(s, 0xff, 32);
		break;
	case 4:
		s[below(32)] = 1 << below(8);
		break;
	case 5:
		memcpy(s, ref_order, 32);
		for (i = below(14); i > 0; i--)
			plus_order(s);
		break;
	default:
		support_random_bytes(&rng, s, 32);
	}
}

/* Signs for R with a torsion part, so that only the point of R is wrong. */
static void sign_with_torsion(u8 sig[64], const struct signer *s, const u8 *m,
			      size_t n, bool small)
{
	u8 r[64] = { 0 }, R[32], t[32];

	torsion(t, small ? below(8) : 1 + below(7));
	memcpy(R, t, 32);
	if (!small) {
		support_random_bytes(&rng, r, 64);
		crypto_core_ed25519_scalar_reduce(r, r);
		crypto_scalarmult_ed25519_base_noclamp(R, r);
		crypto_core_ed25519_add(R, R, t);
	}
	raw_sign(sig, R, r, s->pub, s->a, m, n);
}

/* y + p where that fits, over a point of small order or any small y */
static void not_canonical(u8 R[32])
{
	memset(R, 0xff, 32);
	R[0] = 0xed + below(19);
	R[31] = 0x7f | below(2) << 7;
}

static void spoil(enum defect d, u8 sig[64], const struct signer *s, u8 *m,
		  size_t *n)
{
	u8 t[32];

	switch (d) {
	case NONE:
	case OTHER_KEY:
	case DEFECTS:
		return;
	case R_BIT:
		sig[below(32)] ^= 1 << below(8);
		return;
	case S_BIT:
		sig[32 + below(32)] ^= 1 << below(8);
		return;
	case MSG_BIT:
		if (*n)
			m[below(*n)] ^= 1 << below(8);
		return;
	case MSG_SHORTER:
		if (*n)
			--*n;
		return;
	case S_PLUS_L:
		plus_order(sig + 32);
		return;
	case S_NEGATED:
		crypto_core_ed25519_scalar_negate(sig + 32, sig + 32);
		return;
	case S_EDGE:
		edge_scalar(sig + 32);
		return;
	case R_TORSION:
	case R_SMALL:
		sign_with_torsion(sig, s, m, *n, d == R_SMALL);
		return;
	case R_NEGATED:
		sig[31] ^= 0x80;
		return;
	case R_NOT_CANONICAL:
		not_canonical(t);
		memset(sig + 32, 0, 32);
		raw_sign(sig, t, sig + 32, s->pub, s->a, m, *n);
		return;
	case SIG_RANDOM:
		support_random_bytes(&rng, sig, 64);
		return;
	case SWAPPED:
		memcpy(t, sig, 32);
		memcpy(sig, sig + 32, 32);
		memcpy(sig + 32, t, 32);
		return;
	}
}

static void make_case(int i, int size)
{
	const struct signer *s = &pool[size][below(POOL)], *claimed = s;
	size_t n = below(4) ? 275 : below(MSG_MAX), head;

	defects[i] = below(3) ? NONE : below(DEFECTS);
	support_random_bytes(&rng, msgs[i], n);
	crypto_sign_detached(sigs[i], NULL, msgs[i], n, s->sk);
	spoil(defects[i], sigs[i], s, msgs[i], &n);
	if (defects[i] == OTHER_KEY)
		claimed = &pool[size][below(POOL)];
	head = n ? below(n + 1) : 0;
	jobs[i] = (struct ed25519_job){ claimed->key, sigs[i], msgs[i],
					msgs[i] + head, head, n - head };
}

static size_t length(int i)
{
	return jobs[i].head_bytes + jobs[i].msg_bytes;
}

static bool openssl_accepts(int i)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						    jobs[i].key->pub, 32);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	ok = key && md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestVerify(md, sigs[i], 64, msgs[i], length(i)) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return ok;
}

/* Every lane's point against the scalar one of the same job. */
static void compare_points(u64 batch)
{
	u8 portable[32], adx[32];
	int i;

	for (i = 0; i < BATCH; i++) {
		eval_use_adx = false;
		ed25519_expected_r(portable, &jobs[i]);
		if (support_has_adx()) {
			eval_use_adx = true;
			ed25519_expected_r(adx, &jobs[i]);
			if (memcmp(adx, portable, 32))
				report("adx computes another point", batch, i);
		}
		if (support_has_ifma() &&
		    memcmp(lanes->ifma.encoding[i / 8][i % 8], portable, 32))
			report("a lane computes another point", batch, i);
	}
}

static void compare_verdicts(u64 batch)
{
	u64 ours, other = 0;
	int i;

	eval_use_adx = false;
	ours = ed25519_verify_batch(scalar, jobs, BATCH);
	if (support_has_adx()) {
		eval_use_adx = true;
		if (ed25519_verify_batch(scalar, jobs, BATCH) != ours)
			report("adx gives another verdict", batch, -1);
	}
	if (support_has_ifma() && lanes_verify_batch(lanes, jobs, BATCH) != ours)
		report("lanes give another verdict", batch, -1);
	for (i = 0; i < BATCH; i++) {
		other = !crypto_sign_verify_detached(sigs[i], msgs[i], length(i),
						     jobs[i].key->pub);
		if (other != (ours >> i & 1))
			report("libsodium gives another verdict", batch, i);
		if (defects[i] == NONE && !other)
			report("a good signature was refused", batch, i);
		if (batch % OPENSSL_EVERY == 0 && other && !openssl_accepts(i))
			report("OpenSSL refuses what we accept", batch, i);
		tally->done[defects[i]]++;
		tally->accepted[defects[i]] += other;
		if (record) {
			fputc('v', record);
			hex(jobs[i].key->pub, 32);
			hex(sigs[i], 64);
			hex(msgs[i], length(i));
			fprintf(record, " %d\n", (int)other);
		}
	}
}

static void compare_key(u64 batch)
{
	enum ed25519_key_error err;
	u8 s[32], t[32];
	bool valid;

	support_random_bytes(&rng, s, 32);
	switch (below(6)) {
	case 0:
		break;
	case 1:
		not_canonical(s);
		break;
	case 2:
		torsion(s, below(8));
		s[31] ^= below(4) ? 0 : 0x80;
		break;
	case 3:
		torsion(t, below(8));
		crypto_core_ed25519_add(s, pool[0][0].pub, t);
		break;
	case 4:
		memcpy(s, pool[0][0].pub, 32);
		s[below(32)] ^= 1 << below(8);
		break;
	default:
		crypto_core_ed25519_from_uniform(s, s);
	}
	err = support_key_error(s, 1024);
	valid = crypto_core_ed25519_is_valid_point(s);
	if ((err == ED25519_KEY_OK) != valid)
		report("libsodium judges a key otherwise", batch, -1);
	if (record) {
		fputc('k', record);
		hex(s, 32);
		fprintf(record, " %d\n", (int)err);
	}
}

static void feed(void *message, struct ed_sha512 *hash)
{
	ed_sha512_update(hash, message, 300);
}

static void compare_signing(u64 batch)
{
	const struct signer *s = &pool[0][below(POOL)];
	struct ed25519_secret secret;
	u8 msg[300], ours[64], theirs[64];

	support_random_bytes(&rng, msg, sizeof(msg));
	ed25519_secret_load(&secret, s->seed);
	ed25519_sign(ours, &secret, feed, msg);
	crypto_sign_detached(theirs, NULL, msg, sizeof(msg), s->sk);
	if (memcmp(ours, theirs, 64) || memcmp(secret.pub, s->pub, 32))
		report("libsodium signs otherwise", batch, -1);
	if (record) {
		fputc('s', record);
		hex(s->seed, 32);
		hex(msg, sizeof(msg));
		hex(ours, 64);
		fputc('\n', record);
	}
}

/* Batches of job @job: an even share. */
static u64 share(unsigned int job)
{
	u64 batches = (cases + BATCH - 1) / BATCH;

	return batches / jobs_n + (job < batches % jobs_n);
}

static void open_record(void)
{
	char path[4096];

	if (!record_path)
		return;
	snprintf(path, sizeof(path), this_job ? "%s.%u" : "%s", record_path,
		 this_job);
	record = fopen(path, "w");
	if (!record)
		report("cannot write the record", 0, -1);
}

static void one_batch(u64 batch)
{
	int size = below(SIZES), i;

	new_signer(&pool[size][below(POOL)], table_bytes[size]);
	for (i = 0; i < BATCH; i++)
		make_case(i, size);
	compare_verdicts(batch);
	compare_points(batch);
	compare_key(batch);
	compare_signing(batch);
}

static void work(unsigned int job)
{
	u64 batches = share(job), batch, start;
	int size, i;

	this_job = job;
	tally = &tallies[job];
	start = rng = support_random_skip(seed0, job * STRIDE_DRAWS);
	open_record();
	lanes = support_alloc(sizeof(*lanes));
	scalar = support_alloc(sizeof(*scalar));
	for (size = 0; size < SIZES; size++)
		for (i = 0; i < POOL; i++)
			new_signer(&pool[size][i], table_bytes[size]);
	for (batch = 0; batch < batches; batch++) {
		one_batch(batch);
		__atomic_store_n(&tally->cases, (batch + 1) * BATCH,
				 __ATOMIC_RELAXED);
	}
	tally->draws = support_random_draws(start, rng);
	if (tally->draws >= STRIDE_DRAWS)
		report("this job went into the next one's random numbers", batch, -1);
	if (record && fclose(record))
		report("cannot write the record", batch, -1);
}

static u64 cases_done(unsigned int job)
{
	return __atomic_load_n(&tallies[job].cases, __ATOMIC_RELAXED);
}

/* A class that is always or never accepted by accident would test nothing. */
static void summary(void)
{
	u64 done, accepted, total = 0, draws = 0;
	unsigned int j;
	int d;

	for (d = 0; d < DEFECTS; d++) {
		done = accepted = 0;
		for (j = 0; j < jobs_n; j++) {
			done += tallies[j].done[d];
			accepted += tallies[j].accepted[d];
		}
		printf("%-18s %9llu cases, %llu accepted\n", defect_names[d],
		       (unsigned long long)done, (unsigned long long)accepted);
		if (!done && cases >= 10000)
			report("a class of defects never came", 0, -1);
		total += done;
	}
	if (total < cases)
		report("fewer cases than were asked for", 0, -1);
	for (j = 0; j < jobs_n; j++)
		draws += tallies[j].draws;
	printf("%u jobs, %llu random numbers, no two jobs the same ones\n", jobs_n,
	       (unsigned long long)draws);
	printf("%llu passed, 0 failed (cases of seed %llu, %s, no difference)\n",
	       (unsigned long long)total, (unsigned long long)seed0,
	       support_has_ifma() ? "with eight lanes" : "without eight lanes");
}

static int usage(void)
{
	fprintf(stderr, "usage: fuzz [-j JOBS] [-p SECS] CASES SEED [RECORD]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct jobs jobs_of_run = { .work = work, .done = cases_done };
	int option;

	while ((option = getopt(argc, argv, "j:p:")) != -1)
		switch (option) {
		case 'j':
			jobs_n = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			jobs_of_run.progress_secs = strtoul(optarg, NULL, 10);
			break;
		default:
			return usage();
		}
	if (argc - optind < 2 || argc - optind > 3 || jobs_n < 1 ||
	    jobs_n > JOBS_MAX)
		return usage();
	cases = strtoull(argv[optind], NULL, 10);
	seed0 = strtoull(argv[optind + 1], NULL, 10);
	record_path = argv[optind + 2];
	if (support_setup(NULL))
		return 2;
	tallies = jobs_share(jobs_n * sizeof(*tallies));
	jobs_of_run.n = jobs_n;
	jobs_of_run.cases = cases;
	if (!jobs_run(&jobs_of_run))
		return 1;
	summary();
	return 0;
}
