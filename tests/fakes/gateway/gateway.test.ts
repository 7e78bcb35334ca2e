// SPDX-License-Identifier: Apache-2.0
// The fake gateway's rules, limits and counters, against real TLS clients and
// hand-made hellos; every limit has the case that stays inside it beside the
// one that passes it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { HELLO_MAX_BYTES, DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { readSni, readTarget } from "./hello.ts";
import { makeGateway, type Gateway } from "./relay.ts";
import { parseRoutes, watchedRoutes } from "./routes.ts";

const BASE = "gw.test";
const ID = "00112233445566778899aabbccddeeff00112233";

function hello(name: string | undefined, padBytes = 0, padFirst = true): Buffer {
  const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
  const ext = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), u16(body.length), body]);
  const sni = name === undefined ? Buffer.alloc(0)
    : ext(0, Buffer.concat([u16(name.length + 3), Buffer.from([0]), u16(name.length), Buffer.from(name)]));
  const pad = padBytes === 0 ? Buffer.alloc(0) : ext(21, Buffer.alloc(padBytes - 4));
  const extensions = padFirst ? Buffer.concat([pad, sni]) : Buffer.concat([sni, pad]);
  const body = Buffer.concat([u16(0x303), Buffer.alloc(32, 7), Buffer.from([0]), u16(2), u16(0x1301), Buffer.from([1, 0]), u16(extensions.length), extensions]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(message.length), message]);
}

interface Rig { gateway: Gateway; port: number; backend: Server; backendPort: number; received: () => Buffer; sockets: Socket[]; close(): Promise<void> }

const rigs: Rig[] = [];
// Also after a failed assertion: an open socket would keep the runner alive.
afterEach(async () => { await Promise.all(rigs.splice(0).map((r) => r.close())); });

async function rig(limits: Partial<Limits> = {}, target = ""): Promise<Rig> {
  const sockets: Socket[] = [];
  let received = Buffer.alloc(0);
  const backend = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).on("data", (d: Buffer) => { received = Buffer.concat([received, d]); });
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const backendPort = (backend.address() as { port: number }).port;
  const routes = parseRoutes(JSON.stringify({ base: BASE, routes: { [ID]: target || "127.0.0.1" } }));
  const gateway = makeGateway({ ...DEFAULT_LIMITS, ...limits }, () => routes);
  const port = await gateway.listen("127.0.0.1", 0);
  const made: Rig = { gateway, port, backend, backendPort, received: () => received, sockets, async close() {
    await gateway.close();
    for (const s of sockets) s.destroy();
    backend.close();
  } };
  rigs.push(made);
  return made;
}

const dial = (port: number): Socket => connect({ host: "127.0.0.1", port }).on("error", () => {});
const nameFor = (r: Rig): string => `${ID}-${r.backendPort}s.${BASE}`;

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`never came: ${what}`);
}

const closed = (socket: Socket): Promise<Buffer> => new Promise((resolve) => {
  const parts: Buffer[] = [];
  socket.on("data", (d: Buffer) => parts.push(d)).on("end", () => socket.end()).on("close", () => resolve(Buffer.concat(parts)));
});

test("labels are read by the rules", () => {
  const good: [string, number, string][] = [
    [ID, 80, "plain"], [`${ID}-8080`, 8080, "plain"], [`${ID}-s`, 443, "passthrough"], [`${ID}-51900s`, 51900, "passthrough"],
    [`${ID}-g`, 80, "h2"], [`${ID}-1g`, 1, "h2"], [`${ID}-65535s`, 65535, "passthrough"],
  ];
  for (const [label, port, form] of good) assert.deepEqual(readTarget(`${label}.${BASE}`, BASE), { ok: true, id: ID, port, form }, label);
  const bad: [string, string][] = [
    [`${ID}-1-2s.${BASE}`, "more-than-one-dash"], [`${ID}-sg.${BASE}`, "malformed-label"], [`${ID}-gs.${BASE}`, "malformed-label"],
    [`${ID}-0s.${BASE}`, "malformed-label"], [`${ID}-65536s.${BASE}`, "malformed-label"], [`${ID}-.${BASE}`, "malformed-label"],
    [`-80.${BASE}`, "malformed-label"], [`a.${ID}-1s.${BASE}`, "more-than-one-label"], [`health.${BASE}`, "reserved-id"],
    [`gateway-80s.${BASE}`, "reserved-id"], [`${ID}-1s.other.test`, "foreign-base"], [BASE, "foreign-base"],
  ];
  for (const [name, why] of bad) assert.deepEqual(readTarget(name, BASE), { ok: false, why }, name);
});

