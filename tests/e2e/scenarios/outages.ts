// SPDX-License-Identifier: Apache-2.0
// Six services, each away while a node boots and while nodes run. Every row
// tells what the node says, how long it takes to recover, and what was sent;
// in the rows of running nodes a message given meanwhile arrives exactly once.
import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { App } from "../lab/app.ts";
import { check, say, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";

const RUNNING_OUTAGE_MS = 12_000;
const RECOVER_MS = 90_000;
const EXPECTED_ROWS = 12;

interface Outage {
  readonly service: string;
  readonly says: RegExp;         // in waiting_for
  readonly asksWhileRunning: boolean;
  readonly newMember: boolean;   // only registration asks this service
  begin(lab: Lab, n: LabNode): Promise<void>;
  end(lab: Lab, n: LabNode): Promise<void>;
}

const OUTAGES: readonly Outage[] = [
  { service: "rpc", says: /rpc/i, asksWhileRunning: true, newMember: false, begin: (l) => l.faults.set("rpc", "refuse"), end: (l) => l.faults.set("rpc", "ok") },
  { service: "bundler", says: /bundler/i, asksWhileRunning: true, newMember: true, begin: (l) => l.faults.set("bundler", "502"), end: (l) => l.faults.set("bundler", "ok") },
  { service: "worker", says: /paymaster|sponsor/i, asksWhileRunning: true, newMember: true, begin: (l) => l.faults.set("worker", "hang"), end: (l) => l.faults.set("worker", "ok") },
  { service: "gateway", says: /gateway/i, asksWhileRunning: true, newMember: false,
    begin: async (l) => { await l.services.gatewayMode("refuse"); await l.services.gatewayCut(); }, end: (l) => l.services.gatewayMode("ok") },
  { service: "bridge", says: /bridge/i, asksWhileRunning: true, newMember: false, begin: async (_, n) => n.stopBridge(), end: async (_, n) => n.startBridge() },
  { service: "guest agent", says: /guest agent(?!: no answer yet)/i, asksWhileRunning: false, newMember: false,
    begin: async (l, n) => l.services.guestAgentMode(n.i, "stale-socket"), end: async (l, n) => l.services.guestAgentMode(n.i, "ok") },
];

async function sent(lab: Lab): Promise<{ operations: number; messages: number }> {
  let operations = 0;
  let messages = 0;
  for (const n of lab.running()) {
    operations += await n.number("attestmesh_operations_sent_total");
    messages += await n.number("attestmesh_messages_sent_total");
  }
  return { operations, messages };
}

async function saying(n: LabNode, what: RegExp, limitMs: number): Promise<string> {
  return until(`${n.ns} to say ${what}`, limitMs, async () => {
    const h = await n.health();
    if (what.test(h.waiting_for ?? "")) return h.waiting_for;
    throw new Error(`${h.phase}: ${h.waiting_for ?? "-"}`);
  }, 200);
}

async function booting(lab: Lab, o: Outage): Promise<Record<string, unknown>> {
  const n = o.newMember ? lab.takeSpare() : lab.nodes.at(-1)!;
  await n.stop();
  if (!o.newMember) n.dropNs();
  n.makeNs(lab.services.hosts());
  const before = await sent(lab);
  n.startBridge();
  await o.begin(lab, n);
  n.startAgent();
  const says = await saying(n, o.says, 60_000);
  await o.end(lab, n);
  const t = Date.now();
  await n.untilHealthy(RECOVER_MS);
  const after = await sent(lab);
  // A node that comes back has nothing to say to the chain.
  if (!o.newMember) check(after.operations === before.operations, `${o.service} away while booting: ${after.operations - before.operations} operations sent`);
  check(after.messages === before.messages, `${o.service} away while booting: ${after.messages - before.messages} messages sent`);
  const row = { service: o.service, while: "booting", waiting_for: says, seconds_to_recover: seconds(t), before, after };
  await lab.untilHealthy(30_000);
  return row;
}

async function running(lab: Lab, o: Outage): Promise<Record<string, unknown>> {
  const n = lab.nodes.at(-1)!;
  const to = lab.node(1);
  const from = new App(n.appSocket);
  const at = new App(to.appSocket);
  const inbox = at.messages();
  await sleep(1000);
  const before = await sent(lab);
  const plain = randomBytes(40);
  await o.begin(lab, n);
  const answer = from.send(to.memberId, plain);
  const says = o.asksWhileRunning ? await saying(n, o.says, 30_000) : "";
  await sleep(RUNNING_OUTAGE_MS);
  const during = await n.health();
  if (!o.asksWhileRunning) check(during.phase === "healthy" && !o.says.test(during.waiting_for ?? ""), `${o.service} away changed a running node: ${JSON.stringify(during)}`);
  await o.end(lab, n);
  const t = Date.now();
  await until(`the message given while the ${o.service} was away`, RECOVER_MS, async () => inbox.got.some((m) => m.payload.equals(plain)), 100);
  const recovered = await answer;
  await lab.untilHealthy(RECOVER_MS);
  await until("every peer to be up again", RECOVER_MS, async () => n.kernelPeers().filter((p) => lab.running().some((r) => r.memberId === p.member_id)).every((p) => p.state === "up"), 200);
  const took = seconds(t);
  await sleep(4000);
  check(recovered.code === status.OK, `SendMessage: ${recovered.code} ${recovered.text}`);
  check(inbox.got.filter((m) => m.payload.equals(plain)).length === 1, "the message arrived more than once");
  inbox.stop();
  from.close();
  at.close();
  const after = await sent(lab);
  check(after.messages === before.messages + 1, `${o.service} away while running: ${after.messages - before.messages} messages counted, one was given`);
  return { service: o.service, while: "running", waiting_for: says, seconds_to_recover: took, before, after, phase_meanwhile: during.phase };
}

// How an endpoint is away must not matter; the table has one way for each.
async function rpcInEveryWay(lab: Lab): Promise<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  const n = lab.nodes.at(-1)!;
  for (const fault of ["refuse", "hang", "502"] as const) {
    await lab.faults.set("rpc", fault);
    const says = await saying(n, /rpc/i, 60_000);
    await lab.faults.set("rpc", "ok");
    const t = Date.now();
    await until("the text to go", 60_000, async () => !/rpc/i.test((await n.health()).waiting_for ?? ""), 200);
    out[fault] = { waiting_for: says, seconds_to_recover: seconds(t) };
  }
  return out;
}

