// SPDX-License-Identifier: Apache-2.0
// One node of the lab: its namespace, bridge and agent, and what they answer.
import { mkdirSync, rmSync } from "node:fs";
import { App } from "./app.ts";
import { check, must, run, until } from "./exec.ts";
import { ask, metric } from "./http.ts";
import { alive, end, logOf, start, type Program } from "./processes.ts";
import type { NodeSpec, Spec } from "./spec.ts";
import { GATEWAY_DOMAIN, dropNs, inNs, makeNodeNs, nodeIp, nodeNs } from "./topology.ts";

export const WG_TCP_PORT = 51900;

export interface Health {
  readonly status: number;
  readonly phase: string;
  readonly live_peers: number;
  readonly first_converged: boolean;
  readonly csk_acquired: boolean;
  readonly blocked_by?: string;
  readonly waiting_for?: string;
  readonly warnings?: readonly string[];
}

export interface KernelPeer {
  readonly member_id: string;
  readonly state: string;
  readonly reason: string;
  readonly agent: boolean;       // the sender's agent was attached at its last beat
  readonly beat_age_ms: number | null; // since its last beat came; null: none did
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  readonly program?: string;     // another build of the agent
}

export class LabNode {
  bridge: Program | undefined;
  agent: Program | undefined;

  memberId = "";                 // after readMemberId()

  // guestAgent: another node's, for a second instance of the same member.
  constructor(readonly i: number, readonly spec: NodeSpec, private readonly lab: Spec, private readonly guestAgent = "") {}

  get ns(): string { return nodeNs(this.i); }
  get ip(): string { return nodeIp(this.i); }
  get runtime(): string { return `/run/lab/${this.ns}/agent`; }
  get appSocket(): string { return `/run/lab/${this.ns}/app/agent.sock`; }
  get dstackSocket(): string { return this.guestAgent || dstackSocket(this.ns); }
  get agentLog(): string { return `${this.lab.results}/${this.ns}-agent.log`; }
  get bridgeLog(): string { return `${this.lab.results}/${this.ns}-bridge.log`; }

  makeNs(hosts: readonly string[]): void {
    makeNodeNs(this.i, hosts);
    for (const d of [`/run/lab/${this.ns}`, `/run/lab/${this.ns}/app`]) mkdirSync(d, { recursive: true, mode: 0o700 });
    mkdirSync(this.runtime, { recursive: true, mode: 0o700 });
  }

  dropNs(): void {
    dropNs(this.ns);
    rmSync(`/run/lab/${this.ns}`, { recursive: true, force: true });
  }

