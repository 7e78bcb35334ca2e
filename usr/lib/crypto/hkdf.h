/* SPDX-License-Identifier: Apache-2.0 */
/* HKDF-SHA256 (RFC 5869) over OpenSSL, extract and expand in one call. */
#ifndef CRYPTO_HKDF_H
#define CRYPTO_HKDF_H

#include <stddef.h>
#include <stdint.h>

/* Derives out_len (at most 8160) bytes. 0, -EINVAL or -EIO; on failure out is
 * wiped. */
int hkdf_sha256(uint8_t *out, size_t out_len, const void *salt, size_t salt_len,
		const void *ikm, size_t ikm_len, const void *info, size_t info_len);

#endif