test("the name is found at every split of the hello, and only in a hello", () => {
  const whole = hello("a.b");
  for (let i = 0; i < whole.length; i++) assert.equal(readSni(whole.subarray(0, i)).kind, "more", `first ${i} bytes`);
  assert.deepEqual(readSni(whole), { kind: "name", name: "a.b" });
  assert.equal(readSni(hello(undefined)).kind, "none");
  assert.equal(readSni(Buffer.from("GET / HTTP/1.1\r\n")).kind, "none");
  // The same message in two records.
  const body = whole.subarray(5);
  const record = (b: Buffer): Buffer => Buffer.concat([Buffer.from([22, 3, 1, b.length >> 8, b.length & 255]), b]);
  assert.deepEqual(readSni(Buffer.concat([record(body.subarray(0, 50)), record(body.subarray(50))])), { kind: "name", name: "a.b" });
});

test("what was read is replayed, then both directions are copied, whatever follows", async () => {
  const r = await rig();
  const first = hello(nameFor(r));
  const client = dial(r.port);
  client.write(first.subarray(0, 20));
  client.write(Buffer.concat([first.subarray(20), Buffer.from("no TLS at all")]));
  await until("the bytes", () => r.received().length === first.length + 13);
  assert.deepEqual(r.received(), Buffer.concat([first, Buffer.from("no TLS at all")]));
  const back = closed(client);
  r.sockets[0]!.end("answer");
  client.end();
  assert.equal((await back).toString(), "answer");
  await until("the end", () => r.gateway.counters.ended.closed === 1);
  assert.equal(r.gateway.counters.app(ID).open, 0);
  assert.equal(r.gateway.counters.app(ID).bytes_to_server, first.length + 13);
});

test("a real TLS client's hello is routed", async () => {
  const r = await rig();
  const client = tlsConnect({ host: "127.0.0.1", port: r.port, servername: nameFor(r), rejectUnauthorized: false }).on("error", () => {});
  await until("the hello at the backend", () => r.received().length > 100);
  assert.deepEqual(readSni(r.received()), { kind: "name", name: nameFor(r) });
  client.destroy();
});

test("the name must lie inside the first 4,096 bytes", async () => {
  const r = await rig();
  const overhead = hello(nameFor(r), 4).length - 4;
  const inside = dial(r.port);
  inside.write(hello(nameFor(r), HELLO_MAX_BYTES - overhead));
  await until("relayed", () => r.gateway.counters.relayed === 1);
  const outside = dial(r.port);
  const end = closed(outside);
  outside.write(hello(nameFor(r), HELLO_MAX_BYTES - overhead + 1));
  await end;
  assert.equal(r.gateway.counters.refused["hello-too-long"], 1);
  const late = dial(r.port);
  late.write(hello(nameFor(r), 6000, false));
  await until("relayed", () => r.gateway.counters.relayed === 2);
});

test("each refusal is counted under its name", async () => {
  const r = await rig({ handshakeMs: 200 }, "127.0.0.1:1");
  const cases: [string, Buffer][] = [
    ["no-sni", hello(undefined)], ["no-sni", Buffer.from("hello there")], ["foreign-base", hello(`${ID}-1s.elsewhere.test`)],
    ["unknown-id", hello(`${"ab".repeat(20)}-1s.${BASE}`)], ["malformed-label", hello(`${ID}-sg.${BASE}`)],
    ["connect-failed", hello(`${ID}-1s.${BASE}`)], ["handshake-timeout", hello(`${ID}-1s.${BASE}`).subarray(0, 30)],
  ];
  const want: Record<string, number> = {};
  for (const [why, bytes] of cases) {
    want[why] = (want[why] ?? 0) + 1;
    const client = dial(r.port);
    const end = closed(client);
    client.write(bytes);
    assert.equal((await end).length, 0, why);
    assert.equal(r.gateway.counters.refused[why as "no-sni"], want[why], why);
  }
  for (const form of ["", "-80", "-g"]) {
    const client = dial(r.port);
    const end = closed(client);
    client.write(hello(`${ID}${form}.${BASE}`));
    assert.equal((await end)[0], 21, "a TLS alert");
  }
  assert.equal(r.gateway.counters.refused["terminating-form"], 3);
  assert.equal(r.gateway.counters.relayed, 0);
});

test("a backend that does not answer is given up", async () => {
  // TEST-NET: nothing answers there; without a route the connect fails at once.
  const r = await rig({ connectMs: 200 }, "192.0.2.1:9");
  const client = dial(r.port);
  const end = closed(client);
  client.write(hello(`${ID}-9s.${BASE}`));
  await end;
  assert.equal(r.gateway.counters.refused["connect-timeout"] + r.gateway.counters.refused["connect-failed"], 1);
});

