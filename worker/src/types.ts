// SPDX-License-Identifier: Apache-2.0
// The words that the worker's files share. No behaviour.
export type Hex = `0x${string}`;
export type Address = Hex; // always lower case inside the worker

export interface GasFields {
  readonly verificationGasLimit: bigint;
  readonly callGasLimit: bigint;
  readonly preVerificationGas: bigint;
  readonly paymasterVerificationGasLimit: bigint;
  readonly paymasterPostOpGasLimit: bigint;
}

export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface Operation {
  readonly sender: Address;
  readonly nonce: bigint;
  readonly callData: Hex;
  readonly gas: GasFields;
  readonly fees: Fees;
}

// What a stub request may leave out.
export interface PartialOperation {
  readonly sender: Address;
  readonly nonce: bigint;
  readonly callData: Hex;
  readonly gas: Partial<GasFields>;
  readonly fees: Partial<Fees>;
}

export interface Ask<Op extends PartialOperation = Operation> {
  readonly chainId: bigint;
  readonly entryPoint: Address;
  readonly operation: Op;
}
