// SPDX-License-Identifier: Apache-2.0
/* Member records: decoding of one, lists by index, and what changed between
 * two lists. Lookups are linear: they are rare and lists are short. */
#include "member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "bytes.h"
#include "keccak.h"

/* ---- decoding ---- */

static bool decode_numbers(struct member *out, const struct abi_dec *page, size_t w)
{
	const uint8_t *ip6 = abi_word(page, w + 8);

	if (!ip6 || !bytes_are_zero(ip6 + 16, 16))
		return false;
	memcpy(out->mesh_ip6, ip6, 16);
	return abi_get_u32(page, w + 7, &out->mesh_ip) &&
	       abi_get_u64(page, w + 9, &out->registered_at) &&
	       abi_get_u64(page, w + 10, &out->removed_at) &&
	       abi_get_u64(page, w + 11, &out->registered_block);
}

int member_decode(struct member *out, const struct abi_dec *page, size_t element)
{
	size_t w = element * MEMBER_VIEW_WORDS;

	if (!abi_get_word(page, w, out->id) ||
	    !abi_get_address(page, w + 1, out->contract) ||
	    !abi_get_u32(page, w + 2, &out->index) ||
	    !abi_get_word(page, w + 3, out->attestor_id) ||
	    !abi_get_word(page, w + 4, out->x_pub) ||
	    !abi_get_word(page, w + 5, out->wg_pub) ||
	    !abi_get_word(page, w + 6, out->ed25519_pub) ||
	    !decode_numbers(out, page, w))
		return -EBADMSG;
	return bytes_are_zero(out->id, 32) || bytes_are_zero(out->contract, 20) ? -EBADMSG : 0;
}

void member_id_of(uint8_t out[32], const uint8_t cluster[20], const uint8_t contract[20],
		  const uint8_t attestor_id[32])
{
	uint8_t words[96] = { 0 };

	memcpy(words + 12, cluster, 20);
	memcpy(words + 44, contract, 20);
	memcpy(words + 64, attestor_id, 32);
	keccak256(out, words, sizeof(words));
}

/* ---- lists ---- */

void members_init(struct members *m)
{
	*m = (struct members){ 0 };
}

void members_free(struct members *m)
{
	free(m->at);
	members_init(m);
}

/* Grown by doubling: there is room whenever count is no power of two. */
static int room(struct members *m)
{
	struct member *at;

	if (m->count && (m->count & (m->count - 1)))
		return 0;
	at = reallocarray(m->at, m->count ? 2 * m->count : 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	m->at = at;
	return 0;
}

int members_add(struct members *m, const struct member *one)
{
	int ret;

	if (m->count >= MEMBERS_MAX)
		return -E2BIG;
	if (one->index != m->count)
		return -EBADMSG;
	ret = room(m);
	if (!ret)
		m->at[m->count++] = *one;
	return ret;
}

int members_copy(struct members *to, const struct members *from)
{
	int ret = 0;

	members_init(to);
	for (size_t i = 0; i < from->count && !ret; i++)
		ret = members_add(to, &from->at[i]);
	if (ret)
		members_free(to);
	return ret;
}

const struct member *members_by_id(const struct members *m, const uint8_t id[32])
{
	for (size_t i = 0; i < m->count; i++)
		if (!memcmp(m->at[i].id, id, 32))
			return &m->at[i];
	return NULL;
}

const struct member *members_by_contract(const struct members *m, const uint8_t contract[20])
{
	/* The newest record wins: a contract has one id per attestor. */
	for (size_t i = m->count; i-- > 0;)
		if (!memcmp(m->at[i].contract, contract, 20))
			return &m->at[i];
	return NULL;
}

const struct member *members_by_ip(const struct members *m, uint32_t mesh_ip)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].mesh_ip == mesh_ip && member_live(&m->at[i]))
			return &m->at[i];
	return NULL;
}

size_t members_live(const struct members *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += member_live(&m->at[i]);
	return n;
}

/* ---- differences ---- */

static unsigned int changes_of(const struct member *before, const struct member *now)
{
	unsigned int changes = 0;

	if (!before || !member_live(before))
		return member_live(now) ? MEMBER_JOINED : 0;
	if (!member_live(now))
		return MEMBER_REMOVED;
	if (memcmp(before->x_pub, now->x_pub, 32))
		changes |= MEMBER_X_KEY;
	if (memcmp(before->wg_pub, now->wg_pub, 32))
		changes |= MEMBER_WG_KEY;
	if (memcmp(before->ed25519_pub, now->ed25519_pub, 32))
		changes |= MEMBER_ED_KEY;
	return changes;
}

/* A reorg may take the newest records away again. */
static void report_vanished(const struct members *before, const struct members *now,
			    member_change_fn fn, void *arg)
{
	for (size_t i = now->count; i < before->count; i++)
		if (member_live(&before->at[i]))
			fn(&before->at[i], MEMBER_REMOVED, arg);
}

void members_diff(const struct members *before, const struct members *now,
		  member_change_fn fn, void *arg)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct member *old = before && i < before->count ? &before->at[i] : NULL;
		const struct member *new = &now->at[i];
		unsigned int changes;

		/* Another member at this index: the old one never was. */
		if (old && memcmp(old->id, new->id, 32)) {
			if (member_live(old))
				fn(old, MEMBER_REMOVED, arg);
			old = NULL;
		}
		changes = changes_of(old, new);
		if (changes)
			fn(new, changes, arg);
	}
	if (before)
		report_vanished(before, now, fn, arg);
}