// The gateway's limits scaled down: links are renewed before they are cut.
async function cuts(lab: Lab): Promise<Record<string, unknown>> {
  const [totalS, idleS, watchS] = [20, 5, 45];
  await lab.services.stopGateway();
  await lab.services.startGateway({ totalMs: totalS * 1000, idleMs: idleS * 1000 });
  for (const n of lab.running()) {
    await n.stopBridge();
    n.startBridge({ GATEWAY_IDLE_SECS: String(idleS) });
  }
  // Up from before is no word of the new links: a beat has to have come by them.
  const restarted = Date.now();
  await until("every peer to be heard by the new links", 60_000, async () => lab.nodes.every((n) => n.kernelPeers().filter((p) => lab.running().some((r) => r.memberId === p.member_id)).every((p) => p.state === "up" && p.beat_age_ms !== null && p.beat_age_ms < Date.now() - restarted)), 200);
  const t = Date.now();
  while (Date.now() - t < watchS * 1000) {
    for (const n of lab.nodes) {
      const gone = n.kernelPeers().filter((p) => lab.running().some((r) => r.memberId === p.member_id) && p.state !== "up");
      check(gone.length === 0, `${n.ns}: a peer left up after ${seconds(t)} s of cuts: ${JSON.stringify(gone)}`);
    }
    await sleep(1000);
  }
  const counted = await lab.services.gatewayStatus();
  const cut = (counted["ended"] as Record<string, number> | undefined)?.["total-cut"] ?? 0;
  check(cut >= 2, `the gateway cut ${cut} connections, expected two at least: ${JSON.stringify(counted)}`);
  await lab.services.stopGateway();
  await lab.services.startGateway();
  for (const n of lab.running()) {
    await n.stopBridge();
    n.startBridge();
  }
  await lab.untilHealthy(60_000);
  return { cut_seconds: totalS, idle_seconds: idleS, watched_seconds: watchS, gateway: counted };
}

export async function outages(lab: Lab): Promise<Record<string, unknown>> {
  await lab.untilHealthy(60_000);
  for (const n of lab.nodes) await n.readMemberId();
  const rows: Record<string, unknown>[] = [];
  try {
    for (const o of OUTAGES) {
      for (const when of [booting, running]) {
        const row = await when(lab, o);
        say(`   ${o.service} away while ${String(row["while"])}: "${String(row["waiting_for"])}", recovered in ${String(row["seconds_to_recover"])} s`);
        rows.push(row);
        for (const n of lab.running()) await n.readMemberId();
      }
    }
    check(rows.length === EXPECTED_ROWS, `${rows.length} rows of ${EXPECTED_ROWS}`);
    say("   rpc refusing, hanging, answering 502");
    const rpc = await rpcInEveryWay(lab);
    say("   the gateway cuts after 20 s and after 5 s of silence");
    return { rows, rpc, cuts: await cuts(lab) };
  } finally {
    await lab.faults.clear();
    await lab.services.gatewayMode("ok");
  }
}
