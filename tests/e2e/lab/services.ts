// SPDX-License-Identifier: Apache-2.0
// What stands in for the machine around the nodes: the guest agents (root
// namespace) and the gateway (its own namespace). Both outlive the nodes.
import { mkdirSync, writeFileSync, existsSync } from "node:fs";
import { until } from "./exec.ts";
import { ask } from "./http.ts";
import { dstackSocket } from "./node.ts";
import { end, start, type Program } from "./processes.ts";
import type { NodeSpec, Spec } from "./spec.ts";
import { GATEWAY_DOMAIN, GATEWAY_IP, GATEWAY_NS, SECOND_FIRST, inNs, nodeIp, nodeNs } from "./topology.ts";

const STATUS_SOCKET = "/run/lab/gateway.sock";
const ROUTES_FILE = "/run/lab/routes.json";

export interface GatewayLimits {
  readonly idleMs?: number;
  readonly totalMs?: number;
}

function appId(spec: NodeSpec): string {
  return spec.member.slice(2).toLowerCase();
}

export class Services {
  private guestAgents: Program | undefined;
  private gatewayProgram: Program | undefined;

  constructor(private readonly lab: Spec) {
    mkdirSync("/run/lab/dstack", { recursive: true });
  }

  // Every member of both clusters, by the number of its namespace.
  private members(): { i: number; spec: NodeSpec }[] {
    return [...this.lab.nodes.map((spec, k) => ({ i: k + 1, spec })), ...this.lab.second.map((spec, k) => ({ i: SECOND_FIRST + k, spec }))];
  }

  private node(bundle: string, args: readonly string[]): string[] {
    return [`${this.lab.fakes}/${bundle}`, ...args];
  }

  async startGuestAgents(): Promise<void> {
    const args = ["--kms-root-key", `@${this.lab.kmsRootKeyFile}`, "--app-compose", this.lab.appComposeFile];
    for (const { i, spec } of this.members()) args.push("--socket", dstackSocket(nodeNs(i)), "--app-id", appId(spec));
    this.guestAgents = start("guest agents", `${this.lab.results}/guest-agents.log`, process.execPath,
      this.node("guest-agent.cjs", args), { PATH: process.env["PATH"] ?? "" });
    await until("the guest agents' sockets", 30_000, async () => this.members().every(({ i }) => existsSync(dstackSocket(nodeNs(i)))));
  }

  stopGuestAgents(): Promise<void> {
    return end(this.guestAgents);
  }

  // "" or "ok": as the real one; else a hostile mode of the fake.
  guestAgentMode(i: number, mode: string): void {
    writeFileSync(`${dstackSocket(nodeNs(i))}.mode`, mode);
  }

  writeRoutes(): void {
    const routes = Object.fromEntries(this.members().map(({ i, spec }) => [appId(spec), nodeIp(i)]));
    writeFileSync(ROUTES_FILE, JSON.stringify({ base: GATEWAY_DOMAIN, routes }));
  }

  async startGateway(limits: GatewayLimits = {}): Promise<void> {
    this.writeRoutes();
    const args = ["--listen", `${GATEWAY_IP}:443`, "--routes", ROUTES_FILE, "--status", STATUS_SOCKET];
    if (limits.idleMs !== undefined) args.push("--idle-ms", String(limits.idleMs));
    if (limits.totalMs !== undefined) args.push("--total-ms", String(limits.totalMs));
    this.gatewayProgram = start("gateway", `${this.lab.results}/gateway.log`, "ip",
      inNs(GATEWAY_NS, [process.execPath, ...this.node("gateway.cjs", args)]), { PATH: process.env["PATH"] ?? "" });
    await until("the gateway", 30_000, async () => (await this.gatewayStatus()) !== undefined);
  }

  stopGateway(): Promise<void> {
    return end(this.gatewayProgram);
  }

  async gatewayStatus(): Promise<Record<string, unknown>> {
    return JSON.parse((await ask({ socketPath: STATUS_SOCKET, path: "/" })).body) as Record<string, unknown>;
  }

  async gatewayMode(mode: "ok" | "refuse" | "hang"): Promise<void> {
    await ask({ socketPath: STATUS_SOCKET, path: `/mode?${mode}`, method: "POST" });
  }

  async gatewayCut(): Promise<void> {
    await ask({ socketPath: STATUS_SOCKET, path: "/cut", method: "POST" });
  }

  hosts(): string[] {
    return this.members().map(({ spec }) => `${appId(spec)}-51900s.${GATEWAY_DOMAIN}`);
  }
}
