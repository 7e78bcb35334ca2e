// SPDX-License-Identifier: Apache-2.0
// Liveness does not depend on the agent: one is killed, one is stopped, one is
// ended in order, and nobody else notices but by the flag. The same streams
// that saw nothing then show a real outage: an uplink that goes and returns.
import { App, type PeerEvent } from "../lab/app.ts";
import { check, holds, say, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { setUplink } from "../lab/topology.ts";

const AWAY_MS = 20_000;
const BACK_MS = 5_000;
const UP_AGAIN_MS = 10_000;
const MISS = 3;
const CONVICT = 5;

type Stream = { got: PeerEvent[]; errors: string[]; stop(): void };

interface Watcher { readonly node: LabNode; readonly app: App; readonly stream: Stream }

function watchers(nodes: readonly LabNode[]): Watcher[] {
  return nodes.map((node) => {
    const app = new App(node.appSocket);
    return { node, app, stream: app.peerEvents() };
  });
}

function liveness(w: Watcher, member: string): PeerEvent[] {
  return w.stream.got.filter((e) => e.kind === "liveness" && e.member === member);
}

function others(lab: Lab, than: LabNode): LabNode[] {
  return lab.nodes.filter((n) => n !== than);
}

// What the kernels of the others say of a member, all at one moment.
function seenBy(nodes: readonly LabNode[], member: string): { state: string; agent: boolean }[] {
  return nodes.map((n) => {
    const peer = n.kernelPeers().find((p) => p.member_id === member);
    check(peer !== undefined, `${n.ns} does not know ${member.slice(0, 8)}`);
    return { state: peer.state, agent: peer.agent };
  });
}

const live = (s: { state: string }): boolean => s.state === "up" || s.state === "suspect";

async function counters(n: LabNode): Promise<{ operations: number; envelopes: number }> {
  return { operations: await n.number("attestmesh_operations_sent_total"), envelopes: await n.number("attestmesh_envelopes_sent_total") };
}

async function backWithoutAWord(n: LabNode, startedMs: number): Promise<number> {
  await n.untilHealthy(60_000);
  const took = seconds(startedMs);
  check(took * 1000 <= BACK_MS, `${n.ns} took ${took} s to be healthy again, more than ${BACK_MS / 1000}`);
  const sent = await counters(n);
  check(sent.operations === 0 && sent.envelopes === 0, `${n.ns} sent ${sent.operations} operations and ${sent.envelopes} envelopes`);
  return took;
}

async function killed(lab: Lab, n: LabNode, member: string): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const before = n.kernelMesh().beats;
  await n.stopAgent("SIGKILL");
  await until("the agent-attached flag to clear", 3 * lab.spec.beatIntervalMs + 2000, async () => seenBy(rest, member).every((s) => !s.agent));
  await holds(`${n.ns} live at the others without its agent`, AWAY_MS, async () => seenBy(rest, member).every((s) => live(s) && !s.agent), 1000);
  const sent = n.kernelMesh().beats - before;
  const expected = Math.floor(AWAY_MS / lab.spec.beatIntervalMs / 1.2);
  check(sent >= expected, `${sent} beats in ${AWAY_MS / 1000} s without the agent, expected ${expected}`);
  n.startAgent();
  return { seconds_away: AWAY_MS / 1000, beats_meanwhile: sent, seconds_to_healthy: await backWithoutAWord(n, n.agent!.startedMs) };
}

async function stopped(lab: Lab, n: LabNode, member: string): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  process.kill(n.agent!.pid, "SIGSTOP");
  try {
    await holds(`${n.ns} live at the others with its agent stopped`, AWAY_MS, async () => seenBy(rest, member).every(live), 1000);
  } finally {
    process.kill(n.agent!.pid, "SIGCONT");
  }
  const t = Date.now();
  await n.untilHealthy(60_000);
  return { seconds_stopped: AWAY_MS / 1000, seconds_to_answer: seconds(t) };
}

async function ended(lab: Lab, n: LabNode, member: string): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const before = n.exec("ip", "-br", "addr", "show", "attestmesh0").out;
  await n.stopAgent("SIGTERM");
  check(n.exec("ip", "-br", "addr", "show", "attestmesh0").out === before && before !== "", "SIGTERM changed the interface");
  await holds(`${n.ns} live at the others after SIGTERM`, 4 * lab.spec.beatIntervalMs, async () => seenBy(rest, member).every(live), 1000);
  n.startAgent();
  return { seconds_to_healthy: await backWithoutAWord(n, n.agent!.startedMs) };
}

async function outage(lab: Lab, n: LabNode, member: string, watching: readonly Watcher[]): Promise<Record<string, unknown>> {
  const interval = lab.spec.beatIntervalMs;
  const suspectMs = (MISS + 0.5) * interval;
  // The bound of the design, and what the jitter of the last beat may add.
  const downMs = (CONVICT + 0.5) * interval + interval / 8 + 0.1 * interval;
  const operations = await Promise.all(lab.nodes.map(counters));
  const t = Date.now();
  setUplink(n.i, false);
  try {
    return await throughOutage(lab, n, member, watching, { t, suspectMs, downMs, operations });
  } finally {
    setUplink(n.i, true);
  }
}

interface Begun { readonly t: number; readonly suspectMs: number; readonly downMs: number; readonly operations: readonly { operations: number }[] }

