// SPDX-License-Identifier: Apache-2.0
// The devnet's forwarders, from inside the guest: make a service refuse, hang,
// answer 502, or answer with fields nobody asked for; read what it was asked.
import { check } from "./exec.ts";

export type Service = "rpc" | "bundler" | "worker";
export type Fault = "ok" | "refuse" | "hang" | "502";

export interface ForwarderStatus {
  readonly mode: string;
  readonly counts: Record<string, number>;
}

export class Faults {
  constructor(private readonly controlUrl: string) {}

  private async post(path: string, body?: string): Promise<void> {
    const r = await fetch(`${this.controlUrl}/${path}`, { method: "POST", ...(body === undefined ? {} : { body }) });
    check(r.ok, `devnet control ${path}: ${r.status} ${await r.text()}`);
  }

  set(service: Service, fault: Fault): Promise<void> {
    return this.post(`${service}/${fault}`);
  }

  merge(service: Service, fields: Record<string, unknown>): Promise<void> {
    return this.post(`${service}/merge`, JSON.stringify(fields));
  }

  async clear(): Promise<void> {
    for (const s of ["rpc", "bundler", "worker"] as const) {
      await this.set(s, "ok");
      await this.merge(s, {});
    }
  }

  // How often a method was asked of a service so far.
  async asked(service: Service, method: string): Promise<number> {
    const all = (await (await fetch(this.controlUrl)).json()) as Record<string, ForwarderStatus>;
    const status = all[service];
    check(status !== undefined, `the devnet has no forwarder ${service}`);
    return status.counts[method] ?? 0;
  }
}
