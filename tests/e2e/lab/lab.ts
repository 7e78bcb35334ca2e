// SPDX-License-Identifier: Apache-2.0
// The whole lab in the guest: network, services, modules, nodes; and the
// restarts that touch several of them at once.
import { mkdirSync } from "node:fs";
import { check, say, seconds, sleep } from "./exec.ts";
import { Faults } from "./faults.ts";
import { LabNode } from "./node.ts";
import { endAll } from "./processes.ts";
import { Services } from "./services.ts";
import type { Spec } from "./spec.ts";
import { GATEWAY_NS, dropNs, loadModules, makeBridge, makeGatewayNs, moduleLoadTimes, modulesLoaded, netnsCookie, unloadModules } from "./topology.ts";

export class Lab {
  readonly nodes: readonly LabNode[];  // started together
  readonly services: Services;
  readonly faults: Faults;
  private readonly spares: LabNode[];  // members that are not registered yet
  private readonly taken: LabNode[] = [];

  constructor(readonly spec: Spec) {
    mkdirSync("/run/lab", { recursive: true });
    mkdirSync(spec.results, { recursive: true });
    this.services = new Services(spec);
    this.faults = new Faults(spec.controlUrl);
    const all = spec.nodes.map((n, k) => new LabNode(k + 1, n, spec));
    this.nodes = all.slice(0, spec.started);
    this.spares = all.slice(spec.started);
  }

  takeSpare(): LabNode {
    const n = this.spares.shift();
    if (n === undefined) throw new Error("no spare member is left: the devnet has too few");
    this.taken.push(n);
    return n;
  }

  // Everything that has an agent now.
  running(): LabNode[] {
    return [...this.nodes, ...this.taken].filter((n) => n.agentAlive());
  }

  node(i: number): LabNode {
    const n = this.nodes[i - 1];
    if (n === undefined) throw new Error(`no node ${i}`);
    return n;
  }

  async setUp(): Promise<void> {
    const t = Date.now();
    makeBridge();
    makeGatewayNs();
    loadModules(this.spec.modules);
    await this.services.startGuestAgents();
    await this.services.startGateway();
    for (const n of this.nodes) n.makeNs(this.services.hosts());
    say(`lab ready after ${seconds(t)} s: gateway, ${this.nodes.length} guest agents, modules, namespaces`);
  }

  startNodes(nodes: readonly LabNode[] = this.nodes): void {
    for (const n of nodes) n.startBridge();
    for (const n of nodes) n.startAgent();
  }

  async untilHealthy(limitMs: number, nodes: readonly LabNode[] = this.nodes): Promise<void> {
    await Promise.all(nodes.map((n) => n.untilHealthy(limitMs)));
  }

  // One node from nothing, as after a power cut: processes, namespace,
  // interface; the modules stay. Returns the agent's start in ms.
  async restartNode(n: LabNode): Promise<number> {
    await n.stop();
    n.dropNs();
    n.makeNs(this.services.hosts());
    n.startBridge();
    n.startAgent();
    return n.agent!.startedMs;
  }

  // Every node from nothing at once, modules included. What went and came is
  // shown by the namespaces' cookies and the modules' load times.
  async restartAll(): Promise<{ startedMs: number; destroyed: Record<string, unknown> }> {
    const before = { cookies: this.nodes.map((n) => netnsCookie(n.ns)), modules: moduleLoadTimes() };
    for (const n of this.nodes) await n.stop();
    for (const n of this.nodes) n.dropNs();
    for (let tries = 0; ; tries++) {
      try {
        unloadModules();
        break;
      } catch (error) {
        // A namespace is destroyed by a kernel worker, a moment later.
        if (tries === 100) throw error;
        await sleep(50);
      }
    }
    if (modulesLoaded()) throw new Error("a module is still loaded after rmmod");
    loadModules(this.spec.modules);
    for (const n of this.nodes) n.makeNs(this.services.hosts());
    this.startNodes();
    const after = { cookies: this.nodes.map((n) => netnsCookie(n.ns)), modules: moduleLoadTimes() };
    after.cookies.forEach((c, k) => check(!before.cookies.includes(c), `n${k + 1} is the namespace that it was`));
    for (const [name, at] of Object.entries(after.modules)) check(at > before.modules[name]!, `${name} was not loaded again`);
    const startedMs = Math.max(...this.nodes.map((n) => n.agent!.startedMs));
    return { startedMs, destroyed: { namespace_cookies: { before: before.cookies, after: after.cookies }, module_load_seconds: { before: before.modules, after: after.modules } } };
  }

  async tearDown(): Promise<void> {
    await endAll();
    for (const n of [...this.nodes, ...this.taken]) n.dropNs();
    dropNs(GATEWAY_NS);
  }
}
