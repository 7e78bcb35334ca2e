// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the receive and send paths cost, measured inside: packets are fed to the
 * receive hook itself, so that neither the tunnel nor a sender is in the figure.
 * Only in a module built with AMESH_BENCH=1, for test guests; it uses the one
 * mesh of the first namespace, whose peers all have the key of SEED below.
 *
 *	echo cheap 2000 >/sys/module/attestmesh/parameters/bench; cat it
 *	cheap N		ns a packet, for each reason to drop it before verification
 *	verify N	ns a packet that reaches it, forged and good
 *	flood N		delay of the others' beats, without and with a flood
 *	send N		ns a signature and a datagram
 *	bytes		of the structures
 *
 * Medians of N rounds (of ROUND packets), of N beats, or of N datagrams.
 */
#include <linux/ip.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/udp.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../beat_rx.h"
#include "../net.h"
#include "../peer.h"
#include "../sock.h"

#define SEED "attestmesh benchmark: shared key"

enum {
	TEXT_BYTES = 4096,
	INCARNATION = 1 << 30,	/* above what the tool's configuration sets */
	FLOOD_PACKETS = 1000,	/* from one member, before each beat of another */
	ROUND = 128,		/* packets that wait at once; every mesh has room */
	ROUNDS_MAX = 65536,
};

struct bench {
	struct amesh_mesh *mesh;
	struct amesh_crypto_tfm *tfm;
	struct amesh_beat beat;
	struct sk_buff *skb[ROUND];
	u8 input[AMESH_BEAT_SIGN_INPUT_LEN];
	u64 sequence;
	u32 at;		/* registration index of the peer last used */
	u64 *took;	/* ps a packet, by round */
	u64 *took2;
	char *text;
	int len;
};

static char result[TEXT_BYTES];
static DEFINE_MUTEX(bench_lock);

__printf(2, 3) static void say(struct bench *b, const char *form, ...)
{
	va_list args;

	va_start(args, form);
	b->len += vscnprintf(b->text + b->len, TEXT_BYTES - b->len, form, args);
	va_end(args);
}

static u8 *wire_of(struct sk_buff *skb)
{
	return skb->data + sizeof(struct udphdr);
}

static struct sk_buff *packet_alloc(const struct amesh_mesh *mesh)
{
	size_t bytes = sizeof(struct iphdr) + sizeof(struct udphdr) +
		       AMESH_BEAT_LEN;
	struct sk_buff *skb = alloc_skb(bytes, GFP_KERNEL);

	if (!skb)
		return NULL;
	memset(skb_put(skb, bytes), 0, bytes);
	skb_reset_network_header(skb);
	skb_pull(skb, sizeof(struct iphdr));
	skb->protocol = htons(ETH_P_IP);
	skb->skb_iif = mesh->ifindex;
	return skb;
}

/* The next peer with a key, round and round. */
static struct amesh_peer *next_peer(struct bench *b)
{
	u32 end = b->mesh->live.view.windows * AMESH_WINDOW_MEMBERS, i;
	struct amesh_peer *peer = NULL;

	mutex_lock(&b->mesh->lock);
	for (i = 0; i < end && (!peer || !peer->tfm); i++) {
		b->at = (b->at + 1) % end;
		peer = amesh_peer_by_index(b->mesh, b->at);
	}
	mutex_unlock(&b->mesh->lock);
	return peer && peer->tfm ? peer : NULL;
}

/* A beat of @peer that is new; signed, or with a signature of nothing. */
static int fill(struct bench *b, struct sk_buff *skb, struct amesh_peer *peer,
		bool good)
{
	u8 *wire = wire_of(skb);

	ip_hdr(skb)->saddr = peer->addr4;
	b->beat.version = AMESH_BEAT_VERSION_1;
	b->beat.version_max = AMESH_BEAT_VERSION_1;
	b->beat.incarnation = INCARNATION;
	b->beat.sequence = ++b->sequence;
	b->beat.interval_ms = b->mesh->cfg.live.interval_ms;
	memcpy(b->beat.member_id, amesh_peer_id(peer), AMESH_ID_LEN);
	amesh_beat_encode(wire, &b->beat);
	memset(wire + AMESH_BEAT_SIGNATURE, 1, AMESH_SIGNATURE_LEN);
	if (!good)
		return 0;
	amesh_beat_sign_input(b->input, b->mesh->cfg.domain, wire);
	return amesh_ed25519_sign(b->tfm, b->input, sizeof(b->input),
				  wire + AMESH_BEAT_SIGNATURE);
}

