// SPDX-License-Identifier: Apache-2.0
// Liveness does not depend on the agent: one is killed, one is ended in order,
// one is stopped, and nobody else notices but by the flag. A stream is open on
// every other node from before to after; the same streams then show a real
// outage: an uplink that goes and returns.
import { App, type PeerEvent } from "../lab/app.ts";
import { check, holds, inTime, say, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { netnsCookie, setUplink } from "../lab/topology.ts";

const AWAY_MS = 20_000;
const BACK_MS = 5_000;
const UP_AGAIN_MS = 10_000;
const MISS = 3;
const CONVICT = 5;

type Stream = { got: PeerEvent[]; errors: string[]; stop(): void };

interface Watcher { readonly node: LabNode; readonly app: App; readonly stream: Stream }

async function watch(nodes: readonly LabNode[]): Promise<Watcher[]> {
  const watching = nodes.map((node) => {
    const app = new App(node.appSocket);
    return { node, app, stream: app.peerEvents() };
  });
  await sleep(1000); // the streams are open before anything happens
  return watching;
}

function quiet(watching: readonly Watcher[], what: string): void {
  for (const w of watching) {
    check(w.stream.errors.length === 0, `${w.node.ns}: its app's stream broke: ${w.stream.errors.join(", ")}`);
    const told = w.stream.got.filter((e) => e.kind === "liveness");
    check(told.length === 0, `${w.node.ns}: an app was told of liveness while ${what}: ${JSON.stringify(told)}`);
  }
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
  inTime(`${n.ns}'s agent to healthy`, took, BACK_MS / 1000);
  const sent = await counters(n);
  check(sent.operations === 0 && sent.envelopes === 0, `${n.ns} sent ${sent.operations} operations and ${sent.envelopes} envelopes`);
  return took;
}

// The kernel's own counter rises in every stretch of the time, not only over all.
async function beatsGoOn(n: LabNode, forMs: number): Promise<number[]> {
  const stretchMs = forMs / 4;
  const counts = [n.kernelMesh().beats];
  for (let k = 0; k < 4; k++) {
    await sleep(stretchMs);
    counts.push(n.kernelMesh().beats);
    check(counts.at(-1)! > counts.at(-2)!, `${n.ns} sent no beat for ${stretchMs / 1000} s: ${counts.join(" ")}`);
  }
  return counts;
}

async function killed(lab: Lab, n: LabNode, member: string): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const before = n.kernelMesh().beats;
  check(n.cliRefused("health").code === 0, `${n.ns}: \`attestmesh health\` does not call it healthy`);
  await n.stopAgent("SIGKILL");
  check(n.cliRefused("health").code !== 0, `${n.ns}: \`attestmesh health\` calls it healthy without an agent`);
  await until("the agent-attached flag to clear", 3 * lab.spec.beatIntervalMs + 2000, async () => seenBy(rest, member).every((s) => !s.agent));
  const [counts] = await Promise.all([
    beatsGoOn(n, AWAY_MS),
    holds(`${n.ns} live at the others without its agent`, AWAY_MS, async () => seenBy(rest, member).every((s) => live(s) && !s.agent), 1000),
  ]);
  const sent = counts.at(-1)! - before;
  const expected = Math.floor(AWAY_MS / lab.spec.beatIntervalMs / 1.2);
  check(sent >= expected, `${sent} beats in ${AWAY_MS / 1000} s without the agent, expected ${expected}`);
  n.startAgent();
  const took = await backWithoutAWord(n, n.agent!.startedMs);
  await until("the agent-attached flag to be set again", 3 * lab.spec.beatIntervalMs + 2000, async () => seenBy(rest, member).every((s) => s.agent));
  return { seconds_away: AWAY_MS / 1000, beats_meanwhile: sent, beats_sent: counts, seconds_to_healthy: took };
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

// What of the mesh a process could have taken along; routes that age are others'.
function meshOf(n: LabNode): string {
  return [["ip", "addr", "show", "attestmesh0"], ["ip", "-4", "route", "show", "table", "all"], ["ip", "-6", "route", "show", "dev", "attestmesh0"], ["wg", "show", "attestmesh0", "allowed-ips"]]
    .map((command) => {
      const r = n.exec(...command);
      check(r.code === 0 && r.out !== "", `${n.ns}: ${command.join(" ")}: ${r.err}`);
      // The uplink's router advertisement counts down by itself.
      return r.out.replace(/ expires \d+sec/g, "");
    }).join("\n");
}

async function ended(lab: Lab, n: LabNode, member: string): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const sent = await counters(n);
  check(sent.operations === 0 && sent.envelopes === 0, `${n.ns} sent ${sent.operations} operations and ${sent.envelopes} envelopes since it was killed`);
  const before = meshOf(n);
  await n.stopAgent("SIGTERM");
  check(meshOf(n) === before, `SIGTERM changed the mesh of ${n.ns}:\n${before}\n${meshOf(n)}`);
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
  const submitted = await lab.faults.asked("bundler", "eth_sendUserOperation");
  const t = Date.now();
  setUplink(n.i, false);
  try {
    return await throughOutage(lab, n, member, watching, { t, suspectMs, downMs, operations, submitted });
  } finally {
    setUplink(n.i, true);
  }
}

interface Begun { readonly t: number; readonly suspectMs: number; readonly downMs: number; readonly operations: readonly { operations: number }[]; readonly submitted: number }

// The others' apps are told of the one, the one's own app of the others.
function told(lab: Lab, n: LabNode, watching: readonly Watcher[], up: boolean): boolean {
  return watching.every((w) => {
    const about = w.node === n ? others(lab, n).map((o) => o.memberId) : [n.memberId];
    return about.every((member) => liveness(w, member).at(-1)?.up === up);
  });
}

