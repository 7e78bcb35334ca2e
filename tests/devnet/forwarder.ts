// SPDX-License-Identifier: Apache-2.0
// An HTTP forwarder in front of one service, so that the service can fail on
// demand without losing its state: refuse connections, hang, answer 502, or
// answer with fields that nobody asked for. Counts requests by method.
import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { LOOPBACK } from "./net.ts";

export const FORWARDER_MODES = ["ok", "refuse", "hang", "502"] as const;
export type ForwarderMode = (typeof FORWARDER_MODES)[number];

const BODY_MAX_BYTES = 8 * 1024 * 1024;
const METHODS_MAX = 256;
const RECENT_MAX = 200;

interface Seen { at: string; method: string; mode: ForwarderMode; status: number }

export interface Forwarder {
  readonly name: string;
  readonly url: string;
  setMode(mode: ForwarderMode): Promise<void>;
  setMerge(merge: Record<string, unknown> | undefined): void;
  status(): unknown;
  close(): Promise<void>;
}

function bodyOf(message: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    message.on("data", (part: Buffer) => {
      size += part.length;
      if (size > BODY_MAX_BYTES) message.destroy(new Error("body too large"));
      else parts.push(part);
    });
    message.on("end", () => resolve(Buffer.concat(parts)));
    message.on("error", reject);
  });
}

function methodsIn(request: IncomingMessage, body: Buffer): string[] {
  try {
    const parsed = JSON.parse(body.toString("utf8")) as { method?: unknown } | { method?: unknown }[];
    return (Array.isArray(parsed) ? parsed : [parsed]).map((call) => String(call.method).slice(0, 64));
  } catch {
    return [`${request.method} ${request.url?.slice(0, 64)}`];
  }
}

function merged(body: Buffer, merge: Record<string, unknown>): Buffer {
  const parsed = JSON.parse(body.toString("utf8")) as { result?: unknown };
  if (typeof parsed.result !== "object" || parsed.result === null) return body;
  return Buffer.from(JSON.stringify({ ...parsed, result: { ...parsed.result, ...merge } }));
}

export async function startForwarder(name: string, port: number, target: string): Promise<Forwarder> {
  const upstream = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  const recent: Seen[] = [];
  let mode: ForwarderMode = "ok";
  let merge: Record<string, unknown> | undefined;
  let requests = 0;
  let server: Server | undefined;

  function note(methods: readonly string[], status: number): void {
    for (const method of methods) if (counts.size < METHODS_MAX || counts.has(method)) counts.set(method, (counts.get(method) ?? 0) + 1);
    recent.push({ at: new Date().toISOString(), method: methods.join(","), mode, status });
    if (recent.length > RECENT_MAX) recent.shift();
  }

  function forward(request: IncomingMessage, body: Buffer): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const path = request.url === "/" || request.url === undefined ? upstream.pathname + upstream.search : request.url;
      const headers = { ...request.headers, host: upstream.host, "content-length": String(body.length) };
      delete headers["transfer-encoding"];
      delete headers.connection;
      delete headers["accept-encoding"]; // answers are read and changed here
      const sent = httpRequest({ host: upstream.hostname, port: upstream.port, path, method: request.method, headers, agent }, (reply) => {
        bodyOf(reply).then((data) => resolve({ status: reply.statusCode ?? 502, headers: reply.headers, body: data }), reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests++;
    const body = await bodyOf(request);
    const methods = methodsIn(request, body);
    if (mode === "hang") return note(methods, 0);
    if (mode === "502") {
      note(methods, 502);
      response.writeHead(502, { "Content-Type": "text/html" }).end("<html><body>502 Bad Gateway</body></html>");
      return;
    }
    const reply = await forward(request, body);
    const data = merge === undefined ? reply.body : merged(reply.body, merge);
    note(methods, reply.status);
    const contentType = reply.headers["content-type"];
    response.writeHead(reply.status, { ...(contentType !== undefined && { "Content-Type": contentType }), "Content-Length": data.length });
    response.end(data);
  }

  function open(): Promise<void> {
    return new Promise((resolve, reject) => {
      server = createServer((request, response) => {
        handle(request, response).catch((error: Error) => {
          note([`failed: ${error.message.slice(0, 60)}`], 502);
          if (!response.headersSent) response.writeHead(502);
          response.end();
        });
      });
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
      });
      server.once("error", reject);
      server.listen(port, LOOPBACK, () => resolve());
    });
  }

  async function shut(): Promise<void> {
    const old = server;
    server = undefined;
    if (old === undefined) return;
    await new Promise<void>((resolve) => {
      old.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  }

  await open();
  return {
    name,
    url: `http://${LOOPBACK}:${port}`,
    async setMode(wanted) {
      mode = wanted;
      if (mode === "refuse") return shut();
      if (server === undefined) return open();
      // Answers that were held back while hanging are lost, as in an outage.
      if (mode === "ok") for (const socket of sockets) socket.destroy();
    },
    setMerge(wanted) { merge = wanted; },
    status: () => ({ mode, requests, counts: Object.fromEntries(counts), merge: merge ?? null, recent }),
    async close() {
      await shut();
      agent.destroy();
    },
  };
}