static void fill_bucket(struct amesh_peer *peer)
{
	spin_lock_bh(&peer->lock);
	peer->credit_ns = U64_MAX;
	spin_unlock_bh(&peer->lock);
}

/* The hook frees what it is given: a reference more, and it can come again. */
static void feed(struct bench *b, struct sk_buff *skb)
{
	skb_get(skb);
	amesh_beat_rcv(b->mesh->sock4->sk, skb);
}

static u64 counted(struct bench *b, enum amesh_drop why)
{
	struct amesh_stats sum;

	amesh_stats_sum(b->mesh->stats, &sum);
	return sum.drop[why];
}

static u64 accepted(struct bench *b)
{
	struct amesh_stats sum;

	amesh_stats_sum(b->mesh->stats, &sum);
	return sum.count[AMESH_COUNT_ACCEPTED];
}

static int compare(const void *x, const void *y)
{
	u64 a = *(const u64 *)x, b = *(const u64 *)y;

	return a < b ? -1 : a > b;
}

/* Of short rounds, so that what else the machine does is in few of them. */
static u64 median(u64 *took, u32 rounds)
{
	sort(took, rounds, sizeof(*took), compare, NULL);
	return took[rounds / 2];
}

static u64 feed_round(struct bench *b, bool all)
{
	u64 t;
	u32 i;

	local_bh_disable();
	t = ktime_get_ns();
	for (i = 0; i < ROUND; i++)
		feed(b, b->skb[all ? i : 0]);
	t = ktime_get_ns() - t;
	local_bh_enable();
	return div_u64(t * 1000, ROUND);
}

static void say_cheap(struct bench *b, const char *name, u32 rounds, u64 seen)
{
	say(b, "cheap reason=%s packets=%u counted=%llu picoseconds=%llu\n", name,
	    rounds * ROUND, seen, median(b->took, rounds));
}

static void cheap_one(struct bench *b, const char *name, enum amesh_drop why,
		      u32 rounds)
{
	u64 before = counted(b, why);
	u32 i;

	for (i = 0; i < rounds; i++)
		b->took[i] = feed_round(b, false);
	say_cheap(b, name, rounds, counted(b, why) - before);
}

/* Among all peers in turn: no peer's memory is in the nearest cache. */
static void cheap_cold(struct bench *b, u32 rounds)
{
	u64 before = counted(b, AMESH_DROP_REPLAY);
	u32 done, i;

	for (done = 0; done < rounds; done++) {
		for (i = 0; i < ROUND; i++) {
			struct amesh_peer *peer = next_peer(b);

			if (!peer)
				return;
			fill(b, b->skb[i], peer, false);
			memset(wire_of(b->skb[i]) + AMESH_BEAT_INCARNATION, 0, 16);
		}
		b->took[done] = feed_round(b, true);
	}
	say_cheap(b, "replay-in-turn", rounds,
		  counted(b, AMESH_DROP_REPLAY) - before);
}

static int cheap(struct bench *b, u32 n)
{
	struct amesh_peer *peer = next_peer(b);
	struct sk_buff *skb = b->skb[0];
	u32 key_gen, len = skb->len;
	u8 *wire = wire_of(skb);

	if (!peer)
		return -ENOENT;
	fill(b, skb, peer, false);
	skb->skb_iif = b->mesh->ifindex + 1;
	cheap_one(b, "wrong_iif", AMESH_DROP_WRONG_IIF, n);
	skb->skb_iif = b->mesh->ifindex;
	__skb_trim(skb, sizeof(struct udphdr) + AMESH_BEAT_HEAD_LEN - 1);
	cheap_one(b, "short", AMESH_DROP_SHORT, n);
	__skb_put(skb, AMESH_BEAT_LEN - AMESH_BEAT_HEAD_LEN);
	cheap_one(b, "length", AMESH_DROP_LENGTH, n);
	__skb_put(skb, len - skb->len);
	wire[0] ^= 1;
	cheap_one(b, "magic", AMESH_DROP_MAGIC, n);
	wire[0] ^= 1;
	wire[4] ^= 1;
	cheap_one(b, "version", AMESH_DROP_VERSION, n);
	wire[4] ^= 1;
	ip_hdr(skb)->saddr = htonl(0xc0000201);
	cheap_one(b, "unknown_source", AMESH_DROP_UNKNOWN_SOURCE, n);
	ip_hdr(skb)->saddr = peer->addr4;
	wire[AMESH_BEAT_MEMBER_ID] ^= 1;
	cheap_one(b, "member_id", AMESH_DROP_MEMBER_ID, n);
	wire[AMESH_BEAT_MEMBER_ID] ^= 1;
	key_gen = peer->key_gen;
	WRITE_ONCE(peer->key_gen, 0);
	cheap_one(b, "no_key", AMESH_DROP_NO_KEY, n);
	WRITE_ONCE(peer->key_gen, key_gen);
	peer->credit_ns = 0;
	peer->credit_at_ns = ktime_get_boottime_ns();
	cheap_one(b, "rate", AMESH_DROP_RATE, n);
	memset(wire + AMESH_BEAT_INCARNATION, 0, 16);
	cheap_one(b, "replay", AMESH_DROP_REPLAY, n);
	cheap_cold(b, DIV_ROUND_UP(n, 4));
	return 0;
}

