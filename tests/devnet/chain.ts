// SPDX-License-Identifier: Apache-2.0
// anvil, and the project's own deployment verbs run against it. Deploys while
// blocks come at once; the caller then switches to blocks at an interval.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Child, Children } from "./children.ts";
import { LOOPBACK, rpc, waitFor } from "./net.ts";
import { ARTIFACTS, CONTRACTS_SCRIPT, modulePath } from "./paths.ts";

export const CHAIN_ID = 31337;
// anvil's own first keys, known to everybody.
export const DEVNET_KEYS = {
  owner: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  executor: "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  utility: "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
  paymasterSigner: "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
} as const;

const IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

export type Address = `0x${string}`;

export interface Infrastructure extends Record<string, string> {
  memberFactory: Address;
  clusterFactory: Address;
  indexerRegistry: Address;
  paymaster: Address;
  memberImplementation: Address;
  entryPoint: Address;
}

export interface StockProxy {
  app: Address;
  implementation_before: Address;
  implementation_after: Address;
  cluster_after: Address;
}

export interface MemberRecord {
  member: Address;
  cluster: Address;
  origin: "factory" | "stock-proxy";
  stockProxy?: StockProxy;
}

type Receipt = { result: Record<string, string> };
type RunVerb = (verb: string, words: readonly string[], env?: NodeJS.ProcessEnv) => Promise<{ receipt: Receipt }>;

export async function startAnvil(children: Children, port: number, statePath: string | undefined): Promise<{ child: Child; url: string }> {
  const url = `http://${LOOPBACK}:${port}`;
  const state = statePath === undefined ? [] : ["--state", statePath];
  const binary = modulePath("@foundry-rs", "anvil-linux-amd64", "bin", "anvil");
  const child = children.start("anvil", binary, ["--host", LOOPBACK, "--port", String(port), "--chain-id", String(CHAIN_ID), "--hardfork", "prague", ...state]);
  await waitFor("anvil", 20_000, async () => (Number(await rpc(url, "eth_chainId")) === CHAIN_ID ? true : undefined));
  return { child, url };
}

// Under automine the newest block's time stands still between operations, and
// `latest` answers with it; real chains do neither.
export async function mineEvery(url: string, secs: number): Promise<void> {
  await rpc(url, "evm_setAutomine", [false]);
  await rpc(url, "evm_setIntervalMining", [secs]);
}

// Some of forge's other commands leave artifacts without code behind.
function checkArtifacts(): void {
  const path = join(ARTIFACTS, "ClusterDiamondFactory.sol", "ClusterDiamondFactory.json");
  const code = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { bytecode?: { object?: string } }).bytecode?.object : undefined;
  if (code === undefined || code.length <= 2) throw new Error(`${path} holds no bytecode: remove ${join(ARTIFACTS, "..")} and run make contracts`);
}

export class Deployer {
  private constructor(private readonly url: string, private readonly dir: string, private readonly runVerb: RunVerb) {}

  static async open(url: string, dir: string): Promise<Deployer> {
    checkArtifacts();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "owner.key"), DEVNET_KEYS.owner + "\n", { mode: 0o600 });
    const { runVerb } = (await import(CONTRACTS_SCRIPT)) as { runVerb: RunVerb };
    return new Deployer(url, dir, runVerb);
  }

  get keyFile(): string { return join(this.dir, "owner.key"); }
  get infrastructureFile(): string { return join(this.dir, "infrastructure.json"); }

  private async verb(name: string, words: readonly string[]): Promise<Record<string, string>> {
    const common = ["--rpc", this.url, "--key-file", this.keyFile, "--artifacts", ARTIFACTS, "--execute"];
    const { receipt } = await this.runVerb(name, [...common, ...words]);
    return receipt.result;
  }

  async infrastructure(paymasterSigner: Address): Promise<Infrastructure> {
    const result = await this.verb("infrastructure", ["--paymaster-signer", paymasterSigner, "--deposit", "100", "--stake", "1"]);
    writeFileSync(this.infrastructureFile, JSON.stringify({ result }, null, 2));
    return result as Infrastructure;
  }

  private from(...words: string[]): string[] {
    return ["--infrastructure", this.infrastructureFile, ...words];
  }

  async cluster(cidr: string, kmsRoot: Address, composeHash: Address, salt: Address): Promise<Address> {
    const result = await this.verb("cluster", this.from("--cidr", cidr, "--kms-root", kmsRoot, "--compose-hash", composeHash, "--allow-any-device", "--salt", salt));
    return result["cluster"] as Address;
  }

  async factoryMember(cluster: Address, salt: Address): Promise<MemberRecord> {
    const result = await this.verb("member", this.from("--cluster", cluster, "--salt", salt, "--allow-app-id"));
    return { member: result["member"] as Address, cluster, origin: "factory" };
  }

  private async implementationOf(proxy: Address): Promise<Address> {
    const word = (await rpc(this.url, "eth_getStorageAt", [proxy, IMPLEMENTATION_SLOT, "latest"])) as string;
    return `0x${word.slice(-40)}`;
  }

  // A stock dstack app, allowed first and then converted in place.
  async stockMember(cluster: Address, composeHash: Address, salt: Address): Promise<MemberRecord> {
    const device = `0x${"d0".repeat(32)}`;
    const { app } = (await this.verb("stock-app", ["--salt", salt, "--device", device, "--compose-hash", composeHash])) as { app: Address };
    const before = await this.implementationOf(app);
    await this.verb("allow", ["--cluster", cluster, "--app-id", app]);
    const converted = await this.verb("convert", this.from("--app", app, "--cluster", cluster));
    const after = await this.implementationOf(app);
    if (before === after) throw new Error(`the conversion of ${app} left its implementation as it was`);
    const stockProxy = { app, implementation_before: before, implementation_after: after, cluster_after: converted["cluster"] as Address };
    return { member: app, cluster, origin: "stock-proxy", stockProxy };
  }
}
