// SPDX-License-Identifier: Apache-2.0
// The chain, as far as the worker asks it: JSON-RPC over fetch, bounded in time
// and size. A revert is an answer; everything else that goes wrong is RpcDown.
import { decodeFunctionResult, encodeFunctionData, type Abi } from "viem";
import { RPC_ANSWER_MAX_BYTES, RPC_TIMEOUT_MS } from "./constants.ts";
import { isJsonObject, readBytes, readQuantity } from "./decode.ts";
import type { Address, Hex } from "./types.ts";

export class RpcDown extends Error {}

export interface Block {
  readonly number: bigint;
  readonly timestampSecs: bigint;
  readonly baseFeePerGas: bigint;
}

export type CallResult = { readonly ok: true; readonly data: Hex } | { readonly ok: false; readonly revertData: Hex };

export interface Rpc {
  request(method: string, params: readonly unknown[]): Promise<unknown>;
  call(to: Address, data: Hex, options?: { from?: Address; gas?: bigint; block?: bigint }): Promise<CallResult>;
  latestBlock(): Promise<Block>;
}

const REVERT_CODES = [3, -32000, -32603, -32015];

class RpcError extends Error {
  constructor(readonly code: number, message: string, readonly data: unknown) { super(message); }
}

async function boundedText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
    if (done) return text + decoder.decode();
    size += value?.byteLength ?? 0;
    if (size > RPC_ANSWER_MAX_BYTES) {
      await reader.cancel();
      throw new RpcDown(`the answer exceeds ${RPC_ANSWER_MAX_BYTES} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

async function post(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  let body: unknown;
  try {
    const response = await fetch(url, {
      method: "POST", headers: { "content-type": "application/json" }, redirect: "manual",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), signal: AbortSignal.timeout(RPC_TIMEOUT_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new RpcDown(`${method}: HTTP ${response.status}`);
    }
    body = JSON.parse(await boundedText(response));
  } catch (error) {
    throw error instanceof RpcDown ? error : new RpcDown(`${method}: ${(error as Error).message}`);
  }
  if (!isJsonObject(body)) throw new RpcDown(`${method}: the answer is not an object`);
  if (isJsonObject(body["error"])) {
    const { code, message, data } = body["error"];
    throw new RpcError(Number(code), String(message), data);
  }
  return body["result"];
}

// Where endpoints put the revert data: in `data`, or one level below it.
function revertDataOf(error: RpcError): Hex | undefined {
  const nested = isJsonObject(error.data) ? error.data["data"] : error.data;
  const data = readBytes(nested);
  if (data !== undefined) return data;
  return REVERT_CODES.includes(error.code) && /revert/i.test(error.message) ? "0x" : undefined;
}

export function makeRpc(url: string): Rpc {
  const request = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    try {
      return await post(url, method, params);
    } catch (error) {
      throw error instanceof RpcError ? new RpcDown(`${method}: ${error.message}`) : error;
    }
  };
  return {
    request,
    async call(to, data, { from, gas, block } = {}) {
      const transaction = { to, data, ...(from && { from }), ...(gas !== undefined && { gas: `0x${gas.toString(16)}` }) };
      const at = block === undefined ? "latest" : `0x${block.toString(16)}`;
      try {
        const result = readBytes(await post(url, "eth_call", [transaction, at]));
        if (result === undefined) throw new RpcDown("eth_call: the answer is not hex");
        return { ok: true, data: result };
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        const revertData = revertDataOf(error);
        if (revertData === undefined) throw new RpcDown(`eth_call: ${error.message}`);
        return { ok: false, revertData };
      }
    },
    async latestBlock() {
      const block = await request("eth_getBlockByNumber", ["latest", false]);
      if (!isJsonObject(block)) throw new RpcDown("eth_getBlockByNumber: no block");
      const [number, timestampSecs, baseFeePerGas] = ["number", "timestamp", "baseFeePerGas"].map((name) => readQuantity(block[name], 256));
      if (number === undefined || timestampSecs === undefined || baseFeePerGas === undefined) throw new RpcDown("eth_getBlockByNumber: a field is missing");
      return { number, timestampSecs, baseFeePerGas };
    },
  };
}

// One view call, decoded; nothing if it reverted or there is no such contract.
export async function view(rpc: Rpc, abi: Abi, to: Address, functionName: string, args: readonly unknown[] = [], block?: bigint): Promise<unknown> {
  const data = encodeFunctionData({ abi, functionName, args });
  const result = await rpc.call(to, data, block === undefined ? {} : { block });
  if (!result.ok || result.data === "0x") return undefined;
  try {
    return decodeFunctionResult({ abi, functionName, data: result.data });
  } catch {
    return undefined;
  }
}
