// SPDX-License-Identifier: Apache-2.0
/* Bodies of the guest agent: hex without 0x, JSON texts inside strings, and
 * exact lengths for everything that has one. */
#include "parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "log.h"
#include "secret.h"

bool dstack_why(struct dstack_failure *why, enum dstack_error error, const char *format, ...)
{
	va_list args;

	why->error = error;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return false;
}

json_t *dstack_parse_object(const void *body, size_t len, struct dstack_failure *why)
{
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root))
		return root;
	json_decref(root);
	dstack_why(why, DSTACK_MALFORMED, "guest agent: the answer is not a JSON object");
	return NULL;
}

void dstack_parse_refusal(const void *body, size_t len, struct dstack_failure *why)
{
	char text[LOG_FOREIGN_MAX_CHARS + 1];
	json_t *root = json_loadb(body, len, 0, NULL);
	const json_t *e = json_object_get(root, "error");

	log_foreign(text, sizeof(text), json_is_string(e) ? json_string_value(e) : "",
		    json_is_string(e) ? json_string_length(e) : 0);
	dstack_why(why, why->error, "guest agent refused: %s", *text ? text : "(no reason given)");
	json_decref(root);
}

/* A hex string of exactly len bytes; an inner NUL makes it malformed. */
static bool get_hex(const json_t *v, void *out, size_t len)
{
	return json_is_string(v) && json_string_length(v) == strlen(json_string_value(v)) &&
	       hex_decode(out, len, json_string_value(v));
}

static bool get_link(const json_t *chain, size_t i, struct dstack_key *out)
{
	const json_t *v = json_array_get(chain, i);

	if (json_is_string(v) && json_string_length(v) == 0)
		return true;
	out->has_link[i] = get_hex(v, out->link[i], DSTACK_LINK_BYTES);
	return out->has_link[i];
}

static bool get_key(struct dstack_key *out, const json_t *root, struct dstack_failure *why)
{
	const json_t *chain = json_object_get(root, "signature_chain");

	if (!get_hex(json_object_get(root, "key"), out->key, DSTACK_KEY_BYTES))
		return dstack_why(why, DSTACK_MALFORMED,
				  "guest agent: GetKey gave no key of 32 bytes");
	if (!json_is_array(chain) || json_array_size(chain) != 2)
		return dstack_why(why, DSTACK_MALFORMED,
				  "guest agent: GetKey gave no signature chain of two links");
	for (size_t i = 0; i < 2; i++)
		if (!get_link(chain, i, out))
			return dstack_why(why, DSTACK_MALFORMED,
					  "guest agent: link %zu is not 65 bytes", i);
	return true;
}

bool dstack_parse_key(struct dstack_key *out, const void *body, size_t len,
		      struct dstack_failure *why)
{
	json_t *root = dstack_parse_object(body, len, why);
	bool ok;

	memset(out, 0, sizeof(*out));
	if (!root)
		return false;
	ok = get_key(out, root, why);
	json_decref(root);
	if (!ok)
		secret_wipe(out, sizeof(*out));
	return ok;
}

static json_t *inner_json(const json_t *root, const char *key)
{
	const json_t *v = json_object_get(root, key);
	json_t *inner = NULL;

	if (json_is_string(v))
		inner = json_loadb(json_string_value(v), json_string_length(v), 0, NULL);
	return inner;
}

static bool comes_from_kms(const json_t *root)
{
	json_t *provider = inner_json(root, "key_provider_info");
	const char *name = json_string_value(json_object_get(provider, "name"));
	bool kms = name && !strcmp(name, "kms");

	json_decref(provider);
	return kms;
}

bool dstack_parse_info(struct dstack_info *out, const json_t *root, json_t **tcb,
		       struct dstack_failure *why)
{
	const json_t *app_id = json_object_get(root, "app_id");
	const json_t *name = json_object_get(root, "app_name");
	const json_t *compose;

	*out = (struct dstack_info){ 0 };
	if (!json_is_string(app_id))
		return dstack_why(why, DSTACK_MALFORMED, "guest agent: Info gave no app_id");
	/* Older agents answer 200 with every field empty when their quote failed. */
	if (!json_string_length(app_id))
		return dstack_why(why, DSTACK_EMPTY,
				  "guest agent: Info is empty, its quote failed; restart the agent "
				  "or look at the host's quote service");
	if (!get_hex(app_id, out->app_id, DSTACK_APP_ID_BYTES) ||
	    bytes_are_zero(out->app_id, DSTACK_APP_ID_BYTES))
		return dstack_why(why, DSTACK_MALFORMED,
				  "guest agent: app_id is not 20 bytes of hex");
	out->has_instance_id = get_hex(json_object_get(root, "instance_id"), out->instance_id, 20);
	out->has_compose_hash = get_hex(json_object_get(root, "compose_hash"), out->compose_hash, 32);
	out->kms = comes_from_kms(root);
	if (json_is_string(name))
		log_foreign(out->app_name, sizeof(out->app_name), json_string_value(name),
			    json_string_length(name));
	*tcb = inner_json(root, "tcb_info");
	compose = json_object_get(*tcb, "app_compose");
	if (json_is_string(compose)) {
		out->app_compose = json_string_value(compose);
		out->app_compose_len = json_string_length(compose);
	}
	return true;
}

bool dstack_parse_quote(struct buf *out, const json_t *root, struct dstack_failure *why)
{
	const json_t *quote = json_object_get(root, "quote");
	size_t len = json_string_length(quote) / 2;
	uint8_t *room;

	if (!json_is_string(quote) || !len)
		return dstack_why(why, DSTACK_MALFORMED, "guest agent: GetQuote gave no quote");
	room = buf_reserve(out, len);
	if (!room || !get_hex(quote, room, len))
		return dstack_why(why, DSTACK_MALFORMED, "guest agent: the quote is not hex");
	out->len += len;
	return true;
}