async function throughOutage(lab: Lab, n: LabNode, member: string, watching: readonly Watcher[], { t, suspectMs, downMs, operations, submitted }: Begun): Promise<Record<string, unknown>> {
  const rest = others(lab, n);
  const interval = lab.spec.beatIntervalMs;
  await until("suspect at every other kernel", suspectMs + interval + 4000, async () => seenBy(rest, member).every((s) => s.state !== "up"), 100);
  const suspectAfter = seconds(t);
  check(suspectAfter * 1000 >= suspectMs - 1.1 * interval, `suspect after ${suspectAfter} s already`);
  await until("down at every other kernel", downMs + 6000, async () => seenBy(rest, member).every((s) => s.state === "down"), 100);
  const downAfter = seconds(t);
  await until("PeerLiveness(down) at every app", 5000, async () => told(lab, n, watching, false), 50);
  await sleep(Math.max(0, AWAY_MS - (Date.now() - t)));
  setUplink(n.i, true);
  const back = Date.now();
  await until("up again at every other kernel", 4 * UP_AGAIN_MS, async () => seenBy(rest, member).every((s) => s.state === "up"), 100);
  const upAfter = seconds(back);
  inTime(`${n.ns} up again`, upAfter, UP_AGAIN_MS / 1000);
  await until("PeerLiveness(up) at every app", 5000, async () => told(lab, n, watching, true), 50);
  const after = await Promise.all(lab.nodes.map(counters));
  after.forEach((c, k) => check(c.operations === operations[k]!.operations, `node ${k + 1} wrote to the chain during the outage`));
  check((await lab.faults.asked("bundler", "eth_sendUserOperation")) === submitted, "an operation was submitted during the outage");
  return { suspect_after_seconds: suspectAfter, down_after_seconds: downAfter, bounds: { suspect: suspectMs / 1000, down: downMs / 1000 }, up_again_seconds: upAfter };
}

export async function survive(lab: Lab): Promise<Record<string, unknown>> {
  await lab.untilHealthy(60_000);
  const ids = await Promise.all(lab.nodes.map((n) => n.readMemberId()));
  const victim = lab.nodes.at(-1)!;
  const second = lab.nodes.at(-2)!;
  const id = ids[victim.i - 1]!;
  const watching = await watch(others(lab, victim));
  say(`   ${victim.ns}: SIGKILL for ${AWAY_MS / 1000} s`);
  const kill = await killed(lab, victim, id);
  quiet(watching, `${victim.ns}'s agent was killed`);
  say(`   ${victim.ns}: SIGTERM`);
  const term = await ended(lab, victim, id);
  quiet(watching, `${victim.ns}'s agent was ended`);
  // Its own app can only watch from here on: its socket went with the agent.
  watching.push(...(await watch([victim])));
  say(`   ${second.ns}: SIGSTOP for ${AWAY_MS / 1000} s`);
  const stop = await stopped(lab, second, ids[second.i - 1]!);
  quiet(watching, `${second.ns}'s agent was stopped`);
  say(`   ${victim.ns}: uplink down for ${AWAY_MS / 1000} s`);
  const cut = await outage(lab, victim, id, watching);
  const late = await counters(victim);
  check(late.operations === 0 && late.envelopes === 0, `${victim.ns} sent ${late.operations} operations and ${late.envelopes} envelopes after all`);
  for (const w of watching) {
    check(w.stream.errors.length === 0, `${w.node.ns}: ${w.stream.errors.join(", ")}`);
    w.stream.stop();
    w.app.close();
  }
  return { streams: watching.map((w) => w.node.ns), killed: kill, stopped: stop, terminated: term, uplink: cut };
}

// One node from nothing while the others go on; the highest index, then the
// lowest, which is the one that never dials.
export async function restartOne(lab: Lab): Promise<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  for (const n of [lab.nodes.at(-1)!, lab.nodes[0]!]) {
    const cookie = netnsCookie(n.ns);
    const startedMs = await lab.restartNode(n);
    await n.untilHealthy(60_000);
    const took = seconds(startedMs);
    const now = netnsCookie(n.ns);
    check(now !== cookie, `${n.ns} is the namespace that it was`);
    const sent = await counters(n);
    check(sent.operations === 0 && sent.envelopes === 0, `${n.ns} sent ${sent.operations} operations and ${sent.envelopes} envelopes`);
    out[n.ns] = { seconds: took, namespace_cookie: { before: cookie, after: now } };
    say(`   ${n.ns} from nothing: healthy after ${took} s`);
    inTime(`${n.ns} from nothing to healthy`, took, 10);
    await lab.untilHealthy(30_000);
  }
  return { to_healthy: out };
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
    const addresses = o.exec("ip", "addr", "show", "attestmesh0").out;
    const four = /inet (\d+\.\d+\.\d+\.\d+)\//.exec(addresses)?.[1];
    const six = /inet6 (fd[0-9a-f:]+)\//.exec(addresses)?.[1];
    check(four !== undefined && six !== undefined, `${o.ns} has no mesh addresses`);
    for (const [family, to] of [["-4", four], ["-6", six]] as const) {
      const route = n.exec("ip", family, "route", "get", to);
      if (route.code === 0 && !/unreachable/.test(route.out)) leaves.push(route.out.trim());
    }
  }
  check(leaves.length === 0, `packets to mesh addresses leave: ${leaves.join("; ")}`);
  await n.stop();
  n.startBridge();
  n.startAgent();
  await n.untilHealthy(60_000);
  return { refused_while_agent_runs: refused.err.trim() || refused.out.trim(), seconds_until_leaving: took };
}
