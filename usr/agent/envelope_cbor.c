// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoint envelope's plaintext: one CBOR map. Written in one fixed order
 * with definite lengths; read strictly where it is to be believed, and loosely
 * where it only has to be recognised as of the reserved kind.
 */
#include <string.h>

#include "bytes.h"
#include "envelope.h"
#include "keccak.h"

enum {
	CBOR_UINT = 0, CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5,
	CBOR_TAG = 6, CBOR_SIMPLE = 7,
	CBOR_NULL = 22,
	CBOR_INDEFINITE = 31,
	CBOR_DEPTH_MAX = 8,
	ENVELOPE_FIELDS = 6,
	ENVELOPE_MAP_MAX = 16,     /* entries read, unknown ones included */
};

static void kind_hash(uint8_t out[32])
{
	static const char name[] = "attestmesh.peer-endpoint.v1";

	keccak256(out, name, sizeof(name) - 1);
}

/* ---- writing ---- */

struct writer {
	uint8_t *at, *end;
	bool failed;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
	if (w->failed || len > (size_t)(w->end - w->at)) {
		w->failed = true;
		return;
	}
	memcpy(w->at, bytes, len);
	w->at += len;
}

static void put_head(struct writer *w, unsigned int major, uint64_t v)
{
	uint8_t head[5] = { (uint8_t)(major << 5) };

	if (v < 24) {
		head[0] |= (uint8_t)v;
		put(w, head, 1);
	} else if (v < 256) {
		head[0] |= 24;
		head[1] = (uint8_t)v;
		put(w, head, 2);
	} else {
		head[0] |= 25;
		store_be16(head + 1, (uint16_t)v);
		put(w, head, 3);
	}
}

static void put_text(struct writer *w, const char *text)
{
	put_head(w, CBOR_TEXT, strlen(text));
	put(w, text, strlen(text));
}

static void put_word(struct writer *w, const char *key, const uint8_t word[32])
{
	put_text(w, key);
	put_head(w, CBOR_ARRAY, 32);
	for (size_t i = 0; i < 32; i++)
		put_head(w, CBOR_UINT, word[i]);
}

size_t envelope_encode(const struct envelope *e, uint8_t *out)
{
	struct writer w = { out, out + ENVELOPE_PLAIN_MAX_BYTES, false };
	uint8_t kind[32];

	kind_hash(kind);
	put_head(&w, CBOR_MAP, ENVELOPE_FIELDS);
	put_word(&w, "kind", kind);
	put_word(&w, "member_id", e->member_id);
	put_text(&w, "host");
	put_text(&w, e->host);
	put_text(&w, "port");
	put_head(&w, CBOR_UINT, e->port);
	put_word(&w, "wg_pub", e->wg_pub);
	put_word(&w, "ed25519_pub", e->ed25519_pub);
	return w.failed ? 0 : (size_t)(w.at - out);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at, *end;
};

struct head {
	unsigned int major, info;
	uint64_t value;
};

static bool get_head(struct reader *r, struct head *h)
{
	size_t extra;

	if (r->at == r->end)
		return false;
	h->major = *r->at >> 5;
	h->info = *r->at & 31;
	h->value = h->info;
	r->at++;
	if (h->info < 24 || h->info == CBOR_INDEFINITE)
		return true;
	if (h->info > 27)
		return false;
	extra = (size_t)1 << (h->info - 24);
	if (extra > (size_t)(r->end - r->at))
		return false;
	h->value = 0;
	for (size_t i = 0; i < extra; i++)
		h->value = h->value << 8 | *r->at++;
	return true;
}

static bool get_run(struct reader *r, uint64_t len, const uint8_t **bytes)
{
	if (len > (uint64_t)(r->end - r->at))
		return false;
	*bytes = r->at;
	r->at += len;
	return true;
}

/* Steps over one item, however it is encoded; definite lengths only. */
static bool skip_item(struct reader *r, int depth)
{
	const uint8_t *bytes;
	struct head h;
	uint64_t n;

	if (depth > CBOR_DEPTH_MAX || !get_head(r, &h) || h.info == CBOR_INDEFINITE)
		return false;
	switch (h.major) {
	case CBOR_BYTES:
	case CBOR_TEXT:
		return get_run(r, h.value, &bytes);
	case CBOR_ARRAY:
	case CBOR_MAP:
		if (h.value > (uint64_t)(r->end - r->at))
			return false;
		n = h.major == CBOR_MAP ? 2 * h.value : h.value;
		for (uint64_t i = 0; i < n; i++)
			if (!skip_item(r, depth + 1))
				return false;
		return true;
	case CBOR_TAG:
		return skip_item(r, depth + 1);
	default:
		return true;
	}
}

static bool get_text(struct reader *r, const uint8_t **text, size_t *len)
{
	struct head h;

	if (!get_head(r, &h) || h.major != CBOR_TEXT || h.info == CBOR_INDEFINITE ||
	    !get_run(r, h.value, text))
		return false;
	*len = (size_t)h.value;
	return true;
}

