// SPDX-License-Identifier: Apache-2.0
// A node's part of the chain in TypeScript: keys from the guest agent, the
// binding, the proof, a sponsored operation from nonce to receipt. For tests:
// shares no code with the agent.
import { request } from "node:http";
import {
  concatHex, encodeAbiParameters, encodeFunctionData, hexToBytes, keccak256, numberToHex, parseAbi, parseAbiParameters, recoverPublicKey, toHex,
  type Hex,
} from "viem";
import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { secp256k1 } from "@noble/curves/secp256k1";
import { JsonRpcError, rpc, waitFor } from "./net.ts";

export const ENTRY_POINT = "0x0000000071727De22E5E9d8BAf0edAc6f37da032";
// Recovers, to nobody's key, and is as long as a real one.
export const DUMMY_SIGNATURE: Hex =
  "0xfffffffffffffffffffffffffffffff0000000000000000000000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1c";
const BINDING_PATH = "attestmesh/v1/binding";
const BINDING_PURPOSE = "attestmesh.binding.v1";

export const ABI = parseAbi([
  "struct DstackProof { bytes32 codeId; bytes32 messageHash; bytes messageSignature; bytes appSignature; bytes kmsSignature; bytes derivedCompressedPubkey; bytes appCompressedPubkey; string purpose; }",
  "function dstack_register(DstackProof proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey) returns (bytes32)",
  "function execute(address target, uint256 value, bytes data)",
  "function send(bytes32 recipient, bytes32 envelopeId, bytes ciphertext)",
  "function publishEd25519Key(bytes32 key)",
  "function setCskCommitment(bytes32 commitment)",
  "function leave()",
  "function isClusterMember(address) view returns (bool)",
  "function memberIdOf(address) view returns (bytes32)",
  "function owner() view returns (address)",
  "function envelopeSenderOf(bytes32, bytes32) view returns (bytes32)",
  "function getNonce(address, uint192) view returns (uint256)",
]);

export interface Urls { readonly rpcUrl: string; readonly bundlerUrl: string; readonly paymasterUrl: string }

// ---- guest agent ----

