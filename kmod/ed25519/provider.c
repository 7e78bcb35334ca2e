// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crypto API algorithm "ed25519": transforms, their keys, and the front end
 * for single messages, as akcipher or as sig. The whole message takes the place
 * of the digest, as it must for pure Ed25519. Batches are in batch.c.
 */
#include "engine.h"

#include <crypto/algapi.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#if AMESH_CRYPTO_SIG
#include <crypto/internal/sig.h>
#else
#include <crypto/internal/akcipher.h>
#endif

static_assert((int)AMESH_ED25519_KEY_BYTES == (int)ED25519_KEY);
static_assert((int)AMESH_ED25519_SIG_BYTES == (int)ED25519_SIG);

static void table_key_free(struct ed25519_key *key)
{
	if (!key)
		return;
	kvfree(key->table);
	kfree(key);
}

/* Tables are powers of two of 1 KiB and more, so kmalloc aligns them enough. */
static struct ed25519_key *table_key_alloc(u32 table_bytes)
{
	struct ed25519_key *key = kzalloc(sizeof(*key), GFP_KERNEL_ACCOUNT);

	if (!key)
		return NULL;
	key->shape = comb_shape_for_bytes(table_bytes);
	key->table = kvmalloc(table_bytes, GFP_KERNEL_ACCOUNT);
	if (!key->table || !IS_ALIGNED((unsigned long)key->table,
				       __alignof__(struct ge_entry))) {
		table_key_free(key);
		return NULL;
	}
	return key;
}

static int key_errno(enum ed25519_key_error error)
{
	switch (error) {
	case ED25519_KEY_OK:
		return 0;
	case ED25519_KEY_NOT_CANONICAL:
		return -ERANGE;
	case ED25519_KEY_NOT_ON_CURVE:
		return -EBADMSG;
	case ED25519_KEY_NOT_PRIME_ORDER:
		return -EKEYREJECTED;
	}
	return -EINVAL;
}

const char *amesh_ed25519_key_error(int err)
{
	switch (err) {
	case 0:
		return "the key is good";
	case -EINVAL:
		return "an Ed25519 key has 32 bytes";
	case -ERANGE:
		return "the key is not in canonical form";
	case -EBADMSG:
		return "the key is not a point of the curve";
	case -EKEYREJECTED:
		return "the key is not of prime order";
	case -ENOMEM:
		return "no memory for the key's table";
	default:
		return "the key was refused";
	}
}
EXPORT_SYMBOL_GPL(amesh_ed25519_key_error);

static struct ed25519_key *table_key_create(const u8 *pub, u32 table_bytes)
{
	struct ed25519_key *key;
	void *scratch;
	int err;

	key = table_key_alloc(table_bytes);
	if (!key)
		return ERR_PTR(-ENOMEM);
	scratch = kvmalloc(comb_scratch_bytes(key->shape), GFP_KERNEL_ACCOUNT);
	if (scratch)
		err = key_errno(ed25519_key_load(key, pub, scratch));
	else
		err = -ENOMEM;
	kvfree(scratch);
	if (!err)
		return key;
	table_key_free(key);
	return ERR_PTR(err);
}

static void ctx_clear(struct amesh_ed25519_ctx *ctx)
{
	table_key_free(ctx->key);
	kfree_sensitive(ctx->secret);
	ctx->key = NULL;
	ctx->secret = NULL;
}

static int ctx_set_pub_key(struct amesh_ed25519_ctx *ctx, const void *pub,
			   unsigned int len)
{
	struct ed25519_key *key;

	ctx_clear(ctx);
	if (len != ED25519_KEY)
		return -EINVAL;
	key = table_key_create(pub, ctx->table_bytes ?: AMESH_ED25519_TABLE_DEFAULT);
	if (IS_ERR(key))
		return PTR_ERR(key);
	ctx->key = key;
	return 0;
}

/* The public key is loaded too: it checks every signature before it goes out. */
static int ctx_set_priv_key(struct amesh_ed25519_ctx *ctx, const void *seed,
			    unsigned int len)
{
	struct ed25519_secret *secret;
	int err;

	ctx_clear(ctx);
	if (len != ED25519_KEY)
		return -EINVAL;
	secret = kzalloc(sizeof(*secret), GFP_KERNEL_ACCOUNT);
	if (!secret)
		return -ENOMEM;
	ed25519_secret_load(secret, seed);
	err = ctx_set_pub_key(ctx, secret->pub, sizeof(secret->pub));
	if (err)
		kfree_sensitive(secret);
	else
		ctx->secret = secret;
	return err;
}

/*
 * A wrong bit in the sum of a signature can give the key away, so what was
 * computed is verified before it is let out.
 */
