// SPDX-License-Identifier: Apache-2.0
// One command: chain, contracts, bundler, worker, forwarders, a cluster and its
// members; a JSON file when all of it answers; an orderly end on a signal.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { join, resolve } from "node:path";
import { keccak256, toHex } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { sha256 } from "../fakes/guest-agent/keys.ts";
import { CHAIN_ID, Deployer, DEVNET_KEYS, mineEvery, startAnvil, type Address, type Infrastructure, type MemberRecord } from "./chain.ts";
import { Children } from "./children.ts";
import { startControl } from "./control.ts";
import { startForwarder, type Forwarder } from "./forwarder.ts";
import { freePorts, LOOPBACK } from "./net.ts";
import { parseOptions, USAGE, UsageError, type Options } from "./options.ts";
import { bundlerReady, startBundler, startWorker } from "./services.ts";
import { runWorkerHost, WORKER_HOST } from "./worker-host.ts";

const DEFAULT_APP_COMPOSE = JSON.stringify({
  manifest_version: 2, name: "attestmesh-node", runner: "docker-compose", kms_enabled: true, gateway_enabled: true,
  public_logs: false, public_sysinfo: false, allowed_envs: [], docker_compose_file: "services: {}\n",
});
const PORT_COUNT = 8;
const SECOND_CIDR = "10.14.0.0/16";

const salt = (name: string): Address => keccak256(toHex(name));
const startedMs = Date.now();
const say = (text: string): void => console.log(`devnet: ${((Date.now() - startedMs) / 1000).toFixed(1)} s  ${text}`);

interface Inputs { kmsRootKeyFile: string; kmsRootAddress: Address; appComposeFile: string; composeHash: Address }

function prepareInputs(options: Options): Inputs {
  const kmsRootKeyFile = resolve(options.kmsRootKeyFile ?? join(options.dir, "kms-root.key"));
  if (options.kmsRootKeyFile === undefined) writeFileSync(kmsRootKeyFile, randomBytes(32).toString("hex") + "\n", { mode: 0o600 });
  const digits = readFileSync(kmsRootKeyFile, "utf8").trim();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new UsageError(`${kmsRootKeyFile} must hold 64 lower-case hex digits`);
  const appComposeFile = resolve(options.appComposeFile ?? join(options.dir, "app-compose.json"));
  if (options.appComposeFile === undefined) writeFileSync(appComposeFile, DEFAULT_APP_COMPOSE);
  return { kmsRootKeyFile, kmsRootAddress: privateKeyToAddress(`0x${digits}`), appComposeFile, composeHash: `0x${sha256(readFileSync(appComposeFile)).toString("hex")}` };
}

async function deployMembers(deployer: Deployer, cluster: Address, count: number, stockLast: boolean, composeHash: Address): Promise<MemberRecord[]> {
  const members: MemberRecord[] = [];
  for (let i = 1; i <= count; i++) {
    const name = salt(`${cluster}/member/${i}`);
    members.push(stockLast && i === count ? await deployer.stockMember(cluster, composeHash, name) : await deployer.factoryMember(cluster, name));
  }
  return members;
}

interface Deployed { infrastructure: Infrastructure; clusters: Address[]; nodes: MemberRecord[]; secondNodes: MemberRecord[] }

async function deployAll(deployer: Deployer, infrastructure: Infrastructure, options: Options, inputs: Inputs): Promise<Deployed> {
  const make = (cidr: string, name: string): Promise<Address> => deployer.cluster(cidr, inputs.kmsRootAddress, inputs.composeHash, salt(name));
  const cluster = await make(options.cidr, "devnet/cluster/1");
  const nodes = await deployMembers(deployer, cluster, options.nodes, options.stockProxy, inputs.composeHash);
  say(`cluster ${cluster}, ${nodes.length} members`);
  if (options.secondNodes === 0) return { infrastructure, clusters: [cluster], nodes, secondNodes: [] };
  const second = await make(SECOND_CIDR, "devnet/cluster/2");
  const secondNodes = await deployMembers(deployer, second, options.secondNodes, false, inputs.composeHash);
  say(`second cluster ${second}, ${secondNodes.length} members`);
  return { infrastructure, clusters: [cluster, second], nodes, secondNodes };
}

class Devnet {
  private readonly forwarders: Forwarder[] = [];
  private control: Server | undefined;
  private stopping: Promise<void> | undefined;
  private readonly children: Children;

  constructor(private readonly options: Options) {
    const logs = join(options.dir, "log");
    mkdirSync(logs, { recursive: true });
    this.children = new Children(logs, (message) => {
      console.error(`devnet: ${message}`);
      void this.stop(1);
    });
  }