export function askAgent(socketPath: string, method: string, body: unknown): Promise<Record<string, unknown>> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: "/" + method, method: "POST", agent: false, headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) } }, (reply) => {
      let all = "";
      reply.setEncoding("utf8").on("data", (part: string) => { all += part; });
      reply.on("end", () => (reply.statusCode === 200 ? resolve(JSON.parse(all) as Record<string, unknown>) : reject(new Error(`${method}: ${reply.statusCode} ${all}`))));
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

// ---- proof ----

export interface Identity { readonly account: PrivateKeyAccount; readonly register: Hex }

const BINDING = parseAbiParameters("string, address, address, bytes32, bytes32");

export async function makeIdentity(socketPath: string, cluster: Hex, member: Hex): Promise<Identity> {
  const answer = await askAgent(socketPath, "GetKey", { path: BINDING_PATH, purpose: BINDING_PURPOSE });
  const [link0, link1] = (answer["signature_chain"] as string[]).map((l) => `0x${l}` as Hex) as [Hex, Hex];
  const key = `0x${answer["key"] as string}` as Hex;
  const account = privateKeyToAccount(key);
  const derived = toHex(secp256k1.getPublicKey(hexToBytes(key), true));
  const app = await recoverPublicKey({ hash: keccak256(toHex(`${BINDING_PURPOSE}:${derived.slice(2)}`)), signature: link0 });
  const appPoint = secp256k1.ProjectivePoint.fromHex(app.slice(2));
  const [xPubKey, wgPubKey] = [keccak256(concatHex([member, "0x01"])), keccak256(concatHex([member, "0x02"]))];
  const messageHash = keccak256(encodeAbiParameters(BINDING, ["attestmesh.bind.v1", cluster, member, xPubKey, wgPubKey]));
  const proof = {
    codeId: `${member}${"00".repeat(12)}` as Hex, messageHash, messageSignature: await account.signMessage({ message: { raw: messageHash } }),
    appSignature: link0, kmsSignature: link1, derivedCompressedPubkey: derived,
    appCompressedPubkey: toHex(appPoint.toRawBytes(true)), purpose: BINDING_PURPOSE,
  };
  const register = encodeFunctionData({ abi: ABI, functionName: "dstack_register", args: [proof, member, xPubKey, wgPubKey] });
  return { account, register };
}

// ---- operation ----

export interface Draft {
  sender: Hex; nonce: Hex; callData: Hex; signature: Hex;
  maxFeePerGas: Hex; maxPriorityFeePerGas: Hex;
  callGasLimit?: Hex; verificationGasLimit?: Hex; preVerificationGas?: Hex;
  paymaster?: Hex; paymasterData?: Hex; paymasterVerificationGasLimit?: Hex; paymasterPostOpGasLimit?: Hex;
}
type Complete = Required<Draft>;

const GAS = ["callGasLimit", "verificationGasLimit", "preVerificationGas"] as const;
const PAYMASTER = ["paymaster", "paymasterData", "paymasterVerificationGasLimit", "paymasterPostOpGasLimit"] as const;

function take<K extends keyof Draft>(from: unknown, names: readonly K[]): Pick<Draft, K> {
  const given = from as Record<string, Hex>;
  return Object.fromEntries(names.filter((name) => given[name] !== undefined).map((name) => [name, given[name]])) as Pick<Draft, K>;
}

const u128 = (value: Hex): Hex => numberToHex(BigInt(value), { size: 16 });
const gasLimits = (op: Draft): Hex => concatHex([u128(op.verificationGasLimit!), u128(op.callGasLimit!)]);
const fees = (op: Draft): Hex => concatHex([u128(op.maxPriorityFeePerGas), u128(op.maxFeePerGas)]);

const SPONSOR = parseAbiParameters("string, uint256, address, uint256, bytes32, bytes32, uint256, bytes32");
export function sponsorHash(op: Draft, chainId: number): Hex {
  return keccak256(encodeAbiParameters(SPONSOR, ["attestmesh.sponsor.v1", BigInt(chainId), op.sender, BigInt(op.nonce), keccak256(op.callData), gasLimits(op), BigInt(op.preVerificationGas!), fees(op)]));
}

const INNER = parseAbiParameters("address, uint256, bytes32, bytes32, bytes32, uint256, bytes32, bytes32");
const OUTER = parseAbiParameters("bytes32, address, uint256");
export function userOpHash(op: Complete, chainId: number): Hex {
  const paymasterAndData = concatHex([op.paymaster, u128(op.paymasterVerificationGasLimit), u128(op.paymasterPostOpGasLimit), op.paymasterData]);
  const inner = keccak256(encodeAbiParameters(INNER, [op.sender, BigInt(op.nonce), keccak256("0x"), keccak256(op.callData), gasLimits(op), BigInt(op.preVerificationGas), fees(op), keccak256(paymasterAndData)]));
  return keccak256(encodeAbiParameters(OUTER, [inner, ENTRY_POINT, BigInt(chainId)]));
}

export async function view(url: string, to: Hex, functionName: (typeof ABI)[number] extends infer F ? (F extends { name: infer N } ? N : never) : never, args: readonly unknown[]): Promise<Hex> {
  const data = encodeFunctionData({ abi: ABI, functionName, args } as Parameters<typeof encodeFunctionData>[0]);
  return (await rpc(url, "eth_call", [{ to, data }, "latest"])) as Hex;
}

export interface Sender { readonly member: Hex; readonly cluster: Hex; readonly account: PrivateKeyAccount; readonly nonceKey: bigint }

// Everything before the final answer of the paymaster.
export async function draft(urls: Urls, chainId: number, from: Sender, inner: Hex): Promise<Draft> {
  const callData = encodeFunctionData({ abi: ABI, functionName: "execute", args: [from.cluster, 0n, inner] });
  const nonce = await view(urls.rpcUrl, ENTRY_POINT, "getNonce", [from.member, from.nonceKey]);
  const price = (await rpc(urls.bundlerUrl, "pimlico_getUserOperationGasPrice")) as { standard: { maxFeePerGas: Hex; maxPriorityFeePerGas: Hex } };
  const op: Draft = { sender: from.member, nonce: numberToHex(BigInt(nonce)), callData, signature: DUMMY_SIGNATURE, ...take(price.standard, ["maxFeePerGas", "maxPriorityFeePerGas"]) };
  const stub = await rpc(urls.paymasterUrl, "pm_getPaymasterStubData", [op, ENTRY_POINT, numberToHex(chainId), {}]);
  const stubbed = { ...op, ...take(stub, PAYMASTER) };
  const estimate = await rpc(urls.bundlerUrl, "eth_estimateUserOperationGas", [stubbed, ENTRY_POINT]);
  return { ...stubbed, ...take(estimate, GAS) };
}

export async function sponsor(urls: Urls, chainId: number, op: Draft, account: PrivateKeyAccount): Promise<Complete> {
  const auth = await account.signMessage({ message: { raw: sponsorHash(op, chainId) } });
  const answer = await rpc(urls.paymasterUrl, "pm_getPaymasterData", [op, ENTRY_POINT, numberToHex(chainId), { auth }]);
  return { ...op, ...take(answer, PAYMASTER) } as Complete;
}

export interface Receipt { readonly success: boolean; readonly actualGasUsed: Hex; readonly actualGasCost: Hex; readonly reason?: string }

export async function submit(urls: Urls, chainId: number, op: Complete, account: PrivateKeyAccount): Promise<Receipt> {
  const signature = await account.signMessage({ message: { raw: userOpHash(op, chainId) } });
  const hash = await rpc(urls.bundlerUrl, "eth_sendUserOperation", [{ ...op, signature }, ENTRY_POINT]);
  return waitFor("the receipt", 30_000, async () => ((await rpc(urls.bundlerUrl, "eth_getUserOperationReceipt", [hash])) as Receipt | null) ?? undefined);
}

export async function send(urls: Urls, chainId: number, from: Sender, inner: Hex): Promise<{ receipt: Receipt; op: Complete }> {
  const op = await sponsor(urls, chainId, await draft(urls, chainId, from, inner), from.account);
  return { op, receipt: await submit(urls, chainId, op, from.account) };
}

// The reason of a refusal by the worker.
export async function refusal(asked: Promise<unknown>): Promise<{ reason: string; revert: string | null }> {
  const error = await asked.then(() => { throw new Error("was not refused"); }, (e: unknown) => e);
  if (!(error instanceof JsonRpcError)) throw error;
  const data = error.data as { reason?: string; revert?: string | null } | undefined;
  if (data?.reason === undefined) throw error;
  return { reason: data.reason, revert: data.revert ?? null };
}
