// SPDX-License-Identifier: Apache-2.0
// From bytes and JSON that anybody may have written to the types of types.ts,
// or a denial. Total: malformed input is a result, never an exception. ABI data
// must be in the canonical form, so that one meaning has one spelling.
import { decodeFunctionData, encodeFunctionData, parseAbi, size } from "viem";
import { CALL_DATA_MAX_BYTES } from "./constants.ts";
import { deny, pass, type Result } from "./result.ts";
import type { Address, Fees, GasFields, Hex, PartialOperation } from "./types.ts";

const EXECUTE_ABI = parseAbi(["function execute(address target, uint256 value, bytes data)"]);
export const REGISTER_ABI = parseAbi([
  "struct DstackProof { bytes32 codeId; bytes32 messageHash; bytes messageSignature; bytes appSignature; bytes kmsSignature; bytes derivedCompressedPubkey; bytes appCompressedPubkey; string purpose; }",
  "struct OperatorProof { address signer; address ownerKey; uint64 expiry; bytes signature; }",
  "function dstack_register(DstackProof proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey) returns (bytes32)",
  "function operator_register(OperatorProof proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey) returns (bytes32)",
]);

export type Json = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readAddress(value: unknown): Address | undefined {
  return typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value) ? (value.toLowerCase() as Address) : undefined;
}

export function readBytes(value: unknown): Hex | undefined {
  return typeof value === "string" && /^0x([0-9a-fA-F]{2})*$/.test(value) ? (value as Hex) : undefined;
}

// A JSON-RPC quantity of at most `bits` bits.
export function readQuantity(value: unknown, bits: 128 | 256): bigint | undefined {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) return undefined;
  const number = BigInt(value);
  return number >> BigInt(bits) === 0n ? number : undefined;
}

const GAS_NAMES: readonly (keyof GasFields)[] = [
  "verificationGasLimit", "callGasLimit", "preVerificationGas", "paymasterVerificationGasLimit", "paymasterPostOpGasLimit",
];
const FEE_NAMES: readonly (keyof Fees)[] = ["maxFeePerGas", "maxPriorityFeePerGas"];

function readNumbers<Name extends string>(from: Json, names: readonly Name[]): Result<Partial<Record<Name, bigint>>> {
  const out: Partial<Record<Name, bigint>> = {};
  for (const name of names) {
    if (from[name] === undefined || from[name] === null) continue;
    const value = readQuantity(from[name], 128);
    if (value === undefined) return deny("malformed-operation", `${name} is not a quantity of at most 128 bits`);
    out[name] = value;
  }
  return pass(out);
}

// Fields that would make somebody's factory run, in either version's spelling.
const FACTORY_NAMES = ["factory", "factoryData", "initCode", "eip7702Auth"];

export function readOperation(value: unknown): Result<PartialOperation> {
  if (!isJsonObject(value)) return deny("malformed-operation", "the operation is not an object");
  const sender = readAddress(value["sender"]);
  if (sender === undefined) return deny("malformed-operation", "sender is not an address");
  const nonce = readQuantity(value["nonce"], 256);
  if (nonce === undefined) return deny("malformed-operation", "nonce is not a quantity");
  const callData = readBytes(value["callData"]);
  if (callData === undefined) return deny("malformed-operation", "callData is not hex");
  if (size(callData) > CALL_DATA_MAX_BYTES) return deny("call-data-too-long", `callData has ${size(callData)} bytes, more than ${CALL_DATA_MAX_BYTES}`);
  const factory = FACTORY_NAMES.find((name) => ![undefined, null, "0x"].includes(value[name] as undefined));
  if (factory !== undefined) return deny("factory-not-sponsored", `${factory} is set: members are deployed by their operator`);
  const gas = readNumbers(value, GAS_NAMES);
  if (!gas.ok) return gas;
  const fees = readNumbers(value, FEE_NAMES);
  if (!fees.ok) return fees;
  return pass({ sender, nonce, callData, gas: gas.value, fees: fees.value });
}

export interface ExecuteCall {
  readonly target: Address;
  readonly value: bigint;
  readonly inner: Hex;
}

export function readExecute(callData: Hex): Result<ExecuteCall> {
  try {
    const { args } = decodeFunctionData({ abi: EXECUTE_ABI, data: callData });
    if (encodeFunctionData({ abi: EXECUTE_ABI, args }) !== callData.toLowerCase()) return deny("not-an-execute-call", "callData is not in the canonical encoding");
    return pass({ target: args[0].toLowerCase() as Address, value: args[1], inner: args[2] });
  } catch {
    return deny("not-an-execute-call", "callData is no call of execute(address,uint256,bytes)");
  }
}

export type Registration =
  | { readonly method: "dstack"; readonly member: Address; readonly messageHash: Hex; readonly messageSignature: Hex }
  | { readonly method: "operator"; readonly member: Address; readonly ownerKey: Address };

export function readRegistration(inner: Hex): Result<Registration> {
  try {
    const decoded = decodeFunctionData({ abi: REGISTER_ABI, data: inner });
    if (encodeFunctionData({ abi: REGISTER_ABI, ...decoded }) !== inner.toLowerCase()) return deny("malformed-operation", "the registration is not in the canonical encoding");
    const member = decoded.args[1].toLowerCase() as Address;
    if (decoded.functionName === "operator_register") {
      return pass({ method: "operator", member, ownerKey: decoded.args[0].ownerKey.toLowerCase() as Address });
    }
    const { messageHash, messageSignature } = decoded.args[0];
    return pass({ method: "dstack", member, messageHash, messageSignature });
  } catch {
    return deny("malformed-operation", "the registration does not decode");
  }
}
