// SPDX-License-Identifier: Apache-2.0
/* Ethereum's hexadecimal quantities and data inside JSON values. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "jsonrpc.h"

/* The digits of a 0x string without leading zeros, or NULL. */
static const char *quantity(const json_t *v, size_t max_digits)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) != json_string_length(v) || s[0] != '0' || s[1] != 'x' || !s[2])
		return NULL;
	s += 2;
	while (s[0] == '0' && s[1])
		s++;
	if (strlen(s) > max_digits || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
		return NULL;
	return s;
}

bool rpc_get_u64(const json_t *v, uint64_t *out)
{
	const char *digits = quantity(v, 16);

	if (digits)
		*out = strtoull(digits, NULL, 16);
	return digits != NULL;
}

bool rpc_get_u256(const json_t *v, uint8_t out[32])
{
	const char *digits = quantity(v, 64);
	char padded[65];
	size_t len;

	if (!digits)
		return false;
	len = strlen(digits);
	memset(padded, '0', 64 - len);
	memcpy(padded + 64 - len, digits, len + 1);
	return hex_decode(out, 32, padded);
}

bool rpc_get_bytes(const json_t *v, void *out, size_t len)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == json_string_length(v) && s[0] == '0' && s[1] == 'x' &&
	       hex_decode(out, len, s);
}

json_t *rpc_u64(uint64_t v)
{
	return json_sprintf("0x%llx", (unsigned long long)v);
}

json_t *rpc_u256(const uint8_t v[32])
{
	char hex[HEX_SIZE(32)];
	const char *digits = hex_encode(hex, v, 32);

	while (digits[0] == '0' && digits[1])
		digits++;
	return json_sprintf("0x%s", digits);
}

json_t *rpc_bytes(const void *p, size_t len)
{
	char *text = malloc(2 + HEX_SIZE(len));
	json_t *v;

	if (!text)
		return NULL;
	memcpy(text, "0x", 2);
	hex_encode(text + 2, p, len);
	v = json_string_nocheck(text);
	free(text);
	return v;
}
