// SPDX-License-Identifier: Apache-2.0
// Loopback ports, JSON-RPC and waiting: the small things that every part of the
// devnet does.
import { createServer } from "node:net";

export const LOOPBACK = "127.0.0.1";

// Held open together, so that no port is given twice.
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, LOOPBACK, () => resolve(server));
  })));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export class JsonRpcError extends Error {
  constructor(readonly code: number, message: string, readonly data: unknown) { super(message); }
}

export async function rpc(url: string, method: string, params: readonly unknown[] = [], timeoutMs = 20_000): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST", headers: { "content-type": "application/json", connection: "close" }, signal: AbortSignal.timeout(timeoutMs),
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const text = await response.text();
  let body: { result?: unknown; error?: { code: number; message: string; data?: unknown } };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    throw new Error(`${method}: HTTP ${response.status}: ${text.slice(0, 200)}`);
  }
  if (body.error) throw new JsonRpcError(body.error.code, body.error.message, body.error.data);
  return body.result;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function waitFor<T>(what: string, limitMs: number, ask: () => Promise<T | undefined>, everyMs = 100): Promise<T> {
  const endMs = Date.now() + limitMs;
  let last: unknown;
  while (Date.now() < endMs) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await pause(everyMs);
  }
  throw new Error(`${what}: not within ${limitMs} ms${last instanceof Error ? ` (${last.message})` : ""}`);
}
