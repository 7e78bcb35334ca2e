/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What attestmesh_ed25519.ko exports beside the crypto API algorithm
 * "ed25519": verification of many signatures at once over transforms, the size
 * of a transform's table, and signing over linear buffers. A transform is made
 * and keyed through the crypto API (compat.h names the kind for this kernel);
 * nothing here knows beats, peers or meshes.
 *
 *	struct amesh_crypto_tfm *tfm = amesh_crypto_alloc(AMESH_ED25519_NAME);
 *	amesh_ed25519_set_table_bytes(tfm, 16384);	(optional)
 *	amesh_crypto_set_pub_key(tfm, key, AMESH_ED25519_KEY_BYTES);
 *	...
 *	amesh_crypto_free(tfm);
 */
#ifndef ATTESTMESH_ED25519_H
#define ATTESTMESH_ED25519_H

#include <linux/types.h>
#include <linux/gfp.h>
#include "compat.h"

#define AMESH_ED25519_NAME	"ed25519"
#define AMESH_ED25519_DRIVER	"ed25519-attestmesh"

enum {
	AMESH_ED25519_KEY_BYTES = 32,	/* public key, also the private seed */
	AMESH_ED25519_SIG_BYTES = 64,
	AMESH_ED25519_BATCH_MAX = 64,	/* signatures in one call: verdicts fit a u64 */

	/* Table sizes of a transform, in bytes; more is faster and colder. */
	AMESH_ED25519_TABLE_MIN = 1024,
	AMESH_ED25519_TABLE_DEFAULT = 4096,
	AMESH_ED25519_TABLE_LARGE = 16384,	/* up to a few thousand peers */
	AMESH_ED25519_TABLE_MAX = 65536,
};

/**
 * amesh_ed25519_set_table_bytes - choose the table size of a transform
 * @tfm: transform without a public key yet
 * @table_bytes: 1024, 2048, 4096, 8192, 16384, 32768 or 65536
 *
 * The crypto API has no parameter for this, so it is a call of its own, made
 * before set_pub_key. Process context.
 *
 * Return: 0; -EINVAL for another size; -EBUSY if a key is set already;
 * -EOPNOTSUPP if the transform belongs to another driver (which then simply
 * has no table to size: a caller may ignore this one).
 */
int amesh_ed25519_set_table_bytes(struct amesh_crypto_tfm *tfm,
				  unsigned int table_bytes);

/**
 * amesh_ed25519_key_error - why set_pub_key refused a key, in words
 * @err: what set_pub_key returned
 *
 * set_pub_key returns
 *   -EINVAL		not 32 bytes
 *   -ERANGE		y is not below p (a second encoding of another key)
 *   -EBADMSG		no point of the curve has this encoding
 *   -EKEYREJECTED	small order, or not of prime order ([L]A is not O)
 *   -ENOMEM		no memory for the table
 * and leaves the transform without a key, whatever it had before.
 *
 * Return: a constant string fit for an extended-ack message.
 */
const char *amesh_ed25519_key_error(int err);

/**
 * struct amesh_ed25519_item - one signature to verify
 * @tfm: keyed transform; not to be re-keyed or freed during the call
 * @sig: 64 bytes
 * @head: first part of the message, may be NULL if @head_bytes is 0
 * @msg: rest of the message, may be NULL if @msg_bytes is 0
 * @head_bytes: length of @head
 * @msg_bytes: length of @msg
 *
 * The message is head || msg, hashed without being joined first: callers whose
 * messages share a prefix keep it once. Up to about 500 bytes together take
 * the eight-lane hash; longer ones are right, only slower.
 */
struct amesh_ed25519_item {
	struct amesh_crypto_tfm *tfm;
	const u8 *sig;
	const u8 *head;
	const u8 *msg;
	u32 head_bytes;
	u32 msg_bytes;
};

/*
 * Working memory for amesh_ed25519_verify_batch(), 64 KiB: one per
 * worker, allocated once so that verifying allocates nothing. Not shared by
 * two calls at a time.
 */
struct amesh_ed25519_batch;

struct amesh_ed25519_batch *amesh_ed25519_batch_alloc(gfp_t gfp);
void amesh_ed25519_batch_free(struct amesh_ed25519_batch *batch);

/**
 * amesh_ed25519_verify_batch - verify up to 64 signatures, a verdict for each
 * @batch: working memory, the caller's alone during the call
 * @items: what to verify; any mix of keys
 * @n: 1..AMESH_ED25519_BATCH_MAX
 * @verdicts: bit i set: signature i is valid under its transform's key
 *
 * Verdicts are independent of each other: a bad signature costs its own time
 * and nothing else. A transform without a public key, or of another driver
 * that reports any error, gives verdict 0. Process context, may sleep between
 * groups; takes an FPU section per eight signatures where the CPU has AVX-512
 * IFMA and the FPU is usable, else plain C. Full groups of eight are cheapest.
 *
 * Return: 0, or -EINVAL if @n is out of range (*@verdicts is 0 then).
 */
int amesh_ed25519_verify_batch(struct amesh_ed25519_batch *batch,
			       const struct amesh_ed25519_item *items,
			       unsigned int n, u64 *verdicts);

/**
 * amesh_ed25519_sign - sign a linear message
 * @tfm: transform that was given a seed by amesh_crypto_set_priv_key()
 * @msg: message, any kernel memory that nobody writes during the call: it is read
 *	more than once, and one nonce for two messages gives the key away
 * @msg_bytes: its length
 * @sig: 64 bytes out; zeroed on failure
 *
 * Constant time in the seed and the nonce. The result is verified once before
 * it is handed out, so a computing fault never leaks the key. Process context.
 *
 * The exported call knows this provider alone: allocate a transform that is to
 * sign with amesh_crypto_alloc(AMESH_ED25519_DRIVER).
 *
 * Return: 0; -ENOKEY without a seed; -EIO if the self-check failed;
 * -EOPNOTSUPP for a transform of another driver.
 */
int amesh_ed25519_sign(struct amesh_crypto_tfm *tfm, const u8 *msg,
		       u32 msg_bytes, u8 sig[AMESH_ED25519_SIG_BYTES]);

/**
 * amesh_ed25519_public - the public key of a transform
 * @tfm: transform with a public key, or with a seed (then the seed's)
 * @key: 32 bytes out
 *
 * Return: 0; -ENOKEY; -EOPNOTSUPP for a transform of another driver.
 */
int amesh_ed25519_public(struct amesh_crypto_tfm *tfm,
			 u8 key[AMESH_ED25519_KEY_BYTES]);

/* "ifma" or "scalar": which path full groups take on this machine now. */
const char *amesh_ed25519_impl(void);

#endif
