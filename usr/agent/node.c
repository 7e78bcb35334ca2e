// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a node from its first second: guest agent, keys, chain,
 * registration, and the phase. Mesh and surfaces are wired in node_mesh.c and
 * node_app.c.
 */
#include "node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "node_priv.h"

static struct phase_facts facts_of(const struct node *n)
{
	bool registered = n->reg && reg_registered(n->reg);
	struct phase_facts facts = {
		.identified = n->identified,
		.registered = registered,
		.subscribed = registered && reg_beat_published(n->reg) && n->peers_known,
		.alone = n->peers_known && !n->peers.count && n->config->min_peers,
		.mesh_up = node_mesh_up(n),
		.csk_acquired = n->csk && csk_acquired(n->csk),
		.first_converged = n->has_kernel_mesh && n->kernel_mesh.first_converged,
	};

	return facts;
}

static void update(void *arg)
{
	struct node *n = arg;
	struct phase_facts facts;
	enum phase phase;

	node_app_update(n);
	facts = facts_of(n);
	phase = phase_of(&facts, n->phases.now);
	node_view_texts(n);
	if (!phase_log_enter(&n->phases, phase, loop_now_ms(n->loop)))
		return;
	log_info("phase %s after %.1f s", health_phase_names[phase],
		 (double)(loop_now_ms(n->loop) - n->phases.started_ms) / 1000);
	grpc_health_set(n->grpc_health, phase == PHASE_HEALTHY);
	if (n->chain)
		chain_set_poll(n->chain, phase == PHASE_HEALTHY ? NODE_POLL_HEALTHY_MS :
								 n->config->chain_poll_ms);
}

void node_changed(struct node *n)
{
	loop_defer(n->loop, &n->update, update, n);
}

static void on_tick(void *arg)
{
	struct node *n = arg;

	node_mesh_read(n);
	node_changed(n);
	loop_timer_set(&n->tick, NODE_TICK_MS);
}

static void on_status(void *arg)
{
	node_changed(arg);
}

/* ---- registration ---- */

static void on_registered(void *arg)
{
	struct node *n = arg;

	log_info("registered: the chain has this node with these keys");
	n->stopped[0] = '\0';
	node_mesh_update(n);
	node_changed(n);
}

static void on_removed(void *arg)
{
	struct node *n = arg;

	log_warn("removed from the cluster");
	node_mesh_clear(n);
	node_app_removed(n);
	node_changed(n);
}

static void on_stopped(const char *text, void *arg)
{
	struct node *n = arg;

	snprintf(n->stopped, sizeof(n->stopped), "%s", text);
	log_error("registration stopped: %s", text);
	node_changed(n);
}

static const struct reg_events reg_events = {
	.on_registered = on_registered, .on_removed = on_removed,
	.on_stopped = on_stopped, .on_status = on_status,
};

static void on_envelope_peer(const struct envelope_peer *p, void *arg)
{
	(void)p;
	node_mesh_update(arg);
	node_changed(arg);
}

static const struct envelope_events envelope_events = {
	.on_peer = on_envelope_peer, .on_status = on_status,
};

/* Keys and cluster are known: everything that needs both is made. */
static int make_bound_parts(struct node *n)
{
	struct bundler_config bundler = {
		.chain_id = n->config->chain_id, .bundler_url = n->config->bundler_url,
		.paymaster_url = n->config->paymaster_url,
		.gas_policy_id = n->config->gas_policy_id,
	};
	struct envelope_config envelope = {
		.chain_id = n->config->chain_id, .gateway_domain = n->config->gateway_domain,
		.wg_tcp_port = n->config->wg_tcp_port,
	};
	char domains[CONFIG_DOMAINS_MAX * (CONFIG_DOMAIN_MAX_CHARS + 1)] = "";

	for (size_t i = 0; i < n->config->peer_gateway_domain_count; i++) {
		if (i)
			strcat(domains, ",");
		strcat(domains, n->config->peer_gateway_domains[i]);
	}
	envelope.peer_gateway_domains = domains;
	n->bundler = bundler_new(n->loop, n->http, n->chain, n->keys, &bundler);
	n->attestor = attestor_dstack_new(n->keys, n->chain, n->app_id);
	if (!n->bundler || !n->attestor)
		return -ENOMEM;
	n->reg = reg_new(n->loop, n->chain, n->bundler, n->keys, n->attestor, &reg_events, n);
	n->envelopes = envelopes_new(n->loop, n->chain, n->bundler, n->keys, &envelope,
				     &envelope_events, n);
	if (!n->reg || !n->envelopes)
		return -ENOMEM;
	return node_app_bound(n);
}

