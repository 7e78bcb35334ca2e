// SPDX-License-Identifier: Apache-2.0
// What the host tells the guest: where the chain's services are, which members
// there are, where the built programs lie. Written by host.ts, read by guest.ts.
import { readFileSync } from "node:fs";

export interface NodeSpec {
  readonly name: string;
  readonly member: string;       // 0x…, the member contract and app_id
  readonly cluster: string;
}

export interface Spec {
  readonly chainId: number;
  readonly nodes: readonly NodeSpec[];
  readonly second: readonly NodeSpec[]; // members of a cluster of their own
  readonly started: number;      // so many of them start; the others are spare members
  readonly rpcUrl: string;       // as the guest sees them
  readonly bundlerUrl: string;
  readonly paymasterUrl: string;
  readonly controlUrl: string;   // of the devnet: faults, counters
  readonly indexerRegistry: string;
  readonly kmsRootKeyFile: string;
  readonly appComposeFile: string;
  readonly programs: string;     // directory of attestmeshd and friends
  readonly testPrograms: string; // directory of programs built for tests only
  readonly modules: string;      // directory of the .ko files
  readonly tools: string;        // directory of the stranger, beatgen and amctl
  readonly fakes: string;        // directory of the bundled fakes
  readonly results: string;      // writable, seen by the host
  readonly scenarios: readonly string[];
  readonly beatIntervalMs: number;
  readonly keep: boolean;
}

export function readSpec(path: string): Spec {
  return JSON.parse(readFileSync(path, "utf8")) as Spec;
}
