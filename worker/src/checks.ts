// SPDX-License-Identifier: Apache-2.0
// The checks that need nothing but the request and the settings, each by
// itself. Pure; their order is policy.ts's.
import { size } from "viem";
import {
  ENTRY_POINT, PAYMASTER_POST_OP_GAS_MAX, PAYMASTER_VERIFICATION_GAS_MAX, PRE_VERIFICATION_BASE_GAS, PRE_VERIFICATION_GAS_PER_BYTE,
} from "./constants.ts";
import type { Settings } from "./env.ts";
import { deny, type Denial } from "./result.ts";
import { callGasMaxOf, type Method } from "./selectors.ts";
import type { Ask, Fees, GasFields, Hex, Operation, PartialOperation } from "./types.ts";

export function checkPlace(settings: Settings, ask: Ask<PartialOperation>): Denial | undefined {
  if (ask.chainId !== settings.chainId) return deny("wrong-chain", `chain ${ask.chainId}, not ${settings.chainId}`);
  if (ask.entryPoint !== ENTRY_POINT) return deny("wrong-entry-point", "only the EntryPoint of version 0.7 is served");
  return undefined;
}

export function preVerificationGasMax(callData: Hex): bigint {
  return PRE_VERIFICATION_BASE_GAS + PRE_VERIFICATION_GAS_PER_BYTE * BigInt(size(callData));
}

// The five bounds of one operation; `l1Gas` is what the layer below adds.
export function gasBounds(method: Method, callData: Hex, inner: Hex, l1Gas: bigint): GasFields {
  return {
    verificationGasLimit: method.verificationGasMax,
    callGasLimit: callGasMaxOf(method, inner),
    preVerificationGas: preVerificationGasMax(callData) + l1Gas,
    paymasterVerificationGasLimit: PAYMASTER_VERIFICATION_GAS_MAX,
    paymasterPostOpGasLimit: PAYMASTER_POST_OP_GAS_MAX,
  };
}

export function checkGas(gas: Partial<GasFields>, bounds: GasFields): Denial | undefined {
  for (const [name, max] of Object.entries(bounds) as [keyof GasFields, bigint][]) {
    const value = gas[name];
    if (value !== undefined && value > max) return deny("gas-above-bound", `${name} is ${value}, above ${max}`);
  }
  return undefined;
}

export function checkTip(settings: Settings, fees: Partial<Fees>): Denial | undefined {
  const { maxPriorityFeePerGas: tip } = fees;
  if (tip !== undefined && tip > settings.tipCapWei) return deny("tip-above-cap", `maxPriorityFeePerGas is ${tip}, above ${settings.tipCapWei}`);
  return undefined;
}

const REQUIRED_GAS: readonly (keyof GasFields)[] = ["verificationGasLimit", "callGasLimit", "preVerificationGas"];

// The final call wants every number; the paymaster's two default to what will
// be signed.
export function complete(operation: PartialOperation, paymasterGas: Pick<GasFields, "paymasterVerificationGasLimit" | "paymasterPostOpGasLimit">): Operation | Denial {
  for (const name of REQUIRED_GAS) if (operation.gas[name] === undefined) return deny("malformed-operation", `${name} is missing`);
  const { maxFeePerGas, maxPriorityFeePerGas } = operation.fees;
  if (maxFeePerGas === undefined || maxPriorityFeePerGas === undefined) return deny("malformed-operation", "a fee is missing");
  const gas = { ...paymasterGas, ...operation.gas } as GasFields;
  return { ...operation, gas, fees: { maxFeePerGas, maxPriorityFeePerGas } };
}

export function maxCostWei(operation: Operation): bigint {
  const { gas } = operation;
  const units = gas.verificationGasLimit + gas.callGasLimit + gas.preVerificationGas + gas.paymasterVerificationGasLimit + gas.paymasterPostOpGasLimit;
  return units * operation.fees.maxFeePerGas;
}
