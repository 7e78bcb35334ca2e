// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ed25519 itself: key loading, verification one by one and in batches that
 * share an inversion, signing. What is accepted, and why, is in ed25519.h.
 */
#include "ed25519.h"
#include "eval.h"

static const struct ed25519_base *base_tables;

static_assert(sizeof(struct ge_entry) == 128, "an entry is two cache lines");

size_t ed25519_init_scratch_bytes(void)
{
	return comb_scratch_bytes(&comb_base_verify);
}

void ed25519_init(struct ed25519_base *base, void *scratch)
{
	comb_build(base->verify, &comb_base_verify, &ge_base, scratch);
	comb_build(base->sign, &comb_base_sign, &ge_base, scratch);
	base_tables = base;
}

const struct ge_entry *ed25519_base_table(void)
{
	return base_tables->verify;
}

enum ed25519_key_error ed25519_key_load(struct ed25519_key *key,
					const u8 pub[ED25519_KEY],
					void *scratch)
{
	struct ge a;

	switch (ge_decode(&a, pub)) {
	case GE_DECODED:
		break;
	case GE_NOT_CANONICAL:
		return ED25519_KEY_NOT_CANONICAL;
	case GE_NOT_ON_CURVE:
		return ED25519_KEY_NOT_ON_CURVE;
	}
	if (ge_is_identity(&a) || !ge_has_prime_order(&a))
		return ED25519_KEY_NOT_PRIME_ORDER;
	ge_negate(&a, &a);
	comb_build(key->table, key->shape, &a, scratch);
	memcpy(key->pub, pub, sizeof(key->pub));
	return ED25519_KEY_OK;
}

bool ed25519_sig_wellformed(const u8 sig[ED25519_SIG])
{
	static const u8 identity[32] = { 1 };
	struct sc s;

	sc_from_bytes(&s, sig + 32);
	return sc_is_reduced(&s) && memcmp(sig, identity, sizeof(identity));
}

/* Everything known before the point arithmetic. */
static void prepare_hashed(struct comb_pair *p, const struct ed25519_key *key,
			   const u8 *sig, struct ed_sha512 *hash)
{
	struct sc_bits u;
	struct sc h, s;
	u64 wide[8];

	ed_sha512_final_words(hash, wide);
	sc_reduce(&h, wide);
	sc_from_bytes(&s, sig + 32);
	p->shape = key->shape;
	p->table = key->table;
	p->base = base_tables->verify;
	comb_digits(&p->a, key->shape, &u,
		    sc_recode(&u, &h, comb_bits(key->shape)));
	comb_digits(&p->b, &comb_base_verify, &u,
		    sc_recode(&u, &s, comb_bits(&comb_base_verify)));
}

void ed25519_hash_message(struct ed_sha512 *hash, const struct ed25519_job *job)
{
	ed_sha512_init(hash);
	ed_sha512_update(hash, job->sig, 32);
	ed_sha512_update(hash, job->key->pub, ED25519_KEY);
	ed_sha512_update(hash, job->head, job->head_bytes);
	ed_sha512_update(hash, job->msg, job->msg_bytes);
}

static void prepare(struct comb_pair *p, const struct ed25519_job *job)
{
	struct ed_sha512 hash;

	ed25519_hash_message(&hash, job);
	prepare_hashed(p, job->key, job->sig, &hash);
}

static noinline void evaluate_single(u8 r[32], const struct comb_pair *p)
{
	struct ge point;

	eval_pair(&point, p, NULL);
	ge_encode(r, &point);
}

bool ed25519_verify_hashed(const struct ed25519_key *key, const u8 *sig,
			   struct ed_sha512 *hash)
{
	struct comb_pair p;
	u8 r[32];

	if (!ed25519_sig_wellformed(sig))
		return false;
	prepare_hashed(&p, key, sig, hash);
	evaluate_single(r, &p);
	return !memcmp(r, sig, sizeof(r));
}

void ed25519_expected_r(u8 r[32], const struct ed25519_job *job)
{
	struct comb_pair p;

	prepare(&p, job);
	evaluate_single(r, &p);
}

bool ed25519_verify(const struct ed25519_job *job)
{
	u8 r[32];

	if (!ed25519_sig_wellformed(job->sig))
		return false;
	ed25519_expected_r(r, job);
	return !memcmp(r, job->sig, sizeof(r));
}

/*
 * Affine results by one inversion, compared with each signature's R. One Z of
 * zero would spoil every verdict of the batch; there is none, because the addition
 * law is complete on this curve and only points of the curve go in, whatever S is.
 */