/* Each packet of another peer; the queue is worked off by us, in groups. */
static int verify_kind(struct bench *b, const char *name, bool good, u32 rounds)
{
	u64 t, bad, fine;
	u32 done, i;
	int ret;

	bad = counted(b, AMESH_DROP_BAD_SIGNATURE);
	fine = accepted(b);
	for (done = 0; done < rounds; done++) {
		for (i = 0; i < ROUND; i++) {
			struct amesh_peer *peer = next_peer(b);

			if (!peer)
				return -ENOENT;
			fill_bucket(peer);
			ret = fill(b, b->skb[i], peer, good);
			if (ret)
				return ret;
		}
		b->took[done] = feed_round(b, true);
		t = ktime_get_ns();
		amesh_rx_drain(b->mesh);
		b->took2[done] = div_u64(ktime_get_ns() - t, ROUND);
	}
	say(b, "verify kind=%s impl=%s packets=%u refused=%llu accepted=%llu receive_ns=%llu verify_ns=%llu\n",
	    name, amesh_ed25519_impl(), rounds * ROUND,
	    counted(b, AMESH_DROP_BAD_SIGNATURE) - bad, accepted(b) - fine,
	    div_u64(median(b->took, rounds), 1000), median(b->took2, rounds));
	return 0;
}

/* The first beats of all peers, each of which changes this node's view, are
 * something else than one of a peer that is up.
 */
static int verify(struct bench *b, u32 n)
{
	u32 first = b->mesh->peer_count / ROUND + 1;

	return verify_kind(b, "forged", false, n) ?:
	       verify_kind(b, "first", true, first) ?:
	       verify_kind(b, "good", true, n);
}

/* A member's forgeries, all new and of the right form, then one good beat of
 * another member: how long until that one is accepted? The flooder has a full
 * bucket each time, which is more than time would give it.
 */
static int flood_kind(struct bench *b, struct amesh_peer *flooder, u32 forged,
		      u32 n)
{
	u64 *took_ns = b->took;
	u64 fine = accepted(b), bad = counted(b, AMESH_DROP_BAD_SIGNATURE);
	u64 rate = counted(b, AMESH_DROP_RATE), full, changes, up, at_ns;
	u32 i, k;

	full = counted(b, AMESH_DROP_QUEUE_FULL);
	changes = b->mesh->event_seq;
	up = b->mesh->live.state_count[AMESH_STATE_UP];
	for (i = 0; i < n; i++) {
		struct amesh_peer *peer = next_peer(b);

		if (peer == flooder)
			peer = next_peer(b);
		if (!peer || fill(b, b->skb[0], flooder, false) ||
		    fill(b, b->skb[1], peer, true))
			return -EINVAL;
		fill_bucket(peer);
		fill_bucket(flooder);
		local_bh_disable();
		at_ns = ktime_get_ns();
		for (k = 0; k < forged; k++)
			feed(b, b->skb[0]);
		feed(b, b->skb[1]);
		local_bh_enable();
		amesh_rx_drain(b->mesh);
		took_ns[i] = ktime_get_ns() - at_ns;
	}
	sort(took_ns, n, sizeof(*took_ns), compare, NULL);
	say(b, "flood forged=%u beats=%u p50_ns=%llu p99_ns=%llu max_ns=%llu ",
	    forged, n, took_ns[n / 2], took_ns[n - 1 - n / 100],
	    took_ns[n - 1]);
	say(b, "accepted=%llu refused=%llu rate=%llu queue_full=%llu verdicts_changed=%llu up_before=%llu up_after=%u\n",
	    accepted(b) - fine,
	    counted(b, AMESH_DROP_BAD_SIGNATURE) - bad,
	    counted(b, AMESH_DROP_RATE) - rate,
	    counted(b, AMESH_DROP_QUEUE_FULL) - full,
	    b->mesh->event_seq - changes, up,
	    b->mesh->live.state_count[AMESH_STATE_UP]);
	return 0;
}

