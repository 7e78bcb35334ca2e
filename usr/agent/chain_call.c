// SPDX-License-Identifier: Apache-2.0
/* eth_call with revert data, for the chain's own reading and for others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "calls.h"
#include "chain_priv.h"
#include "log.h"

enum { CALL_TEXT_MAX = 512 };

static void unlink_asked(struct asked *a)
{
	struct asked **at = &a->chain->asked;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
}

/* Revert data is a string, or an object that holds one. */
static const json_t *revert_data(const json_t *data)
{
	return json_is_object(data) ? json_object_get(data, "data") : data;
}

static void describe_revert(struct chain_answer *a, const struct rpc_reply *reply,
			    char text[CALL_TEXT_MAX])
{
	const json_t *data = revert_data(reply->data);
	const char *hex = json_string_value(data);
	const char *name = NULL;
	char first[11];

	if (hex && strlen(hex) >= 10) {
		memcpy(first, hex, 10);
		first[10] = '\0';
		if (hex_decode(a->revert, 4, first))
			name = error_name(a->revert);
	}
	a->reverted = reply->code == 3 || hex || strstr(reply->message, "revert");
	snprintf(text, CALL_TEXT_MAX, "%s%s%s", reply->text, name ? ": " : "", name ? name : "");
	a->text = text;
}

static uint8_t *decode_result(const struct rpc_reply *reply, size_t *len)
{
	const char *hex = json_string_value(reply->result);
	size_t size = json_string_length(reply->result) / 2;
	uint8_t *data = hex ? malloc(size + 1) : NULL;

	if (data && strlen(hex) == json_string_length(reply->result) && hex[0] == '0' &&
	    hex[1] == 'x' && hex_decode_var(data, size + 1, len, hex))
		return data;
	free(data);
	return NULL;
}

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	struct asked *a = arg;
	struct chain_answer answer = { .class = reply->class, .text = reply->text };
	char text[CALL_TEXT_MAX];
	uint8_t *data = NULL;

	unlink_asked(a);
	if (reply->class == RPC_OK) {
		data = decode_result(reply, &answer.len);
		answer.data = data;
		if (!data) {
			answer.class = RPC_FORMAT;
			answer.text = "rpc eth_call: the result is not hex data";
		}
	} else if (reply->class == RPC_ERROR) {
		describe_revert(&answer, reply, text);
	}
	a->fn(&answer, a->arg);
	free(data);
	free(a);
}

static json_t *call_params(const uint8_t *from, const uint8_t to[20], const void *call,
			   size_t len, const char *block_tag)
{
	json_t *tx = json_object();
	int bad = 0;

	if (from)
		bad |= json_object_set_new(tx, "from", rpc_bytes(from, 20));
	bad |= json_object_set_new(tx, "to", rpc_bytes(to, 20));
	bad |= json_object_set_new(tx, "data", rpc_bytes(call, len));
	if (bad) {
		json_decref(tx);
		return NULL;
	}
	return json_pack("[o, s]", tx, block_tag ? block_tag : "latest");
}

void chain_call_at(struct chain *c, const void *owner, const char *block_tag,
		   const uint8_t *from, const uint8_t to[20], const void *call, size_t len,
		   chain_call_fn fn, void *arg)
{
	struct asked *a = calloc(1, sizeof(*a));
	json_t *params = a ? call_params(from, to, call, len, block_tag) : NULL;

	if (!params) {
		log_error("rpc: out of memory for a call");
		exit(EXIT_FAILURE); /* the supervisor starts it again */
	}
	*a = (struct asked){ .chain = c, .next = c->asked, .owner = owner, .fn = fn, .arg = arg };
	c->asked = a;
	rpc_call(c->rpc, a, "eth_call", params, on_reply, a);
}

void chain_call(struct chain *c, void *owner, const uint8_t to[20], const void *call,
		size_t len, chain_call_fn fn, void *arg)
{
	chain_call_at(c, owner, NULL, NULL, to, call, len, fn, arg);
}

void chain_call_from(struct chain *c, void *owner, const uint8_t *from, const uint8_t to[20],
		     const void *call, size_t len, chain_call_fn fn, void *arg)
{
	chain_call_at(c, owner, NULL, from, to, call, len, fn, arg);
}

void chain_cancel(struct chain *c, const void *owner)
{
	struct asked *a = c->asked, *next;

	for (; a; a = next) {
		next = a->next;
		if (a->owner != owner)
			continue;
		unlink_asked(a);
		rpc_cancel(c->rpc, a);
		free(a);
	}
	rpc_cancel(c->rpc, owner);
}