static int ctx_sign(const struct amesh_ed25519_ctx *ctx, u8 *sig,
		    ed25519_feed feed, void *message)
{
	struct ed_sha512 hash;

	if (!ctx->secret)
		return -ENOKEY;
	ed25519_sign(sig, ctx->secret, feed, message);
	ed_sha512_init(&hash);
	ed_sha512_update(&hash, sig, 32);
	ed_sha512_update(&hash, ctx->key->pub, ED25519_KEY);
	feed(message, &hash);
	if (ed25519_verify_hashed(ctx->key, sig, &hash))
		return 0;
	memzero_explicit(sig, ED25519_SIG);
	return -EIO;
}

struct linear_message {
	const u8 *data;
	size_t bytes;
};

static void feed_linear(void *message, struct ed_sha512 *hash)
{
	const struct linear_message *m = message;

	ed_sha512_update(hash, m->data, m->bytes);
}

#if AMESH_CRYPTO_SIG

static int tfm_set_pub_key(struct crypto_sig *tfm, const void *key,
			   unsigned int len)
{
	return ctx_set_pub_key(crypto_sig_ctx(tfm), key, len);
}

static int tfm_set_priv_key(struct crypto_sig *tfm, const void *key,
			    unsigned int len)
{
	return ctx_set_priv_key(crypto_sig_ctx(tfm), key, len);
}

static int tfm_verify(struct crypto_sig *tfm, const void *src,
		      unsigned int slen, const void *digest, unsigned int dlen)
{
	const struct amesh_ed25519_ctx *ctx = crypto_sig_ctx(tfm);
	struct ed25519_job job = { .key = ctx->key, .sig = src, .msg = digest,
				   .msg_bytes = dlen };

	if (!ctx->key || slen != ED25519_SIG)
		return -EINVAL;
	return ed25519_verify(&job) ? 0 : -EKEYREJECTED;
}

static int tfm_sign(struct crypto_sig *tfm, const void *src, unsigned int slen,
		    void *dst, unsigned int dlen)
{
	struct linear_message m = { src, slen };
	int err;

	if (dlen < ED25519_SIG)
		return -EINVAL;
	err = ctx_sign(crypto_sig_ctx(tfm), dst, feed_linear, &m);
	return err ?: ED25519_SIG;
}

/* Bytes at first; since 6.16 the callers take it as bits. */
static unsigned int tfm_key_size(struct crypto_sig *tfm)
{
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0))
		return ED25519_KEY;
	return ED25519_KEY * BITS_PER_BYTE;
}

static unsigned int tfm_max_size(struct crypto_sig *tfm)
{
	return ED25519_SIG;
}

static void tfm_exit(struct crypto_sig *tfm)
{
	ctx_clear(crypto_sig_ctx(tfm));
}

