// SPDX-License-Identifier: Apache-2.0
// The allowlist: which inner calls are paid for, and how much gas each may
// name. Only what a member itself can do; the cluster owner's calls would fail
// from a member, at the operator's cost. Measured costs are in the comments.
import { size, toFunctionSelector } from "viem";
import { MEMBER_VERIFICATION_GAS_MAX, REGISTRATION_VERIFICATION_GAS_MAX } from "./constants.ts";
import type { Hex } from "./types.ts";

export interface Method {
  readonly name: string;
  readonly signature: string;
  readonly registration: boolean;
  readonly operator: boolean; // only with SPONSOR_OPERATOR_METHOD
  readonly verificationGasMax: bigint;
  readonly callGasMax: bigint;
  readonly callGasPerByte: bigint;
}

function member(name: string, args: string, callGasMax: bigint, callGasPerByte = 0n): Method {
  return { name, signature: `${name}(${args})`, registration: false, operator: false,
    verificationGasMax: MEMBER_VERIFICATION_GAS_MAX, callGasMax, callGasPerByte };
}

function registration(name: string, proof: string, operator: boolean): Method {
  return { name, signature: `${name}(${proof},address,bytes32,bytes32)`, registration: true, operator,
    verificationGasMax: REGISTRATION_VERIFICATION_GAS_MAX, callGasMax: 2_000_000n, callGasPerByte: 0n };
}

export const METHODS: readonly Method[] = [
  registration("dstack_register", "(bytes32,bytes32,bytes,bytes,bytes,bytes,bytes,string)", false),
  registration("operator_register", "(address,address,uint64,bytes)", true),
  member("publishWgKey", "bytes32", 300_000n),
  member("publishEd25519Key", "bytes32", 300_000n),
  // log data costs 8 gas a byte; the copies through account and diamond about
  // as much again, growing with the square of the memory past some kilobytes
  member("send", "bytes32,bytes32,bytes", 250_000n, 60n),
  member("setCskCommitment", "bytes32", 400_000n),
  member("commitCsk", "uint32,bytes32", 400_000n),
  member("leave", "", 500_000n),
];

const BY_SELECTOR: ReadonlyMap<string, Method> = new Map(METHODS.map((method) => [toFunctionSelector(method.signature), method]));

export function methodOf(inner: Hex, sponsorOperator: boolean): Method | undefined {
  const method = size(inner) >= 4 ? BY_SELECTOR.get(inner.slice(0, 10).toLowerCase()) : undefined;
  return method?.operator && !sponsorOperator ? undefined : method;
}

export function callGasMaxOf(method: Method, inner: Hex): bigint {
  return method.callGasMax + method.callGasPerByte * BigInt(size(inner));
}
