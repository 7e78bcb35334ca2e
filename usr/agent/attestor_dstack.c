// SPDX-License-Identifier: Apache-2.0
/*
 * dstack's proof: the binding signed by the chained key, and the two links that
 * lead from it to the KMS root. Both links are checked here first, and the root
 * against the cluster's list, because the contract says only InvalidSigChain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "attestor.h"
#include "bytes.h"
#include "calls.h"
#include "chain.h"
#include "keccak.h"
#include "keys.h"
#include "log.h"
#include "sigchain.h"

enum { PROOF_MAX_BYTES = 4096, PROOF_TEXT_MAX = 320 };

struct attestor_dstack {
	struct attestor base;
	struct keys *keys;
	struct chain *chain;
	uint8_t app_id[20];
	struct attestor_binding binding;
	struct sigchain_roots roots;
	attestor_fn fn;
	void *arg;
};

static const char *const purposes[KEYS_PATHS] = {
	KEYS_BINDING_PURPOSE, "", "", "", "", "",
};

/* ---- answers ---- */

static void answer(struct attestor_dstack *d, enum attestor_verdict verdict, const char *text,
		   const struct buf *call)
{
	struct attestor_answer a = { .verdict = verdict, .text = text, .call = call };

	keys_owner_address(d->keys, a.signer);
	d->fn(&a, d->arg);
}

/* ---- local check ---- */

static bool chain_of(const struct attestor_dstack *d, enum keys_path path, struct sigchain *out)
{
	*out = (struct sigchain){ .purpose = purposes[path] };
	memcpy(out->app_id, d->app_id, 20);
	for (int i = 0; i < 2; i++) {
		const uint8_t *link = keys_link(d->keys, path, i);

		out->has_link[i] = link != NULL;
		if (link)
			memcpy(out->link[i], link, 65);
	}
	return keys_path_public(d->keys, path, out->derived);
}

/* All keys of an app are certified by one app root. A key that is not the one
 * its link names recovers to some other root. */
static bool one_app_root(const struct attestor_dstack *d)
{
	struct sigchain_roots roots;
	struct sigchain c;

	for (int path = KEYS_BOX; path < KEYS_PATHS; path++)
		if (chain_of(d, (enum keys_path)path, &c) &&
		    sigchain_recover(&c, &roots) == SIGCHAIN_OK &&
		    memcmp(roots.app, d->roots.app, 33))
			return false;
	return true;
}

/* NULL, or what is wrong with the proof for good. */
static const char *local_refusal(struct attestor_dstack *d, char text[PROOF_TEXT_MAX])
{
	char ours[HEX_SIZE(20)], theirs[HEX_SIZE(20)];
	enum sigchain_error e;
	struct sigchain c;

	if (memcmp(d->app_id, d->binding.member, 20)) {
		snprintf(text, PROOF_TEXT_MAX, "wrong app_id: this CVM runs as 0x%s, the member "
			 "contract is 0x%s; only a proof of the member's own app_id is accepted",
			 hex_encode(ours, d->app_id, 20), hex_encode(theirs, d->binding.member, 20));
		return text;
	}
	chain_of(d, KEYS_BINDING, &c);
	e = sigchain_recover(&c, &d->roots);
	if (e) {
		snprintf(text, PROOF_TEXT_MAX, "proof: %s", sigchain_text(e));
		return text;
	}
	if (!one_app_root(d))
		return "proof: swapped key: the binding key's link 0 leads to another app root "
		       "than the node's other keys";
	return NULL;
}

#ifdef AMESH_TEST_SKIP_LOCAL_PROOF_CHECK
/* A test build sends proofs that the check would refuse, so that the contract's
 * own refusal can be seen. The app root is found even behind a high S. */
static void lower_s(uint8_t sig[65])
{
	static const char n_hex[] =
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
	uint8_t n[32];
	int borrow = 0;

	hex_decode(n, 32, n_hex);
	for (int i = 31; i >= 0; i--) {
		int diff = n[i] - sig[32 + i] - borrow;

		borrow = diff < 0;
		sig[32 + i] = (uint8_t)diff;
	}
	sig[64] ^= 1;
}

static void recover_anyhow(struct attestor_dstack *d)
{
	enum sigchain_error e;
	struct sigchain c;

	chain_of(d, KEYS_BINDING, &c);
	for (int tries = 0; tries < 3; tries++) {
		e = sigchain_recover(&c, &d->roots);
		if (e == SIGCHAIN_HIGH_S0)
			lower_s(c.link[0]);
		else if (e == SIGCHAIN_HIGH_S1)
			lower_s(c.link[1]);
		else if (e == SIGCHAIN_NO_LINK1)
			c.has_link[1] = true; /* link 0 alone names the app root */
	}
	log_warn("test build: the local check of the proof is off: %s", sigchain_text(e));
}
#endif

/* ---- the call ---- */

static bool binding_hash(const struct attestor_binding *b, uint8_t out[32])
{
	struct abi_enc e;
	struct buf buf;
	bool ok;

	buf_init(&buf, PROOF_MAX_BYTES);
	abi_begin(&e, &buf, 5);
	abi_put_string(&e, "attestmesh.bind.v1");
	abi_put_address(&e, b->cluster);
	abi_put_address(&e, b->member);
	abi_put_word(&e, b->x_pub);
	abi_put_word(&e, b->wg_pub);
	ok = abi_end(&e);
	if (ok)
		keccak256(out, buf.data, buf.len);
	buf_free(&buf);
	return ok;
}

