// SPDX-License-Identifier: MIT
// A test chain with everything deployed by the project's own scripts, as the node tests begin with it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicClient, createWalletClient, defineChain, http, keccak256, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { loadArtifact, loadClusterAbi, loadEntryPoint } from '../../script/lib/artifacts.mjs';
import { runVerb } from '../../script/attestmesh-contracts.mjs';
import { KMS_ROOT, Node, Operator } from './node.mjs';
import { ROOT, startChain, stop, TEST_KEYS } from './processes.mjs';

const ARTIFACTS = process.env.FOUNDRY_OUT || join(ROOT, 'build/contracts/out');
export const COMPOSE_HASH = keccak256(toHex('compose'));

export class World {
  static async open() {
    const world = new World();
    world.chain = await startChain();
    world.directory = mkdtempSync(join(tmpdir(), 'attestmesh-'));
    const chain = defineChain({
      id: 31337, name: 'test', nativeCurrency: { name: 'ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [world.chain.url] } },
    });
    const transport = http(world.chain.url);
    world.client = createPublicClient({ chain, transport });
    world.env = { DEPLOYER: TEST_KEYS.deployer };
    world.deployer = privateKeyToAccount(TEST_KEYS.deployer).address;
    world.abi = {
      cluster: loadClusterAbi(ARTIFACTS), member: loadArtifact(ARTIFACTS, 'ClusterMember').abi,
      entryPoint: loadEntryPoint().abi,
    };
    return world;
  }

  async close() {
    await stop(this.chain.child);
    rmSync(this.directory, { recursive: true });
  }

  artifact(name) {
    return loadArtifact(ARTIFACTS, name);
  }

  /// Run a verb of the scripts; words are appended to the chain, the key and the known infrastructure.
  async verb(name, words, { execute = true, key = 'DEPLOYER' } = {}) {
    const common = ['--rpc', this.chain.url, '--key-env', key, '--artifacts', ARTIFACTS];
    if (this.infrastructureFile) common.push('--infrastructure', this.infrastructureFile);
    if (execute) common.push('--execute');
    const { receipt } = await runVerb(name, [...common, ...words], this.env);
    return receipt;
  }

  async deploy(words = []) {
    const sponsor = privateKeyToAccount(TEST_KEYS.sponsor).address;
    const receipt = await this.verb('infrastructure',
      ['--paymaster-signer', sponsor, '--deposit', '10', '--stake', '1', ...words]);
    this.infrastructureFile = join(this.directory, 'infrastructure.json');
    writeFileSync(this.infrastructureFile, JSON.stringify(receipt));
    this.addresses = receipt.result;
    const { result } = await this.verb('cluster',
      ['--cidr', '10.13.0.0/16', '--kms-root', KMS_ROOT, '--compose-hash', COMPOSE_HASH, '--allow-any-device']);
    this.cluster = result.cluster;
    return receipt;
  }

  async node(number) {
    const { result } = await this.verb('member', ['--cluster', this.cluster, '--salt', toHex(number, { size: 32 })]);
    return new Node(result.member, this.cluster, number);
  }

  wallet(key) {
    return createWalletClient({
      account: privateKeyToAccount(key), chain: this.client.chain, transport: http(this.chain.url),
    });
  }

  operator(bundler) {
    return new Operator({
      client: this.client, abi: this.abi, paymaster: this.addresses.paymaster, sponsorKey: TEST_KEYS.sponsor, bundler,
    });
  }

  read(functionName, args = [], address = this.cluster) {
    return this.client.readContract({ address, abi: this.abi.cluster, functionName, args });
  }
}
