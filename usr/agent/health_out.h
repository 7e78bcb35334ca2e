/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A health view as text: JSON, Prometheus lines, a page for people. Pure
 * functions into a buffer; whatever text comes from outside is cut to 200
 * printable ASCII characters and escaped for its place.
 */
#ifndef AGENT_HEALTH_OUT_H
#define AGENT_HEALTH_OUT_H

#include "buf.h"
#include "health.h"

void health_out_json(struct buf *b, const struct health_view *v);
void health_out_metrics(struct buf *b, const struct health_view *v);
void health_out_page(struct buf *b, const struct health_view *v);

/* The report data of a node's quote, and the recipe that explains it. */
void health_report_data(uint8_t out[64], const struct health_view *v,
			const uint8_t *nonce, size_t nonce_len);
void health_out_attestation(struct buf *b, const struct health_view *v,
			    const uint8_t *nonce, size_t nonce_len,
			    const uint8_t *quote, size_t quote_len);

/* A quoted JSON string. */
void health_json_text(struct buf *b, const char *text);

#endif
