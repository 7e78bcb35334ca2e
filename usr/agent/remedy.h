/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person can do about an endpoint that is away: which option names it.
 * It owns these sentences; when they are said is the caller's.
 */
#ifndef AGENT_REMEDY_H
#define AGENT_REMEDY_H

#include <string.h>

/* For a text that rpc_call() gave ("rpc http://…", "bundler: …"); "" for others. */
static inline const char *remedy_of_endpoint(const char *text)
{
	static const struct {
		const char *name, *remedy;
	} of[] = {
		{ "rpc", "; check RPC_URL and that endpoint" },
		{ "bundler", "; check BUNDLER_URL and that endpoint" },
		{ "paymaster", "; check PAYMASTER_URL and that endpoint" },
	};
	size_t len = strcspn(text, " :");

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (len == strlen(of[i].name) && !strncmp(text, of[i].name, len))
			return of[i].remedy;
	return "";
}

#endif
