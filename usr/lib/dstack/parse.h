/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the guest agent's JSON bodies; internal to this library. */
#ifndef DSTACK_PARSE_H
#define DSTACK_PARSE_H

#include <jansson.h>

#include "buf.h"
#include "dstack.h"

/* Sets why and returns false, for `return dstack_why(…)`. */
bool dstack_why(struct dstack_failure *why, enum dstack_error error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The body as an object, or NULL with why set. The caller drops it. */
json_t *dstack_parse_object(const void *body, size_t len, struct dstack_failure *why);
/* info borrows from root. */
bool dstack_parse_info(struct dstack_info *out, const json_t *root, json_t **tcb,
		       struct dstack_failure *why);
bool dstack_parse_quote(struct buf *out, const json_t *root, struct dstack_failure *why);
/* The "error" text of a refusal. */
void dstack_parse_refusal(const void *body, size_t len, struct dstack_failure *why);

#endif
