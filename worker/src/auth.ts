// SPDX-License-Identifier: Apache-2.0
// Who asks. ERC-7677 carries no account signature, so the asker signs what it
// wants sponsored with the key that will sign the operation. Only recovers;
// whether that key is the right one is the policy's question.
import { concatHex, encodeAbiParameters, keccak256, numberToHex, parseAbiParameters, recoverMessageAddress } from "viem";
import type { Address, Fees, GasFields, Hex, Operation } from "./types.ts";

const DOMAIN = "attestmesh.sponsor.v1";
const PARAMETERS = parseAbiParameters("string, uint256, address, uint256, bytes32, bytes32, uint256, bytes32");
export const SIGNATURE_BYTES = 65;

const u128 = (value: bigint): Hex => numberToHex(value, { size: 16 });

export function packGasLimits(gas: Pick<GasFields, "verificationGasLimit" | "callGasLimit">): Hex {
  return concatHex([u128(gas.verificationGasLimit), u128(gas.callGasLimit)]);
}

export function packFees(fees: Fees): Hex {
  return concatHex([u128(fees.maxPriorityFeePerGas), u128(fees.maxFeePerGas)]);
}

export function sponsorHash(chainId: bigint, op: Operation): Hex {
  return keccak256(encodeAbiParameters(PARAMETERS, [
    DOMAIN, chainId, op.sender, op.nonce, keccak256(op.callData), packGasLimits(op.gas), op.gas.preVerificationGas, packFees(op.fees),
  ]));
}

// The EIP-191 signer over 32 bytes, or nothing: v 27/28 or 0/1, low s.
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

export async function recoverSigner(hash: Hex, signature: Hex): Promise<Address | undefined> {
  if (signature.length !== 2 + 2 * SIGNATURE_BYTES) return undefined;
  if (BigInt("0x" + signature.slice(66, 130)) > HALF_ORDER) return undefined;
  try {
    return (await recoverMessageAddress({ message: { raw: hash }, signature })).toLowerCase() as Address;
  } catch {
    return undefined;
  }
}