static bool get_word(struct reader *r, uint8_t out[32])
{
	const uint8_t *bytes;
	struct head h, one;

	if (!get_head(r, &h) || h.info == CBOR_INDEFINITE || h.value != 32)
		return false;
	if (h.major == CBOR_BYTES) {
		if (!get_run(r, 32, &bytes))
			return false;
		memcpy(out, bytes, 32);
		return true;
	}
	for (size_t i = 0; h.major == CBOR_ARRAY && i < 32; i++) {
		if (!get_head(r, &one) || one.major != CBOR_UINT || one.value > 255 ||
		    one.info == CBOR_INDEFINITE)
			return false;
		out[i] = (uint8_t)one.value;
	}
	return h.major == CBOR_ARRAY;
}

static bool get_port(struct reader *r, uint16_t *port)
{
	struct head h;

	if (!get_head(r, &h) || h.major != CBOR_UINT || h.info == CBOR_INDEFINITE ||
	    h.value > UINT16_MAX)
		return false;
	*port = (uint16_t)h.value;
	return true;
}

static bool get_string(struct reader *r, char *out, size_t size)
{
	const uint8_t *text;
	size_t len;

	if (!get_text(r, &text, &len) || len >= size || memchr(text, 0, len))
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* An absent optional may be written as null. */
static bool take_null(struct reader *r)
{
	if (r->at == r->end || *r->at != (CBOR_SIMPLE << 5 | CBOR_NULL))
		return false;
	r->at++;
	return true;
}

enum field { F_KIND, F_MEMBER, F_HOST, F_PORT, F_WG, F_ED, F_UDP_IP, F_UDP_PORT, FIELDS };

static const char *const names[FIELDS] = {
	"kind", "member_id", "host", "port", "wg_pub", "ed25519_pub", "udp_ip", "udp_port",
};

static enum field field_of(const uint8_t *key, size_t len)
{
	int f = 0;

	while (f < FIELDS && (strlen(names[f]) != len || memcmp(names[f], key, len)))
		f++;
	return (enum field)f;
}

static bool get_field(struct reader *r, enum field f, struct envelope *e, uint8_t kind[32])
{
	switch (f) {
	case F_KIND:
		return get_word(r, kind);
	case F_MEMBER:
		return get_word(r, e->member_id);
	case F_HOST:
		return get_string(r, e->host, sizeof(e->host));
	case F_PORT:
		return get_port(r, &e->port);
	case F_WG:
		return get_word(r, e->wg_pub);
	case F_ED:
		return get_word(r, e->ed25519_pub);
	case F_UDP_IP:
		return take_null(r) || get_string(r, e->udp_ip, sizeof(e->udp_ip));
	case F_UDP_PORT:
		return take_null(r) || get_port(r, &e->udp_port);
	case FIELDS:
		return skip_item(r, 0);
	}
	return false;
}

static bool read_map(struct reader *r, struct envelope *e, uint8_t kind[32])
{
	unsigned int seen = 0;
	const uint8_t *key;
	struct head h;
	size_t len;

	if (!get_head(r, &h) || h.major != CBOR_MAP || h.info == CBOR_INDEFINITE ||
	    h.value > ENVELOPE_MAP_MAX)
		return false;
	for (uint64_t i = 0; i < h.value; i++) {
		enum field f;

		if (!get_text(r, &key, &len))
			return false;
		f = field_of(key, len);
		if (f != FIELDS && seen & 1U << f)
			return false;
		seen |= 1U << f;
		if (!get_field(r, f, e, kind))
			return false;
	}
	return r->at == r->end && (seen & 0x3f) == 0x3f;
}

enum envelope_parse envelope_decode(struct envelope *out, const uint8_t *plain, size_t len)
{
	struct reader r = { plain, plain + len };
	uint8_t kind[32] = { 0 }, want[32];

	memset(out, 0, sizeof(*out));
	if (!envelope_reserved(plain, len))
		return ENVELOPE_OTHER_KIND;
	kind_hash(want);
	if (len > ENVELOPE_PLAIN_MAX_BYTES || !read_map(&r, out, kind) || memcmp(kind, want, 32))
		return ENVELOPE_MALFORMED;
	return ENVELOPE_OK;
}

/* Any map that has the kind among its first entries, even if the rest is
 * broken or the map's own length is indefinite: other readers may be lenient. */
bool envelope_reserved(const uint8_t *plain, size_t len)
{
	struct reader r = { plain, plain + len };
	uint8_t kind[32], want[32];
	const uint8_t *key;
	struct head h;
	size_t key_len;

	if (!get_head(&r, &h) || h.major != CBOR_MAP)
		return false;
	kind_hash(want);
	for (uint64_t i = 0; i < ENVELOPE_MAP_MAX; i++) {
		struct reader value;

		if (!get_text(&r, &key, &key_len))
			return false;
		value = r;
		if (field_of(key, key_len) == F_KIND && get_word(&value, kind) &&
		    !memcmp(kind, want, 32))
			return true;
		if (!skip_item(&r, 0))
			return false;
	}
	return false;
}
