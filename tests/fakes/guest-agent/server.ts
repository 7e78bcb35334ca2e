// SPDX-License-Identifier: Apache-2.0
// One node's unix socket: HTTP/1.1 as the real agent speaks it (keep-alive for
// 10 s, `Connection: close` ignored, errors as {"error"}), and the hostile ways
// of answering. What is answered is api.ts's business.
import { chmodSync, existsSync, linkSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { answer, type Answer, type Fields, type Node } from "./api.ts";
import { readControl, type Control, type Mode } from "./modes.ts";

const KEEP_ALIVE_MS = 10_000;
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;
const CONTROL_POLL_MS = 250; // how soon a socket mode takes effect
const RESTART_GAP_MS = 300; // how long a restarting agent is away
const OVERSIZED_BYTES = 64 * 1024 * 1024;
const SLOW_PIECES = 8;
const CHUNK_BYTES = 7;

export interface Served {
  readonly path: string;
  requests: number;
  connections: number;
  close(): Promise<void>;
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    request.on("data", (part: Buffer) => {
      size += part.length;
      if (size <= BODY_LIMIT_BYTES) parts.push(part);
    });
    request.on("end", () => (size > BODY_LIMIT_BYTES ? reject(new Error("data limit exceeded")) : resolve(Buffer.concat(parts))));
    request.on("error", reject);
  });
}

function fieldsOf(request: IncomingMessage, url: URL, body: Buffer): Fields {
  if (request.method === "GET") return Object.fromEntries(url.searchParams);
  const json = url.searchParams.has("json") || /^application\/json\b/i.test(request.headers["content-type"] ?? "");
  if (!json) throw new Error("failed to decode the protobuf request: this fake reads JSON only; send Content-Type: application/json");
  const parsed: unknown = JSON.parse(body.toString("utf8") || "{}");
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("invalid type: expected a map");
  return parsed as Fields;
}

async function answerTo(node: Node, request: IncomingMessage, mode: Mode): Promise<Answer | "unmounted"> {
  const url = new URL(request.url ?? "/", "http://agent");
  const method = /^\/([A-Za-z0-9]+)$/.exec(url.pathname)?.[1];
  let body: Buffer;
  try {
    body = await readBody(request);
  } catch (error) {
    return { status: 400, body: { error: (error as Error).message } };
  }
  if (method === undefined) return "unmounted";
  if (mode === "error-400") return { status: 400, body: { error: `${method}: refused on demand` } };
  if (mode === "not-found") return { status: 404, body: { error: `Service not found: ${method}` } };
  try {
    return answer(node, method, fieldsOf(request, url, body), mode);
  } catch (error) {
    return { status: 400, body: { error: (error as Error).message } };
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => {
      response.off("drain", next).off("close", next);
      resolve();
    };
    response.on("drain", next).on("close", next);
  });
}

async function dribble(response: ServerResponse, body: Buffer, delayMs: number): Promise<void> {
  const step = Math.ceil(body.length / SLOW_PIECES);
  for (let at = 0; at < body.length && !response.destroyed; at += step) {
    await pause(delayMs);
    response.write(body.subarray(at, at + step));
  }
  response.end();
}

function sendRaw(socket: Socket, status: number, headers: string, body: Buffer): void {
  socket.write(`HTTP/1.1 ${status} ${status === 200 ? "OK" : "Bad Request"}\r\nContent-Type: application/json\r\n${headers}\r\n`);
  socket.write(body);
}

