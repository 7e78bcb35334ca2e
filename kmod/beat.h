/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beat, version 1: where every byte is, and a struct that holds it taken
 * apart. Encoder and decoder are together in beat.c. It owns the layout; it
 * signs nothing, verifies nothing and decides nothing about a sender.
 */
#ifndef _AMESH_BEAT_H
#define _AMESH_BEAT_H

#include "limits.h"
#include "pure.h"

/* Offsets and sizes on the wire, in bytes; integers in network order. The
 * bitmap's bits are LSB first: bit i is byte i / 8, value 1 << (i % 8).
 */
enum amesh_beat_layout {
	AMESH_BEAT_MAGIC = 0,		/* 4, "AMB1" */
	AMESH_BEAT_VERSION = 4,		/* 1 */
	AMESH_BEAT_FLAGS = 5,		/* 1, enum amesh_beat_flag */
	AMESH_BEAT_INTERVAL_MS = 6,	/* 2 */
	AMESH_BEAT_INCARNATION = 8,	/* 8 */
	AMESH_BEAT_SEQUENCE = 16,	/* 8, from 1 */
	AMESH_BEAT_WALL_MS = 24,	/* 8, information only */
	AMESH_BEAT_MEMBER_ID = 32,	/* 32 */
	AMESH_BEAT_DIGEST = 64,		/* 16 */
	AMESH_BEAT_LIVE = 80,		/* 4, self included */
	AMESH_BEAT_KNOWN = 84,		/* 4, self included */
	AMESH_BEAT_WINDOW_BASE = 88,	/* 4, multiple of 1024 */
	AMESH_BEAT_VERSION_MAX = 92,	/* 1, highest the sender understands */
	AMESH_BEAT_RESERVED = 93,	/* 3, zero, ignored */
	AMESH_BEAT_WINDOW = 96,		/* 128 */
	AMESH_BEAT_SIGNATURE = 224,	/* 64 */
	AMESH_BEAT_FLOOR_SEQUENCE = 288,	/* 8, 0 = none held */
	AMESH_BEAT_FLOOR_INCARNATION = 296,	/* 8 */
	AMESH_BEAT_HELD_US = 304,	/* 4, saturating */
	AMESH_BEAT_TRAILER_RESERVED = 308,	/* 4, zero, ignored */
	AMESH_BEAT_LEN = 312,

	AMESH_BEAT_SIGNED_LEN = AMESH_BEAT_SIGNATURE,
	AMESH_BEAT_TRAILER = AMESH_BEAT_FLOOR_SEQUENCE,
	AMESH_BEAT_TRAILER_LEN = AMESH_BEAT_LEN - AMESH_BEAT_TRAILER,
	/* Fewer bytes than this name neither magic nor version. */
	AMESH_BEAT_HEAD_LEN = 8,

	AMESH_ID_LEN = 32,
	AMESH_DOMAIN_LEN = 32,
	AMESH_DIGEST_LEN = 16,
	AMESH_SIGNATURE_LEN = 64,
	AMESH_BEAT_VERSION_1 = 1,
};

/* What is signed: this text with its terminating zero byte, the 32 bytes of
 * the domain, the first AMESH_BEAT_SIGNED_LEN bytes of the beat.
 */
#define AMESH_BEAT_CONTEXT "attestmesh.beat.v1"
#define AMESH_BEAT_CONTEXT_LEN sizeof(AMESH_BEAT_CONTEXT)
#define AMESH_BEAT_SIGN_INPUT_LEN \
	(AMESH_BEAT_CONTEXT_LEN + AMESH_DOMAIN_LEN + AMESH_BEAT_SIGNED_LEN)

static_assert(AMESH_BEAT_CONTEXT_LEN == 19, "zero byte included");
static_assert(AMESH_BEAT_SIGN_INPUT_LEN == 275, "context, domain, signed part");
static_assert(AMESH_BEAT_MEMBER_ID + AMESH_ID_LEN == AMESH_BEAT_DIGEST, "id");
static_assert(AMESH_BEAT_DIGEST + AMESH_DIGEST_LEN == AMESH_BEAT_LIVE, "digest");
static_assert(AMESH_BEAT_WINDOW + AMESH_WINDOW_BYTES == AMESH_BEAT_SIGNATURE,
	      "window");
static_assert(AMESH_BEAT_SIGNATURE + AMESH_SIGNATURE_LEN == AMESH_BEAT_TRAILER,
	      "signature");
static_assert(AMESH_BEAT_TRAILER_LEN == 24, "trailer");

