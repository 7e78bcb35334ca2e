// SPDX-License-Identifier: Apache-2.0
/*
 * The wrapped copy of the key in the state directory: XChaCha20-Poly1305 under
 * a key of the TEE's, bound to chain, cluster, member, generation and
 * commitment. It is trusted for nothing: what it holds counts only if its hash
 * is the commitment on chain.
 *
 * File: magic (8), generation (4, big-endian), commitment (32), nonce (24),
 * ciphertext and tag (48).
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "buf.h"
#include "bytes.h"
#include "csk_priv.h"
#include "file.h"
#include "log.h"
#include "secret.h"

enum {
	MAGIC_BYTES = 8,
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	AT_GENERATION = MAGIC_BYTES,
	AT_COMMITMENT = AT_GENERATION + 4,
	AT_NONCE = AT_COMMITMENT + 32,
	AT_SEALED = AT_NONCE + NONCE_BYTES,
	FILE_BYTES = AT_SEALED + CSK_BYTES + TAG_BYTES,
	BOUND_BYTES = MAGIC_BYTES + 8 + 20 + 20 + 4 + 32,
};

static const char magic[MAGIC_BYTES] = { 'A', 'M', 'C', 'S', 'K', 'v', '1', '\n' };

static void bound(const struct csk *csk, const uint8_t *file, uint8_t out[BOUND_BYTES])
{
	memcpy(out, magic, MAGIC_BYTES);
	store_be64(out + 8, csk->config.scope.chain_id);
	memcpy(out + 16, csk->config.scope.cluster, 20);
	memcpy(out + 36, csk->config.scope.member_contract, 20);
	memcpy(out + 56, file + AT_GENERATION, 4 + 32);
}

static bool unseal(struct csk *csk, const uint8_t *file)
{
	uint8_t ad[BOUND_BYTES];

	bound(csk, file, ad);
	return !crypto_aead_xchacha20poly1305_ietf_decrypt(
		csk->stored.bytes, NULL, NULL, file + AT_SEALED, CSK_BYTES + TAG_BYTES,
		ad, sizeof(ad), file + AT_NONCE, csk->wrap_key);
}

void csk_store_load(struct csk *csk)
{
	struct buf b;
	int ret;

	buf_init(&b, FILE_BYTES);
	ret = file_read(csk->state_path, &b);
	if (!ret && (b.len != FILE_BYTES || memcmp(b.data, magic, MAGIC_BYTES)))
		ret = -EBADMSG;
	if (!ret && !unseal(csk, b.data))
		ret = -EBADMSG;
	if (!ret) {
		csk->stored.generation = load_be32(b.data + AT_GENERATION);
		memcpy(csk->stored.commitment, b.data + AT_COMMITMENT, 32);
	} else if (ret != -ENOENT) {
		log_warn("csk: the stored copy is not used (%s); the key is pulled or "
			 "derived instead", strerror(-ret));
	}
	buf_free(&b);
}

void csk_store_save(const struct csk *csk)
{
	uint8_t file[FILE_BYTES], ad[BOUND_BYTES];
	int ret;

	if (!csk->state_path)
		return;
	memcpy(file, magic, MAGIC_BYTES);
	store_be32(file + AT_GENERATION, csk->held.generation);
	memcpy(file + AT_COMMITMENT, csk->held.commitment, 32);
	secret_random(file + AT_NONCE, NONCE_BYTES);
	bound(csk, file, ad);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		file + AT_SEALED, NULL, csk->held.bytes, CSK_BYTES, ad, sizeof(ad), NULL,
		file + AT_NONCE, csk->wrap_key);
	ret = file_write_atomic(csk->state_path, file, sizeof(file));
	if (ret)
		log_warn("csk: generation %" PRIu32 " could not be stored: %s; a restart "
			 "pulls it again", csk->held.generation, strerror(-ret));
}