static struct sig_alg ed25519_alg = {
	.key_size = tfm_key_size,
#else

struct sg_message {
	struct scatterlist *sg;
	unsigned int skip, bytes;
};

/* The message lies behind the signature in one list: mapped page by page. */
static void feed_sg(void *message, struct ed_sha512 *hash)
{
	const struct sg_message *m = message;
	struct sg_mapping_iter it;
	size_t left = m->bytes, n;

	sg_miter_start(&it, m->sg, sg_nents(m->sg),
		       SG_MITER_FROM_SG | SG_MITER_ATOMIC);
	if (sg_miter_skip(&it, m->skip))
		while (left && sg_miter_next(&it)) {
			n = min(left, it.length);
			ed_sha512_update(hash, it.addr, n);
			left -= n;
		}
	sg_miter_stop(&it);
}

static int tfm_set_pub_key(struct crypto_akcipher *tfm, const void *key,
			   unsigned int len)
{
	return ctx_set_pub_key(akcipher_tfm_ctx(tfm), key, len);
}

static int tfm_set_priv_key(struct crypto_akcipher *tfm, const void *key,
			    unsigned int len)
{
	return ctx_set_priv_key(akcipher_tfm_ctx(tfm), key, len);
}

static int tfm_verify(struct akcipher_request *req)
{
	const struct amesh_ed25519_ctx *ctx =
		akcipher_tfm_ctx(crypto_akcipher_reqtfm(req));
	struct sg_message m = { req->src, ED25519_SIG, req->dst_len };
	struct ed_sha512 hash;
	u8 sig[ED25519_SIG];

	if (!ctx->key || req->src_len != ED25519_SIG)
		return -EINVAL;
	if (sg_copy_to_buffer(req->src, sg_nents(req->src), sig,
			      sizeof(sig)) != sizeof(sig))
		return -EINVAL;
	ed_sha512_init(&hash);
	ed_sha512_update(&hash, sig, 32);
	ed_sha512_update(&hash, ctx->key->pub, ED25519_KEY);
	feed_sg(&m, &hash);
	/* 32 of R, 32 of A; a list shorter than it says must not verify */
	if (hash.bytes != 2 * 32 + (u64)req->dst_len)
		return -EINVAL;
	return ed25519_verify_hashed(ctx->key, sig, &hash) ? 0 : -EKEYREJECTED;
}

static int tfm_sign(struct akcipher_request *req)
{
	const struct amesh_ed25519_ctx *ctx =
		akcipher_tfm_ctx(crypto_akcipher_reqtfm(req));
	struct sg_message m = { req->src, 0, req->src_len };
	u8 sig[ED25519_SIG];
	int err;

	if (req->dst_len < ED25519_SIG) {
		req->dst_len = ED25519_SIG;
		return -EOVERFLOW;
	}
	if (sg_nents_for_len(req->src, req->src_len) < 0)
		return -EINVAL;
	err = ctx_sign(ctx, sig, feed_sg, &m);
	if (err)
		return err;
	if (sg_copy_from_buffer(req->dst, sg_nents(req->dst), sig,
				sizeof(sig)) != sizeof(sig))
		return -EINVAL;
	req->dst_len = ED25519_SIG;
	return 0;
}

static unsigned int tfm_max_size(struct crypto_akcipher *tfm)
{
	return ED25519_SIG;
}

static void tfm_exit(struct crypto_akcipher *tfm)
{
	ctx_clear(akcipher_tfm_ctx(tfm));
}

static struct akcipher_alg ed25519_alg = {
#endif
	.verify = tfm_verify,
	.sign = tfm_sign,
	.set_pub_key = tfm_set_pub_key,
	.set_priv_key = tfm_set_priv_key,
	.max_size = tfm_max_size,
	.exit = tfm_exit,
	.base = {
		.cra_name = AMESH_ED25519_NAME,
		.cra_driver_name = AMESH_ED25519_DRIVER,
		.cra_priority = 300,
		.cra_ctxsize = sizeof(struct amesh_ed25519_ctx),
		.cra_module = THIS_MODULE,
	},
};

int amesh_ed25519_register(void)
{
#if AMESH_CRYPTO_SIG
	return crypto_register_sig(&ed25519_alg);
#else
	return crypto_register_akcipher(&ed25519_alg);
#endif
}

void amesh_ed25519_unregister(void)
{
#if AMESH_CRYPTO_SIG
	crypto_unregister_sig(&ed25519_alg);
#else
	crypto_unregister_akcipher(&ed25519_alg);
#endif
}

struct amesh_ed25519_ctx *amesh_ed25519_ctx(struct amesh_crypto_tfm *tfm)
{
	struct crypto_tfm *base = amesh_crypto_base(tfm);

	return base->__crt_alg == &ed25519_alg.base ? crypto_tfm_ctx(base) : NULL;
}

int amesh_ed25519_set_table_bytes(struct amesh_crypto_tfm *tfm,
				  unsigned int table_bytes)
{
	struct amesh_ed25519_ctx *ctx = amesh_ed25519_ctx(tfm);

	if (!ctx)
		return -EOPNOTSUPP;
	if (!comb_shape_for_bytes(table_bytes))
		return -EINVAL;
	if (ctx->key)
		return -EBUSY;
	ctx->table_bytes = table_bytes;
	return 0;
}
EXPORT_SYMBOL_GPL(amesh_ed25519_set_table_bytes);

int amesh_ed25519_sign(struct amesh_crypto_tfm *tfm, const u8 *msg,
		       u32 msg_bytes, u8 sig[AMESH_ED25519_SIG_BYTES])
{
	struct amesh_ed25519_ctx *ctx = amesh_ed25519_ctx(tfm);
	struct linear_message m = { msg, msg_bytes };
	int err;

	err = ctx ? ctx_sign(ctx, sig, feed_linear, &m) : -EOPNOTSUPP;
	if (err)
		memset(sig, 0, AMESH_ED25519_SIG_BYTES);
	return err;
}
EXPORT_SYMBOL_GPL(amesh_ed25519_sign);

int amesh_ed25519_public(struct amesh_crypto_tfm *tfm,
			 u8 key[AMESH_ED25519_KEY_BYTES])
{
	struct amesh_ed25519_ctx *ctx = amesh_ed25519_ctx(tfm);

	if (!ctx)
		return -EOPNOTSUPP;
	if (!ctx->key)
		return -ENOKEY;
	memcpy(key, ctx->key->pub, AMESH_ED25519_KEY_BYTES);
	return 0;
}
EXPORT_SYMBOL_GPL(amesh_ed25519_public);