/**
 * enum amesh_beat_flag - bits of the flags byte; others are ignored
 * @AMESH_FLAG_AGENT: an agent is attached to the sender
 * @AMESH_FLAG_SELF_DOUBT: the sender stalled; its windows are no evidence
 * @AMESH_FLAG_LEAVING: the sender leaves; down at once
 */
enum amesh_beat_flag {
	AMESH_FLAG_AGENT = 1,
	AMESH_FLAG_SELF_DOUBT = 2,
	AMESH_FLAG_LEAVING = 4,
};

/**
 * enum amesh_beat_fault - first cheap check that a packet fails, in order
 */
enum amesh_beat_fault {
	AMESH_BEAT_OK,
	AMESH_BEAT_SHORT,
	AMESH_BEAT_BAD_MAGIC,
	AMESH_BEAT_BAD_VERSION,
	AMESH_BEAT_BAD_LENGTH,
};

/**
 * struct amesh_beat - the signed part, taken apart
 * @incarnation: of the sender
 * @sequence: within the incarnation, from 1
 * @wall_ms: sender's wall clock, ms since the epoch; information only
 * @live: size of the sender's live set, itself included
 * @known: members configured at the sender, itself included
 * @window_base: registration index of the window's first bit
 * @interval_ms: the sender's beat interval, as sent (bound it before use)
 * @version: AMESH_BEAT_VERSION_1
 * @flags: enum amesh_beat_flag
 * @version_max: highest beat version the sender understands
 * @member_id: of the sender
 * @digest: of the sender's live set
 * @window: up bits of the members from @window_base on
 */
struct amesh_beat {
	u64 incarnation;
	u64 sequence;
	u64 wall_ms;
	u32 live;
	u32 known;
	u32 window_base;
	u16 interval_ms;
	u8 version;
	u8 flags;
	u8 version_max;
	u8 member_id[AMESH_ID_LEN];
	u8 digest[AMESH_DIGEST_LEN];
	u8 window[AMESH_WINDOW_BYTES];
};

/**
 * struct amesh_trailer - the unsigned part, for one recipient
 * @floor_sequence: sequence of the replay floor held for the recipient, 0 if
 *	none; U64_MAX after a leaving beat
 * @floor_incarnation: incarnation of that floor
 * @held_us: time from that beat's arrival to this one's sending, saturating;
 *	U32_MAX also if the floor is not that of a beat heard by this mesh
 */
struct amesh_trailer {
	u64 floor_sequence;
	u64 floor_incarnation;
	u32 held_us;
};

/**
 * amesh_beat_check - the checks that need no peer
 * @head: first bytes of the payload, AMESH_BEAT_HEAD_LEN of them if there are
 *	as many (never read when @len is less)
 * @len: length of the whole payload in bytes
 *
 * Any context. Checks in this order: short, magic, version, length.
 *
 * Return: AMESH_BEAT_OK or the first fault.
 */
enum amesh_beat_fault amesh_beat_check(const u8 *head, size_t len);

/**
 * amesh_beat_decode - take the signed part apart
 * @beat: filled in completely
 * @wire: AMESH_BEAT_SIGNED_LEN bytes that passed amesh_beat_check()
 *
 * Judges no field: call it for what has been verified (incarnation and
 * sequence alone may be read before, for the replay check).
 */
void amesh_beat_decode(struct amesh_beat *beat, const u8 *wire);

/**
 * amesh_beat_encode - write the signed part
 * @wire: AMESH_BEAT_SIGNED_LEN bytes, all of them written
 * @beat: what to write; reserved bytes become zero
 */
void amesh_beat_encode(u8 *wire, const struct amesh_beat *beat);

/**
 * amesh_trailer_decode - take the trailer apart
 * @trailer: filled in completely
 * @wire: AMESH_BEAT_TRAILER_LEN bytes, from offset AMESH_BEAT_TRAILER
 */
void amesh_trailer_decode(struct amesh_trailer *trailer, const u8 *wire);

/**
 * amesh_trailer_encode - write the trailer
 * @wire: AMESH_BEAT_TRAILER_LEN bytes, all of them written
 * @trailer: what to write
 */
void amesh_trailer_encode(u8 *wire, const struct amesh_trailer *trailer);

/**
 * amesh_beat_sign_input - put together what is signed
 * @out: AMESH_BEAT_SIGN_INPUT_LEN bytes
 * @domain: AMESH_DOMAIN_LEN bytes
 * @wire: the signed part
 */
void amesh_beat_sign_input(u8 *out, const u8 *domain, const u8 *wire);

#endif /* _AMESH_BEAT_H */
