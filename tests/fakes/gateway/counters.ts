// SPDX-License-Identifier: Apache-2.0
// What the gateway counted since it started. One writer: relay.ts.
export const REFUSALS = [
  "no-sni", "hello-too-long", "handshake-timeout", "foreign-base", "more-than-one-label", "more-than-one-dash",
  "reserved-id", "malformed-label", "terminating-form", "unknown-id", "app-full", "connect-failed", "connect-timeout",
] as const;
export type Refusal = (typeof REFUSALS)[number];
export const ENDS = ["closed", "reset", "idle-to-client", "idle-to-server", "total-cut", "asked-cut", "client-gone-early"] as const;
export type End = (typeof ENDS)[number];

export interface AppCounters {
  open: number;
  relayed: number;
  cuts: number;
  idles: number;
  bytes_to_server: number;
  bytes_to_client: number;
}

export class Counters {
  accepted = 0;
  open = 0;
  relayed = 0;
  readonly refused = Object.fromEntries(REFUSALS.map((r) => [r, 0])) as Record<Refusal, number>;
  readonly ended = Object.fromEntries(ENDS.map((e) => [e, 0])) as Record<End, number>;
  readonly apps = new Map<string, AppCounters>();

  app(id: string): AppCounters {
    const found = this.apps.get(id) ?? { open: 0, relayed: 0, cuts: 0, idles: 0, bytes_to_server: 0, bytes_to_client: 0 };
    this.apps.set(id, found);
    return found;
  }

  toJSON(): unknown {
    return { accepted: this.accepted, open: this.open, relayed: this.relayed, refused: this.refused, ended: this.ended,
      apps: Object.fromEntries(this.apps) };
  }
}
