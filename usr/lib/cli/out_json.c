// SPDX-License-Identifier: Apache-2.0
/*
 * Records as JSON. Names and values are this program's and the kernel's; what
 * is foreign (an agent's words) is escaped all the same.
 */
#include <stdio.h>
#include <string.h>

#include "out.h"

void out_json_string(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < 0x20 || *p >= 0x7f)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void list(const char *values)
{
	const char *p = values;

	putchar('[');
	while (*p) {
		size_t len = strcspn(p, ",");
		char one[OUT_VALUE_CHARS];

		snprintf(one, sizeof(one), "%.*s", (int)len, p);
		out_json_string(one);
		p += len;
		if (*p == ',') {
			putchar(',');
			p++;
		}
	}
	putchar(']');
}

static void value(const struct out_field *f)
{
	if (f->absent)
		printf("null");
	else if (f->kind == OUT_LIST)
		list(f->value);
	else if (f->kind == OUT_TEXT)
		out_json_string(f->value);
	else
		printf("%s", f->value);
}

/* Length of the group's name, dot included; 0 outside a group. */
static size_t group_of(const char *key)
{
	const char *dot = strchr(key, '.');

	return dot ? (size_t)(dot - key) + 1 : 0;
}

void out_json_open(const struct out_record *r)
{
	const char *open = "";
	size_t open_len = 0;

	putchar('{');
	for (size_t i = 0; i < r->count; i++) {
		const struct out_field *f = &r->field[i];
		size_t len = group_of(f->key);
		bool same = open_len && len == open_len && !strncmp(f->key, open, len);

		if (open_len && !same)
			putchar('}');
		if (i)
			putchar(',');
		if (len && !same)
			printf("\"%.*s\":{", (int)len - 1, f->key);
		open = f->key;
		open_len = len;
		out_json_string(f->key + len);
		putchar(':');
		value(f);
	}
	if (open_len)
		putchar('}');
}
