// SPDX-License-Identifier: Apache-2.0
// Runs on the host: starts the devnet on loopback, boots the guest, relays its
// story, watches what the machine listens on, ends everything it started and
// proves it, and writes the report. Exit status 0 only if all of it holds.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { say, seconds, sleep, until, type Timed } from "./lab/exec.ts";
import { ask } from "./lab/http.ts";
import { added, mounts, namespaces, openSockets, processesWith } from "./lab/sockets.ts";
import type { Spec } from "./lab/spec.ts";
import { SECOND_FIRST } from "./lab/topology.ts";
import { judge, WaitWatch } from "./lab/waits.ts";

interface Options {
  readonly root: string;
  readonly build: string;
  readonly out: string;          // results and report
  readonly nodes: number;
  readonly spares: number;       // members more than nodes
  readonly scenarios: readonly string[];
  readonly kernel: string;
  readonly keep: boolean;
  readonly limitSeconds: number;
  readonly setup: Record<string, number>;
}

interface DevnetNode { readonly member: string; readonly cluster: string; readonly stockProxy?: Record<string, unknown> }
interface Devnet {
  readonly chainId: number;
  readonly rpcUrl: string;
  readonly bundlerUrl: string;
  readonly paymasterUrl: string;
  readonly controlUrl: string;
  readonly indexerRegistry: string;
  readonly kmsRootKeyFile: string;
  readonly appComposeFile: string;
  readonly nodes: readonly DevnetNode[];
  readonly secondNodes: readonly DevnetNode[];
}

const MARKER = `ATTESTMESH_RUN=${randomBytes(8).toString("hex")}`;
const [MARKER_NAME, MARKER_VALUE] = MARKER.split("=") as [string, string];

const NEEDS_SECOND_CLUSTER = "badBeats";
const SECOND_NODES = 2;

function options(): Options {
  const raw = JSON.parse(process.env["E2E_OPTIONS"] ?? "{}") as Partial<Options>;
  for (const name of ["root", "build", "out", "nodes", "spares", "scenarios", "kernel", "keep", "limitSeconds", "setup"] as const) {
    if (raw[name] === undefined) throw new Error(`E2E_OPTIONS lacks ${name}`);
  }
  return raw as Options;
}

