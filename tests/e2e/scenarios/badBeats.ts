// SPDX-License-Identifier: Apache-2.0
// Beats that must not count, at a real node with its agent. The sender is a
// member that registered itself and is known to the node by its own envelope; in
// a cluster of two, so that nobody else's beats move the counters. Then its
// kernel is told to be silent and a test program sends in its place.
import { hkdfSync } from "node:crypto";
import { check, must, say, sleep, until } from "../lab/exec.ts";
import { ask } from "../lab/http.ts";
import type { Lab } from "../lab/lab.ts";
import { LabNode } from "../lab/node.ts";
import { GATEWAY_IP, GATEWAY_NS, SECOND_FIRST, inNs } from "../lab/topology.ts";

const BOOT_MS = 150_000;
const MOVE_MS = 10_000;
// Long enough that no case ends in a suspicion, short enough for the rate bound.
const INTERVAL_MS = 4000;

interface KernelMesh {
  readonly ifindex: number; readonly domain: string; readonly member_id: string; readonly public_key: string; readonly mesh_ip: string;
  readonly counters: { readonly accepted: number };
  readonly drops: Readonly<Record<string, number>>;
}
interface KernelPeer {
  readonly member_id: string; readonly state: string; readonly reason: string; readonly incarnation: number; readonly sequence: number;
}
type Counts = Record<string, number>;

function mesh(n: LabNode): KernelMesh {
  const all = JSON.parse(n.cli("show", "--json")) as KernelMesh[];
  check(all.length === 1, `${n.ns}: ${all.length} meshes`);
  return all[0]!;
}

// Every drop counter, and what was accepted.
function counts(n: LabNode): Counts {
  const m = mesh(n);
  return { ...m.drops, accepted: m.counters.accepted };
}

function moved(before: Counts, after: Counts): Counts {
  return Object.fromEntries(Object.keys(after).map((k) => [k, after[k]! - (before[k] ?? 0)]).filter(([, by]) => by !== 0));
}

function same(a: Counts, b: Counts): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}

function noPorts(n: LabNode): number {
  const lines = must("ip", inNs(n.ns, ["cat", "/proc/net/snmp"])).split("\n").filter((l) => l.startsWith("Udp:")).map((l) => l.split(" "));
  return Number(lines[1]![lines[0]!.indexOf("NoPorts")]);
}

