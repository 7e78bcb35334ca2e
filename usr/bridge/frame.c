// SPDX-License-Identifier: Apache-2.0
/*
 * Framing and shape of WireGuard datagrams. Pure; sockets are elsewhere.
 */
#include "frame.h"

#include <string.h>

#include "bytes.h"

/* Exact lengths of the handshake messages; data is at least an empty packet:
 * 16 bytes of header, 16 of authenticator. */
enum {
	WG_INITIATION_BYTES = 148,
	WG_RESPONSE_BYTES = 92,
	WG_COOKIE_BYTES = 64,
	WG_DATA_MIN_BYTES = 32,
};

enum wg_kind wg_kind(const uint8_t *datagram, size_t len)
{
	if (len < WG_DATA_MIN_BYTES || datagram[1] || datagram[2] || datagram[3])
		return WG_NONE;
	switch (datagram[0]) {
	case WG_INITIATION:
		return len == WG_INITIATION_BYTES ? WG_INITIATION : WG_NONE;
	case WG_RESPONSE:
		return len == WG_RESPONSE_BYTES ? WG_RESPONSE : WG_NONE;
	case WG_COOKIE:
		return len == WG_COOKIE_BYTES ? WG_COOKIE : WG_NONE;
	case WG_DATA:
		return len <= FRAME_DATAGRAM_MAX_BYTES ? WG_DATA : WG_NONE;
	}
	return WG_NONE;
}

int frame_take(const uint8_t *in, size_t in_len, const uint8_t **datagram,
	       size_t *len, size_t *used)
{
	size_t want;

	if (in_len < FRAME_HEAD_BYTES)
		return 0;
	want = load_be16(in);
	if (want > FRAME_DATAGRAM_MAX_BYTES)
		return -1;
	if (in_len < FRAME_HEAD_BYTES + want)
		return 0;
	*datagram = in + FRAME_HEAD_BYTES;
	*len = want;
	*used = FRAME_HEAD_BYTES + want;
	return 1;
}

int frame_put(uint8_t *batch, size_t batch_max, size_t *len,
	      const uint8_t *datagram, size_t datagram_len)
{
	if (datagram_len > FRAME_DATAGRAM_MAX_BYTES ||
	    batch_max - *len < FRAME_HEAD_BYTES + datagram_len)
		return -1;
	store_be16(batch + *len, (uint16_t)datagram_len);
	memcpy(batch + *len + FRAME_HEAD_BYTES, datagram, datagram_len);
	*len += FRAME_HEAD_BYTES + datagram_len;
	return 0;
}