/* Runs when either keys or cluster arrive; does its work once, with both. */
static void try_bind(struct node *n)
{
	struct keys_scope scope = { .chain_id = n->config->chain_id };
	int ret;

	if (n->identified || n->stopped[0] || !n->keys_ready || !n->has_info || !n->chain ||
	    !chain_cluster(n->chain))
		return;
	memcpy(scope.cluster, chain_cluster(n->chain), sizeof(scope.cluster));
	memcpy(scope.member, chain_member_contract(n->chain), sizeof(scope.member));
	ret = keys_bind(n->keys, &scope);
	if (!ret)
		ret = make_bound_parts(n);
	if (ret) {
		snprintf(n->stopped, sizeof(n->stopped), "keys: %s; restart the agent",
			 strerror(-ret));
		log_error("%s", n->stopped);
		return;
	}
	n->identified = true;
	reg_start(n->reg);
	if (chain_now(n->chain))
		reg_snapshot(n->reg, chain_now(n->chain));
	node_mesh_update(n);
	node_changed(n);
}

/* ---- chain ---- */

static void on_cluster(const uint8_t cluster[20], void *arg)
{
	(void)cluster;
	try_bind(arg);
	node_changed(arg);
}

static void on_snapshot(const struct chain_snapshot *before,
			const struct chain_snapshot *now, void *arg)
{
	struct node *n = arg;

	(void)before;
	registry_start(n->registry);
	if (n->reg)
		reg_snapshot(n->reg, now);
	node_mesh_update(n);
	node_changed(n);
}

static void on_message(const struct chain_message *m, void *arg)
{
	struct node *n = arg;

	if (n->identified && !envelopes_message(n->envelopes, m))
		node_app_message(n, m);
}

static void on_reorg(uint64_t first_block, void *arg)
{
	(void)arg;
	log_warn("the chain replaced its blocks from %llu on", (unsigned long long)first_block);
}

static const struct chain_listener chain_listener = {
	.on_cluster = on_cluster, .on_snapshot = on_snapshot, .on_message = on_message,
	.on_reorg = on_reorg, .on_status = on_status,
};

static int start_chain(struct node *n, const uint8_t member_contract[20])
{
	struct chain_config config = {
		.chain_id = n->config->chain_id, .rpc_url = n->config->rpc_url[0],
		.poll_ms = n->config->chain_poll_ms,
	};

	memcpy(config.member_contract, member_contract, sizeof(config.member_contract));
	n->chain = chain_new(n->loop, n->http, &config);
	if (!n->chain || chain_listen(n->chain, &chain_listener, n))
		return -ENOMEM;
	n->registry = registry_new(n->loop, n->chain, n->config->has_indexer_registry ?
				   n->config->indexer_registry : NULL, on_status, n);
	if (!n->registry)
		return -ENOMEM;
	chain_start(n->chain);
	return 0;
}

/* ---- guest agent ---- */

static void ask_info(void *arg);

static void on_info(const struct dstack_info *info, const struct dstack_failure *why, void *arg)
{
	struct node *n = arg;

	if (!info) {
		snprintf(n->info_waiting, sizeof(n->info_waiting), "%.250s", why->text);
		loop_timer_set(&n->info_timer, backoff_delay_ms(&n->info_backoff));
		node_changed(n);
		return;
	}
	memcpy(n->app_id, info->app_id, sizeof(n->app_id));
	n->has_info = true;
	n->info_waiting[0] = '\0';
	if (!n->chain && start_chain(n, n->config->has_member_contract ?
					n->config->member_contract : n->app_id))
		snprintf(n->stopped, sizeof(n->stopped), "out of memory; restart the agent");
	try_bind(n);
	node_changed(n);
}