async function throughOutage(lab: Lab, n: LabNode, member: string, watching: readonly Watcher[], { t, suspectMs, downMs, operations }: Begun): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const interval = lab.spec.beatIntervalMs;
  await until("suspect at every other kernel", suspectMs + interval + 4000, async () => seenBy(rest, member).every((s) => s.state !== "up"), 100);
  const suspectAfter = seconds(t);
  check(suspectAfter * 1000 >= suspectMs - 1.1 * interval, `suspect after ${suspectAfter} s already`);
  await until("down at every other kernel", downMs + 6000, async () => seenBy(rest, member).every((s) => s.state === "down"), 100);
  const downAfter = seconds(t);
  await until("PeerLiveness(down) at every app", 5000, async () => watching.every((w) => liveness(w, member).some((e) => e.up === false)), 50);
  await sleep(Math.max(0, AWAY_MS - (Date.now() - t)));
  setUplink(n.i, true);
  const back = Date.now();
  await until("up again at every other kernel", UP_AGAIN_MS + 5000, async () => seenBy(rest, member).every((s) => s.state === "up"), 100);
  const upAfter = seconds(back);
  check(upAfter * 1000 <= UP_AGAIN_MS, `up again after ${upAfter} s, more than ${UP_AGAIN_MS / 1000}`);
  await until("PeerLiveness(up) at every app", 5000, async () => watching.every((w) => liveness(w, member).at(-1)?.up === true), 50);
  const after = await Promise.all(lab.nodes.map(counters));
  after.forEach((c, k) => check(c.operations === operations[k]!.operations, `node ${k + 1} wrote to the chain during the outage`));
  return { suspect_after_seconds: suspectAfter, down_after_seconds: downAfter, bounds: { suspect: suspectMs / 1000, down: downMs / 1000 }, up_again_seconds: upAfter };
}

export async function survive(lab: Lab): Promise<Record<string, unknown>> {
  await lab.untilHealthy(60_000);
  const ids = await Promise.all(lab.nodes.map((n) => n.readMemberId()));
  const victim = lab.nodes.at(-1)!;
  const second = lab.nodes.at(-2)!;
  // Streams of the first node alone see all of it: its agent is never touched.
  const watching = watchers(lab.nodes.filter((n) => n !== victim && n !== second).concat(lab.nodes.length === 2 ? [lab.node(1)] : []).slice(0, 1));
  await sleep(1000);
  say(`   ${victim.ns}: SIGKILL for ${AWAY_MS / 1000} s`);
  const kill = await killed(lab, victim, ids[victim.i - 1]!);
  say(`   ${second.ns}: SIGSTOP for ${AWAY_MS / 1000} s`);
  const stop = await stopped(lab, second, ids[second.i - 1]!);
  say(`   ${victim.ns}: SIGTERM`);
  const term = await ended(lab, victim, ids[victim.i - 1]!);
  for (const w of watching) check(w.stream.got.filter((e) => e.kind === "liveness").length === 0, `${w.node.ns}: an app was told of liveness while only agents went: ${JSON.stringify(w.stream.got)}`);
  say(`   ${victim.ns}: uplink down for ${AWAY_MS / 1000} s`);
  const cut = await outage(lab, victim, ids[victim.i - 1]!, watching);
  for (const w of watching) {
    check(w.stream.errors.length === 0, `${w.node.ns}: ${w.stream.errors.join(", ")}`);
    w.stream.stop();
    w.app.close();
  }
  return { killed: kill, stopped: stop, terminated: term, uplink: cut };
}

// One node from nothing while the others go on; the highest index, then the
// lowest, which is the one that never dials.
export async function restartOne(lab: Lab): Promise<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  for (const n of [lab.nodes.at(-1)!, lab.nodes[0]!]) {
    const startedMs = await lab.restartNode(n);
    await n.untilHealthy(60_000);
    const took = seconds(startedMs);
    out[n.ns] = took;
    say(`   ${n.ns} from nothing: healthy after ${took} s`);
    check(took <= 10, `${n.ns} took ${took} s, more than 10`);
    await lab.untilHealthy(30_000);
  }
  return { seconds_to_healthy: out };
}

// The explicit end: the others are told at once, and nothing leaves in clear.
export async function down(lab: Lab): Promise<Record<string, unknown>> {
  const n = lab.nodes.at(-1)!;
  const rest = others(lab, n);
  const member = await n.readMemberId();
  const refused = n.cliRefused("down");
  check(refused.code !== 0, "`attestmesh down` went ahead under a running agent");
  await n.stopAgent("SIGTERM");
  const t = Date.now();
  n.cli("down");
  await until("down (leaving) at every other kernel", 3000, async () => rest.every((o) => o.kernelPeers().some((p) => p.member_id === member && p.state === "down" && p.reason === "leaving")), 50);
  const took = seconds(t);
  check(n.exec("ip", "link", "show", "attestmesh0").code !== 0, "the interface is still there");
  const leaves: string[] = [];
  for (const o of rest) {
    const to = /inet (\d+\.\d+\.\d+\.\d+)\//.exec(o.exec("ip", "-4", "addr", "show", "attestmesh0").out)?.[1];
    check(to !== undefined, `${o.ns} has no mesh address`);
    const route = n.exec("ip", "route", "get", to);
    if (route.code === 0 && !/unreachable/.test(route.out)) leaves.push(route.out.trim());
  }
  check(leaves.length === 0, `packets to mesh addresses leave: ${leaves.join("; ")}`);
  await n.stop();
  n.startBridge();
  n.startAgent();
  await n.untilHealthy(60_000);
  return { refused_while_agent_runs: refused.err.trim() || refused.out.trim(), seconds_until_leaving: took };
}
