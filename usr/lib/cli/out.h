/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and how they look: fields gathered once, printed for people, as
 * tab-separated values or as JSON. Renderers are in out_text.c and
 * out_json.c; what is in a record is the verbs' business.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OUT_FIELDS_MAX = 96,
	OUT_VALUE_CHARS = 8 * 65,  /* eight member ids and their commas */
	OUT_ID_CHARS = 65,
};

enum out_kind { OUT_TEXT, OUT_NUMBER, OUT_BOOL, OUT_LIST };

/* A field. A dot in the key makes a group: in JSON an object. A list is its
 * values with commas between. */
struct out_field {
	const char *key;           /* must outlive the record */
	enum out_kind kind;
	bool absent;               /* null, "-" or "(none)" */
	char value[OUT_VALUE_CHARS];
};

struct out_record {
	size_t count;
	struct out_field field[OUT_FIELDS_MAX];
};

void out_clear(struct out_record *r);
void out_text(struct out_record *r, const char *key, const char *value);
void out_hex(struct out_record *r, const char *key, const uint8_t *bytes, size_t len);
void out_number(struct out_record *r, const char *key, uint64_t value);
void out_bool(struct out_record *r, const char *key, bool value);
void out_absent(struct out_record *r, const char *key, enum out_kind kind);
/* An empty list first, then its values. */
void out_list(struct out_record *r, const char *key);
void out_list_add(struct out_record *r, const char *value);
/* An IPv4 address in network byte order; an IPv6 address. */
void out_addr4(struct out_record *r, const char *key, uint32_t addr);
void out_addr6(struct out_record *r, const char *key, const uint8_t *addr);

/* One JSON object without the closing brace, so that more can follow. */
void out_json_open(const struct out_record *r);
void out_json_string(const char *text);
/* Values, tab-separated, one line. */
void out_tab(const struct out_record *r);
/* "  key: value" lines, indented. */
void out_lines(const struct out_record *r, int indent);
/* A table of records with a heading; rows as out_lines() would name them. */
void out_table(const struct out_record *const *rows, size_t count);

#endif
