// SPDX-License-Identifier: Apache-2.0
/*
 * Words for the numbers of the kernel's interface, and the drop counters as a
 * list.
 */
#include <stddef.h>

#include "attestmesh.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *name(const char *const *names, size_t count, uint32_t which)
{
	return which < count && names[which] ? names[which] : "?";
}

const char *am_state_name(uint32_t state)
{
	static const char *const names[] = {
		[ATTESTMESH_STATE_UNKNOWN] = "unknown", [ATTESTMESH_STATE_SILENT] = "silent",
		[ATTESTMESH_STATE_UP] = "up", [ATTESTMESH_STATE_SUSPECT] = "suspect",
		[ATTESTMESH_STATE_DOWN] = "down",
	};

	return name(names, COUNT(names), state);
}

const char *am_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[ATTESTMESH_REASON_NONE] = "none", [ATTESTMESH_REASON_BEAT] = "beat",
		[ATTESTMESH_REASON_SILENCE] = "silence", [ATTESTMESH_REASON_TIME] = "time",
		[ATTESTMESH_REASON_UNREACHABLE] = "unreachable",
		[ATTESTMESH_REASON_OBSERVERS] = "observers",
		[ATTESTMESH_REASON_LEAVING] = "leaving", [ATTESTMESH_REASON_KEY] = "key",
	};

	return name(names, COUNT(names), reason);
}

const char *am_key_status_name(uint32_t status)
{
	static const char *const names[] = {
		[ATTESTMESH_KEY_ABSENT] = "absent", [ATTESTMESH_KEY_VALID] = "valid",
		[ATTESTMESH_KEY_NON_CANONICAL] = "non-canonical",
		[ATTESTMESH_KEY_OFF_CURVE] = "off-curve",
		[ATTESTMESH_KEY_BAD_ORDER] = "bad-order", [ATTESTMESH_KEY_REFUSED] = "refused",
	};

	return name(names, COUNT(names), status);
}

const char *am_gone_name(uint32_t gone)
{
	static const char *const names[] = {
		[ATTESTMESH_GONE_DELETED] = "deleted", [ATTESTMESH_GONE_DEVICE] = "device",
		[ATTESTMESH_GONE_NAMESPACE] = "namespace", [ATTESTMESH_GONE_LINGER] = "linger",
	};

	return name(names, COUNT(names), gone);
}

/* In the order of the members of struct am_drops. */
static const struct {
	const char *name;
	size_t offset;
} drops[] = {
	{ "wrong_iif", offsetof(struct am_drops, wrong_iif) },
	{ "short", offsetof(struct am_drops, too_short) },
	{ "magic", offsetof(struct am_drops, magic) },
	{ "version", offsetof(struct am_drops, version) },
	{ "length", offsetof(struct am_drops, length) },
	{ "unknown_source", offsetof(struct am_drops, unknown_source) },
	{ "member_id", offsetof(struct am_drops, member_id) },
	{ "no_key", offsetof(struct am_drops, no_key) },
	{ "replay", offsetof(struct am_drops, replay) },
	{ "rate", offsetof(struct am_drops, rate) },
	{ "queue_full", offsetof(struct am_drops, queue_full) },
	{ "bad_signature", offsetof(struct am_drops, bad_signature) },
	{ "stale_key", offsetof(struct am_drops, stale_key) },
};

_Static_assert(COUNT(drops) == AM_DROPS, "a name for each drop counter");
_Static_assert(sizeof(struct am_drops) == AM_DROPS * sizeof(uint64_t),
	       "a counter for each name");

const char *am_drop_name(unsigned which)
{
	return which < AM_DROPS ? drops[which].name : "?";
}

uint64_t am_drop_value(const struct am_drops *d, unsigned which)
{
	if (which >= AM_DROPS)
		return 0;
	return *(const uint64_t *)((const char *)d + drops[which].offset);
}