  private async forward(name: string, port: number, target: string): Promise<string> {
    const forwarder = await startForwarder(name, port, target);
    this.forwarders.push(forwarder);
    return forwarder.url;
  }

  async start(): Promise<void> {
    const { options } = this;
    const inputs = prepareInputs(options);
    const ports = options.ports === undefined ? await freePorts(PORT_COUNT) : Array.from({ length: PORT_COUNT }, (_, i) => options.ports! + i);
    const [rpcPort, bundlerPort, workerPort, controlPort, anvilPort, altoPort, workerdPort, workerRpcPort] = ports as [number, number, number, number, number, number, number, number];
    const { url: chainUrl } = await startAnvil(this.children, anvilPort, options.state === undefined ? undefined : resolve(options.state));
    say(`anvil on ${chainUrl}`);
    const deployer = await Deployer.open(chainUrl, join(options.dir, "deploy"));
    const infrastructure = await deployer.infrastructure(privateKeyToAddress(DEVNET_KEYS.paymasterSigner));
    say("EntryPoint, factories, registry, paymaster");
    const bundler = startBundler(this.children, altoPort, chainUrl, join(options.dir, "bundler"), options.blockTimeSecs);
    const deployed = await deployAll(deployer, infrastructure, options, inputs);
    const rpcUrl = await this.forward("rpc", rpcPort, chainUrl);
    const workerRpcUrl = await this.forward("workerRpc", workerRpcPort, chainUrl);
    const worker = await startWorker(this.children, workerdPort, join(options.dir, "worker"), {
      rpcUrl: workerRpcUrl, infrastructure, sponsoredClusters: deployed.clusters, extra: options.workerVars,
    });
    say("sponsorship worker");
    await bundlerReady(bundler.url);
    say("bundler");
    await mineEvery(chainUrl, options.blockTimeSecs);
    const bundlerUrl = await this.forward("bundler", bundlerPort, bundler.url);
    const workerUrl = await this.forward("worker", workerPort, worker.url);
    this.control = await startControl(controlPort, this.forwarders);
    this.write(inputs, deployed, deployer, { chainUrl, rpcUrl, bundlerUrl, paymasterUrl: workerUrl + "/rpc", workerUrl, controlUrl: `http://${LOOPBACK}:${controlPort}` });
    say(`ready; ${options.out} says where everything is`);
  }

  // Atomically, and last: whoever sees the file may use all of it.
  private write(inputs: Inputs, { infrastructure, clusters, nodes, secondNodes }: Deployed, deployer: Deployer, urls: Record<string, string>): void {
    const report = {
      chainId: CHAIN_ID, ...urls, ...inputs, indexerRegistry: infrastructure.indexerRegistry, entryPoint: infrastructure.entryPoint,
      paymaster: infrastructure.paymaster, memberFactory: infrastructure.memberFactory, clusterFactory: infrastructure.clusterFactory,
      infrastructureFile: deployer.infrastructureFile, ownerKeyFile: deployer.keyFile, cluster: clusters[0], cidr: this.options.cidr, nodes,
      secondCluster: clusters[1] ?? null, secondNodes, keys: DEVNET_KEYS, owner: privateKeyToAddress(DEVNET_KEYS.owner),
      logs: join(this.options.dir, "log"), pids: { devnet: process.pid, ...this.children.pids() }, seconds: (Date.now() - startedMs) / 1000,
    };
    const aside = this.options.out + ".new";
    writeFileSync(aside, JSON.stringify(report, null, 2) + "\n", { mode: 0o600 });
    renameSync(aside, this.options.out);
  }

  stop(status: number): Promise<void> {
    this.stopping ??= this.end(status);
    return this.stopping;
  }

  private async end(status: number): Promise<void> {
    rmSync(this.options.out, { force: true });
    this.control?.closeAllConnections();
    this.control?.close();
    await Promise.allSettled(this.forwarders.map((forwarder) => forwarder.close()));
    await this.children.stopAll();
    say("ended");
    process.exit(status);
  }
}

async function main(): Promise<void> {
  if (process.argv[2] === WORKER_HOST) return runWorkerHost(process.argv[3] ?? "");
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`devnet: ${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
  mkdirSync(options.dir, { recursive: true });
  rmSync(options.out, { force: true });
  const absolute = { ...options, dir: resolve(options.dir), out: resolve(options.out) };
  const devnet = new Devnet(absolute);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void devnet.stop(0));
  try {
    await devnet.start();
  } catch (error) {
    console.error(`devnet: ${(error as Error).stack}`);
    await devnet.stop(1);
  }
}

main().catch((error: Error) => {
  console.error(`devnet: ${error.stack}`);
  process.exit(1);
});
