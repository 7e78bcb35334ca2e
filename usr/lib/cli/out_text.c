// SPDX-License-Identifier: Apache-2.0
/*
 * Records for people and for scripts without JSON.
 */
#include <stdio.h>
#include <string.h>

#include "out.h"

static const char *shown(const struct out_field *f)
{
	if (f->absent)
		return "-";
	if (f->kind == OUT_BOOL)
		return strcmp(f->value, "true") ? "no" : "yes";
	return f->value[0] ? f->value : "-";
}

void out_tab(const struct out_record *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct out_field *f = &r->field[i];

		printf("%s%s", i ? "\t" : "", f->absent || !f->value[0] ? "-" : f->value);
	}
	putchar('\n');
}

void out_lines(const struct out_record *r, int indent)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct out_field *f = &r->field[i];

		/* Counters that never moved tell nobody anything. */
		if (strchr(f->key, '.') && !strcmp(f->value, "0"))
			continue;
		printf("%*s%s: %s\n", indent, "", f->key, shown(f));
	}
}

void out_table(const struct out_record *const *rows, size_t count)
{
	int width[OUT_FIELDS_MAX] = { 0 };
	size_t columns = count ? rows[0]->count : 0;

	for (size_t k = 0; k < columns; k++) {
		width[k] = (int)strlen(rows[0]->field[k].key);
		for (size_t i = 0; i < count; i++)
			if ((int)strlen(shown(&rows[i]->field[k])) > width[k])
				width[k] = (int)strlen(shown(&rows[i]->field[k]));
	}
	for (size_t k = 0; k < columns; k++)
		printf("%-*s%s", k + 1 < columns ? width[k] + 2 : 0, rows[0]->field[k].key,
		       k + 1 < columns ? "" : "\n");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < columns; k++)
			printf("%-*s%s", k + 1 < columns ? width[k] + 2 : 0,
			       shown(&rows[i]->field[k]), k + 1 < columns ? "" : "\n");
}
