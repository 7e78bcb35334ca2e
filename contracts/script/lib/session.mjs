// SPDX-License-Identifier: MIT
// One run of a verb: the chain, the account, the steps taken and the receipt that tells of them. In a dry run it
// simulates every call that can be simulated and sends nothing; a call to a contract that only the run itself
// would have deployed is recorded unsimulated.
import { readFileSync, writeFileSync } from 'node:fs';
import {
  concat, createPublicClient, createWalletClient, defineChain, encodeDeployData, encodeFunctionData,
  getContractAddress, http, isHex, size,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { UsageError } from './args.mjs';
import { DEFAULT_ARTIFACTS, loadArtifact, loadClusterAbi, loadErrors } from './artifacts.mjs';

/// Arachnid's deterministic deployment proxy: the same address on every chain, and on anvil from the start.
export const CREATE2_PROXY = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const RECEIPT_POLL_MS = 250;

function readKey(args, env) {
  if (args['key-file'] !== undefined && args['key-env'] !== undefined) {
    throw new UsageError('--key-file and --key-env exclude each other');
  }
  let key;
  if (args['key-file'] !== undefined) key = readFileSync(args['key-file'], 'utf8').trim();
  else if (args['key-env'] !== undefined) key = env[args['key-env']];
  else return undefined;
  if (!isHex(key) || size(key) !== 32) throw new UsageError('the key named is not 32 bytes of hex');
  return key;
}

export class Session {
  static async open(verb, args, env = process.env) {
    const key = readKey(args, env);
    const account = key === undefined ? undefined : privateKeyToAccount(key);
    if (args.execute && !account) throw new UsageError('--execute needs --key-file or --key-env');
    const from = account?.address ?? args.from;
    if (!from) throw new UsageError('give --key-file, --key-env or, for a dry run, --from');
    const transport = http(args.rpc ?? 'http://127.0.0.1:8545');
    const probe = createPublicClient({ transport });
    const id = await probe.getChainId();
    const chain = defineChain({
      id, name: `chain ${id}`, nativeCurrency: { name: 'ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [] } },
    });
    const session = new Session();
    Object.assign(session, {
      verb, args, account, from, chainId: id, execute: args.execute === true, steps: [], planned: new Set(),
      artifacts: args.artifacts ?? DEFAULT_ARTIFACTS,
      client: createPublicClient({ chain, transport, pollingInterval: RECEIPT_POLL_MS }),
      wallet: account && createWalletClient({ account, chain, transport }),
    });
    return session;
  }

  artifact(name) {
    return loadArtifact(this.artifacts, name);
  }

  get clusterAbi() {
    return (this._clusterAbi ??= loadClusterAbi(this.artifacts));
  }

  get errors() {
    return (this._errors ??= loadErrors(this.artifacts));
  }

  /// An address from the options, else from the infrastructure receipt.
  address(option, field) {
    if (this.args[option] !== undefined) return this.args[option];
    if (this.args.infrastructure === undefined) {
      throw new UsageError(`give --${option} or --infrastructure`);
    }
    this._infrastructure ??= JSON.parse(readFileSync(this.args.infrastructure, 'utf8')).result;
    const value = this._infrastructure[field];
    if (!value) throw new UsageError(`${this.args.infrastructure} has no ${field}`);
    return value;
  }

  async hasCode(address) {
    const code = await this.client.getCode({ address });
    return code !== undefined && code !== '0x';
  }

  read(address, abi, functionName, args = []) {
    return this.client.readContract({ address, abi, functionName, args });
  }

  /// Deploy through the CREATE2 proxy; an address that has code already was deployed with the same init code,
  /// whoever sent it, and is accepted.
  async deploy(name, { abi, bytecode }, args, salt) {
    const initCode = encodeDeployData({ abi, bytecode, args });
    const address = getContractAddress({ opcode: 'CREATE2', from: CREATE2_PROXY, salt, bytecode: initCode });
    if (await this.hasCode(address)) {
      this.steps.push({ step: `deploy ${name}`, address, status: 'already' });
      return address;
    }
    this.planned.add(address.toLowerCase());
    await this.#submit({ step: `deploy ${name}`, address }, { to: CREATE2_PROXY, data: concat([salt, initCode]) });
    if (this.execute && !(await this.hasCode(address))) throw new Error(`deploy ${name}: no code at ${address}`);
    return address;
  }

  /// Call a contract; in a dry run simulate the call, so that a revert shows with its name.
  async call(step, address, abi, functionName, args = [], value = 0n) {
    const data = encodeFunctionData({ abi, functionName, args });
    const entry = { step, to: address, function: functionName };
    if (!this.planned.has(address.toLowerCase())) {
      // a revert may come from a contract further down, whose errors the called one's ABI does not have
      await this.client.simulateContract({
        account: this.from, address, abi: [...abi, ...this.errors], functionName, args, value,
      });
      entry.simulated = true;
    }
    return this.#submit(entry, { to: address, data, value });
  }

  async #submit(entry, { to, data, value = 0n }) {
    if (!this.execute) {
      this.steps.push({ ...entry, data, value: String(value), status: 'planned' });
      return undefined;
    }
    const hash = await this.wallet.sendTransaction({ to, data, value });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    this.steps.push({
      ...entry, status: receipt.status, transaction: hash, block: String(receipt.blockNumber),
      gasUsed: String(receipt.gasUsed),
    });
    if (receipt.status !== 'success') throw new Error(`${entry.step}: transaction ${hash} reverted`);
    return receipt;
  }

  receipt(result, error) {
    return {
      verb: this.verb, chainId: this.chainId, from: this.from, dryRun: !this.execute, steps: this.steps,
      ...(error === undefined ? { result } : { error }),
    };
  }

  static write(receipt, path) {
    const text = `${JSON.stringify(receipt, null, 2)}\n`;
    if (path === undefined) process.stdout.write(text);
    else writeFileSync(path, text);
  }
}