static void ask_info(void *arg)
{
	struct node *n = arg;

	if (dstack_info(n->dstack, on_info, n))
		loop_timer_set(&n->info_timer, backoff_delay_ms(&n->info_backoff));
}

static void on_keys(void *arg)
{
	struct node *n = arg;

	n->keys_ready = true;
	log_info("keys derived");
	try_bind(n);
	node_changed(n);
}

/* ---- life ---- */

static int on_quote_wanted(const uint8_t report_data[64], void *arg);

static void on_quote(const uint8_t *quote, size_t len, const struct dstack_failure *why,
		     void *arg)
{
	struct node *n = arg;

	health_quote_done(n->health, quote, len, quote ? NULL : why->text);
}

static int on_quote_wanted(const uint8_t report_data[64], void *arg)
{
	struct node *n = arg;

	return dstack_get_quote(n->dstack, report_data, on_quote, n);
}

static const struct health_ops health_ops = {
	.fill = node_view_fill, .quote = on_quote_wanted,
};

static int start_health(struct node *n, char *error)
{
	const struct config *c = n->config;
	int ret;

	n->health = health_new(n->loop, &health_ops, n);
	ret = n->health ? health_listen(n->health, c->health_host, c->health_port) : -ENOMEM;
	if (ret)
		snprintf(error, CONFIG_ERROR_CHARS,
			 "HEALTH_HTTP_ADDR: cannot listen on %s:%u: %s; free the port or give another",
			 c->health_host, c->health_port, strerror(-ret));
	return ret;
}

static int start_outside(struct node *n)
{
	n->http = http_new(n->loop);
	if (!n->http)
		return -ENOMEM;
	n->dstack = dstack_new(n->loop, n->http, n->config->dstack_socket);
	if (!n->dstack)
		return -ENOMEM;
	n->keys = keys_new(n->loop, n->dstack);
	if (!n->keys)
		return -ENOMEM;
	keys_fetch(n->keys, on_keys, n);
	ask_info(n);
	/* With the member contract given, the chain is read while the guest
	 * agent is still away. */
	if (n->config->has_member_contract)
		return start_chain(n, n->config->member_contract);
	return 0;
}

struct node *node_new(struct loop *loop, const struct config *config,
		      char error[CONFIG_ERROR_CHARS])
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n) {
		snprintf(error, CONFIG_ERROR_CHARS, "out of memory");
		return NULL;
	}
	n->loop = loop;
	n->config = config;
	phase_log_init(&n->phases, loop_now_ms(loop));
	peers_init(&n->peers);
	backoff_init(&n->info_backoff, NODE_INFO_RETRY_FIRST_MS, NODE_INFO_RETRY_MAX_MS);
	loop_timer_init(&n->info_timer, loop, ask_info, n);
	loop_timer_init(&n->tick, loop, on_tick, n);
	snprintf(n->info_waiting, sizeof(n->info_waiting), "guest agent: no answer yet");
	if (start_health(n, error) || node_app_init(n, error)) {
		node_free(n);
		return NULL;
	}
	if (node_mesh_init(n) || start_outside(n)) {
		snprintf(error, CONFIG_ERROR_CHARS,
			 "out of memory; locked memory is limited by RLIMIT_MEMLOCK (ulimit -l)");
		node_free(n);
		return NULL;
	}
	loop_timer_set(&n->tick, NODE_TICK_MS);
	node_changed(n);
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	loop_timer_cancel(&n->info_timer);
	loop_timer_cancel(&n->tick);
	node_app_free(n);
	node_mesh_free(n);
	envelopes_free(n->envelopes);
	reg_free(n->reg);
	attestor_free(n->attestor);
	bundler_free(n->bundler);
	registry_free(n->registry);
	chain_free(n->chain);
	keys_free(n->keys);
	dstack_free(n->dstack);
	http_free(n->http);
	health_free(n->health);
	loop_defer_cancel(n->loop, &n->update);
	peers_free(&n->peers);
	free(n);
}