static int flood(struct bench *b, u32 n)
{
	struct amesh_peer *flooder = next_peer(b);

	if (!flooder)
		return -ENOENT;
	return flood_kind(b, flooder, 0, n) ?:
	       flood_kind(b, flooder, FLOOD_PACKETS, n);
}

static int send(struct bench *b, u32 n)
{
	u8 *wire = wire_of(b->skb[0]);
	u32 i, sent = 0;
	u64 t;
	int ret;

	for (i = 0; i < n; i++) {
		struct amesh_peer *peer = next_peer(b);

		if (!peer)
			return -ENOENT;
		t = ktime_get_ns();
		ret = amesh_ed25519_sign(b->tfm, b->input, sizeof(b->input),
					 wire + AMESH_BEAT_SIGNATURE);
		b->took[i] = ktime_get_ns() - t;
		if (ret)
			return ret;
		t = ktime_get_ns();
		sent += !amesh_sock_send(b->mesh, peer->addr4, wire,
					 wire + AMESH_BEAT_TRAILER);
		b->took2[i] = ktime_get_ns() - t;
		if (i % AMESH_SLICE == AMESH_SLICE - 1)
			usleep_range(10 * AMESH_SLICE_US, 20 * AMESH_SLICE_US);
	}
	say(b, "send count=%u sent=%u sign_ns=%llu datagram_ns=%llu\n", n, sent,
	    median(b->took, n), median(b->took2, n));
	return 0;
}

static int bytes(struct bench *b, u32 n)
{
	u32 peers = b->mesh->peer_count, windows = b->mesh->live.view.windows;

	say(b, "bytes peers=%u peer=%zu floor=%zu slot=%zu slots=%u index=%zu table_buckets=%u\n",
	    peers, sizeof(struct amesh_peer), sizeof(struct amesh_floor_entry),
	    sizeof(struct amesh_slot), b->mesh->rxq.blocks * AMESH_SLOTS_PER_BLOCK,
	    amesh_live_bytes(windows),
	    rcu_dereference_protected(b->mesh->peers, 1)->mask + 1);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct bench *b, u32 n);
} kinds[] = {
	{ "cheap", cheap }, { "verify", verify }, { "flood", flood },
	{ "send", send }, { "bytes", bytes },
};

static void bench_free(struct bench *b)
{
	u32 i;

	for (i = 0; i < ROUND; i++)
		kfree_skb(b->skb[i]);
	if (!IS_ERR_OR_NULL(b->tfm))
		amesh_crypto_free(b->tfm);
	if (b->mesh)
		amesh_mesh_put(b->mesh);
	kvfree(b->took);
	kvfree(b->took2);
	kfree(b);
}

static struct bench *bench_alloc(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	bool ok;
	u32 i;

	if (!b)
		return NULL;
	b->text = result;
	b->mesh = amesh_net_next(amesh_net(&init_net), 0);
	b->tfm = amesh_crypto_alloc(AMESH_ED25519_DRIVER);
	b->took = kvcalloc(ROUNDS_MAX, sizeof(*b->took), GFP_KERNEL);
	b->took2 = kvcalloc(ROUNDS_MAX, sizeof(*b->took2), GFP_KERNEL);
	ok = b->mesh && !IS_ERR(b->tfm) && b->took && b->took2 &&
	     !amesh_crypto_set_priv_key(b->tfm, SEED, AMESH_ED25519_KEY_BYTES);
	for (i = 0; ok && i < ROUND; i++) {
		b->skb[i] = packet_alloc(b->mesh);
		ok = b->skb[i];
	}
	if (ok)
		return b;
	bench_free(b);
	return NULL;
}

/* Sequences go on from run to run. */
static int bench_set(const char *val, const struct kernel_param *kp)
{
	static u64 sequence;
	struct bench *b;
	char name[16];
	u32 n = 1, i;
	int ret = -EINVAL;

	if (sscanf(val, "%15s %u", name, &n) < 1 || !n || n > ROUNDS_MAX)
		return -EINVAL;
	mutex_lock(&bench_lock);
	b = bench_alloc();
	if (!b) {
		mutex_unlock(&bench_lock);
		return -ENODEV;
	}
	b->sequence = sequence;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(name, kinds[i].name))
			ret = kinds[i].run(b, n);
	sequence = b->sequence;
	bench_free(b);
	mutex_unlock(&bench_lock);
	return ret;
}

static int bench_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s", result);
}

static const struct kernel_param_ops bench_ops = {
	.set = bench_set,
	.get = bench_get,
};

module_param_cb(bench, &bench_ops, NULL, 0600);
MODULE_PARM_DESC(bench, "measure: cheap, verify, flood, send, bytes");
