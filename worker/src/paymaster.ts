// SPDX-License-Identifier: Apache-2.0
// Signing for the verifying paymaster: its hash and its data, nothing else.
//   paymasterData = abi.encode(uint48 validUntil, uint48 validAfter) || signature
import { concatHex, encodeAbiParameters, keccak256, numberToHex, parseAbiParameters } from "viem";
import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { packFees, packGasLimits } from "./auth.ts";
import { PAYMASTER_POST_OP_GAS, PAYMASTER_VERIFICATION_GAS } from "./constants.ts";
import type { Settings } from "./env.ts";
import type { Address, Hex, Operation } from "./types.ts";

// Always 0: the chain's clock may lag behind ours.
const VALID_AFTER = 0;
const NO_INIT_CODE: Hex = "0x";
// Recovers, to nobody's address; of the real one's length and without zeros.
const STUB_SIGNATURE: Hex =
  "0xfffffffffffffffffffffffffffffff0000000000000000000000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1c";
const STUB_VALID_UNTIL = 0xffff_ffff_ffff;

export interface PaymasterFields {
  readonly paymaster: Address;
  readonly paymasterData: Hex;
  readonly paymasterVerificationGasLimit: Hex;
  readonly paymasterPostOpGasLimit: Hex;
}

const TIMES = parseAbiParameters("uint48, uint48");
const HASHED = parseAbiParameters("address, uint256, bytes32, bytes32, bytes32, uint256, uint256, bytes32, uint256, address, uint48, uint48");

export function paymasterHash(chainId: bigint, paymaster: Address, op: Operation, validUntilSecs: number): Hex {
  const limits = (PAYMASTER_VERIFICATION_GAS << 128n) | PAYMASTER_POST_OP_GAS;
  return keccak256(encodeAbiParameters(HASHED, [
    op.sender, op.nonce, keccak256(NO_INIT_CODE), keccak256(op.callData), packGasLimits(op.gas), limits,
    op.gas.preVerificationGas, packFees(op.fees), chainId, paymaster, validUntilSecs, VALID_AFTER,
  ]));
}

function fields(paymaster: Address, validUntilSecs: number, signature: Hex): PaymasterFields {
  return {
    paymaster,
    paymasterData: concatHex([encodeAbiParameters(TIMES, [validUntilSecs, VALID_AFTER]), signature]),
    paymasterVerificationGasLimit: numberToHex(PAYMASTER_VERIFICATION_GAS),
    paymasterPostOpGasLimit: numberToHex(PAYMASTER_POST_OP_GAS),
  };
}

export function stubFields(paymaster: Address): PaymasterFields {
  return fields(paymaster, STUB_VALID_UNTIL, STUB_SIGNATURE);
}

const accounts = new Map<Hex, PrivateKeyAccount>();

function accountOf(key: Hex): PrivateKeyAccount {
  const found = accounts.get(key) ?? privateKeyToAccount(key);
  accounts.set(key, found);
  return found;
}

export async function signedFields(settings: NonNullable<Settings["paymaster"]>, chainId: bigint, op: Operation, validUntilSecs: number): Promise<PaymasterFields> {
  const hash = paymasterHash(chainId, settings.address, op, validUntilSecs);
  return fields(settings.address, validUntilSecs, await accountOf(settings.signerKey).signMessage({ message: { raw: hash } }));
}
