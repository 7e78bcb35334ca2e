// SPDX-License-Identifier: Apache-2.0
/*
 * The six keys of the guest agent in one block of locked memory, and what is
 * derived from them in another. Asked one after the other; a failed question
 * is repeated, backing off, for ever: without keys the node can do nothing.
 */
#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "box.h"
#include "buf.h"
#include "bytes.h"
#include "hkdf.h"
#include "k256.h"
#include "log.h"
#include "secret.h"

enum {
	KEYS_INFO_MAX_BYTES = 256,
	KEYS_TEXT_MAX = 320,
	KEYS_USE_MAX = 32,
};

static const char salt[] = "attestmesh/v1";

static const struct {
	const char *path, *purpose;
} questions[KEYS_PATHS] = {
	[KEYS_BINDING] = { "attestmesh/v1/binding", KEYS_BINDING_PURPOSE },
	[KEYS_BOX] = { "attestmesh/v1/box", "" },
	[KEYS_WIREGUARD] = { "attestmesh/v1/wireguard", "" },
	[KEYS_BEAT] = { "attestmesh/v1/beat", "" },
	[KEYS_CSK] = { "attestmesh/v1/csk", "" },
	[KEYS_STORE] = { "attestmesh/v1/store", "" },
};

/* What is derived once the scope is known; all in locked memory. */
struct derived {
	uint8_t box_secret[32];
	uint8_t beat_seed[32];
	uint8_t envelope_id[32];
	uint8_t wrap_csk[32];
	uint8_t wrap_cache[32];
};

struct keys {
	struct loop *loop;
	struct dstack *dstack;
	struct dstack_key *raw;   /* KEYS_PATHS of them, locked */
	struct derived *derived;  /* locked */
	bool have[KEYS_PATHS];
	bool bound;
	struct keys_scope scope;
	uint8_t box_pub[32], beat_pub[32];
	unsigned int wg_epoch;
	struct loop_timer retry;
	struct backoff backoff;
	keys_ready_fn ready;
	void *arg;
	char waiting[KEYS_TEXT_MAX];
};

/* ---- derivation ---- */

static void add_lp(struct buf *b, const void *bytes, size_t len)
{
	uint8_t prefix[4];

	store_be32(prefix, (uint32_t)len);
	buf_add(b, prefix, sizeof(prefix));
	buf_add(b, bytes, len);
}

int keys_derive(uint8_t out[32], const uint8_t ikm[32], const char *alg, const char *use,
		const struct keys_scope *scope)
{
	uint8_t chain_word[32] = { 0 };
	struct buf info;
	int ret;

	store_be64(chain_word + 24, scope->chain_id);
	buf_init(&info, KEYS_INFO_MAX_BYTES);
	add_lp(&info, alg, strlen(alg));
	add_lp(&info, use, strlen(use));
	add_lp(&info, chain_word, sizeof(chain_word));
	add_lp(&info, scope->cluster, sizeof(scope->cluster));
	add_lp(&info, scope->member, sizeof(scope->member));
	ret = info.failed ? -ENOMEM :
	      hkdf_sha256(out, 32, salt, sizeof(salt) - 1, ikm, 32, info.data, info.len);
	buf_free(&info);
	return ret;
}

static int derive(const struct keys *k, uint8_t out[32], enum keys_path from,
		  const char *alg, const char *use)
{
	return keys_derive(out, k->raw[from].key, alg, use, &k->scope);
}

static bool all_there(const struct keys *k)
{
	for (int i = 0; i < KEYS_PATHS; i++)
		if (!k->have[i])
			return false;
	return true;
}

int keys_bind(struct keys *k, const struct keys_scope *scope)
{
	struct derived *d = k->derived;

	if (!all_there(k))
		return -EINVAL;
	k->scope = *scope;
	if (derive(k, d->box_secret, KEYS_BOX, "x25519", "box") ||
	    derive(k, d->beat_seed, KEYS_BEAT, "ed25519", "beat") ||
	    derive(k, d->envelope_id, KEYS_STORE, "raw", "envelope-id") ||
	    derive(k, d->wrap_csk, KEYS_STORE, "raw", "wrap-csk") ||
	    derive(k, d->wrap_cache, KEYS_STORE, "raw", "wrap-cache"))
		return -EIO;
	box_clamp(d->box_secret);
	if (!box_public(d->box_secret, k->box_pub) ||
	    !box_ed25519_public(d->beat_seed, k->beat_pub))
		return -EIO;
	k->bound = true;
	return 0;
}

bool keys_bound(const struct keys *k)
{
	return k->bound;
}

/* ---- questions ---- */

static void ask_next(struct keys *k);

static void try_later(struct keys *k, const char *why)
{
	snprintf(k->waiting, sizeof(k->waiting), "%s", why);
	loop_timer_set(&k->retry, backoff_delay_ms(&k->backoff));
}

static enum keys_path first_missing(const struct keys *k)
{
	int i = 0;

	while (i < KEYS_PATHS && k->have[i])
		i++;
	return (enum keys_path)i;
}

void keys_put(struct keys *k, enum keys_path path, const struct dstack_key *key)
{
	k->raw[path] = *key;
	k->have[path] = true;
}