test("one silent direction ends a connection, two busy ones do not", async () => {
  const r = await rig({ idleMs: 600 });
  const quiet = dial(r.port);
  const busy = dial(r.port);
  quiet.write(hello(nameFor(r)));
  await until("first", () => r.sockets.length === 1);
  busy.write(hello(nameFor(r)));
  await until("second", () => r.sockets.length === 2);
  // The quiet one hears from its client all the time, and never from the server.
  const talk = setInterval(() => { quiet.write("x"); busy.write("x"); r.sockets[1]!.write("y"); }, 100);
  await closed(quiet);
  assert.equal(r.gateway.counters.ended["idle-to-client"], 1);
  assert.equal(busy.destroyed, false);
  assert.equal(r.gateway.counters.app(ID).idles, 1);
  clearInterval(talk);
  await closed(busy);
});

test("a connection is cut at its total life however busy it is", async () => {
  const r = await rig({ totalMs: 700 });
  const client = dial(r.port);
  client.write(hello(nameFor(r)));
  await until("up", () => r.sockets.length === 1);
  const talk = setInterval(() => { client.write("x"); r.sockets[0]!.write("y"); }, 50);
  await closed(client);
  clearInterval(talk);
  assert.equal(r.gateway.counters.ended["total-cut"], 1);
  assert.equal(r.gateway.counters.app(ID).cuts, 1);
});

test("an app has its limit of connections, and one more is refused", async () => {
  const r = await rig({ perApp: 2 });
  for (const n of [1, 2]) {
    dial(r.port).write(hello(nameFor(r)));
    await until("relayed", () => r.gateway.counters.relayed === n);
  }
  const third = dial(r.port);
  const end = closed(third);
  third.write(hello(nameFor(r)));
  await end;
  assert.equal(r.gateway.counters.refused["app-full"], 1);
});

test("on demand: refuse, hang, cut, and back", async () => {
  const r = await rig({ handshakeMs: 300 });
  const client = dial(r.port);
  client.write(hello(nameFor(r)));
  await until("up", () => r.gateway.counters.app(ID).open === 1);
  const end = closed(client);
  assert.equal(r.gateway.cutAll(), 1);
  await end;
  await r.gateway.setMode("refuse");
  const refused = await new Promise<string>((resolve) => connect({ host: "127.0.0.1", port: r.port }).on("error", (e: NodeJS.ErrnoException) => resolve(e.code ?? "")));
  assert.equal(refused, "ECONNREFUSED");
  await r.gateway.setMode("hang");
  const hung = dial(r.port);
  hung.write(hello(nameFor(r)));
  await closed(hung);
  assert.equal(r.gateway.counters.refused["handshake-timeout"], 1);
  await r.gateway.setMode("ok");
  dial(r.port).write(hello(nameFor(r)));
  await until("relayed again", () => r.gateway.counters.relayed === 2);
});

test("a large transfer through a slow reader arrives whole", async () => {
  const r = await rig();
  const client = dial(r.port);
  client.write(hello(nameFor(r)));
  await until("up", () => r.sockets.length === 1);
  const size = 8 * 1024 * 1024;
  let got = 0;
  client.on("data", (d: Buffer) => {
    got += d.length;
    client.pause();
    setImmediate(() => client.resume());
  });
  r.sockets[0]!.end(Buffer.alloc(size, 1));
  await until("all of it", () => got === size);
});

test("the routes file is checked, and read again when it changes", () => {
  const dir = mkdtempSync(join(tmpdir(), "gateway-"));
  const path = join(dir, "routes.json");
  writeFileSync(path, JSON.stringify({ base: BASE, routes: { [ID]: "10.0.0.2" } }));
  const read = watchedRoutes(path);
  assert.deepEqual(read().routes.get(ID), { host: "10.0.0.2" });
  writeFileSync(path, JSON.stringify({ base: BASE, routes: { [ID]: "10.0.0.3:51900" } }));
  assert.deepEqual(read().routes.get(ID), { host: "10.0.0.3", port: 51900 });
  for (const routes of [{ [ID.toUpperCase()]: "1.2.3.4" }, { short: "1.2.3.4" }, { [ID]: "host" }, { [ID]: "1.2.3.4:0" }, { [ID]: "1.2.3.4:65536" }, { [ID]: "1.2.3.400" }])
    assert.throws(() => parseRoutes(JSON.stringify({ base: BASE, routes })), /id|target/, JSON.stringify(routes));
  rmSync(dir, { recursive: true });
});
