// SPDX-License-Identifier: Apache-2.0
/* eth_getLogs: filter out, logs in, each checked against the filter. */
#include "logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "jsonrpc.h"

/* ---- filter ---- */

static json_t *topic_json(const struct log_filter *f, size_t position)
{
	json_t *any;

	if (!f->topic[position].count)
		return json_null();
	any = json_array();
	for (size_t i = 0; i < f->topic[position].count; i++)
		if (json_array_append_new(any, rpc_bytes(f->topic[position].any[i], 32))) {
			json_decref(any);
			return NULL;
		}
	return any;
}

static json_t *topics_json(const struct log_filter *f)
{
	json_t *topics = json_array();
	size_t used = 0;

	for (size_t i = 0; i < LOG_TOPICS_MAX; i++)
		if (f->topic[i].count)
			used = i + 1;
	for (size_t i = 0; i < used; i++)
		if (json_array_append_new(topics, topic_json(f, i))) {
			json_decref(topics);
			return NULL;
		}
	return topics;
}

json_t *logs_filter_json(const struct log_filter *f)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= json_object_set_new(o, "address", rpc_bytes(f->address, 20));
	bad |= json_object_set_new(o, "fromBlock", rpc_u64(f->from));
	bad |= json_object_set_new(o, "toBlock", rpc_u64(f->to));
	bad |= json_object_set_new(o, "topics", topics_json(f));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- answer ---- */

static bool topic_fits(const struct log_filter *f, size_t position, const struct eth_log *log)
{
	if (!f->topic[position].count)
		return true;
	if (position >= log->topics)
		return false;
	for (size_t i = 0; i < f->topic[position].count; i++)
		if (!memcmp(f->topic[position].any[i], log->topic[position], 32))
			return true;
	return false;
}

static bool fits(const struct log_filter *f, const struct eth_log *log)
{
	if (memcmp(log->address, f->address, 20) || log->block < f->from || log->block > f->to)
		return false;
	for (size_t i = 0; i < LOG_TOPICS_MAX; i++)
		if (!topic_fits(f, i, log))
			return false;
	return true;
}

static int parse_topics(struct eth_log *log, const json_t *topics)
{
	if (!json_is_array(topics) || json_array_size(topics) > LOG_TOPICS_MAX)
		return -EBADMSG;
	log->topics = json_array_size(topics);
	for (size_t i = 0; i < log->topics; i++)
		if (!rpc_get_bytes(json_array_get(topics, i), log->topic[i], 32))
			return -EBADMSG;
	return 0;
}

/* Length of 0x data in bytes, or -1. */
static ssize_t data_len(const json_t *v)
{
	size_t digits = json_string_length(v);

	if (!json_is_string(v) || digits < 2 || digits % 2)
		return -1;
	return (ssize_t)(digits - 2) / 2;
}

static int parse_one(struct eth_log *log, const json_t *o)
{
	if (!rpc_get_bytes(json_object_get(o, "address"), log->address, 20) ||
	    !rpc_get_u64(json_object_get(o, "blockNumber"), &log->block) ||
	    !rpc_get_bytes(json_object_get(o, "blockHash"), log->block_hash, 32) ||
	    !rpc_get_bytes(json_object_get(o, "transactionHash"), log->tx_hash, 32) ||
	    !rpc_get_u64(json_object_get(o, "logIndex"), &log->index))
		return -EBADMSG;
	return parse_topics(log, json_object_get(o, "topics"));
}

static int measure(const json_t *answer, size_t *total)
{
	size_t i;
	json_t *o;

	*total = 0;
	json_array_foreach(answer, i, o) {
		ssize_t len = data_len(json_object_get(o, "data"));

		if (len < 0)
			return -EBADMSG;
		if (len > LOG_DATA_MAX_BYTES)
			return -E2BIG;
		*total += (size_t)len;
	}
	return 0;
}

static bool follows(const struct eth_log *before, const struct eth_log *log)
{
	if (before->block != log->block)
		return before->block < log->block;
	return before->index < log->index &&
	       !memcmp(before->block_hash, log->block_hash, 32);
}

static int fill(struct eth_logs *out, const json_t *answer, const struct log_filter *f)
{
	uint8_t *at = out->bytes;
	size_t i;
	json_t *o;

	json_array_foreach(answer, i, o) {
		struct eth_log *log = &out->log[i];
		const json_t *data = json_object_get(o, "data");
		int ret = parse_one(log, o);

		if (ret)
			return ret;
		log->data = at;
		log->data_len = (size_t)data_len(data);
		if (!rpc_get_bytes(data, at, log->data_len))
			return -EBADMSG;
		at += log->data_len;
		if (json_is_true(json_object_get(o, "removed")) || !fits(f, log))
			return -ESTALE;
		if (i && !follows(&out->log[i - 1], log))
			return -EBADMSG;
		out->count = i + 1;
	}
	return 0;
}

int logs_parse(struct eth_logs *out, const json_t *answer, const struct log_filter *f)
{
	size_t total;
	int ret;

	*out = (struct eth_logs){ 0 };
	if (!json_is_array(answer))
		return -EBADMSG;
	if (json_array_size(answer) > LOGS_MAX)
		return -E2BIG;
	ret = measure(answer, &total);
	if (ret)
		return ret;
	out->log = calloc(json_array_size(answer) + 1, sizeof(*out->log));
	out->bytes = malloc(total + 1);
	ret = out->log && out->bytes ? fill(out, answer, f) : -ENOMEM;
	if (ret)
		logs_free(out);
	return ret;
}

void logs_free(struct eth_logs *l)
{
	free(l->log);
	free(l->bytes);
	*l = (struct eth_logs){ 0 };
}
