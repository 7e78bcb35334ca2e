// SPDX-License-Identifier: Apache-2.0
// A chain for tests: answers the worker's JSON-RPC from a few sets and maps,
// and counts what it is asked. Installed as the isolate's fetch.
import { encodeAbiParameters, encodeEventTopics, encodeFunctionResult, decodeFunctionData, parseAbi, parseAbiParameters, type Hex } from "viem";
import { vi } from "vitest";
import type { Address } from "../src/types.ts";

const ABI = parseAbi([
  "function isDeployedCluster(address) view returns (bool)", "function clusterOwner() view returns (address)", "function isOurMember(address) view returns (bool)",
  "function allowedAppIds(address) view returns (bool)", "function isClusterMember(address) view returns (bool)", "function owner() view returns (address)",
  "function getNonce(address, uint192) view returns (uint256)", "function getL1FeeUpperBound(uint256) view returns (uint256)",
]);
const EVENT_ABI = parseAbi([
  "event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed)",
]);

export type Weather = "fine" | "refusing" | "502" | "garbage" | "error" | "huge" | "no-logs";

export class FakeChain {
  weather: Weather = "fine";
  requests = 0;
  block = { number: 100n, timestampSecs: BigInt(Math.floor(Date.now() / 1000)), baseFeePerGas: 10n ** 9n };
  clusters = new Map<Address, { owner: Address; members: Set<Address>; apps: Set<Address> }>();
  factoryMembers = new Set<Address>();
  owners = new Map<Address, Address>();
  nonces = new Map<string, bigint>();
  registrationRevert: Hex | undefined;
  l1FeeWei = 0n;
  events: { sender: Address; paymaster: Address; nonce: bigint; cost: bigint }[] = [];
  // Only the newer factory knows the clusters unless a test says otherwise.
  clusterFactory: Address = `0x${"e".repeat(40)}`;

  install(): void {
    vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => this.answer(JSON.parse(String(init.body)) as { method: string; params: unknown[] }));
  }

  private answer(call: { method: string; params: unknown[] }): Response {
    this.requests++;
    switch (this.weather) {
      case "refusing": throw new TypeError("connection refused");
      case "502": return new Response("bad gateway", { status: 502 });
      case "garbage": return new Response("<html>", { status: 200 });
      case "error": return Response.json({ jsonrpc: "2.0", id: 1, error: { code: -32005, message: "limit exceeded" } });
      case "huge": return new Response(" ".repeat(1024 * 1024 + 1));
      case "no-logs": if (call.method === "eth_getLogs") return new Response("", { status: 500 }); break;
      case "fine": break;
    }
    const outcome = this.dispatch(call.method, call.params);
    return Response.json("error" in outcome ? { jsonrpc: "2.0", id: 1, error: outcome.error } : { jsonrpc: "2.0", id: 1, result: outcome.result });
  }

  private dispatch(method: string, params: unknown[]): { result: unknown } | { error: unknown } {
    const hex = (n: bigint): Hex => `0x${n.toString(16)}`;
    switch (method) {
      case "eth_getBlockByNumber":
        return { result: { number: hex(this.block.number), timestamp: hex(this.block.timestampSecs), baseFeePerGas: hex(this.block.baseFeePerGas) } };
      case "eth_getLogs": return { result: this.logs() };
      case "eth_call": return this.call(params[0] as { to: Address; data: Hex });
      default: throw new Error(`the worker asked ${method}`);
    }
  }

  private logs(): unknown[] {
    return this.events.map(({ sender, paymaster, nonce, cost }) => ({
      topics: encodeEventTopics({ abi: EVENT_ABI, args: { userOpHash: `0x${"77".repeat(32)}`, sender, paymaster } }),
      data: encodeAbiParameters(parseAbiParameters("uint256, bool, uint256, uint256"), [nonce, true, cost, 1n]),
    }));
  }

  private call({ to, data }: { to: Address; data: Hex }): { result: Hex } | { error: unknown } {
    let decoded: { functionName: string; args?: readonly unknown[] };
    try {
      decoded = decodeFunctionData({ abi: ABI, data }) as typeof decoded;
    } catch {
      if (this.registrationRevert !== undefined) return { error: { code: 3, message: "execution reverted", data: this.registrationRevert } };
      return { result: `0x${"00".repeat(32)}` };
    }
    const { functionName, args = [] } = decoded;
    const who = String(args[0]).toLowerCase() as Address;
    const cluster = this.clusters.get(to);
    const result = ((): unknown => {
      switch (functionName) {
        case "isDeployedCluster": return to === this.clusterFactory && this.clusters.has(who);
        case "isOurMember": return to === `0x${"d".repeat(40)}` && this.factoryMembers.has(who);
        case "clusterOwner": return cluster?.owner;
        case "allowedAppIds": return cluster?.apps.has(who);
        case "isClusterMember": return cluster?.members.has(who);
        case "owner": return this.owners.get(to) ?? `0x${"0".repeat(40)}`;
        case "getNonce": return this.nonces.get(`${who}:${args[1] as bigint}`) ?? (args[1] as bigint) << 64n;
        case "getL1FeeUpperBound": return this.l1FeeWei;
        default: return undefined;
      }
    })();
    return { result: result === undefined ? "0x" : encodeFunctionResult({ abi: ABI, functionName, result } as Parameters<typeof encodeFunctionResult>[0]) };
  }
}