// Children die with this process even when it is killed outright. A session of
// their own: a Ctrl-C is for this process, which ends them in order.
function tied(command: string, args: readonly string[], log?: (line: string) => void): ChildProcess {
  const child = spawn("setpriv", ["--pdeathsig", "TERM", command, ...args], { env: { ...process.env, [MARKER_NAME]: MARKER_VALUE }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let rest = "";
  const each = (part: Buffer): void => {
    const lines = (rest + part.toString()).split(/\r?\n/);
    rest = lines.pop() ?? "";
    lines.forEach((l) => log?.(l));
  };
  child.stdout!.on("data", each);
  child.stderr!.on("data", each);
  return child;
}

async function stop(child: ChildProcess | undefined, what: string, patienceMs: number): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  try {
    await until(`${what} to end`, patienceMs, async () => child.exitCode !== null || child.signalCode !== null, 50);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

class SocketWatch {
  private readonly before = openSockets();
  private readonly seen = new Set<string>();
  private looks = 0;
  private readonly timer = setInterval(() => this.look(), 1000);

  look(): void {
    this.looks++;
    for (const s of added(this.before, openSockets())) this.seen.add(s);
  }

  end(): { looks: number; outside_loopback: string[]; before: string[]; after: string[] } {
    clearInterval(this.timer);
    this.look();
    return { looks: this.looks, outside_loopback: [...this.seen], before: [...this.before], after: [...openSockets()] };
  }
}

function guestUrl(url: string): string {
  return url.replace("127.0.0.1", "10.0.2.2");
}

function writeSpec(o: Options, d: Devnet): string {
  const spec: Spec = {
    chainId: d.chainId, rpcUrl: guestUrl(d.rpcUrl), bundlerUrl: guestUrl(d.bundlerUrl), paymasterUrl: guestUrl(d.paymasterUrl), controlUrl: guestUrl(d.controlUrl),
    indexerRegistry: d.indexerRegistry, kmsRootKeyFile: d.kmsRootKeyFile, appComposeFile: d.appComposeFile,
    nodes: d.nodes.map((n, k) => ({ name: `n${k + 1}`, member: n.member, cluster: n.cluster })),
    second: d.secondNodes.map((n, k) => ({ name: `n${SECOND_FIRST + k}`, member: n.member, cluster: n.cluster })),
    started: o.nodes, programs: `${o.build}/usr/usr`, testPrograms: `${o.build}/usr/tests`, modules: `${o.build}/kmod/${o.kernel}`, fakes: `${o.build}/fakes`,
    tools: `${o.build}/e2e`, results: `${o.out}/guest`, scenarios: o.scenarios, beatIntervalMs: 2000, keep: o.keep,
  };
  const path = `${o.out}/spec.json`;
  writeFileSync(path, JSON.stringify(spec, null, 2));
  return path;
}

async function startDevnet(o: Options): Promise<{ child: ChildProcess; devnet: Devnet }> {
  const file = `${o.out}/devnet.json`;
  rmSync(file, { force: true });
  const tail: string[] = [];
  const child = tied(process.execPath, [`${o.build}/devnet/devnet.cjs`, "--out", file, "--dir", `${o.out}/devnet`, "--nodes", String(o.nodes + o.spares), "--second-nodes", String(o.scenarios.includes(NEEDS_SECOND_CLUSTER) ? SECOND_NODES : 0)], (l) => {
    tail.push(l);
    if (tail.length > 40) tail.shift();
  });
  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until("the devnet", 120_000, async () => gone() || existsSync(file)).catch((e: Error) => { throw new Error(`${e.message}\n${tail.join("\n")}`); });
  if (gone()) throw new Error(`the devnet ended with ${child.exitCode ?? child.signalCode}: ${tail.join("\n")}`);
  return { child, devnet: JSON.parse(readFileSync(file, "utf8")) as Devnet };
}

function startGuest(o: Options, spec: string): ChildProcess {
  return tied(`${o.root}/tests/qemu/vm`, ["-k", o.kernel, "-t", String(o.limitSeconds), "-m", "3G", "-w", `${o.out}/guest`, "-c", `${o.out}/console.sock`,
    "-o", `${o.out}/serial.log`, "--", process.execPath, `${o.build}/e2e/guest.cjs`, spec], (line) => {
    // The guest's own story; the kernel's words stay in the log.
    if (/^\[ *[0-9.]+ s\] /.test(line)) say(`guest ${line.replace(/^\[ */, "[")}`);
  });
}

function lookAround(o: Options): void {
  say("everything is up. To look around, from another terminal:");
  say(`  ${o.root}/tests/e2e/shell ${o.out}/console.sock n1   a shell inside node 1; try: attestmesh show, attestmesh peers`);
  say(`  ${o.root}/tests/qemu/console ${o.out}/console.sock   a shell in the guest around them`);
  say("Ctrl-C ends everything.");
}

type Row = Record<string, unknown>;

function table(report: Row): void {
  const nodes = (report["nodes"] ?? []) as Row[];
  for (const n of nodes) {
    const t = n["phase_seconds"] as Record<string, number>;
    console.log(`  ${String(n["mesh_ip"]).padEnd(15)} ${Object.entries(t).map(([p, s]) => `${p} ${s.toFixed(1)}`).join(" > ")}`);
  }
  console.log(`  ${"node".padEnd(15)} ${"phase".padEnd(9)} live  operations  envelopes  beats sent/accepted  csk`);
  for (const n of nodes) {
    const b = n["beats"] as Row;
    console.log(`  ${String(n["mesh_ip"]).padEnd(15)} ${String(n["phase"]).padEnd(9)} ${String(n["live_peers"]).padStart(4)}  ${String(n["operations_sent"]).padStart(10)}  ${String(n["envelopes_sent"]).padStart(9)}  ${`${b["sent"]}/${b["accepted"]}`.padStart(19)}  ${String(n["csk_sha256"]).slice(0, 16)}`);
  }
}

function release(o: Options): string {
  try {
    return readFileSync(`${o.build}/qemu/k${o.kernel}/release`, "utf8").trim();
  } catch {
    return o.kernel;
  }
}

async function main(): Promise<number> {
  const o = options();
  const started = Date.now();
  rmSync(`${o.out}/guest`, { recursive: true, force: true }); // logs are appended to
  mkdirSync(`${o.out}/guest`, { recursive: true });

  const before = { mounts: mounts(), namespaces: namespaces() };
  const watch = new SocketWatch();
  const waits = new WaitWatch(MARKER);
  let devnet: { child: ChildProcess; devnet: Devnet } | undefined;
  let guest: ChildProcess | undefined;
  let ending = false;
  const problems: string[] = [];
  let keptSeconds = 0;
  const parent = process.ppid;
  const finish = (why: string): void => {
    if (ending) return;
    ending = true;
    say(`ending: ${why}`);
  };
  process.on("SIGINT", () => finish("Ctrl-C"));
  process.on("SIGTERM", () => finish("SIGTERM"));
  const orphan = setInterval(() => { if (process.ppid !== parent) finish("the caller is gone"); }, 500);

  try {
    say(`devnet: chain, contracts, bundler, worker for ${o.nodes} nodes`);
    devnet = await startDevnet(o);
    say(`devnet ready; booting a guest with kernel ${o.kernel}`);
    guest = startGuest(o, writeSpec(o, devnet.devnet));
    const running = guest;
    const done = (): boolean => running.exitCode !== null || running.signalCode !== null;
    const result = `${o.out}/guest/guest.json`;
    const complete = (): boolean => existsSync(result) && "failed" in (JSON.parse(readFileSync(result, "utf8") || "{}") as Row);
    while (!ending && !done() && !(o.keep && complete())) await sleep(200);
    if (o.keep && !ending && complete()) {
      const from = Date.now();
      table(((JSON.parse(readFileSync(result, "utf8")) as Row)["demo"] ?? {}) as Row);
      lookAround(o);
      while (!ending && !done()) await sleep(200);
      keptSeconds = seconds(from);
    }
    if (!ending && done() && running.exitCode !== 0) problems.push(`the guest ended with ${running.exitCode ?? running.signalCode}; see ${o.out}/serial.log`);
  } catch (error) {
    problems.push((error as Error).message);
  }
  for (const [child, what, patience] of [[guest, "the guest", 15_000], [devnet?.child, "the devnet", 20_000]] as const) {
    await stop(child, what, patience).catch((e: Error) => problems.push(e.message));
  }
  clearInterval(orphan);
  waits.end();
  return finishReport(o, devnet?.devnet, watch, waits, before, seconds(started) - keptSeconds, problems);
}

async function finishReport(o: Options, d: Devnet | undefined, watch: SocketWatch, waits: WaitWatch, before: { mounts: Set<string>; namespaces: Set<string> }, runSeconds: number, problems: string[]): Promise<number> {
  const guestFile = `${o.out}/guest/guest.json`;
  const guest = existsSync(guestFile) ? (JSON.parse(readFileSync(guestFile, "utf8")) as Row) : {};
  const demo = (guest["demo"] ?? {}) as Row;
  for (const name of o.scenarios) {
    const row = guest[name] as Row | undefined;
    if (row === undefined) problems.push(`scenario ${name} did not run`);
    else if (row["ok"] !== true) problems.push(`scenario ${name}: ${String(row["error"])}`);
  }
  const times = judge((guest["times"] ?? []) as Timed[], waits);
  for (const t of times.filter((t) => !t.ok)) {
    problems.push(`${t.what} took ${t.took_seconds} s, its goal is ${t.goal_seconds} s, and the machine kept the guest waiting for ${t.machine_busy_seconds} s`);
  }
  await sleep(300);
  const left = {
    processes: processesWith(MARKER), mounts: added(before.mounts, mounts()), namespaces: added(before.namespaces, namespaces()),
    sockets: existsSync(`${o.out}/console.sock`) && (await ask({ socketPath: `${o.out}/console.sock`, path: "/" }, 500).then(() => true, () => false)) ? ["console.sock"] : [],
  };
  rmSync(`${o.out}/console.sock`, { force: true });
  for (const [what, list] of Object.entries(left)) if (list.length > 0) problems.push(`left behind: ${what}: ${list.join(", ")}`);
  const listening = watch.end();
  if (listening.outside_loopback.length > 0) problems.push(`listened outside loopback: ${listening.outside_loopback.join(", ")}`);
  const setupSeconds = Object.values(o.setup).reduce((a, b) => a + b, 0);
  const { ok: _ok, seconds: _seconds, ...measured } = demo;
  const stock = d?.nodes.findIndex((n) => n.stockProxy !== undefined) ?? -1;
  const report: Row = {
    kernel: release(o), ...measured,
    stock_proxy: stock >= 0 ? { node: stock + 1, member: d!.nodes[stock]!.member, ...d!.nodes[stock]!.stockProxy } : {},
    times, scenarios: guest, listening, left_behind: left, problems,
    setup_seconds: { ...o.setup, total: Math.round(setupSeconds * 10) / 10 }, total_seconds: Math.round((setupSeconds + runSeconds) * 10) / 10,
  };
  writeFileSync(`${o.out}/report.json`, JSON.stringify(report, null, 2) + "\n");
  table(report);
  problems.forEach((p) => console.log(`  FAILED: ${p}`));
  console.log(`  ${runSeconds.toFixed(1)} s without setup, ${String(report["total_seconds"])} s in all; ${o.out.replace(`${o.root}/`, "")}/report.json`);
  const good = o.scenarios.filter((s) => (guest[s] as Row | undefined)?.["ok"] === true).length;
  console.log(`${good} passed, ${problems.length === 0 ? 0 : Math.max(1, o.scenarios.length - good)} failed`);
  return problems.length === 0 ? 0 : 1;
}

main().then((code) => process.exit(code), (error: Error) => {
  console.error(`host: ${error.stack ?? error.message}`);
  process.exit(1);
});
