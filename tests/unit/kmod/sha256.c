// SPDX-License-Identifier: Apache-2.0
/*
 * SHA-256 for the pure files in userspace, from libsodium. It holds nothing
 * else.
 */
#include <sodium.h>

#include "kmod/pure.h"

void amesh_sha256(const u8 *data, u32 len, u8 out[32])
{
	crypto_hash_sha256(out, data, len);
}
