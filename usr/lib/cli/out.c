// SPDX-License-Identifier: Apache-2.0
/*
 * Gathering fields.
 */
#include "out.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct out_field *add(struct out_record *r, const char *key, enum out_kind kind)
{
	struct out_field *f;

	/* The verbs' records are fixed: running out is a mistake in this program. */
	if (r->count == OUT_FIELDS_MAX)
		abort();
	f = &r->field[r->count++];
	f->key = key;
	f->kind = kind;
	f->absent = false;
	f->value[0] = '\0';
	return f;
}

void out_clear(struct out_record *r)
{
	r->count = 0;
}

void out_text(struct out_record *r, const char *key, const char *value)
{
	struct out_field *f = add(r, key, OUT_TEXT);

	snprintf(f->value, sizeof(f->value), "%s", value);
}

void out_hex(struct out_record *r, const char *key, const uint8_t *bytes, size_t len)
{
	struct out_field *f = add(r, key, OUT_TEXT);

	for (size_t i = 0; i < len && 2 * i + 2 < sizeof(f->value); i++)
		snprintf(f->value + 2 * i, 3, "%02x", bytes[i]);
}

void out_number(struct out_record *r, const char *key, uint64_t value)
{
	struct out_field *f = add(r, key, OUT_NUMBER);

	snprintf(f->value, sizeof(f->value), "%" PRIu64, value);
}

void out_bool(struct out_record *r, const char *key, bool value)
{
	struct out_field *f = add(r, key, OUT_BOOL);

	snprintf(f->value, sizeof(f->value), "%s", value ? "true" : "false");
}

void out_absent(struct out_record *r, const char *key, enum out_kind kind)
{
	add(r, key, kind)->absent = true;
}

void out_list(struct out_record *r, const char *key)
{
	add(r, key, OUT_LIST);
}

void out_list_add(struct out_record *r, const char *value)
{
	struct out_field *f = &r->field[r->count - 1];
	size_t len = strlen(f->value);

	snprintf(f->value + len, sizeof(f->value) - len, "%s%s", len ? "," : "", value);
}

void out_addr4(struct out_record *r, const char *key, uint32_t addr)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	out_text(r, key, text);
}

void out_addr6(struct out_record *r, const char *key, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, addr, text, sizeof(text));
	out_text(r, key, text);
}
