// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of one signature through the crypto API, for transforms whose
 * driver is not ours. The slow way, used only if somebody registers another
 * "ed25519" of higher priority.
 */
#include "engine.h"

#include <linux/scatterlist.h>
#include <linux/slab.h>

/* Signature, head and message in one piece of memory that can be mapped. */
static u8 *join(const struct amesh_ed25519_item *item, size_t *bytes)
{
	u8 *buf;

	*bytes = (size_t)ED25519_SIG + item->head_bytes + item->msg_bytes;
	buf = kmalloc(*bytes, GFP_KERNEL);
	if (!buf)
		return NULL;
	memcpy(buf, item->sig, ED25519_SIG);
	if (item->head_bytes)
		memcpy(buf + ED25519_SIG, item->head, item->head_bytes);
	if (item->msg_bytes)
		memcpy(buf + ED25519_SIG + item->head_bytes, item->msg,
		       item->msg_bytes);
	return buf;
}

#if AMESH_CRYPTO_SIG

static int verify_joined(struct amesh_crypto_tfm *tfm, u8 *buf, size_t bytes)
{
	return crypto_sig_verify(tfm, buf, ED25519_SIG, buf + ED25519_SIG,
				 bytes - ED25519_SIG);
}

#else

static int verify_joined(struct amesh_crypto_tfm *tfm, u8 *buf, size_t bytes)
{
	struct akcipher_request *req;
	struct scatterlist sg;
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	req = akcipher_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	sg_init_one(&sg, buf, bytes);
	akcipher_request_set_crypt(req, &sg, NULL, ED25519_SIG,
				   bytes - ED25519_SIG);
	akcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP,
				      crypto_req_done, &wait);
	err = crypto_wait_req(crypto_akcipher_verify(req), &wait);
	akcipher_request_free(req);
	return err;
}

#endif

bool amesh_ed25519_verify_foreign(const struct amesh_ed25519_item *item)
{
	size_t bytes;
	u8 *buf = join(item, &bytes);
	bool ok;

	ok = buf && !verify_joined(item->tfm, buf, bytes);
	kfree(buf);
	return ok;
}
