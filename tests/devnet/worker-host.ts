// SPDX-License-Identifier: Apache-2.0
// A process of its own around workerd: miniflare installs signal handlers that
// end the process they are in at once, which the devnet itself cannot have.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOOPBACK } from "./net.ts";
import { requireFromRoot } from "./paths.ts";

export const WORKER_HOST = "worker-host"; // the first argument that selects this

export interface WorkerHostSettings {
  readonly dir: string;
  readonly script: string;
  readonly port: number;
  readonly bindings: Readonly<Record<string, string>>;
}

interface MiniflareLike { ready: Promise<URL> }

// workerd is started by miniflare; this wrapper ties it to our life.
function workerdWrapper(dir: string): string {
  const path = join(dir, "workerd");
  const binary = requireFromRoot("workerd") as { default: string };
  writeFileSync(path, `#!/bin/sh\nexec setpriv --pdeathsig KILL -- '${binary.default}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

export async function runWorkerHost(settingsFile: string): Promise<void> {
  const { dir, script, port, bindings } = JSON.parse(readFileSync(settingsFile, "utf8")) as WorkerHostSettings;
  process.env["MINIFLARE_WORKERD_PATH"] = workerdWrapper(dir);
  const { Miniflare } = requireFromRoot("miniflare") as { Miniflare: new (options: unknown) => MiniflareLike };
  const worker = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents: readFileSync(script, "utf8") }],
    compatibilityDate: "2026-04-01", host: LOOPBACK, port, cf: false,
    kvNamespaces: ["PROVENANCE"], durableObjects: { CAPS: { className: "Caps", useSQLite: true } }, bindings,
  });
  await worker.ready;
}
