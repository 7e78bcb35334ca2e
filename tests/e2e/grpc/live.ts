// SPDX-License-Identifier: Apache-2.0
// A scenario of the lab: live nodes asked by a client that is not ours and
// takes every type from reflection. All seven RPCs, health, a replay from a
// cursor, the key before healthy, a send repeated with its trailer's id.
import { createHash } from "node:crypto";
import { check, say, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { REFLECTION_VERSIONS, Surface, type CallError, type Plain } from "./surface.mjs";

const AGENT = "attestmesh.agent.v1.Agent";
const HEALTH = "grpc.health.v1.Health";
const OK = 0;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;
const SERVICES = [AGENT, HEALTH, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
const BACK_MS = 60_000;
const DELIVERY_MS = 60_000;
const SHORT_SEND_MS = 6_000;

interface Follower {
  readonly items: Plain[];
  readonly errors: CallError[];
  stop(): void;
}

function bytes(hex: unknown): Buffer {
  return Buffer.from(String(hex), "hex");
}

function text(message: Plain): string {
  return bytes(message["payload"]).toString();
}

function follow(surface: Surface, service: string, method: string, request: Plain = {}): Promise<Follower> {
  const items: Plain[] = [];
  const errors: CallError[] = [];
  return new Promise((resolve, reject) => {
    const stop = surface.stream(service, method, request, {
      open: () => resolve({ items, errors, stop }),
      item: (item) => { items.push(item); },
      error: (error) => { errors.push(error); reject(error); },
    });
  });
}

async function codeOf(call: Promise<unknown>): Promise<number> {
  return call.then(() => OK, (error: CallError) => error.code ?? -1);
}

async function send(surface: Surface, to: unknown, payload: string, envelopeId = "", deadlineMs = 100_000): Promise<Plain> {
  const { response } = await surface.unary(AGENT, "SendMessage",
    { recipient_member_id: bytes(to), payload: Buffer.from(payload), envelope_id: bytes(envelopeId) }, { deadlineMs });
  return response;
}

async function reflection(lab: Lab): Promise<string[]> {
  for (const node of lab.nodes) {
    for (const version of REFLECTION_VERSIONS) {
      const surface = await Surface.connect(node.appSocket, { version });
      const names = [...surface.services].sort();
      surface.close();
      check(JSON.stringify(names) === JSON.stringify([...SERVICES].sort()), `${node.ns}: reflection ${version} lists ${names.join(" ")}`);
    }
  }
  return [...REFLECTION_VERSIONS];
}

async function views(surfaces: readonly Surface[]): Promise<string[]> {
  const ids: string[] = [];
  const keys = new Set<string>();
  for (const surface of surfaces) {
    const { response: status } = await surface.unary(AGENT, "GetMeshStatus");
    check(status["phase"] === "healthy" && status["live_peer_count"] === surfaces.length - 1, `status: ${JSON.stringify(status)}`);
    const { response: self } = await surface.unary(AGENT, "GetSelf");
    check(bytes(self["member_id"]).length === 32 && bytes(self["member_contract"]).length === 20, "GetSelf");
    ids.push(String(self["member_id"]));
    const { response: csk } = await surface.unary(AGENT, "GetClusterSharedKey");
    check(bytes(csk["key"]).length === 32, "the key has 32 bytes");
    keys.add(createHash("sha256").update(bytes(csk["key"])).digest("hex"));
    const { response: health } = await surface.unary(HEALTH, "Check", { service: AGENT });
    check(health["status"] === "SERVING", `health: ${JSON.stringify(health)}`);
  }
  check(keys.size === 1, "the nodes' keys differ");
  for (const [k, surface] of surfaces.entries()) {
    const { response } = await surface.unary(AGENT, "ListPeers");
    const seen = (response["peers"] as Plain[]).map((p) => String(p["member_id"])).sort();
    const expected = ids.filter((_, other) => other !== k).sort();
    check(JSON.stringify(seen) === JSON.stringify(expected), `node ${k + 1} lists ${seen.join(" ")}`);
    check((response["peers"] as Plain[]).every((p) => p["live"] === true), `node ${k + 1}: a peer is not live`);
  }
  return ids;
}

// Sent while nobody listens, then read from the cursor of the first, then one
// past it.
async function replay(from: Surface, to: Surface, id: unknown): Promise<number> {
  const words = ["first", "second", "third"].map((word) => `replay ${word}`);
  for (const word of words) await send(from, id, word);
  const all = await follow(to, AGENT, "SubscribeMessages", { from_block: "1" });
  await until("the replay of three messages", DELIVERY_MS, async () => all.items.filter((m) => words.includes(text(m))).length === 3);
  all.stop();
  const got = all.items.filter((m) => words.includes(text(m)));
  check(got.map(text).join() === words.join(), `replayed as ${got.map(text).join()}`);
  const first = got[0]!;
  const rest = await follow(to, AGENT, "SubscribeMessages",
    { from_block: first["block_number"], from_log_index: String(Number(first["log_index"]) + 1) });
  await until("the replay after the first", DELIVERY_MS, async () => rest.items.length >= 2);
  rest.stop();
  check(rest.items.map(text).slice(0, 2).join() === words.slice(1).join(), `after the first: ${rest.items.map(text).join()}`);
  return all.items.length;
}

// The bundler hangs until the call's deadline has passed: the outcome is open.
async function repeated(lab: Lab, from: Surface, to: Surface, id: unknown): Promise<Record<string, unknown>> {
  const payload = `repeated ${Date.now()}`;
  const listener = await follow(to, AGENT, "SubscribeMessages");
  let open: CallError | undefined;
  await lab.faults.set("bundler", "hang");
  try {
    await send(from, id, payload, "", SHORT_SEND_MS).catch((error: CallError) => { open = error; });
  } finally {
    await lab.faults.set("bundler", "ok");
  }
  check(open?.code === DEADLINE_EXCEEDED, `a send with a hanging bundler ends with ${open?.code ?? OK}`);
  const envelopeId = open.trailers["attestmesh-envelope-id"] ?? "";
  check(/^[0-9a-f]{64}$/.test(envelopeId), `the trailer has no id: ${JSON.stringify(open.trailers)}`);
  const answer = await send(from, id, payload, envelopeId);
  check(answer["envelope_id"] === envelopeId, "the repeated call answers another id");
  const again = await send(from, id, payload, envelopeId);
  check(again["envelope_id"] === envelopeId, "a third call answers another id");
  await until("the repeated message", DELIVERY_MS, async () => listener.items.some((m) => text(m) === payload));
  await sleep(5_000); // long enough for a second delivery to show
  listener.stop();
  const times = listener.items.filter((m) => text(m) === payload).length;
  check(times === 1, `the repeated message came ${times} times`);
  return { first: open.codeName, delivered: times };
}

// A restarted agent refuses the key until it is healthy again, and health
// tells its watchers when it is. The chain is away meanwhile, or it might be
// healthy before anybody has asked.
async function keyBeforeHealthy(lab: Lab, node: LabNode): Promise<Record<string, unknown>> {
  await node.stopAgent("SIGTERM");
  await lab.faults.set("rpc", "refuse");
  let surface, code, watch;
  try {
    node.startAgent();
    surface = await until("the agent socket", BACK_MS, () => Surface.connect(node.appSocket), 20);
    code = await codeOf(surface.unary(AGENT, "GetClusterSharedKey"));
    watch = await follow(surface, HEALTH, "Watch", { service: "" });
  } finally {
    await lab.faults.set("rpc", "ok");
  }
  await node.untilHealthy(BACK_MS);
  await until("health to say SERVING", BACK_MS, async () => watch.items.at(-1)?.["status"] === "SERVING");
  const after = await codeOf(surface.unary(AGENT, "GetClusterSharedKey"));
  watch.stop();
  surface.close();
  check(code === UNAVAILABLE, `the key before healthy: ${code}`);
  check(after === OK, `the key when healthy: ${after}`);
  return { before: code, after, health: watch.items.map((item) => item["status"]) };
}

export async function foreignClient(lab: Lab): Promise<Record<string, unknown>> {
  const started = Date.now();
  const versions = await reflection(lab);
  const surfaces = await Promise.all(lab.nodes.map((node) => Surface.connect(node.appSocket)));
  const [one, two] = [surfaces[0]!, surfaces[1]!];
  const events = await follow(one, AGENT, "SubscribePeerEvents");
  const ids = await views(surfaces);
  say("   seven RPCs and health answered, types from reflection");
  const replayed = await replay(one, two, ids[1]);
  say("   replayed from a cursor, in order");
  const repeat = await repeated(lab, one, two, ids[1]);
  say("   a send with an open outcome repeated: delivered once");
  check(events.errors.length === 0, `the event stream broke: ${events.errors[0]?.message}`);
  events.stop();
  surfaces.forEach((surface) => surface.close());
  const key = await keyBeforeHealthy(lab, lab.nodes.at(-1)!);
  return { reflection: versions, replayed, repeat, key, took_seconds: seconds(started) };
}
