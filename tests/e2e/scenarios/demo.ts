// SPDX-License-Identifier: Apache-2.0
// The main job: nodes start from nothing and become healthy by themselves;
// keys are equal, every address pings, a message arrives at one app alone;
// then one agent dies and returns, then everything is made anew.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { keccak_256 } from "@noble/hashes/sha3";
import { status } from "@grpc/grpc-js";
import { App, type Message } from "../lab/app.ts";
import { check, inTime, say, seconds, sleep, until } from "../lab/exec.ts";
import { exposed } from "../lab/exposed.ts";
import { metric } from "../lab/http.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";

const FIRST_START_MS = 240_000;
const RESTART_MS = 120_000;
const AGENT_BACK_MS = 5_000;
const ALL_BACK_MS = 10_000;
const PHASES = ["booting", "registering", "subscribing", "waiting-peers", "wg-configuring", "pulling-csk", "heartbeating", "healthy"] as const;

interface Counts { operations: number; envelopes: number; pending: number }

async function counts(n: LabNode): Promise<Counts> {
  return {
    operations: await n.number("attestmesh_operations_sent_total"),
    envelopes: await n.number("attestmesh_envelopes_sent_total"),
    pending: await n.number("attestmesh_operations_pending"),
  };
}

async function sum(lab: Lab): Promise<Counts> {
  const all = await Promise.all(lab.nodes.map(counts));
  return all.reduce((a, b) => ({ operations: a.operations + b.operations, envelopes: a.envelopes + b.envelopes, pending: a.pending + b.pending }));
}

// Tells each node's phase as it changes.
function watchPhases(lab: Lab): () => void {
  const last = new Map<string, string>();
  const timer = setInterval(() => {
    for (const n of lab.nodes) {
      n.health().then((h) => {
        if (last.get(n.ns) === h.phase) return;
        last.set(n.ns, h.phase);
        say(`   ${n.ns} ${h.phase}${h.waiting_for && h.phase !== "healthy" ? ` (waiting for ${h.waiting_for})` : ""}`);
      }, () => undefined);
    }
  }, 500);
  return () => clearInterval(timer);
}

async function phaseSeconds(n: LabNode): Promise<Record<string, number>> {
  const text = await n.metrics();
  const out: Record<string, number> = {};
  for (const p of PHASES) {
    const v = metric(text, "attestmesh_phase_entered_seconds", `phase="${p}"`);
    if (v !== undefined && v >= 0) out[p] = v;
  }
  return out;
}

async function cskHash(app: App): Promise<string> {
  const key = await app.csk();
  check(key.length === 32, "the CSK is not 32 bytes");
  const digest = createHash("sha256").update(key).digest("hex");
  key.fill(0);
  return digest;
}

// Every pair, both directions, both families.
function pingAll(lab: Lab, addresses: readonly { v4: string; v6: string }[]): boolean {
  for (const a of lab.nodes) {
    addresses.forEach((to, k) => {
      if (k + 1 === a.i) return;
      const four = a.exec("busybox", "ping", "-c", "1", "-W", "5", to.v4);
      check(four.code === 0, `${a.ns} cannot ping ${to.v4}: ${four.out}`);
      const six = a.exec("busybox", "ping", "-6", "-c", "1", "-W", "5", to.v6);
      check(six.code === 0, `${a.ns} cannot ping ${to.v6}: ${six.out}`);
    });
  }
  return true;
}

function meshAddresses(n: LabNode): { v4: string; v6: string } {
  const four = /inet (\d+\.\d+\.\d+\.\d+)\//.exec(n.exec("ip", "-4", "addr", "show", "attestmesh0").out);
  const six = /inet6 (fd[0-9a-f:]+)\//.exec(n.exec("ip", "-6", "addr", "show", "attestmesh0").out);
  check(four !== null && six !== null, `${n.ns} has no mesh addresses`);
  return { v4: four[1]!, v6: six[1]! };
}