static u64 compare_all(struct ed25519_batch_scratch *w,
		       const struct ed25519_job *jobs, unsigned int n)
{
	struct fe acc, zi, x, y;
	u64 equal = 0;
	u8 enc[32];
	int i;

	fe_set(&acc, 1);
	for (i = 0; i < (int)n; i++) {
		w->point[i].prefix = acc;
		fe_mul_slow(&acc, &acc, &w->point[i].z);
	}
	fe_invert(&acc, &acc);
	for (i = n - 1; i >= 0; i--) {
		fe_mul_slow(&zi, &acc, &w->point[i].prefix);
		fe_mul_slow(&acc, &acc, &w->point[i].z);
		fe_mul_slow(&x, &w->point[i].x, &zi);
		fe_mul_slow(&y, &w->point[i].y, &zi);
		ge_encode_affine(enc, &x, &y);
		if (!memcmp(enc, jobs[i].sig, sizeof(enc)))
			equal |= 1ULL << i;
	}
	return equal;
}

/*
 * A malformed signature is evaluated like the others and refused at the end:
 * sc_recode() then sees S of up to 256 bits, which is harmless (some point comes
 * out) and keeps the loop free of special cases.
 */
u64 ed25519_verify_batch(struct ed25519_batch_scratch *w,
			 const struct ed25519_job *jobs, unsigned int n)
{
	u64 wellformed = 0;
	unsigned int i;
	struct ge r;

	prepare(&w->pair[0], &jobs[0]);
	for (i = 0; i < n; i++) {
		if (i + 1 < n)
			prepare(&w->pair[(i + 1) & 1], &jobs[i + 1]);
		eval_pair(&r, &w->pair[i & 1],
			  i + 1 < n ? &w->pair[(i + 1) & 1] : NULL);
		w->point[i].x = r.X;
		w->point[i].y = r.Y;
		w->point[i].z = r.Z;
		if (ed25519_sig_wellformed(jobs[i].sig))
			wellformed |= 1ULL << i;
	}
	return wellformed & compare_all(w, jobs, n);
}

/*
 * Overwrites what the calls before it left on the stack: limbs of the nonce and of
 * the secret, digits, hash states. Called from the function that called them, so
 * that its frames lie over theirs, and larger than they are together; @more of
 * them, because one alone would be too large for a kernel.
 */
static noinline void wipe_stack(unsigned int more)
{
	u8 left[ED25519_FRAME_WIPED];

	if (more)
		wipe_stack(more - 1);
	ed_wipe(left, sizeof(left));
}

void ed25519_secret_load(struct ed25519_secret *secret, const u8 seed[32])
{
	static const struct sc zero, one = { { 1 } };
	struct ed_sha512 hash;
	u8 digest[SHA512_BYTES];
	struct sc clamped;
	struct ge a;

	ed_sha512_init(&hash);
	ed_sha512_update(&hash, seed, 32);
	ed_sha512_final(&hash, digest);
	digest[0] &= 0xf8;
	digest[31] &= 0x7f;
	digest[31] |= 0x40;
	sc_from_bytes(&clamped, digest);
	sc_muladd(&secret->scalar, &clamped, &one, &zero);
	memcpy(secret->prefix, digest + 32, sizeof(secret->prefix));
	comb_base_mult(&a, base_tables->sign, &secret->scalar);
	ge_encode(secret->pub, &a);
	ed_wipe(&hash, sizeof(hash));
	ed_wipe(digest, sizeof(digest));
	ed_wipe(&clamped, sizeof(clamped));
	ed_wipe(&a, sizeof(a));
	wipe_stack(1);
}

/* r = SHA-512(prefix || M) mod L, R = [r]B */
static void commit_nonce(u8 sig[ED25519_SIG], struct sc *r,
			 const struct ed25519_secret *secret,
			 ed25519_feed feed, void *message)
{
	struct ed_sha512 hash;
	u64 wide[8];
	struct ge p;

	ed_sha512_init(&hash);
	ed_sha512_update(&hash, secret->prefix, sizeof(secret->prefix));
	feed(message, &hash);
	ed_sha512_final_words(&hash, wide);
	sc_reduce(r, wide);
	comb_base_mult(&p, base_tables->sign, r);
	ge_encode(sig, &p);
	ed_wipe(&hash, sizeof(hash));
	ed_wipe(wide, sizeof(wide));
	ed_wipe(&p, sizeof(p));
}

void ed25519_sign(u8 sig[ED25519_SIG], const struct ed25519_secret *secret,
		  ed25519_feed feed, void *message)
{
	struct ed_sha512 hash;
	struct sc r, h, s;
	u64 wide[8];

	commit_nonce(sig, &r, secret, feed, message);
	ed_sha512_init(&hash);
	ed_sha512_update(&hash, sig, 32);
	ed_sha512_update(&hash, secret->pub, ED25519_KEY);
	feed(message, &hash);
	ed_sha512_final_words(&hash, wide);
	sc_reduce(&h, wide);
	sc_muladd(&s, &h, &secret->scalar, &r);
	sc_to_bytes(sig + 32, &s);
	ed_wipe(&r, sizeof(r));
	wipe_stack(1);
}
