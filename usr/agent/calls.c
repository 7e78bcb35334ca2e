// SPDX-License-Identifier: Apache-2.0
/* Calldata of the functions that the agent uses, and what contract errors mean
 * to it. */
#include "calls.h"

#include <string.h>

#include "abi.h"
#include "bytes.h"

static struct call begin(const char *signature)
{
	struct call c = { .len = ABI_SELECTOR_BYTES };

	abi_selector(c.data, signature);
	return c;
}

static void add_word(struct call *c, const uint8_t w[32])
{
	memcpy(c->data + c->len, w, 32);
	c->len += 32;
}

static void add_u64(struct call *c, uint64_t v)
{
	memset(c->data + c->len, 0, 24);
	store_be64(c->data + c->len + 24, v);
	c->len += 32;
}

static void add_address(struct call *c, const uint8_t a[20])
{
	memset(c->data + c->len, 0, 12);
	memcpy(c->data + c->len + 12, a, 20);
	c->len += 32;
}

struct call call_none(const char *signature)
{
	return begin(signature);
}

struct call call_word(const char *signature, const uint8_t w[32])
{
	struct call c = begin(signature);

	add_word(&c, w);
	return c;
}

struct call call_two_words(const char *signature, const uint8_t a[32], const uint8_t b[32])
{
	struct call c = begin(signature);

	add_word(&c, a);
	add_word(&c, b);
	return c;
}

struct call call_address(const char *signature, const uint8_t a[20])
{
	struct call c = begin(signature);

	add_address(&c, a);
	return c;
}

struct call call_u64(const char *signature, uint64_t v)
{
	struct call c = begin(signature);

	add_u64(&c, v);
	return c;
}

struct call call_two_u64(const char *signature, uint64_t a, uint64_t b)
{
	struct call c = begin(signature);

	add_u64(&c, a);
	add_u64(&c, b);
	return c;
}

struct call call_u64_word(const char *signature, uint64_t a, const uint8_t w[32])
{
	struct call c = begin(signature);

	add_u64(&c, a);
	add_word(&c, w);
	return c;
}

struct call call_get_nonce(const uint8_t sender[20], const uint8_t key[24])
{
	struct call c = begin("getNonce(address,uint192)");
	uint8_t word[32] = { 0 };

	memcpy(word + 8, key, 24);
	add_address(&c, sender);
	add_word(&c, word);
	return c;
}

bool call_send(struct buf *out, const uint8_t recipient[32], const uint8_t envelope_id[32],
	       const void *ciphertext, size_t len)
{
	uint8_t selector[ABI_SELECTOR_BYTES];
	struct abi_enc e;

	abi_selector(selector, "send(bytes32,bytes32,bytes)");
	buf_add(out, selector, sizeof(selector));
	abi_begin(&e, out, 3);
	abi_put_word(&e, recipient);
	abi_put_word(&e, envelope_id);
	abi_put_bytes(&e, ciphertext, len);
	return abi_end(&e);
}

struct call call_commit_csk(uint32_t generation, const uint8_t commitment[32])
{
	if (generation == 1)
		return call_word("setCskCommitment(bytes32)", commitment);
	return call_u64_word("commitCsk(uint32,bytes32)", generation, commitment);
}

/* ---- errors ---- */

static const struct {
	const char *signature;
	enum refusal means;
} known_errors[] = {
	/* Somebody must act: an allowlist entry, a readmission, another root. */
	{ "NotOurMember()", REFUSAL_WAIT },
	{ "InvalidSigChain()", REFUSAL_WAIT },
	{ "MemberBarred()", REFUSAL_WAIT },
	{ "WgKeyTaken(bytes32)", REFUSAL_STOP }, /* this key; the next epoch may do */
	{ "MeshFull()", REFUSAL_WAIT },
	{ "ClusterFull()", REFUSAL_WAIT },
	{ "AttestorNotApproved()", REFUSAL_WAIT },
	/* What was built cannot become right by waiting. */
	{ "CodeIdMismatch()", REFUSAL_STOP },
	{ "BindingMismatch()", REFUSAL_STOP },
	{ "WrongPurpose()", REFUSAL_STOP },
	{ "PointNotOnCurve()", REFUSAL_STOP },
	{ "InvalidPubKeyLength()", REFUSAL_STOP },
	{ "CallerNotMember()", REFUSAL_STOP },
	{ "ZeroKey()", REFUSAL_STOP },
	{ "WrongAttestor(bytes32)", REFUSAL_STOP },
	{ "VoucherExpired()", REFUSAL_STOP },
	{ "OperatorSignerNotAllowed()", REFUSAL_WAIT },
	{ "BadCiphertextLength()", REFUSAL_STOP },
	{ "RecipientNotMember()", REFUSAL_STOP },
	{ "NotOriginator()", REFUSAL_STOP },
	{ "GenerationNotRequested()", REFUSAL_STOP },
	{ "ZeroCommitment()", REFUSAL_STOP },
	{ "CommitmentReused()", REFUSAL_STOP },
	{ "InvalidBootstrapCall()", REFUSAL_STOP },
	{ "ClusterDestroyed()", REFUSAL_STOP },
	/* The effect is there already, whoever brought it about. */
	{ "AlreadyRegistered()", REFUSAL_DONE },
	{ "DuplicateEnvelope()", REFUSAL_DONE },
	{ "CskCommitmentAlreadySet()", REFUSAL_DONE },
	{ "OwnerAlreadySet()", REFUSAL_DONE },
	/* A lagging view, or a membership that is about to be. */
	{ "NotClusterMember()", REFUSAL_RETRY },
	{ "OnlyEntryPoint()", REFUSAL_STOP },
};

const char *error_name(const uint8_t selector[4])
{
	static char name[64];

	for (size_t i = 0; i < ARRAY_LEN(known_errors); i++) {
		uint8_t s[4];
		size_t len = strcspn(known_errors[i].signature, "(");

		abi_selector(s, known_errors[i].signature);
		if (memcmp(s, selector, 4))
			continue;
		memcpy(name, known_errors[i].signature, len);
		name[len] = '\0';
		return name;
	}
	return NULL;
}

enum refusal error_class(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; len && i < ARRAY_LEN(known_errors); i++)
		if (!strncmp(known_errors[i].signature, name, len) &&
		    known_errors[i].signature[len] == '(')
			return known_errors[i].means;
	return REFUSAL_RETRY;
}
