// SPDX-License-Identifier: Apache-2.0
/* The two links of dstack's KMS signature chain, each recovered on its own. */
#include "sigchain.h"

#include <string.h>

#include "bytes.h"
#include "k256.h"
#include "keccak.h"

static void link0_digest(const struct sigchain *c, uint8_t out[32])
{
	char hex[HEX_SIZE(33)];
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_add(&k, c->purpose, strlen(c->purpose));
	keccak256_add(&k, ":", 1);
	keccak256_add(&k, hex_encode(hex, c->derived, 33), 66);
	keccak256_done(&k, out);
}

static void link1_digest(const struct sigchain *c, const uint8_t app_root[33],
			 uint8_t out[32])
{
	static const char tag[] = "dstack-kms-issued:";
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_add(&k, tag, sizeof(tag) - 1);
	keccak256_add(&k, c->app_id, sizeof(c->app_id));
	keccak256_add(&k, app_root, 33);
	keccak256_done(&k, out);
}

static enum sigchain_error presence(const struct sigchain *c)
{
	if (!c->has_link[0])
		return SIGCHAIN_NO_LINK0;
	if (!c->has_link[1])
		return SIGCHAIN_NO_LINK1;
	if (!k256_low_s(c->link[0]))
		return SIGCHAIN_HIGH_S0;
	if (!k256_low_s(c->link[1]))
		return SIGCHAIN_HIGH_S1;
	return SIGCHAIN_OK;
}

enum sigchain_error sigchain_recover(const struct sigchain *c, struct sigchain_roots *out)
{
	uint8_t digest[32], address[20];
	enum sigchain_error e = presence(c);

	if (e)
		return e;
	if (!k256_address(c->derived, address))
		return SIGCHAIN_BAD_PUBKEY;
	link0_digest(c, digest);
	if (!k256_recover(digest, c->link[0], out->app) ||
	    !k256_address(out->app, out->app_address))
		return SIGCHAIN_BAD_LINK0;
	link1_digest(c, out->app, digest);
	if (!k256_recover(digest, c->link[1], out->kms) ||
	    !k256_address(out->kms, out->kms_address))
		return SIGCHAIN_BAD_LINK1;
	return SIGCHAIN_OK;
}

enum sigchain_error sigchain_check(const struct sigchain *c, const uint8_t root[20],
				   struct sigchain_roots *out)
{
	enum sigchain_error e = sigchain_recover(c, out);

	if (!e && memcmp(out->kms_address, root, 20))
		e = SIGCHAIN_WRONG_KMS_ROOT;
	return e;
}

const char *sigchain_text(enum sigchain_error e)
{
	switch (e) {
	case SIGCHAIN_OK:
		return "both links verify";
	case SIGCHAIN_NO_LINK0:
		return "link 0 is empty: the guest agent gave no signature for the binding key";
	case SIGCHAIN_NO_LINK1:
		return "link 1 is empty: keys do not come from a KMS, such a node cannot register";
	case SIGCHAIN_HIGH_S0:
		return "link 0 has a high-S signature, which the contract refuses";
	case SIGCHAIN_HIGH_S1:
		return "link 1 has a high-S signature, which the contract refuses";
	case SIGCHAIN_BAD_LINK0:
		return "link 0 recovers to no key";
	case SIGCHAIN_BAD_LINK1:
		return "link 1 recovers to no key";
	case SIGCHAIN_BAD_PUBKEY:
		return "the binding public key is not a point on the curve";
	case SIGCHAIN_WRONG_KMS_ROOT:
		return "link 1 does not lead to the trusted KMS root: wrong app_id, "
		       "or another KMS";
	}
	return "unknown";
}
