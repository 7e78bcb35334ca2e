// SPDX-License-Identifier: Apache-2.0
/* HKDF-SHA256 through OpenSSL's EVP_KDF (libsodium 1.0.18 has none). */
#include "hkdf.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "secret.h"

enum { HKDF_OUT_MAX_BYTES = 255 * 32 };

static int derive(EVP_KDF_CTX *ctx, uint8_t *out, size_t out_len, const OSSL_PARAM *params)
{
	if (!ctx || EVP_KDF_derive(ctx, out, out_len, params) <= 0) {
		secret_wipe(out, out_len);
		return -EIO;
	}
	return 0;
}

int hkdf_sha256(uint8_t *out, size_t out_len, const void *salt, size_t salt_len,
		const void *ikm, size_t ikm_len, const void *info, size_t info_len)
{
	/* OpenSSL takes these as non-const but only reads them. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)ikm, ikm_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx;
	int ret;

	if (!out_len || out_len > HKDF_OUT_MAX_BYTES || !ikm_len)
		return -EINVAL;
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	EVP_KDF_free(kdf);
	ret = derive(ctx, out, out_len, params);
	EVP_KDF_CTX_free(ctx); /* wipes its copy of the key */
	return ret;
}