// True if any eight bytes in a row of the plaintext stand in the ciphertext.
function leaks(plain: Buffer, cipher: Buffer): boolean {
  for (let i = 0; i + 8 <= plain.length; i++) if (cipher.includes(plain.subarray(i, i + 8))) return true;
  return false;
}

async function rpc(lab: Lab, method: string, params: unknown[]): Promise<unknown> {
  const r = await fetch(lab.spec.rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
  return ((await r.json()) as { result: unknown }).result;
}

async function beatKeyOnChain(lab: Lab, memberId: string): Promise<string> {
  const selector = Buffer.from(keccak_256("ed25519KeyOf(bytes32)")).toString("hex").slice(0, 8);
  return String(await rpc(lab, "eth_call", [{ to: lab.nodes[0]!.spec.cluster, data: `0x${selector}${memberId}` }, "latest"])).slice(2);
}

// The ciphertext as the chain logged it.
async function loggedCiphertext(lab: Lab, m: Message): Promise<Buffer> {
  const at = `0x${m.block.toString(16)}`;
  const logs = (await rpc(lab, "eth_getLogs", [{ fromBlock: at, toBlock: at, address: lab.nodes[0]!.spec.cluster }])) as { logIndex: string; data: string }[];
  const log = logs.find((l) => Number(l.logIndex) === m.logIndex);
  check(log !== undefined, `no log ${m.logIndex} in block ${m.block}`);
  return Buffer.from(log.data.slice(2), "hex");
}

async function message(lab: Lab, apps: readonly App[], ids: readonly string[]): Promise<Record<string, unknown>> {
  const plain = Buffer.concat([Buffer.from("demo message: "), randomBytes(120)]);
  const streams = apps.map((a) => a.messages());
  await sleep(500);
  const t = Date.now();
  const sent = await apps[0]!.send(ids[1]!, plain);
  check(sent.code === status.OK, `SendMessage: ${sent.code} ${sent.text}`);
  await until("the message at node 2's app", 60_000, async () => streams[1]!.got.length > 0, 50);
  const took = seconds(t);
  await sleep(3000); // long enough for a misdelivery to show
  const got = streams[1]!.got;
  streams.forEach((s) => s.stop());
  check(got.length === 1, `node 2's app got ${got.length} messages`);
  check(got[0]!.payload.equals(plain), "the payload differs");
  const senderOk = got[0]!.sender === ids[0];
  check(senderOk, `sender ${got[0]!.sender}, expected ${ids[0]}`);
  streams.forEach((s, k) => check(k === 1 || s.got.length === 0, `node ${k + 1}'s app got a message for node 2`));
  streams.forEach((s, k) => check(s.errors.length === 0, `node ${k + 1}'s stream: ${s.errors.join(", ")}`));
  const leaked = leaks(plain, await loggedCiphertext(lab, got[0]!));
  check(!leaked, "the ciphertext on chain holds eight bytes of the plaintext in a row");
  check(leaks(plain, plain), "the leak check finds nothing in the plaintext itself");
  return { delivered: true, sender_ok: senderOk, leaked, seconds: took };
}

// No record stands in the registry of a new chain: every node says so, in the
// health answer and once in its log, and goes on by polling.
async function withoutIndexer(lab: Lab): Promise<string> {
  const says = new RegExp(`registry ${lab.spec.indexerRegistry.toLowerCase()} has no record; chain logs are polled instead`);
  for (const n of lab.nodes) {
    const warnings = (await n.health()).warnings ?? [];
    check(warnings.some((w) => says.test(w)), `${n.ns} says nothing of the registry: ${warnings.join("; ")}`);
    check(says.test(n.logs()), `${n.ns}'s log says nothing of the registry`);
  }
  return says.source;
}

async function beats(n: LabNode): Promise<Record<string, unknown>> {
  const text = await n.metrics();
  const dropped: Record<string, number> = {};
  for (const m of text.matchAll(/^attestmesh_beats_dropped_total\{reason="([a-z0-9_]+)"\} (\d+)$/gm)) dropped[m[1]!] = Number(m[2]);
  return { sent: metric(text, "attestmesh_beats_sent_total"), accepted: metric(text, "attestmesh_beats_accepted_total"), dropped };
}

async function restarts(lab: Lab, ids: readonly string[]): Promise<Record<string, unknown>> {
  await until("no operation to be pending and every beat key on chain", 60_000, async () => {
    const keys = await Promise.all(ids.map((id) => beatKeyOnChain(lab, id)));
    return keys.every((k) => /^[0-9a-f]{64}$/.test(k) && !/^0*$/.test(k)) && (await sum(lab)).pending === 0;
  });
  const before = await sum(lab);
  const others = before.operations - (await counts(lab.node(1))).operations;
  const otherEnvelopes = before.envelopes - (await counts(lab.node(1))).envelopes;

  say("   agent 1: SIGKILL and start");
  await lab.node(1).stopAgent("SIGKILL");
  lab.node(1).startAgent();
  const killed = lab.node(1).agent!.startedMs;
  await lab.node(1).untilHealthy(RESTART_MS);
  const agentSeconds = seconds(killed);
  inTime("killed agent to healthy", agentSeconds, AGENT_BACK_MS / 1000);
  const afterKill = await sum(lab);

  say("   all nodes from nothing, modules included");
  const { startedMs, destroyed } = await lab.restartAll();
  await lab.untilHealthy(RESTART_MS);
  const allSeconds = seconds(startedMs);
  inTime("all nodes from nothing to healthy", allSeconds, ALL_BACK_MS / 1000);
  const afterAll = await sum(lab);
  // A new process counts from zero; the others went on from where they were.
  const operations = afterKill.operations - others + afterAll.operations;
  const envelopes = afterKill.envelopes - otherEnvelopes + afterAll.envelopes;
  check(operations === 0, `${operations} operations were sent by restarts`);
  check(envelopes === 0, `${envelopes} envelopes were sent by restarts`);
  return { agent_kill_seconds_to_healthy: agentSeconds, both_seconds_to_healthy: allSeconds, operations_sent: operations, envelopes_sent: envelopes, destroyed };
}

export async function demo(lab: Lab): Promise<Record<string, unknown>> {
  const stopWatching = watchPhases(lab);
  try {
    lab.startNodes();
    await lab.untilHealthy(FIRST_START_MS);
    const apps = lab.nodes.map((n) => new App(n.appSocket));
    const ids = await Promise.all(apps.map((a) => a.memberId()));
    const hashes = await Promise.all(apps.map(cskHash));
    const cskEqual = hashes.every((h) => h === hashes[0]);
    check(cskEqual, "the CSKs differ");
    say(`   all healthy, CSK ${hashes[0]!.slice(0, 16)}… equal everywhere`);
    const addresses = lab.nodes.map(meshAddresses);
    const indexer = await withoutIndexer(lab);
    const listening = exposed(lab, addresses);
    const pingsOk = pingAll(lab, addresses);
    say("   every pair of mesh addresses pings, IPv4 and IPv6");
    const delivered = await message(lab, apps, ids);
    say("   message delivered to node 2's app alone");
    const nodes = [];
    for (const n of lab.nodes) {
      const h = await n.health();
      const c = await counts(n);
      nodes.push({ member_id: ids[n.i - 1], mesh_ip: addresses[n.i - 1]!.v4, phase: h.phase, live_peers: h.live_peers, first_converged: h.first_converged,
        csk_sha256: hashes[n.i - 1], phase_seconds: await phaseSeconds(n), operations_sent: c.operations, envelopes_sent: c.envelopes, beats: await beats(n) });
    }
    apps.forEach((a) => a.close());
    const restart = await restarts(lab, ids);
    const moduleVersion = readFileSync("/sys/module/attestmesh/version", "utf8").trim();
    return { module_version: moduleVersion, nodes, csk_equal: cskEqual, converged: nodes.every((n) => n.first_converged), pings_ok: pingsOk, message: delivered, restart, indexer, exposed: listening };
  } finally {
    stopWatching();
  }
}
