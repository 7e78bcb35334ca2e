/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs: the eth_getLogs filter as JSON, and the strict reading of its
 * answer. A log that does not fit the filter it was asked with spoils the
 * whole answer: an endpoint that answers beside the question is not believed.
 */
#ifndef ETH_LOGS_H
#define ETH_LOGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_TOPICS_MAX = 4,
	LOG_DATA_MAX_BYTES = 72 << 10,  /* a message of 64 KiB and its framing */
	LOGS_MAX = 50000,               /* of one answer */
	LOG_ALTERNATIVES_MAX = 1024,    /* values in one topic position */
};

struct eth_log {
	uint8_t address[20];
	uint8_t topic[LOG_TOPICS_MAX][32];
	size_t topics;
	uint64_t block;
	uint8_t block_hash[32];
	uint64_t index;            /* position in the block */
	uint8_t tx_hash[32];
	const uint8_t *data;       /* owned by the list */
	size_t data_len;
};

struct eth_logs {
	struct eth_log *log;       /* in order of (block, index) */
	size_t count;
	uint8_t *bytes;            /* data of all of them */
};

struct log_filter {
	uint8_t address[20];
	uint64_t from, to;         /* blocks, both included */
	struct {
		const uint8_t (*any)[32]; /* borrowed; none: anything */
		size_t count;
	} topic[LOG_TOPICS_MAX];
};

/* The filter object; NULL: memory. */
json_t *logs_filter_json(const struct log_filter *f);
/* Reads the answer. 0; -EBADMSG: malformed, out of order or repeated;
 * -ESTALE: a log beside the filter or marked removed; -E2BIG; -ENOMEM. */
int logs_parse(struct eth_logs *out, const json_t *answer, const struct log_filter *f);
void logs_free(struct eth_logs *l);

#endif
