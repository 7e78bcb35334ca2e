// SPDX-License-Identifier: Apache-2.0
// What tests share: a world with one cluster and as many members as wanted, a
// good operation, and asking the worker for it.
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { encodeFunctionData, keccak256, numberToHex, parseAbi, toHex, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { sponsorHash } from "../src/auth.ts";
import { ENTRY_POINT } from "../src/constants.ts";
import { REGISTER_ABI } from "../src/decode.ts";
import type { Bindings } from "../src/env.ts";
import { route } from "../src/routes.ts";
import type { Address, Operation } from "../src/types.ts";
import { FakeChain } from "./chain.ts";

export const bindings = env as unknown as Bindings;
export const CLUSTER: Address = `0x${"c".repeat(40)}`;
export const GWEI = 10n ** 9n;
export const CHAIN_ID = 31337n;

const CALLS = parseAbi([
  "function execute(address, uint256, bytes)", "function send(bytes32, bytes32, bytes)", "function publishWgKey(bytes32)", "function leave()",
  "function addAllowedAppId(address)",
]);
const WORD: Hex = `0x${"ab".repeat(32)}`;

export const inner = {
  publish: encodeFunctionData({ abi: CALLS, functionName: "publishWgKey", args: [WORD] }),
  leave: encodeFunctionData({ abi: CALLS, functionName: "leave" }),
  ownersCall: encodeFunctionData({ abi: CALLS, functionName: "addAllowedAppId", args: [CLUSTER] }),
  send: (bytes: number): Hex => encodeFunctionData({ abi: CALLS, functionName: "send", args: [WORD, WORD, `0x${"5a".repeat(bytes)}`] }),
};

export function execute(data: Hex, target: Address = CLUSTER, value = 0n): Hex {
  return encodeFunctionData({ abi: CALLS, functionName: "execute", args: [target, value, data] });
}

export interface Member { readonly address: Address; readonly account: PrivateKeyAccount }

let serial = 0;
export function newMember(): Member {
  serial++;
  return { address: keccak256(toHex(`member ${serial} ${Math.random()}`)).slice(0, 42) as Address, account: privateKeyToAccount(generatePrivateKey()) };
}

export class World {
  readonly chain = new FakeChain();
  // Behind the chain's clock as it stands at first, however slow the machine.
  readonly endedSecs = Number(this.chain.block.timestampSecs) - 10;

  constructor() {
    this.chain.clusters.set(CLUSTER, { owner: `0x${"0b".repeat(20)}`, members: new Set(), apps: new Set() });
    this.chain.install();
  }

  get cluster(): { owner: Address; members: Set<Address>; apps: Set<Address> } { return this.chain.clusters.get(CLUSTER)!; }

  // Registered, with its owner set.
  join(member: Member = newMember()): Member {
    this.cluster.members.add(member.address);
    this.chain.owners.set(member.address, member.account.address.toLowerCase() as Address);
    return member;
  }

  // Deployed, not yet registered.
  deploy(member: Member = newMember()): Member {
    this.chain.factoryMembers.add(member.address);
    return member;
  }
}

export async function registration(member: Member, subject: Address = member.address): Promise<Hex> {
  const messageHash = keccak256(toHex(`binding of ${member.address}`));
  const messageSignature = await member.account.signMessage({ message: { raw: messageHash } });
  const proof = { codeId: WORD, messageHash, messageSignature, appSignature: WORD, kmsSignature: WORD, derivedCompressedPubkey: WORD, appCompressedPubkey: WORD, purpose: "p" };
  return encodeFunctionData({ abi: REGISTER_ABI, functionName: "dstack_register", args: [proof, subject, WORD, WORD] });
}

export function operatorRegistration(member: Member): Hex {
  const proof = { signer: CLUSTER, ownerKey: member.account.address, expiry: 1n, signature: WORD };
  return encodeFunctionData({ abi: REGISTER_ABI, functionName: "operator_register", args: [proof, member.address, WORD, WORD] });
}

export function operation(member: Member, data: Hex, change: Partial<Operation> = {}): Operation {
  return {
    sender: member.address, nonce: 0n, callData: execute(data),
    gas: { verificationGasLimit: 80_000n, callGasLimit: 200_000n, preVerificationGas: 60_000n, paymasterVerificationGasLimit: 60_000n, paymasterPostOpGasLimit: 0n },
    fees: { maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI }, ...change,
  };
}

export function toJson(op: Operation): Record<string, unknown> {
  const numbers = { nonce: op.nonce, ...op.gas, ...op.fees };
  return { sender: op.sender, callData: op.callData, ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, numberToHex(value)])) };
}

export interface Reply { status: number; result?: Record<string, Hex>; error?: { code: number; message: string; data: { reason: string; revert: string | null } } }

export async function post(path: string, body: unknown, using: Bindings = bindings, headers: Record<string, string> = {}): Promise<Response> {
  return route(new Request("http://worker.test" + path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers }), using);
}

export async function callRpc(method: string, params: unknown[], using: Bindings = bindings): Promise<Reply> {
  const response = await post("/rpc", { jsonrpc: "2.0", id: 1, method, params }, using);
  return { status: response.status, ...((await response.json()) as object) };
}

export interface Asking { using?: Bindings; signer?: PrivateKeyAccount; auth?: unknown; chainId?: bigint; entryPoint?: string; json?: Record<string, unknown> }

export async function askStub(op: Operation, asking: Asking = {}): Promise<Reply> {
  const { chainId = CHAIN_ID, entryPoint = ENTRY_POINT, json = {} } = asking;
  return callRpc("pm_getPaymasterStubData", [{ ...toJson(op), ...json }, entryPoint, numberToHex(chainId), {}], asking.using);
}

export async function ask(member: Member, op: Operation, asking: Asking = {}): Promise<Reply> {
  const { chainId = CHAIN_ID, entryPoint = ENTRY_POINT, json = {} } = asking;
  const auth = "auth" in asking ? asking.auth : await (asking.signer ?? member.account).signMessage({ message: { raw: sponsorHash(chainId, op) } });
  return callRpc("pm_getPaymasterData", [{ ...toJson(op), ...json }, entryPoint, numberToHex(chainId), { auth }], asking.using);
}

export const caps = () => bindings.CAPS.getByName("global");

export async function clearBooks(): Promise<void> {
  await runInDurableObject(caps(), (_instance, state) => {
    state.storage.sql.exec("DELETE FROM usage");
    state.storage.sql.exec("DELETE FROM reservation");
  });
}

export async function totalOpen(scope = "global"): Promise<bigint> {
  return (await caps().usage(scope)).openWei;
}

export async function totalSettled(scope = "global"): Promise<bigint> {
  return (await caps().usage(scope)).settledWei;
}
