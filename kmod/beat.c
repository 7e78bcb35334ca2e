// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encoder and decoder of the beat, side by side so that they read alike. See
 * beat.h for what the fields mean.
 */
#include "beat.h"

/* An offset within the trailer's own bytes. */
#define TRAILER(field) (AMESH_BEAT_##field - AMESH_BEAT_TRAILER)

static const u8 beat_magic[4] = { 'A', 'M', 'B', '1' };

enum amesh_beat_fault amesh_beat_check(const u8 *head, size_t len)
{
	if (len < AMESH_BEAT_HEAD_LEN)
		return AMESH_BEAT_SHORT;
	if (memcmp(head + AMESH_BEAT_MAGIC, beat_magic, sizeof(beat_magic)))
		return AMESH_BEAT_BAD_MAGIC;
	if (head[AMESH_BEAT_VERSION] != AMESH_BEAT_VERSION_1)
		return AMESH_BEAT_BAD_VERSION;
	if (len != AMESH_BEAT_LEN)
		return AMESH_BEAT_BAD_LENGTH;
	return AMESH_BEAT_OK;
}

void amesh_beat_decode(struct amesh_beat *beat, const u8 *wire)
{
	beat->version = wire[AMESH_BEAT_VERSION];
	beat->flags = wire[AMESH_BEAT_FLAGS];
	beat->interval_ms = amesh_get_be16(wire + AMESH_BEAT_INTERVAL_MS);
	beat->incarnation = amesh_get_be64(wire + AMESH_BEAT_INCARNATION);
	beat->sequence = amesh_get_be64(wire + AMESH_BEAT_SEQUENCE);
	beat->wall_ms = amesh_get_be64(wire + AMESH_BEAT_WALL_MS);
	memcpy(beat->member_id, wire + AMESH_BEAT_MEMBER_ID, AMESH_ID_LEN);
	memcpy(beat->digest, wire + AMESH_BEAT_DIGEST, AMESH_DIGEST_LEN);
	beat->live = amesh_get_be32(wire + AMESH_BEAT_LIVE);
	beat->known = amesh_get_be32(wire + AMESH_BEAT_KNOWN);
	beat->window_base = amesh_get_be32(wire + AMESH_BEAT_WINDOW_BASE);
	beat->version_max = wire[AMESH_BEAT_VERSION_MAX];
	memcpy(beat->window, wire + AMESH_BEAT_WINDOW, AMESH_WINDOW_BYTES);
}

void amesh_beat_encode(u8 *wire, const struct amesh_beat *beat)
{
	memcpy(wire + AMESH_BEAT_MAGIC, beat_magic, sizeof(beat_magic));
	wire[AMESH_BEAT_VERSION] = beat->version;
	wire[AMESH_BEAT_FLAGS] = beat->flags;
	amesh_put_be16(wire + AMESH_BEAT_INTERVAL_MS, beat->interval_ms);
	amesh_put_be64(wire + AMESH_BEAT_INCARNATION, beat->incarnation);
	amesh_put_be64(wire + AMESH_BEAT_SEQUENCE, beat->sequence);
	amesh_put_be64(wire + AMESH_BEAT_WALL_MS, beat->wall_ms);
	memcpy(wire + AMESH_BEAT_MEMBER_ID, beat->member_id, AMESH_ID_LEN);
	memcpy(wire + AMESH_BEAT_DIGEST, beat->digest, AMESH_DIGEST_LEN);
	amesh_put_be32(wire + AMESH_BEAT_LIVE, beat->live);
	amesh_put_be32(wire + AMESH_BEAT_KNOWN, beat->known);
	amesh_put_be32(wire + AMESH_BEAT_WINDOW_BASE, beat->window_base);
	wire[AMESH_BEAT_VERSION_MAX] = beat->version_max;
	memset(wire + AMESH_BEAT_RESERVED, 0,
	       AMESH_BEAT_WINDOW - AMESH_BEAT_RESERVED);
	memcpy(wire + AMESH_BEAT_WINDOW, beat->window, AMESH_WINDOW_BYTES);
}

void amesh_trailer_decode(struct amesh_trailer *trailer, const u8 *wire)
{
	trailer->floor_sequence =
		amesh_get_be64(wire + TRAILER(FLOOR_SEQUENCE));
	trailer->floor_incarnation =
		amesh_get_be64(wire + TRAILER(FLOOR_INCARNATION));
	trailer->held_us = amesh_get_be32(wire + TRAILER(HELD_US));
}

void amesh_trailer_encode(u8 *wire, const struct amesh_trailer *trailer)
{
	amesh_put_be64(wire + TRAILER(FLOOR_SEQUENCE),
		       trailer->floor_sequence);
	amesh_put_be64(wire + TRAILER(FLOOR_INCARNATION),
		       trailer->floor_incarnation);
	amesh_put_be32(wire + TRAILER(HELD_US), trailer->held_us);
	memset(wire + TRAILER(TRAILER_RESERVED), 0,
	       AMESH_BEAT_LEN - AMESH_BEAT_TRAILER_RESERVED);
}

void amesh_beat_sign_input(u8 *out, const u8 *domain, const u8 *wire)
{
	memcpy(out, AMESH_BEAT_CONTEXT, AMESH_BEAT_CONTEXT_LEN);
	memcpy(out + AMESH_BEAT_CONTEXT_LEN, domain, AMESH_DOMAIN_LEN);
	memcpy(out + AMESH_BEAT_CONTEXT_LEN + AMESH_DOMAIN_LEN, wire,
	       AMESH_BEAT_SIGNED_LEN);
}
