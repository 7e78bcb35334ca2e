/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crypto API kind that carries "ed25519": akcipher up to Linux 6.12, sig
 * from 6.13 on (the kernel moved sign and verify out of akcipher there). Only
 * this file knows which; nothing here knows Ed25519 itself.
 */
#ifndef ATTESTMESH_ED25519_COMPAT_H
#define ATTESTMESH_ED25519_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)

#include <crypto/sig.h>

#define AMESH_CRYPTO_SIG 1
#define amesh_crypto_tfm crypto_sig

static inline struct amesh_crypto_tfm *amesh_crypto_alloc(const char *name)
{
	return crypto_alloc_sig(name, 0, 0);
}

static inline void amesh_crypto_free(struct amesh_crypto_tfm *tfm)
{
	crypto_free_sig(tfm);
}

static inline struct crypto_tfm *amesh_crypto_base(struct amesh_crypto_tfm *tfm)
{
	return crypto_sig_tfm(tfm);
}

static inline int amesh_crypto_set_pub_key(struct amesh_crypto_tfm *tfm,
					   const void *key, unsigned int len)
{
	return crypto_sig_set_pubkey(tfm, key, len);
}

static inline int amesh_crypto_set_priv_key(struct amesh_crypto_tfm *tfm,
					    const void *key, unsigned int len)
{
	return crypto_sig_set_privkey(tfm, key, len);
}

#else

#include <crypto/akcipher.h>

#define AMESH_CRYPTO_SIG 0
#define amesh_crypto_tfm crypto_akcipher

static inline struct amesh_crypto_tfm *amesh_crypto_alloc(const char *name)
{
	return crypto_alloc_akcipher(name, 0, 0);
}

static inline void amesh_crypto_free(struct amesh_crypto_tfm *tfm)
{
	crypto_free_akcipher(tfm);
}

static inline struct crypto_tfm *amesh_crypto_base(struct amesh_crypto_tfm *tfm)
{
	return crypto_akcipher_tfm(tfm);
}

static inline int amesh_crypto_set_pub_key(struct amesh_crypto_tfm *tfm,
					   const void *key, unsigned int len)
{
	return crypto_akcipher_set_pub_key(tfm, key, len);
}

static inline int amesh_crypto_set_priv_key(struct amesh_crypto_tfm *tfm,
					    const void *key, unsigned int len)
{
	return crypto_akcipher_set_priv_key(tfm, key, len);
}

#endif
#endif
