// SPDX-License-Identifier: Apache-2.0
/* Hexadecimal and small byte predicates. */
#include "bytes.h"

#include <string.h>

char *hex_encode(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = bytes;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode_var(void *out, size_t cap, size_t *len, const char *text)
{
	uint8_t *bytes = out;
	size_t digits;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	digits = strnlen(text, 2 * cap + 1);
	if (digits % 2 || digits > 2 * cap)
		return false;
	for (size_t i = 0; i < digits / 2; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*len = digits / 2;
	return true;
}

bool hex_decode(void *out, size_t len, const char *text)
{
	size_t got;

	return hex_decode_var(out, len, &got, text) && got == len;
}

bool bytes_are_zero(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint8_t any = 0;

	while (len--)
		any |= *p++;
	return !any;
}
