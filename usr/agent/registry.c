// SPDX-License-Identifier: Apache-2.0
/* The IndexerRegistry's first record, as a sentence. */
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "bytes.h"
#include "calls.h"
#include "config.h"
#include "log.h"

#define POLLED "chain logs are polled instead"

enum { CURRENT_WORDS = 4 };  /* endpoint, codeId, pubKey, updatedAt */

struct registry {
	struct loop *loop;
	struct chain *chain;
	bool configured, started;
	uint8_t address[20];
	void (*on_change)(void *arg);
	void *arg;
	struct loop_timer timer;
	char text[REGISTRY_TEXT_CHARS];
};

/* Foreign parts of the sentence have been made harmless before. */
static void say(struct registry *r, const char *what)
{
	char text[REGISTRY_TEXT_CHARS];

	snprintf(text, sizeof(text), "indexer: %s; " POLLED, what);
	if (!strcmp(text, r->text))
		return;
	memcpy(r->text, text, sizeof(text));
	log_info("%s", r->text);
	r->on_change(r->arg);
}

static const char *address_text(const struct registry *r, char out[HEX_SIZE(20)])
{
	return hex_encode(out, r->address, sizeof(r->address));
}

static bool empty(const uint8_t *word)
{
	static const uint8_t zero[ABI_WORD_BYTES];

	return !memcmp(word, zero, sizeof(zero));
}

static void say_record(struct registry *r, const uint8_t *endpoint, size_t len)
{
	char url[REGISTRY_ENDPOINT_MAX_BYTES + 1], shown[128], what[200];

	memcpy(url, endpoint, len);
	url[len] = '\0';
	config_url_public(shown, sizeof(shown), url);
	snprintf(what, sizeof(what), "the registry names %s, which this version does not use", shown);
	say(r, what);
}

/* The four values of current(). False: they are no record at all. */
static bool read_record(struct registry *r, const uint8_t *data, size_t data_len)
{
	struct abi_dec d = { data, data_len };
	const uint8_t *endpoint;
	char hex[HEX_SIZE(20)], what[160];
	size_t len;

	if (!abi_word(&d, CURRENT_WORDS - 1) || !abi_get_bytes(&d, 0, &endpoint, &len) ||
	    len > REGISTRY_ENDPOINT_MAX_BYTES)
		return false;
	if (len) {
		say_record(r, endpoint, len);
		return true;
	}
	if (!empty(abi_word(&d, 1)) || !empty(abi_word(&d, 2)))
		return false;
	snprintf(what, sizeof(what), "the registry 0x%s has no record", address_text(r, hex));
	say(r, what);
	return true;
}

static void on_current(const struct chain_answer *a, void *arg)
{
	struct registry *r = arg;
	char hex[HEX_SIZE(20)], what[300];

	loop_timer_set(&r->timer, REGISTRY_EVERY_MS);
	if (a->class == RPC_OK && read_record(r, a->data, a->len))
		return;
	if (a->class == RPC_OK || a->reverted) {
		snprintf(what, sizeof(what),
			 "no registry answers at 0x%s; check INDEXER_REGISTRY_ADDR and CHAIN_ID",
			 address_text(r, hex));
	} else {
		loop_timer_set(&r->timer, REGISTRY_RETRY_MS);
		snprintf(what, sizeof(what), "the registry could not be asked: %.200s", a->text);
	}
	say(r, what);
}

static void ask(void *arg)
{
	struct registry *r = arg;
	struct call call = call_none("current()");

	chain_call(r->chain, r, r->address, call.data, call.len, on_current, r);
}

struct registry *registry_new(struct loop *loop, struct chain *chain, const uint8_t *address,
			      void (*on_change)(void *arg), void *arg)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct registry){ .loop = loop, .chain = chain, .on_change = on_change, .arg = arg };
	loop_timer_init(&r->timer, loop, ask, r);
	if (address) {
		r->configured = true;
		memcpy(r->address, address, sizeof(r->address));
	}
	return r;
}

void registry_start(struct registry *r)
{
	if (r->started)
		return;
	r->started = true;
	if (r->configured)
		ask(r);
	else
		say(r, "INDEXER_REGISTRY_ADDR is not set");
}

const char *registry_text(const struct registry *r)
{
	return r->text;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	loop_timer_cancel(&r->timer);
	chain_cancel(r->chain, r);
	free(r);
}