  private base(): Record<string, string> {
    return { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", RUNTIME_DIR: this.runtime, WG_TCP_PORT: String(WG_TCP_PORT), WG_LISTEN_PORT: "51821" };
  }

  agentEnv(): Record<string, string> {
    return {
      ...this.base(),
      CHAIN_ID: String(this.lab.chainId),
      RPC_URL: this.lab.rpcUrl, BUNDLER_URL: this.lab.bundlerUrl, PAYMASTER_URL: this.lab.paymasterUrl,
      INDEXER_REGISTRY_ADDR: this.lab.indexerRegistry,
      GATEWAY_DOMAIN, DSTACK_SOCKET: this.dstackSocket, AGENT_GRPC_SOCKET: this.appSocket,
      BEAT_INTERVAL_MS: String(this.lab.beatIntervalMs), LOG_LEVEL: "debug",
    };
  }

  startBridge(env: Record<string, string> = {}): void {
    this.bridge = start(`${this.ns} bridge`, this.bridgeLog, "ip",
      inNs(this.ns, [`${this.lab.programs}/bridge/attestmesh-bridge`]), { ...this.base(), ...env });
  }

  startAgent(options: StartOptions = {}): void {
    this.agent = start(`${this.ns} agent`, this.agentLog, "ip",
      inNs(this.ns, [options.program ?? `${this.lab.programs}/agent/attestmeshd`]), { ...this.agentEnv(), ...options.env });
  }

  stopAgent(name: NodeJS.Signals): Promise<void> {
    return end(this.agent, name);
  }

  stopBridge(): Promise<void> {
    return end(this.bridge, "SIGKILL");
  }

  async stop(): Promise<void> {
    await end(this.agent, "SIGKILL");
    await end(this.bridge, "SIGKILL");
  }

  agentAlive(): boolean {
    return this.agent !== undefined && alive(this.agent);
  }

  async health(): Promise<Health> {
    const answer = await ask({ host: this.ip, port: 9090, path: "/healthz" });
    return { ...(JSON.parse(answer.body) as Omit<Health, "status">), status: answer.status };
  }

  async metrics(): Promise<string> {
    const answer = await ask({ host: this.ip, port: 9090, path: "/metrics" });
    check(answer.status === 200, `${this.ns}: /metrics answers ${answer.status}`);
    return answer.body;
  }

  async number(name: string, labels = ""): Promise<number> {
    const value = metric(await this.metrics(), name, labels);
    check(value !== undefined, `${this.ns}: no metric ${name}{${labels}}`);
    return value;
  }

  untilHealthy(limitMs: number): Promise<Health> {
    return until(`${this.ns} to be healthy`, limitMs, async () => {
      const h = await this.health();
      if (h.phase === "healthy" && h.status === 200) return h;
      throw new Error(`${h.phase}; waiting for ${h.waiting_for ?? "-"}; blocked by ${h.blocked_by ?? "-"}`);
    }, 250);
  }

  // The command line tool inside the namespace.
  cli(...args: string[]): string {
    return must("ip", inNs(this.ns, this.cliArgs(args)));
  }

  // The same where a refusal is what is asked for.
  cliRefused(...args: string[]): { code: number; out: string; err: string } {
    return run("ip", inNs(this.ns, this.cliArgs(args)));
  }

  private cliArgs(args: readonly string[]): string[] {
    return ["env", `RUNTIME_DIR=${this.runtime}`, `AGENT_GRPC_SOCKET=${this.appSocket}`, `${this.lab.programs}/lib/cli/attestmesh`, ...args];
  }

  // What the kernel of this node says of its peers, straight over netlink.
  kernelPeers(): KernelPeer[] {
    const peers = JSON.parse(this.cli("peers", "--json")) as { member_id: string; state: string; reason: string; agent_attached: boolean; beat_age_ms: number | null }[];
    return peers.map((p) => ({ member_id: p.member_id, state: p.state, reason: p.reason, agent: p.agent_attached, beat_age_ms: p.beat_age_ms }));
  }

  kernelMesh(): { beats: number; accepted: number } {
    const meshes = JSON.parse(this.cli("show", "--json")) as { counters: { beats: number; accepted: number } }[];
    check(meshes[0] !== undefined, `${this.ns}: the kernel has no mesh`);
    return meshes[0].counters;
  }

  async readMemberId(): Promise<string> {
    const app = new App(this.appSocket);
    this.memberId = await app.memberId();
    app.close();
    return this.memberId;
  }

  meshIp4(): string {
    const found = /inet (\d+\.\d+\.\d+\.\d+)\//.exec(this.exec("ip", "-4", "addr", "show", "attestmesh0").out);
    check(found !== null, `${this.ns} has no mesh address`);
    return found[1]!;
  }

  async wgPublicKey(): Promise<string> {
    const key = this.exec("wg", "show", "attestmesh0", "public-key").out.trim();
    check(key !== "", `${this.ns}: no WireGuard key`);
    return Buffer.from(key, "base64").toString("hex");
  }

  exec(...args: string[]): { code: number; out: string; err: string } {
    return run("ip", inNs(this.ns, args));
  }

  logs(): string {
    return logOf(this.agentLog) + logOf(this.bridgeLog);
  }
}

export function dstackSocket(ns: string): string {
  return `/run/lab/dstack/${ns}.sock`;
}
