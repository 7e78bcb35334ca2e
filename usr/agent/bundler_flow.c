// SPDX-License-Identifier: Apache-2.0
/*
 * One operation, step by step: is the effect there already, would the call
 * succeed, nonce, fees, sponsor's stub, estimate, sponsorship, signature,
 * submission, and then looking at the chain until the effect shows.
 */
#include <stdio.h>
#include <string.h>

#include "bundler_answer.h"
#include "bundler_priv.h"
#include "bytes.h"
#include "log.h"

enum {
	FLIGHT_CHECK_EVERY_MS = 2000,   /* the effect, while no receipt comes */
	FLIGHT_TEXT_MAX = 480,
	RPC_METHOD_UNKNOWN = -32601,
};

void flight_clear(struct bundler *b)
{
	struct flight *f = &b->flight;

	chain_cancel(b->chain, f);
	rpc_cancel(chain_rpc(b->chain), f);
	rpc_cancel(b->bundler, f);
	rpc_cancel(b->paymaster, f);
	buf_free(&f->call_data);
	memset(&f->op, 0, sizeof(f->op));
	memset(f->tx_hash, 0, sizeof(f->tx_hash));
	f->sent = f->landed = false;
}

/* A step failed at an endpoint. */
static void endpoint_failed(struct bundler *b, const struct rpc_reply *reply)
{
	flight_retry(b, reply->text, rpc_transient(reply->class) ? RETRY_ENDPOINT : RETRY_BACKOFF);
}

