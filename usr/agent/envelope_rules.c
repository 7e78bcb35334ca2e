// SPDX-License-Identifier: Apache-2.0
/* Pure rules of endpoint envelopes: their ids, the host a member must have, and
 * when one is believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "envelope.h"
#include "keccak.h"
#include "secret.h"

enum { ID_MAX_WORDS = 8, DNS_LABEL_MAX = 63 };

/* abi.encode(string, sender, recipient, keccak256(plain), secret[, counter]),
 * laid out by hand because it may not fail. */
void envelope_id(uint8_t out[32], const uint8_t sender[32], const uint8_t recipient[32],
		 const uint8_t *plain, size_t len, const uint8_t secret[32],
		 unsigned int counter)
{
	static const char domain[] = "attestmesh.peer-endpoint.v1";
	uint8_t words[ID_MAX_WORDS][32] = { 0 };
	size_t head = counter ? 6 : 5;

	store_be64(words[0] + 24, head * 32);
	memcpy(words[1], sender, 32);
	memcpy(words[2], recipient, 32);
	keccak256(words[3], plain, len);
	memcpy(words[4], secret, 32);
	if (counter)
		store_be64(words[5] + 24, counter);
	store_be64(words[head] + 24, sizeof(domain) - 1);
	memcpy(words[head + 1], domain, sizeof(domain) - 1);
	keccak256(out, words, (head + 2) * 32);
	secret_wipe(words, sizeof(words));
}

bool envelope_host(char out[ENVELOPE_HOST_MAX + 1], const uint8_t contract[20], uint16_t port,
		   const char *domain)
{
	char hex[HEX_SIZE(20)];
	int n = snprintf(out, ENVELOPE_HOST_MAX + 1, "%s-%us.%s", hex_encode(hex, contract, 20),
			 port, domain);

	return n > 0 && n <= ENVELOPE_HOST_MAX;
}

/* Labels of lowercase letters, digits and inner hyphens. */
static bool is_dns_name(const char *host)
{
	size_t label = 0;

	for (const char *p = host; *p; p++) {
		bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');

		if (*p == '.') {
			if (!label || p[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!alnum && (*p != '-' || !label))
			return false;
		if (++label > DNS_LABEL_MAX)
			return false;
	}
	return label > 0;
}

/* What follows "<contract>-<port>s.", or NULL. */
static const char *domain_of(const char *host, const uint8_t contract[20])
{
	char hex[HEX_SIZE(20)];
	unsigned long port;
	char *end;

	hex_encode(hex, contract, 20);
	if (strncmp(host, hex, 40) || host[40] != '-' || host[41] < '1' || host[41] > '9')
		return NULL;
	port = strtoul(host + 41, &end, 10);
	if (port > UINT16_MAX || end[0] != 's' || end[1] != '.' || !end[2])
		return NULL;
	return end + 2;
}

static bool domain_allowed(const char *domain, const char *list)
{
	size_t len = strlen(domain);

	if (!list || !*list)
		return true;
	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == len && !strncmp(list, domain, n))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

const char *envelope_refusal(const struct envelope *e, const struct member *sender,
			     const char *peer_gateway_domains)
{
	const char *domain;

	if (!sender || !member_live(sender))
		return "its sender is no member";
	if (memcmp(e->member_id, sender->id, 32))
		return "it names another member than its sender";
	if (memcmp(e->wg_pub, sender->wg_pub, 32) || bytes_are_zero(e->wg_pub, 32))
		return "its WireGuard key is not the one on chain";
	if (bytes_are_zero(e->ed25519_pub, 32))
		return "its beat key is zero";
	if (e->port != ENVELOPE_PORT)
		return "its port is not 443";
	domain = domain_of(e->host, sender->contract);
	if (!domain || !is_dns_name(e->host))
		return "its host is not the sender's own gateway name";
	if (!domain_allowed(domain, peer_gateway_domains))
		return "its gateway domain is not in PEER_GATEWAY_DOMAINS";
	return NULL;
}
