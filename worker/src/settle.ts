// SPDX-License-Identifier: Apache-2.0
// What became of a reservation, read from the chain: released, spent (and how
// much), or not yet to be said. An error anywhere keeps it.
import { decodeEventLog, numberToHex, padHex, parseAbi, toEventSelector } from "viem";
import { ENTRY_POINT } from "./constants.ts";
import { isJsonObject, readBytes } from "./decode.ts";
import { nonceKeyOf, type Provenance } from "./provenance.ts";
import type { Reservation } from "./ledger.ts";
import { RpcDown, type Rpc } from "./rpc.ts";
import type { Address, Hex } from "./types.ts";

export type Fate = { readonly kind: "keep" } | { readonly kind: "spent"; readonly wei: bigint };

const EVENT_ABI = parseAbi([
  "event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed)",
]);
const EVENT_TOPIC = toEventSelector(EVENT_ABI[0]);
const RELEASED: Fate = { kind: "spent", wei: 0n };

// The cost to this paymaster of the operation with that nonce; nothing if no
// log tells.
async function costOf(rpc: Rpc, reservation: Reservation, paymaster: Address, toBlock: bigint): Promise<bigint | undefined> {
  const logs = await rpc.request("eth_getLogs", [{
    address: ENTRY_POINT, fromBlock: numberToHex(reservation.block), toBlock: numberToHex(toBlock),
    topics: [EVENT_TOPIC, null, padHex(reservation.sender, { size: 32 })],
  }]);
  if (!Array.isArray(logs)) return undefined;
  for (const log of logs) {
    const data = isJsonObject(log) ? readBytes(log["data"]) : undefined;
    const topics = isJsonObject(log) && Array.isArray(log["topics"]) ? (log["topics"] as Hex[]) : [];
    if (data === undefined || topics[0] !== EVENT_TOPIC) continue;
    const { args } = decodeEventLog({ abi: EVENT_ABI, data, topics: topics as [Hex, ...Hex[]] });
    if (args.nonce !== reservation.nonce || args.sender.toLowerCase() !== reservation.sender) continue;
    return args.paymaster.toLowerCase() === paymaster ? args.actualGasCost : 0n;
  }
  return undefined;
}

export async function fateOf(rpc: Rpc, provenance: Provenance, reservation: Reservation, paymaster: Address): Promise<Fate> {
  try {
    const block = await rpc.latestBlock();
    const current = await provenance.nonce(reservation.sender, nonceKeyOf(reservation.nonce), block.number);
    if (current <= reservation.nonce) {
      // Released by the chain's clock, not ours: a late block could still
      // carry the operation.
      return block.timestampSecs > BigInt(reservation.validUntilSecs) ? RELEASED : { kind: "keep" };
    }
    // Advanced: spent at what the event says, else at all that was held.
    const cost = await costOf(rpc, reservation, paymaster, block.number).catch(() => undefined);
    return { kind: "spent", wei: cost ?? reservation.costWei };
  } catch (error) {
    if (error instanceof RpcDown) return { kind: "keep" };
    throw error;
  }
}
