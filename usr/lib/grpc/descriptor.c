// SPDX-License-Identifier: Apache-2.0
/*
 * The built-in descriptor set, searched where it lies. Field numbers are those
 * of google/protobuf/descriptor.proto.
 */
#include "grpc/descriptor.h"

#include <string.h>

enum {
	SET_FILE = 1,
	FILE_NAME = 1, FILE_PACKAGE = 2, FILE_DEPENDENCY = 3, FILE_MESSAGE = 4,
	FILE_ENUM = 5, FILE_SERVICE = 6,
	MESSAGE_NAME = 1, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4,
	ENUM_NAME = 1,
	SERVICE_NAME = 1, SERVICE_METHOD = 2,
	METHOD_NAME = 1,
	VARINT_BYTES_MAX = 10,
	NESTING_MAX = 16,
};

static bool varint(struct pb_reader *r, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < VARINT_BYTES_MAX && r->at < r->end; i++) {
		uint8_t byte = *r->at++;

		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

bool pb_next(struct pb_reader *r, struct pb_field *f)
{
	uint64_t tag, len;

	if (!varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
		return false;
	*f = (struct pb_field){ .number = (uint32_t)(tag >> 3), .wire = tag & 7 };
	switch (f->wire) {
	case 0: return varint(r, &f->value);
	case 1: len = 8; break;
	case 2:
		if (!varint(r, &len))
			return false;
		break;
	case 5: len = 4; break;
	default: return false;
	}
	if (len > (uint64_t)(r->end - r->at))
		return false;
	f->bytes = r->at;
	f->len = (size_t)len;
	r->at += len;
	return true;
}

static struct pb_reader inside(const struct pb_field *f)
{
	return (struct pb_reader){ f->bytes, f->bytes + f->len };
}

/* The first field of that number, as bytes. */
static bool find(struct pb_reader r, uint32_t number, struct pb_field *f)
{
	while (pb_next(&r, f))
		if (f->number == number && f->wire == 2)
			return true;
	return false;
}

static bool equals(const struct pb_field *f, const char *text)
{
	return f->len == strlen(text) && !memcmp(f->bytes, text, f->len);
}

/* If symbol begins with this name and a dot, what follows; else NULL. */
static const char *below(const struct pb_field *name, const char *symbol)
{
	if (strlen(symbol) <= name->len || memcmp(symbol, name->bytes, name->len) ||
	    symbol[name->len] != '.')
		return NULL;
	return symbol + name->len + 1;
}

static bool enum_is(const struct pb_field *f, const char *symbol)
{
	struct pb_field name;

	return find(inside(f), ENUM_NAME, &name) && equals(&name, symbol);
}

static bool message_has(const struct pb_field *f, const char *symbol, int depth)
{
	struct pb_reader r = inside(f);
	struct pb_field name, part;
	const char *rest;

	if (depth > NESTING_MAX || !find(r, MESSAGE_NAME, &name))
		return false;
	if (equals(&name, symbol))
		return true;
	rest = below(&name, symbol);
	while (rest && pb_next(&r, &part)) {
		if (part.wire != 2)
			continue;
		if (part.number == MESSAGE_NESTED && message_has(&part, rest, depth + 1))
			return true;
		if (part.number == MESSAGE_ENUM && enum_is(&part, rest))
			return true;
	}
	return false;
}

static bool service_has(const struct pb_field *f, const char *symbol)
{
	struct pb_reader r = inside(f);
	struct pb_field name, part, method;
	const char *rest;

	if (!find(r, SERVICE_NAME, &name))
		return false;
	if (equals(&name, symbol))
		return true;
	rest = below(&name, symbol);
	while (rest && pb_next(&r, &part))
		if (part.number == SERVICE_METHOD && part.wire == 2 &&
		    find(inside(&part), METHOD_NAME, &method) && equals(&method, rest))
			return true;
	return false;
}

static bool file_has(const struct pb_field *file, const char *symbol)
{
	struct pb_reader r = inside(file);
	struct pb_field package, part;
	const char *rest = symbol;

	if (find(r, FILE_PACKAGE, &package) && package.len)
		rest = below(&package, symbol);
	while (rest && pb_next(&r, &part)) {
		if (part.wire != 2)
			continue;
		if ((part.number == FILE_MESSAGE && message_has(&part, rest, 0)) ||
		    (part.number == FILE_ENUM && enum_is(&part, rest)) ||
		    (part.number == FILE_SERVICE && service_has(&part, rest)))
			return true;
	}
	return false;
}

static bool file_is(const struct pb_field *file, const char *name)
{
	struct pb_field f;

	return find(inside(file), FILE_NAME, &f) && equals(&f, name);
}

static bool search(bool (*match)(const struct pb_field *file, const char *text),
		   const char *text, struct descriptor_file *out)
{
	struct pb_reader set = { grpc_descriptor_set,
				 grpc_descriptor_set + grpc_descriptor_set_len };
	struct pb_field file;

	while (pb_next(&set, &file)) {
		if (file.number != SET_FILE || file.wire != 2 || !match(&file, text))
			continue;
		*out = (struct descriptor_file){ file.bytes, file.len };
		return true;
	}
	return false;
}

bool descriptor_by_name(const char *name, struct descriptor_file *out)
{
	return search(file_is, name, out);
}

bool descriptor_by_symbol(const char *symbol, struct descriptor_file *out)
{
	return search(file_has, symbol, out);
}

void descriptor_each_import(const struct descriptor_file *file,
			    void (*fn)(const char *name, size_t len, void *arg),
			    void *arg)
{
	struct pb_reader r = { file->bytes, file->bytes + file->len };
	struct pb_field f;

	while (pb_next(&r, &f))
		if (f.number == FILE_DEPENDENCY && f.wire == 2)
			fn((const char *)f.bytes, f.len, arg);
}
