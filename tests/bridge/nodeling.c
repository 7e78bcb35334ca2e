// SPDX-License-Identifier: Apache-2.0
/*
 * The transport side of an agent without a chain: mesh.c, carriage.c,
 * bridgectl.c and kern.c as they are, told on standard input who the peers are.
 * It prints its public keys first, then a line of JSON at each change and once
 * a second. For tests in the guest.
 *
 *   nodeling RUNTIME_DIR KEY_HEX INDEX NET4 PREFIX OWN4 OWN6 INTERVAL_MS
 *   peer ID INDEX WG_PUB BEAT_PUB ADDR4 ADDR6 HOST PORT    (standard input)
 *   go          (the peers told so far are the wanted ones)
 *   block SECS  (a newer block)
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "carriage.h"
#include "clock.h"
#include "kern.h"
#include "log.h"
#include "secret.h"

enum { PEERS_MAX = 64, LINE_CHARS = 1024, REPORT_MS = 1000, RETRY_MS = 500 };

static struct {
	struct loop *loop;
	struct mesh *mesh;
	struct carriage *carriage;
	struct kern *kern;
	struct loop_timer report, setup;
	struct mesh_net net;
	struct carriage_peer carried[PEERS_MAX];
	struct am_peer_config kernel[PEERS_MAX];
	size_t count, wanted;
	uint32_t index, interval_ms;
	uint8_t key[32], seed[32];
	bool device, kern_ready, resynced;
	char line[LINE_CHARS];
	size_t line_len;
	char trouble[256];
} n;

static void report(void *arg)
{
	struct am_mesh m = { 0 };
	bool has = !kern_mesh(n.kern, &m);

	(void)arg;
	printf("{\"ready\":%s,\"kern\":%s,\"waiting\":\"%s\",\"kern_waiting\":\"%s\","
	       "\"trouble\":\"%s\",\"live\":%u,\"converged\":%d,\"incarnation\":%llu,\"peers\":[",
	       carriage_ready(n.carriage) ? "true" : "false", n.kern_ready ? "true" : "false",
	       carriage_waiting_for(n.carriage), kern_waiting_for(n.kern), n.trouble,
	       has ? m.live : 0, has && m.converged,
	       has ? (unsigned long long)m.incarnation : 0);
	for (size_t i = 0; i < n.wanted; i++) {
		struct carriage_status s;

		if (!carriage_peer_status(n.carriage, n.carried[i].id, &s))
			continue;
		printf("%s{\"index\":%u,\"wg\":%d,\"dialled\":%d,\"state\":%u,\"handshake\":%d,"
		       "\"heard_age_ms\":%lld,\"error\":\"%s\"}", i ? "," : "",
		       n.carried[i].index, s.in_wireguard, s.dialled, s.link_state, s.handshake,
		       (long long)s.heard_age_ms, s.error);
	}
	printf("]}\n");
	fflush(stdout);
	loop_timer_set(&n.report, REPORT_MS);
}

static void setup(void *arg)
{
	struct kern_identity id = { .index = n.index, .addr4 = n.net.own4, .seed = n.seed };
	bool ipv6, created;

	(void)arg;
	if (mesh_fence(n.mesh, &n.net, &ipv6, n.trouble) ||
	    mesh_device(n.mesh, &n.net, n.key, &created, &ipv6, n.trouble)) {
		loop_timer_set(&n.setup, RETRY_MS);
		report(NULL);
		return;
	}
	n.device = true;
	n.trouble[0] = '\0';
	id.has_addr6 = ipv6;
	memcpy(id.addr6, n.net.own6, 16);
	memset(id.domain, 'd', sizeof(id.domain));
	memset(id.member_id, (int)n.index + 1, sizeof(id.member_id));
	kern_mesh_set(n.kern, &id, (uint64_t)clock_wall_ms() / 1000);
	carriage_start(n.carriage, n.index, created);
}

static void go(void)
{
	n.wanted = n.count;
	if (carriage_peers(n.carriage, n.carried, n.count) ||
	    kern_peers_set(n.kern, n.kernel, n.count))
		abort();
	n.count = 0;
}

static void take_peer(const char *line)
{
	char id[65], pub[65], beat[65], a4[16], a6[46], host[254];
	struct carriage_peer *c = &n.carried[n.count];
	struct am_peer_config *k = &n.kernel[n.count];
	unsigned index, port;

	memset(c, 0, sizeof(*c));
	memset(k, 0, sizeof(*k));
	if (n.count == PEERS_MAX ||
	    sscanf(line, "peer %64s %u %64s %64s %15s %45s %253s %u", id, &index, pub, beat, a4,
		   a6, host, &port) != 8 ||
	    !hex_decode(c->id, 32, id) || !hex_decode(c->wg.key, 32, pub) ||
	    !hex_decode(k->key, 32, beat) || inet_pton(AF_INET, a4, &c->wg.addr4) != 1 ||
	    inet_pton(AF_INET6, a6, c->wg.addr6) != 1)
		abort();
	c->index = k->index = index;
	c->wg.has_addr6 = k->has_addr6 = k->has_key = true;
	c->port = (uint16_t)port;
	snprintf(c->host, sizeof(c->host), "%s", host);
	memcpy(k->id, c->id, 32);
	k->addr4 = c->wg.addr4;
	memcpy(k->addr6, c->wg.addr6, 16);
	n.count++;
}

static void take_line(const char *line)
{
	if (!strncmp(line, "peer ", 5))
		take_peer(line);
	else if (!strcmp(line, "go"))
		go();
	else if (!strncmp(line, "block ", 6))
		kern_block_time(n.kern, strtoull(line + 6, NULL, 10));
	else
		abort();
}

static void on_stdin(int fd, uint32_t events, void *arg)
{
	char c;

	(void)events;
	(void)arg;
	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			n.line[n.line_len] = '\0';
			n.line_len = 0;
			take_line(n.line);
		} else if (n.line_len < LINE_CHARS - 1) {
			n.line[n.line_len++] = c;
		}
	}
}

static void on_ready(void *arg, bool ready, const char *waiting_for)
{
	(void)arg;
	(void)waiting_for;
	n.kern_ready = ready;
	loop_timer_set(&n.report, 0);
}

static void on_event(void *arg, const struct am_event *e)
{
	(void)arg;
	printf("{\"event\":%d,\"index\":%u,\"old\":\"%s\",\"new\":\"%s\",\"reason\":\"%s\",\"flags\":%u}\n",
	       e->type, e->index, am_state_name(e->old_state), am_state_name(e->new_state),
	       am_reason_name(e->reason), e->beat_flags);
	fflush(stdout);
	if (e->type == AM_EVENT_PEER && e->new_state == ATTESTMESH_STATE_UP)
		carriage_heard(n.carriage, e->id);
	if (e->type == AM_EVENT_GONE)
		loop_timer_set(&n.setup, RETRY_MS);
}

static void on_resync(void *arg)
{
	(void)arg;
	n.resynced = true;
	loop_timer_set(&n.report, 0);
}

static void on_change(void *arg)
{
	(void)arg;
	loop_timer_set(&n.report, 0);
}

static void on_term(int sig, void *arg)
{
	(void)sig;
	loop_stop(arg);
}

static void print_keys(void)
{
	uint8_t pub[32], beat[32], secret[64];
	char a[65], b[65];

	crypto_scalarmult_base(pub, n.key);
	crypto_sign_seed_keypair(beat, secret, n.seed);
	printf("{\"wg_pub\":\"%s\",\"beat_pub\":\"%s\"}\n", hex_encode(a, pub, 32),
	       hex_encode(b, beat, 32));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct kern_callbacks kern_callbacks = { on_ready, on_event, on_resync };
	static const struct carriage_callbacks carriage_callbacks = { on_change };
	struct mesh_config mesh = { .ifname = "attestmesh0", .listen_port = 51821 };
	struct kern_config kern = { .ifname = "attestmesh0", .port = 51820, .miss = 3,
				    .convict = 5, .min_peers = 1 };
	struct carriage_config carriage = { .ifname = "attestmesh0" };
	char error[MESH_ERROR_CHARS];

	if (argc != 9 || secret_init() || !hex_decode(n.key, 32, argv[2]))
		return 2;
	log_set(LOG_DEBUG, false, "nodeling");
	memcpy(n.seed, n.key, 32);
	n.seed[31] ^= 1;
	n.index = (uint32_t)atoi(argv[3]);
	inet_pton(AF_INET, argv[4], &n.net.net4);
	n.net.prefix4 = (uint8_t)atoi(argv[5]);
	inet_pton(AF_INET, argv[6], &n.net.own4);
	inet_pton(AF_INET6, argv[7], n.net.own6);
	memcpy(n.net.net6, n.net.own6, 6);
	n.interval_ms = kern.interval_ms = carriage.interval_ms = (uint32_t)atoi(argv[8]);
	carriage.runtime_dir = argv[1];
	n.loop = loop_new();
	print_keys();
	if (mesh_new(&n.mesh, &mesh, error))
		return 1;
	carriage.mesh = n.mesh;
	n.kern = kern_new(n.loop, &kern, &kern_callbacks, NULL);
	n.carriage = carriage_new(n.loop, &carriage, &carriage_callbacks, NULL);
	loop_timer_init(&n.report, n.loop, report, NULL);
	loop_timer_init(&n.setup, n.loop, setup, NULL);
	loop_timer_set(&n.setup, 0);
	loop_timer_set(&n.report, 0);
	fcntl(0, F_SETFL, O_NONBLOCK);
	loop_fd_add(n.loop, 0, EPOLLIN, on_stdin, NULL);
	loop_signal(n.loop, SIGTERM, on_term, n.loop);
	loop_run(n.loop);
	loop_timer_cancel(&n.report);
	loop_timer_cancel(&n.setup);
	carriage_free(n.carriage);
	kern_free(n.kern);
	mesh_free(n.mesh);
	return 0;
}