static void on_key(const struct dstack_key *key, const struct dstack_failure *why, void *arg)
{
	struct keys *k = arg;
	enum keys_path path = first_missing(k);

	if (!key) {
		log_warn("key %s: %s", questions[path].path, why->text);
		try_later(k, why->text);
		return;
	}
	if (path == KEYS_BINDING && !k256_secret_valid(key->key)) {
		try_later(k, "guest agent: the binding key is not a secp256k1 secret");
		return;
	}
	backoff_reset(&k->backoff);
	k->waiting[0] = '\0';
	keys_put(k, path, key);
	ask_next(k);
}

static void ask_next(struct keys *k)
{
	enum keys_path path = first_missing(k);

	if (path == KEYS_PATHS) {
		k->ready(k->arg);
		return;
	}
	if (dstack_get_key(k->dstack, questions[path].path, questions[path].purpose, on_key, k))
		try_later(k, "guest agent: out of memory for a request");
}

static void on_retry(void *arg)
{
	ask_next(arg);
}

void keys_fetch(struct keys *k, keys_ready_fn fn, void *arg)
{
	k->ready = fn;
	k->arg = arg;
	loop_timer_set(&k->retry, 0);
}

const char *keys_waiting(const struct keys *k)
{
	return k->waiting[0] ? k->waiting : NULL;
}

struct keys *keys_new(struct loop *loop, struct dstack *dstack)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->loop = loop;
	k->dstack = dstack;
	loop_timer_init(&k->retry, loop, on_retry, k);
	backoff_init(&k->backoff, KEYS_RETRY_FIRST_MS, KEYS_RETRY_MAX_MS);
	k->raw = secret_alloc(KEYS_PATHS * sizeof(*k->raw));
	k->derived = secret_alloc(sizeof(*k->derived));
	if (k->raw && k->derived)
		return k;
	keys_free(k);
	return NULL;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	loop_timer_cancel(&k->retry);
	secret_free(k->raw);
	secret_free(k->derived);
	free(k);
}

/* ---- the chained key ---- */

void keys_owner_address(const struct keys *k, uint8_t out[20])
{
	if (!k256_secret_address(k->raw[KEYS_BINDING].key, out))
		memset(out, 0, 20);
}

bool keys_path_public(const struct keys *k, enum keys_path path, uint8_t out[33])
{
	return k->have[path] && k256_public(k->raw[path].key, out);
}

void keys_binding_public(const struct keys *k, uint8_t out[33])
{
	if (!keys_path_public(k, KEYS_BINDING, out))
		memset(out, 0, 33);
}

const uint8_t *keys_link(const struct keys *k, enum keys_path path, int link)
{
	return k->have[path] && k->raw[path].has_link[link] ? k->raw[path].link[link] : NULL;
}

bool keys_sign_owner(const struct keys *k, const uint8_t hash[32], uint8_t out[65])
{
	return k->have[KEYS_BINDING] && k256_sign_eip191(k->raw[KEYS_BINDING].key, hash, out);
}

/* ---- derived keys ---- */

const uint8_t *keys_box_public(const struct keys *k)
{
	return k->box_pub;
}

const uint8_t *keys_box_secret(const struct keys *k)
{
	return k->derived->box_secret;
}

bool keys_box_open(const struct keys *k, uint8_t *out, const uint8_t *sealed, size_t len)
{
	return k->bound && box_open(out, sealed, len, k->box_pub, k->derived->box_secret);
}

bool keys_wg(const struct keys *k, unsigned int epoch, uint8_t secret[32], uint8_t pub[32])
{
	char use[KEYS_USE_MAX];

	if (!k->bound || epoch > KEYS_WG_EPOCH_MAX)
		return false;
	snprintf(use, sizeof(use), "wireguard/%u", epoch);
	if (derive(k, secret, KEYS_WIREGUARD, "x25519", use))
		return false;
	box_clamp(secret);
	return box_public(secret, pub);
}

int keys_wg_epoch_of(const struct keys *k, const uint8_t pub[32])
{
	uint8_t *secret = secret_alloc(32), mine[32];
	int found = -1;

	for (unsigned int e = 0; secret && e <= KEYS_WG_EPOCH_MAX && found < 0; e++)
		if (keys_wg(k, e, secret, mine) && !memcmp(mine, pub, 32))
			found = (int)e;
	secret_free(secret);
	return found;
}

unsigned int keys_wg_epoch(const struct keys *k)
{
	return k->wg_epoch;
}

void keys_wg_epoch_set(struct keys *k, unsigned int epoch)
{
	k->wg_epoch = epoch;
}

const uint8_t *keys_beat_seed(const struct keys *k)
{
	return k->derived->beat_seed;
}

const uint8_t *keys_beat_public(const struct keys *k)
{
	return k->beat_pub;
}

bool keys_csk(const struct keys *k, uint32_t generation, uint8_t out[32])
{
	char use[KEYS_USE_MAX];

	snprintf(use, sizeof(use), "csk/%u", generation);
	return k->bound && !derive(k, out, KEYS_CSK, "raw", use);
}

const uint8_t *keys_envelope_id_secret(const struct keys *k)
{
	return k->derived->envelope_id;
}

const uint8_t *keys_wrap_csk(const struct keys *k)
{
	return k->derived->wrap_csk;
}

const uint8_t *keys_wrap_cache(const struct keys *k)
{
	return k->derived->wrap_cache;
}
