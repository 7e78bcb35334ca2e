/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels over a link: WireGuard datagrams, each behind its length in 16
 * bits, big-endian. A length of zero is an empty frame, sent to keep a silent
 * direction open and ignored. Pure: shapes and bounds, no sockets.
 */
#ifndef BRIDGE_FRAME_H
#define BRIDGE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_HEAD_BYTES = 2,
	FRAME_DATAGRAM_MAX_BYTES = 2048, /* above any WireGuard makes at MTU <= 1,966 */
	FRAME_BATCH_MAX_BYTES = 16384,   /* payload of one TLS record */
	FRAME_SEGMENTS_MAX = 44,         /* datagrams in one system call */
	FRAME_SEGMENTS_MAX_BYTES = 65000,/* of one UDP_SEGMENT send */
};

/* WireGuard's message types; WG_NONE is everything else. */
enum wg_kind {
	WG_NONE = 0,
	WG_INITIATION = 1,
	WG_RESPONSE = 2,
	WG_COOKIE = 3,
	WG_DATA = 4,
};

/* The type of a datagram if type, reserved bytes and length are WireGuard's. */
enum wg_kind wg_kind(const uint8_t *datagram, size_t len);

/*
 * Takes one frame from the front of in. 1: *datagram and *len are it, *used
 * bytes are consumed; 0: incomplete; -1: longer than any datagram, the stream
 * is not ours.
 */
int frame_take(const uint8_t *in, size_t in_len, const uint8_t **datagram,
	       size_t *len, size_t *used);

/* Appends one frame to a batch of *len bytes with room for batch_max; 0, or
 * -1 if it does not fit. */
int frame_put(uint8_t *batch, size_t batch_max, size_t *len,
	      const uint8_t *datagram, size_t datagram_len);

#endif