/* The chain's verifier takes v = 27/28; the guest agent gives 0/1. */
static void put_link(const struct attestor_dstack *d, struct abi_enc *e, int i)
{
	const uint8_t *link = keys_link(d->keys, KEYS_BINDING, i);
	uint8_t sig[65];

	if (!link) {
		abi_put_bytes(e, "", 0);
		return;
	}
	memcpy(sig, link, 65);
	if (sig[64] < 27)
		sig[64] = (uint8_t)(sig[64] + 27);
	abi_put_bytes(e, sig, sizeof(sig));
}

static bool encode_proof(const struct attestor_dstack *d, struct buf *out)
{
	uint8_t code_id[32] = { 0 }, hash[32], signature[65], derived[33];
	struct abi_enc e;

	memcpy(code_id, d->app_id, 20);
	keys_binding_public(d->keys, derived);
	if (!binding_hash(&d->binding, hash) || !keys_sign_owner(d->keys, hash, signature))
		return false;
	abi_begin(&e, out, 8);
	abi_put_word(&e, code_id);
	abi_put_word(&e, hash);
	abi_put_bytes(&e, signature, sizeof(signature));
	put_link(d, &e, 0);
	put_link(d, &e, 1);
	abi_put_bytes(&e, derived, sizeof(derived));
	abi_put_bytes(&e, d->roots.app, sizeof(d->roots.app));
	abi_put_string(&e, KEYS_BINDING_PURPOSE);
	return abi_end(&e);
}

static bool encode_call(const struct attestor_dstack *d, struct buf *out)
{
	uint8_t selector[ABI_SELECTOR_BYTES];
	struct abi_enc e;
	struct buf proof;
	bool ok;

	buf_init(&proof, PROOF_MAX_BYTES);
	abi_selector(selector, "dstack_register((bytes32,bytes32,bytes,bytes,bytes,bytes,bytes,"
			       "string),address,bytes32,bytes32)");
	buf_add(out, selector, sizeof(selector));
	ok = encode_proof(d, &proof);
	abi_begin(&e, out, 4);
	abi_put_tuple(&e, &proof);
	abi_put_address(&e, d->binding.member);
	abi_put_word(&e, d->binding.x_pub);
	abi_put_word(&e, d->binding.wg_pub);
	ok = abi_end(&e) && ok;
	buf_free(&proof);
	return ok;
}

static void deliver(struct attestor_dstack *d)
{
	struct buf call;

	buf_init(&call, PROOF_MAX_BYTES);
	if (encode_call(d, &call))
		answer(d, ATTESTOR_READY, "", &call);
	else
		answer(d, ATTESTOR_WAIT, "proof: could not be built", NULL);
	buf_free(&call);
}

static void on_root_listed(const struct chain_answer *a, void *arg)
{
	struct attestor_dstack *d = arg;
	struct abi_dec dec = { a->data, a->len };
	char text[PROOF_TEXT_MAX], hex[HEX_SIZE(20)];
	bool listed;

	if (a->class != RPC_OK) {
		answer(d, ATTESTOR_WAIT, a->text, NULL);
	} else if (!abi_get_bool(&dec, 0, &listed)) {
		answer(d, ATTESTOR_WAIT, "allowedKmsRoots(): no answer; has the cluster a dstack "
		       "facet?", NULL);
	} else if (!listed) {
		snprintf(text, sizeof(text), "unlisted KMS root 0x%s: the cluster owner has not "
			 "allowed it, or link 1 was issued for another app_id",
			 hex_encode(hex, d->roots.kms_address, 20));
		answer(d, ATTESTOR_WAIT, text, NULL);
	} else {
		deliver(d);
	}
}

static void prove(struct attestor *base, const struct attestor_binding *b, attestor_fn fn,
		  void *arg)
{
	struct attestor_dstack *d = (struct attestor_dstack *)base;
	struct call call;

	d->binding = *b;
	d->fn = fn;
	d->arg = arg;
#ifdef AMESH_TEST_SKIP_LOCAL_PROOF_CHECK
	(void)local_refusal;
	(void)on_root_listed;
	(void)call;
	recover_anyhow(d);
	deliver(d);
#else
	char text[PROOF_TEXT_MAX];
	const char *why = local_refusal(d, text);

	if (why) {
		answer(d, ATTESTOR_STOP, why, NULL);
		return;
	}
	call = call_address("allowedKmsRoots(address)", d->roots.kms_address);
	chain_call(d->chain, d, d->binding.cluster, call.data, call.len, on_root_listed, d);
#endif
}

static void dstack_attestor_free(struct attestor *base)
{
	struct attestor_dstack *d = (struct attestor_dstack *)base;

	chain_cancel(d->chain, d);
	free(d);
}

static const struct attestor_ops ops = {
	.name = "dstack", .id_name = "attestmesh.attestor.dstack",
	.prove = prove, .free = dstack_attestor_free,
};

struct attestor *attestor_dstack_new(struct keys *keys, struct chain *chain,
				     const uint8_t app_id[20])
{
	struct attestor_dstack *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->base.ops = &ops;
	d->keys = keys;
	d->chain = chain;
	memcpy(d->app_id, app_id, 20);
	return &d->base;
}