function lengthPrefixed(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

// The member's beat seed, as its own agent derives it from its guest agent.
async function beatSeed(n: LabNode, chainId: number): Promise<string> {
  const answer = await ask({ socketPath: n.dstackSocket, path: "/GetKey", method: "POST", body: JSON.stringify({ path: "attestmesh/v1/beat", purpose: "" }) });
  const key = Buffer.from((JSON.parse(answer.body) as { key: string }).key, "hex");
  const chain = Buffer.alloc(32);
  chain.writeUInt32BE(chainId, 28);
  const info = Buffer.concat([Buffer.from("ed25519"), Buffer.from("beat"), chain, Buffer.from(n.spec.cluster.slice(2), "hex"), Buffer.from(n.spec.member.slice(2), "hex")].map(lengthPrefixed));
  return Buffer.from(hkdfSync("sha256", key, "attestmesh/v1", info, 32)).toString("hex");
}

// Sends as the member does, and judges what its peer's kernel made of it.
class Case {
  private readonly incarnation: number;
  private sequence = 0;
  readonly rows: Record<string, Counts> = {};

  constructor(readonly lab: Lab, readonly sender: LabNode, readonly receiver: LabNode, readonly from: KernelMesh, readonly to: KernelMesh, readonly seed: string) {
    this.incarnation = this.peer().incarnation + 1;
  }

  peer(): KernelPeer {
    const found = (JSON.parse(this.receiver.cli("peers", "--json")) as KernelPeer[]).find((p) => p.member_id === this.from.member_id);
    check(found !== undefined, `${this.receiver.ns} does not know the sender`);
    return found;
  }

  // What is given comes last and wins.
  beat(given: Record<string, string> = {}, ns = this.sender.ns): void {
    const all = { from: this.from.mesh_ip, to: this.to.mesh_ip, seed: this.seed, domain: this.from.domain, id: this.from.member_id,
      inc: String(this.incarnation), seq: String(++this.sequence), interval: String(INTERVAL_MS), ...given };
    must("ip", inNs(ns, [`${this.lab.spec.tools}/beatgen`, ...Object.entries(all).map(([k, v]) => `${k}=${v}`)]));
  }

  replay(): void {
    this.beat({ seq: String(this.sequence) });
    this.sequence--;
  }

  private async untilMoved(name: string, before: Counts, expected: Counts): Promise<void> {
    let got: Counts = {};
    await until(`${name}: ${JSON.stringify(expected)}`, MOVE_MS, async () => {
      got = moved(before, counts(this.receiver));
      if (same(got, expected)) return true;
      throw new Error(`moved: ${JSON.stringify(got)}`);
    }, 50);
    this.rows[name] = got;
  }

  // A good beat is accepted, and nothing else moves.
  async control(name: string): Promise<void> {
    const before = counts(this.receiver);
    this.beat();
    await this.untilMoved(`${name}, control`, before, { accepted: 1 });
    const peer = this.peer();
    check(peer.state === "up" && peer.sequence === this.sequence && peer.incarnation === this.incarnation, `${name}, control: ${JSON.stringify(peer)}`);
  }

  // expected: the one counter that moves, "" for none.
  async bad(name: string, expected: string, act: () => void): Promise<void> {
    const before = counts(this.receiver);
    check(expected === "" || before[expected] !== undefined, `there is no counter ${expected}`);
    const peer = JSON.stringify(this.peer());
    act();
    await this.untilMoved(name, before, expected === "" ? {} : { [expected]: 1 });
    const after = JSON.stringify(this.peer());
    check(same(timeless(peer), timeless(after)), `${name}: liveness moved from ${peer} to ${after}`);
    await this.control(name);
    // What came late would show here.
    check(same(moved(before, counts(this.receiver)), { ...(expected === "" ? {} : { [expected]: 1 }), accepted: 1 }), `${name}: something else moved late`);
  }
}

// What liveness is made of; ages and what is measured of the link go on.
function timeless(json: string): Counts {
  const p = JSON.parse(json) as KernelPeer;
  return { [`${p.state} ${p.reason}`]: 0, incarnation: p.incarnation, sequence: p.sequence };
}

async function boot(lab: Lab): Promise<{ receiver: LabNode; sender: LabNode }> {
  const nodes = lab.spec.second.map((spec, k) => new LabNode(SECOND_FIRST + k, spec, lab.spec));
  const [receiver, sender] = nodes;
  check(receiver !== undefined && sender !== undefined && nodes.length === 2, `the second cluster has ${nodes.length} members`);
  for (const n of nodes) n.makeNs(lab.services.hosts());
  lab.startNodes(nodes);
  await lab.untilHealthy(BOOT_MS, nodes);
  return { receiver, sender };
}

// The agent dies, then the kernel leaves: what is left of the node is its
// WireGuard interface and its bridge.
async function silence(lab: Lab, sender: LabNode, from: KernelMesh, receiver: LabNode): Promise<void> {
  await sender.stopAgent("SIGKILL");
  must("ip", inNs(sender.ns, [`${lab.spec.tools}/amctl`, "mesh-del", `ifindex=${from.ifindex}`]));
  await until("the sender to have left", MOVE_MS, async () => receiver.kernelPeers().every((p) => p.state === "down" && p.reason === "leaving"));
}

async function cases(c: Case): Promise<void> {
  await c.control("first");
  const stranger = "5a".repeat(32);
  await c.bad("wrong key", "bad_signature", () => c.beat({ seed: stranger }));
  const foreign = mesh(c.lab.node(1)).domain;
  check(foreign !== c.from.domain, "the two clusters have one domain");
  await c.bad("foreign domain", "bad_signature", () => c.beat({ domain: foreign }));
  await c.bad("replay", "replay", () => c.replay());
  await c.bad("another member's id from this address", "member_id", () => c.beat({ id: c.to.member_id }));
  await c.bad("nothing", "short", () => c.beat({ len: "0" }));
  await c.bad("seven bytes", "short", () => c.beat({ len: "7" }));
  await c.bad("truncated by one", "length", () => c.beat({ len: "311" }));
  await c.bad("one byte too long", "length", () => c.beat({ len: "313" }));
  await c.bad("magic", "magic", () => c.beat({ set: "0:414d4232" }));
  await c.bad("version 0", "version", () => c.beat({ set: "4:00" }));
  await c.bad("version 2", "version", () => c.beat({ set: "4:02" }));
  await c.bad("from the namespace itself", "wrong_iif", () => c.beat({ from: c.to.mesh_ip }, c.receiver.ns));
}

// The beat is a good one, from the gateway's side of the receiver's uplink.
async function otherInterface(c: Case): Promise<{ no_ports_before: number; no_ports_after: number }> {
  const route = `${c.to.mesh_ip}/32`;
  must("ip", ["-n", GATEWAY_NS, "route", "add", route, "via", c.receiver.ip]);
  try {
    const before = noPorts(c.receiver);
    await c.bad("by another interface", "", () => c.beat({ from: GATEWAY_IP }, GATEWAY_NS));
    const after = noPorts(c.receiver);
    check(after > before, `UDP NoPorts stays at ${before}`);
    return { no_ports_before: before, no_ports_after: after };
  } finally {
    must("ip", ["-n", GATEWAY_NS, "route", "del", route]);
  }
}

export async function badBeats(lab: Lab): Promise<Record<string, unknown>> {
  say("   a cluster of two, from nothing");
  const { receiver, sender } = await boot(lab);
  try {
    const from = mesh(sender);
    const to = mesh(receiver);
    const seed = await beatSeed(sender, lab.spec.chainId);
    const key = must(`${lab.spec.tools}/beatgen`, ["key", seed]).trim();
    check(key === from.public_key, `the derived seed gives key ${key}, the member's is ${from.public_key}`);
    await silence(lab, sender, from, receiver);
    await sleep(500); // the second leaving beat
    say("   its beats from a test program");
    const c = new Case(lab, sender, receiver, from, to, seed);
    await cases(c);
    const ports = await otherInterface(c);
    return { sender: from.member_id, receiver: to.member_id, moved: c.rows, ...ports };
  } finally {
    for (const n of [sender, receiver]) {
      await n.stop();
      n.dropNs();
    }
  }
}