async function send(response: ServerResponse, given: Answer, control: Control): Promise<void> {
  const body = Buffer.from(control.mode === "bad-json" ? '{"key": "12' : JSON.stringify(given.body));
  const socket = response.socket;
  if (socket === null) return;
  switch (control.mode) {
    case "hang": return;
    case "no-eof": return sendRaw(socket, given.status, "", body);
    case "truncated":
      sendRaw(socket, given.status, `Content-Length: ${body.length + 100}\r\n`, body);
      socket.end();
      return;
    case "oversized": {
      response.writeHead(given.status, { "Content-Type": "application/json" });
      const filler = Buffer.alloc(64 * 1024, 0x20);
      for (let sent = 0; sent < OVERSIZED_BYTES && !response.destroyed; sent += filler.length)
        if (!response.write(filler)) await drained(response);
      response.end(body);
      return;
    }
    case "chunked":
      response.writeHead(given.status, { "Content-Type": "application/json" });
      for (let at = 0; at < body.length; at += CHUNK_BYTES) response.write(body.subarray(at, at + CHUNK_BYTES));
      response.end();
      return;
    case "slow":
      await pause(control.delayMs);
      response.writeHead(given.status, { "Content-Type": "application/json", "Content-Length": body.length });
      return dribble(response, body, control.delayMs);
    default:
      response.writeHead(given.status, { "Content-Type": "application/json", "Content-Length": body.length });
      response.end(body);
  }
}

async function handle(node: Node, modePath: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The real agent keeps the connection although it was asked to close it.
  response.shouldKeepAlive = true;
  let control: Control;
  try {
    control = readControl(modePath);
  } catch (error) {
    response.writeHead(500, { "Content-Type": "text/plain" }).end(`control file: ${(error as Error).message}\n`);
    return;
  }
  const given = await answerTo(node, request, control.mode);
  if (given === "unmounted") {
    response.writeHead(404, { "Content-Type": "text/html; charset=utf-8" }).end("<!DOCTYPE html><html><body><h1>404: Not Found</h1></body></html>");
    return;
  }
  await send(response, given, control);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      chmodSync(path, 0o777);
      resolve();
    });
  });
}

// An inode that nobody listens on: bound under another name and linked to the
// path, so that closing the holder unlinks the other name alone.
async function leaveStale(path: string): Promise<void> {
  const aside = path + ".stale";
  if (existsSync(aside)) unlinkSync(aside);
  const holder = createServer();
  await listen(holder, aside);
  linkSync(aside, path);
  await new Promise<void>((resolve) => holder.close(() => resolve()));
}

export async function serve(node: Node, path: string): Promise<Served> {
  const modePath = path + ".mode";
  let server: Server | undefined;
  let applied: Mode = "ok";
  const served = { path, requests: 0, connections: 0, close };

  function make(): Server {
    const made = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      served.requests++;
      handle(node, modePath, request, response).catch((error: Error) => {
        console.error(`guest-agent: ${path}: ${error.message}`);
        response.destroy();
      });
    });
    made.on("connection", () => served.connections++);
    return made;
  }

  // Node unlinks a unix socket when its server closes, hence leaveStale().
  async function down(leaveInode: boolean): Promise<void> {
    const old = server;
    server = undefined;
    if (old === undefined) return;
    await new Promise<void>((resolve) => {
      old.close(() => resolve());
      old.closeAllConnections();
    });
    if (leaveInode) await leaveStale(path);
  }

  async function up(): Promise<void> {
    if (server !== undefined) return;
    if (existsSync(path)) unlinkSync(path);
    server = make();
    await listen(server, path);
  }

  async function apply(): Promise<void> {
    let mode: Mode;
    try {
      mode = readControl(modePath).mode;
    } catch {
      return; // requests answer 500 with the cause
    }
    if (mode === applied) return;
    const before = applied;
    applied = mode;
    if (mode === "stale-socket" || mode === "absent-socket") {
      await down(mode === "stale-socket");
    } else if (mode === "restart") {
      await down(false);
      await pause(RESTART_GAP_MS);
      await up();
    } else if (before === "stale-socket" || before === "absent-socket") {
      await up();
    }
  }

  let pending = Promise.resolve();
  const report = (error: Error): void => console.error(`guest-agent: ${path}: ${error.message}`);
  const timer = setInterval(() => { pending = pending.then(apply).catch(report); }, CONTROL_POLL_MS);

  async function close(): Promise<void> {
    clearInterval(timer);
    await pending;
    await down(false);
    if (existsSync(path)) unlinkSync(path);
  }

  await up();
  await apply();
  return served;
}
