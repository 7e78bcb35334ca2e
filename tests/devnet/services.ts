// SPDX-License-Identifier: Apache-2.0
// The bundler and the sponsorship worker, each a real one: alto as its own
// process, the worker under workerd. Both on loopback alone.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHAIN_ID, DEVNET_KEYS, type Address, type Infrastructure } from "./chain.ts";
import type { Child, Children } from "./children.ts";
import { LOOPBACK, rpc, waitFor } from "./net.ts";
import { modulePath, ROOT } from "./paths.ts";
import { WORKER_HOST, type WorkerHostSettings } from "./worker-host.ts";

const ENTRY_POINT = "0x0000000071727De22E5E9d8BAf0edAc6f37da032";

export function startBundler(children: Children, port: number, chainUrl: string, dir: string, blockTimeSecs: number): { child: Child; url: string } {
  mkdirSync(dir, { recursive: true }); // its own: it reads a .env from where it stands
  const args = [
    "--import", join(ROOT, "tests", "devnet", "loopback.cjs"), modulePath("@pimlico", "alto", "esm", "cli", "alto.js"), "run",
    "--entrypoints", ENTRY_POINT, "--executor-private-keys", DEVNET_KEYS.executor, "--utility-private-key", DEVNET_KEYS.utility,
    "--utility-wallet-monitor", "false", "--min-executor-balance", "0", "--rpc-url", chainUrl, "--port", String(port),
    "--safe-mode", "false", "--min-entity-stake", "1", "--min-entity-unstake-delay", "86400", "--block-time", String(blockTimeSecs * 1000),
    // or a large message is bundled below the chain's calldata floor and never mined
    "--supports-eip7623", "true", "--static-max-priority-fee-per-gas", "1", "--rpc-gas-estimate", "true", "--log-level", "warn", "--json", "true", "--enable-debug-endpoints", "true",
  ];
  const env = { PATH: process.env["PATH"], HOME: dir, NODE_ENV: "production" };
  const child = children.start("bundler", process.execPath, args, env);
  return { child, url: `http://${LOOPBACK}:${port}/v2/rpc` };
}

export async function bundlerReady(url: string): Promise<void> {
  await waitFor("the bundler", 60_000, async () => {
    const list = (await rpc(url, "eth_supportedEntryPoints")) as string[];
    return list.some((one) => one.toLowerCase() === ENTRY_POINT.toLowerCase()) ? true : undefined;
  });
}

function bundleWorker(out: string): void {
  execFileSync(modulePath("esbuild", "bin", "esbuild"), [
    join(ROOT, "worker", "src", "index.ts"), "--bundle", "--format=esm", "--target=es2022", "--external:cloudflare:workers",
    "--conditions=workerd,worker,browser", "--log-level=warning", `--outfile=${out}`,
  ]);
}

export interface WorkerSettings {
  readonly rpcUrl: string;
  readonly infrastructure: Infrastructure;
  readonly sponsoredClusters: readonly Address[];
  readonly extra: Readonly<Record<string, string>>;
}

export async function startWorker(children: Children, port: number, dir: string, settings: WorkerSettings): Promise<{ child: Child; url: string }> {
  mkdirSync(dir, { recursive: true });
  const script = join(dir, "worker.mjs");
  bundleWorker(script);
  const bindings = {
    EXPECTED_CHAIN_ID: String(CHAIN_ID), RPC_URL: settings.rpcUrl, CANONICAL_CLUSTER_FACTORY: settings.infrastructure.clusterFactory,
    CANONICAL_MEMBER_FACTORY: settings.infrastructure.memberFactory, PAYMASTER_ADDRESS: settings.infrastructure.paymaster,
    PAYMASTER_SIGNER_KEY: DEVNET_KEYS.paymasterSigner, SPONSORED_CLUSTERS: settings.sponsoredClusters.join(","),
    // A devnet is restarted and hammered more than a cluster ever is.
    CAP_SENDER_WEI: "1000000000000000000", CAP_REGISTRATION_WEI: "1000000000000000000", CAP_CLUSTER_WEI: "10000000000000000000",
    CAP_GLOBAL_WEI: "50000000000000000000", VALIDITY_SECS: "60", ...settings.extra,
  };
  const host: WorkerHostSettings = { dir, script, port, bindings };
  const settingsFile = join(dir, "settings.json");
  writeFileSync(settingsFile, JSON.stringify(host), { mode: 0o600 });
  const child = children.start("worker", process.execPath, [process.argv[1]!, WORKER_HOST, settingsFile]);
  const url = `http://${LOOPBACK}:${port}`;
  await waitFor("the sponsorship worker", 30_000, async () => {
    const health = await fetch(url + "/healthz", { signal: AbortSignal.timeout(5_000) });
    if (!health.ok) throw new Error(await health.text());
    return true;
  });
  return { child, url };
}