static void bad_answer(struct bundler *b, const char *who, const char *why)
{
	char text[FLIGHT_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s; nothing was signed", who, why);
	flight_retry(b, text, RETRY_SLOW);
}

static void ask(struct bundler *b, struct rpc *r, const char *method, json_t *params, rpc_fn fn)
{
	rpc_call(r, &b->flight, method, params, fn, b);
}

static void ask_cluster(struct bundler *b, const struct buf *call, chain_call_fn fn)
{
	chain_call(b->chain, &b->flight, chain_cluster(b->chain), call->data, call->len, fn, b);
}

/* ---- what a contract error means ---- */

static void contract_refused(struct bundler *b, const char *name, const char *detail)
{
	char text[FLIGHT_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: the cluster refuses: %s", b->flight.job->name,
		 *name ? name : detail);
	switch (error_class(name)) {
	case REFUSAL_STOP:
	case REFUSAL_DONE: /* done, yet our effect does not show: another's doing */
		flight_refused(b, name, text);
		break;
	case REFUSAL_WAIT:
		flight_retry(b, text, RETRY_SLOW);
		break;
	case REFUSAL_RETRY:
		flight_retry(b, text, RETRY_BACKOFF);
		break;
	}
}

/* ---- looking at the chain ---- */

static void look_later(struct bundler *b)
{
	loop_timer_set(&b->timer, BUNDLER_RECEIPT_POLL_MS);
}

static void on_nonce_after(const struct chain_answer *a, void *arg);

/* Long on its way without a trace: has its nonce been used? */
static void look_at_nonce(struct bundler *b)
{
	uint8_t key[24];
	struct call c;

	memcpy(key, b->flight.op.nonce, 24);
	c = call_get_nonce(b->flight.op.sender, key);
	chain_call(b->chain, &b->flight, userop_entry_point, c.data, c.len, on_nonce_after, b);
}

static void on_nonce_after(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;

	if (a->class != RPC_OK || a->len != 32)
		look_later(b);
	else if (memcmp(a->data, b->flight.op.nonce, 32))
		flight_retry(b, "operation executed without its effect", RETRY_BACKOFF);
	else
		flight_retry(b, "operation not included in time, sent anew", RETRY_BACKOFF);
}

static void on_effect(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;
	struct flight *f = &b->flight;
	int64_t now = loop_now_ms(b->loop);

	if (job_effect_shown(f->job, a)) {
		flight_done(b);
		return;
	}
	if (a->class != RPC_OK)
		flight_waits(b, f->job, a->text, rpc_transient(a->class));
	if (a->class == RPC_OK && now - f->sent_ms > BUNDLER_INCLUSION_MS)
		look_at_nonce(b);
	else
		look_later(b);
}

static void look_at_effect(struct bundler *b)
{
	b->flight.looked_ms = loop_now_ms(b->loop);
	ask_cluster(b, &b->flight.job->check, on_effect);
}

static void on_receipt(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;
	struct flight *f = &b->flight;
	struct receipt r;
	const char *name;

	if (reply->class == RPC_OK && answer_receipt(&r, reply->result, f->op_hash)) {
		memcpy(f->tx_hash, r.tx_hash, 32);
		if (!r.success) {
			name = error_name(r.revert);
			contract_refused(b, name ? name : "", "the operation reverted");
			return;
		}
		f->landed = true;
		look_at_effect(b);
		return;
	}
	if (reply->class != RPC_OK)
		flight_waits(b, f->job, reply->text, rpc_transient(reply->class));
	if (loop_now_ms(b->loop) - f->looked_ms >= FLIGHT_CHECK_EVERY_MS)
		look_at_effect(b);
	else
		look_later(b);
}

void flight_look(struct bundler *b)
{
	struct flight *f = &b->flight;

	if (!f->sent)
		return;
	if (f->landed)
		look_at_effect(b);
	else
		ask(b, b->bundler, "eth_getUserOperationReceipt",
		    json_pack("[o]", rpc_bytes(f->op_hash, 32)), on_receipt);
}

/* ---- submission ---- */

static void on_sent(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;
	struct flight *f = &b->flight;

	if (reply->class != RPC_OK && !strstr(reply->message, "lready known")) {
		endpoint_failed(b, reply);
		return;
	}
	b->sent++;
	f->sent = f->job->sent = true;
	f->sent_ms = f->looked_ms = loop_now_ms(b->loop);
	b->waiting[0] = b->blocked[0] = '\0';
	look_later(b);
}

static void send_signed(struct bundler *b)
{
	struct flight *f = &b->flight;
	char hex[HEX_SIZE(32)];

	if (b->paymaster && !f->op.sponsored) {
		bad_answer(b, "paymaster", "no sponsorship");
		return;
	}
	if (!userop_hash(&f->op, userop_entry_point, b->chain_id, f->op_hash) ||
	    !keys_sign_owner(b->keys, f->op_hash, f->op.signature)) {
		flight_retry(b, "the operation could not be signed", RETRY_BACKOFF);
		return;
	}
	log_info("operation %s: sent as 0x%s", f->job->name, hex_encode(hex, f->op_hash, 32));
	ask(b, b->bundler, "eth_sendUserOperation",
	    json_pack("[o, o]", userop_json(&f->op, true), rpc_bytes(userop_entry_point, 20)),
	    on_sent);
}

/* ---- sponsorship ---- */

static json_t *sponsor_context(const struct bundler *b, const uint8_t *auth)
{
	json_t *context = json_object();

	if (auth)
		json_object_set_new(context, "auth", rpc_bytes(auth, 65));
	if (b->policy_id)
		json_object_set_new(context, "policyId", json_string(b->policy_id));
	return context;
}

static json_t *sponsor_params(const struct bundler *b, const uint8_t *auth)
{
	return json_pack("[o, o, o, o]", userop_json(&b->flight.op, false),
			 rpc_bytes(userop_entry_point, 20), rpc_u64(b->chain_id),
			 sponsor_context(b, auth));
}

/* A refusal is an error object whose data names the reason. */
static void sponsor_failed(struct bundler *b, const struct rpc_reply *reply)
{
	const json_t *reason = json_object_get(reply->data, "reason");
	const json_t *revert = json_object_get(reply->data, "revert");
	char text[FLIGHT_TEXT_MAX], r1[LOG_FOREIGN_MAX_CHARS + 1] = "", r2[64] = "";

	if (reply->class != RPC_ERROR) {
		endpoint_failed(b, reply);
		return;
	}
	if (json_is_string(reason))
		log_foreign(r1, sizeof(r1), json_string_value(reason), json_string_length(reason));
	if (json_is_string(revert))
		log_foreign(r2, sizeof(r2), json_string_value(revert), json_string_length(revert));
	snprintf(text, sizeof(text), "sponsorship of %s denied: %s%s%s", b->flight.job->name,
		 *r1 ? r1 : reply->message, *r2 ? ", " : "", r2);
	flight_retry(b, text, RETRY_SLOW);
}

static void on_sponsored(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;
	const char *why;

	if (reply->class != RPC_OK) {
		sponsor_failed(b, reply);
		return;
	}
	why = answer_paymaster(&b->flight.op, reply->result, b->max_fee_wei);
	if (why)
		bad_answer(b, "paymaster", why);
	else
		send_signed(b);
}

static void ask_sponsor(struct bundler *b)
{
	uint8_t hash[32], auth[65];

	if (!b->paymaster) {
		send_signed(b);
		return;
	}
	if (!userop_sponsor_hash(&b->flight.op, b->chain_id, hash) ||
	    !keys_sign_owner(b->keys, hash, auth)) {
		flight_retry(b, "the request for sponsorship could not be signed", RETRY_BACKOFF);
		return;
	}
	ask(b, b->paymaster, "pm_getPaymasterData", sponsor_params(b, auth), on_sponsored);
}

/* ---- estimate ---- */

/* Each failed try of a job leaves a little more room: a bundler's bound may
 * have moved between its estimate and our submission. */
static void leave_room(struct bundler *b)
{
	unsigned int tries = b->flight.job->tries < 5 ? b->flight.job->tries : 5;
	struct userop *op = &b->flight.op;

	op->pre_verification_gas += op->pre_verification_gas * tries / 20;
	op->verification_gas += op->verification_gas * tries / 20;
	op->call_gas += op->call_gas * tries / 20;
}

static void on_estimate(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;
	const char *why;

	if (reply->class != RPC_OK) {
		endpoint_failed(b, reply);
		return;
	}
	why = answer_estimate(&b->flight.op, reply->result);
	if (why) {
		bad_answer(b, "bundler", why);
		return;
	}
	leave_room(b);
	ask_sponsor(b);
}

static void ask_estimate(struct bundler *b)
{
	memcpy(b->flight.op.signature, userop_dummy_signature, USEROP_SIGNATURE_BYTES);
	ask(b, b->bundler, "eth_estimateUserOperationGas",
	    json_pack("[o, o]", userop_json(&b->flight.op, true),
		      rpc_bytes(userop_entry_point, 20)), on_estimate);
}

static void on_stub(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;
	const char *why;

	if (reply->class != RPC_OK) {
		sponsor_failed(b, reply);
		return;
	}
	why = answer_paymaster(&b->flight.op, reply->result, b->max_fee_wei);
	if (why)
		bad_answer(b, "paymaster", why);
	else
		ask_estimate(b);
}

static void after_fees(struct bundler *b, const char *who, const char *why)
{
	if (why)
		bad_answer(b, who, why);
	else if (b->paymaster)
		ask(b, b->paymaster, "pm_getPaymasterStubData", sponsor_params(b, NULL), on_stub);
	else
		ask_estimate(b);
}

/* ---- fees ---- */

static void on_gas_price(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;

	if (reply->class != RPC_OK)
		endpoint_failed(b, reply);
	else
		after_fees(b, "rpc", answer_gas_price(&b->flight.op, reply->result, b->max_fee_wei));
}

static void on_fees(const struct rpc_reply *reply, void *arg)
{
	struct bundler *b = arg;

	if (reply->class == RPC_ERROR && reply->code == RPC_METHOD_UNKNOWN)
		rpc_call(chain_rpc(b->chain), &b->flight, "eth_gasPrice", NULL, on_gas_price, b);
	else if (reply->class != RPC_OK)
		endpoint_failed(b, reply);
	else
		after_fees(b, "bundler", answer_fees(&b->flight.op, reply->result,
						     b->flight.job->tries > 0, b->max_fee_wei));
}

/* ---- nonce ---- */

static void on_nonce(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;

	if (a->class != RPC_OK || a->len != 32) {
		flight_retry(b, a->class != RPC_OK ? a->text : "rpc: getNonce answers nothing",
			     RETRY_ENDPOINT);
		return;
	}
	memcpy(b->flight.op.nonce, a->data, 32);
	ask(b, b->bundler, "pimlico_getUserOperationGasPrice", NULL, on_fees);
}

static void ask_nonce(struct bundler *b)
{
	struct flight *f = &b->flight;
	uint8_t key[24] = { 0 };
	struct call c;

	if (f->job->bootstrap)
		keys_owner_address(b->keys, key + 4);
	memcpy(f->op.sender, chain_member_contract(b->chain), 20);
	buf_init(&f->call_data, BUNDLER_CALL_MAX_BYTES + 256);
	if (!userop_execute(&f->call_data, chain_cluster(b->chain), f->job->call.data,
			    f->job->call.len)) {
		flight_retry(b, "out of memory for an operation", RETRY_BACKOFF);
		return;
	}
	f->op.call_data = f->call_data.data;
	f->op.call_data_len = f->call_data.len;
	c = call_get_nonce(f->op.sender, key);
	chain_call(b->chain, f, userop_entry_point, c.data, c.len, on_nonce, b);
}

/* ---- before anything is sent ---- */

static void on_simulated(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;
	const char *name = a->reverted ? error_name(a->revert) : NULL;

	if (a->class == RPC_OK)
		ask_nonce(b);
	else if (a->reverted)
		contract_refused(b, name ? name : "", a->text);
	else
		flight_retry(b, a->text, RETRY_ENDPOINT);
}

static void on_checked(const struct chain_answer *a, void *arg)
{
	struct bundler *b = arg;
	const struct job *j = b->flight.job;

	if (a->class != RPC_OK) {
		flight_retry(b, a->text, RETRY_ENDPOINT);
		return;
	}
	if (job_effect_shown(j, a)) {
		flight_done(b);
		return;
	}
	/* The cluster itself says whether and why not, which a bundler would
	 * only hint at. */
	chain_call_from(b->chain, &b->flight, chain_member_contract(b->chain),
			chain_cluster(b->chain), j->call.data, j->call.len, on_simulated, b);
}

void flight_start(struct bundler *b)
{
	ask_cluster(b, &b->flight.job->check, on_checked);
}
