// SPDX-License-Identifier: Apache-2.0
// What runs on the host on behalf of the guest, because it is somebody outside
// and needs a machine of its own: the stranger. Asked over loopback HTTP:
// POST /stranger starts one, GET /stranger tells how it went.
import { createServer, type Server } from "node:http";
import { createServer as createTcp, type AddressInfo } from "node:net";
import type { ChildProcess } from "node:child_process";

const LOOPBACK = "127.0.0.1";
const BODY_MAX_BYTES = 4096;
// A forwarded port of the emulator has a listening queue of one: each of the
// stranger's workers gets a port of its own.
const GATEWAY_PORTS = 16;

export interface Outside {
  readonly url: string;
  readonly gatewayPorts: readonly number[]; // each to be forwarded to the guest's gateway
  close(): void;
}

type Tied = (command: string, args: readonly string[], log: (line: string) => void) => ChildProcess;

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, LOOPBACK, () => resolve((server.address() as AddressInfo).port)));
}

// Held together until all are known, so that no two are the same.
async function freePorts(count: number): Promise<number[]> {
  const held = Array.from({ length: count }, () => createTcp());
  const ports = await Promise.all(held.map((s) => new Promise<number>((resolve) => {
    s.listen(0, LOOPBACK, () => resolve((s.address() as AddressInfo).port));
  })));
  await Promise.all(held.map((s) => new Promise((resolve) => s.close(resolve))));
  return ports;
}

export async function openOutside(program: string, tied: Tied): Promise<Outside> {
  const gatewayPorts = await freePorts(GATEWAY_PORTS);
  let stranger: ChildProcess | undefined;
  let lines: string[] = [];
  const begin = (flood: Record<string, unknown>): void => {
    lines = [];
    stranger = tied(process.execPath, [program, JSON.stringify({ ...flood, host: LOOPBACK, ports: gatewayPorts })], (l) => lines.push(l));
  };
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url !== "/stranger") return answer(404, {});
    if (request.method !== "POST") return answer(200, { running: stranger !== undefined && stranger.exitCode === null && stranger.signalCode === null, said: lines.join("\n") });
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
      if (body.length > BODY_MAX_BYTES) request.destroy();
    });
    request.on("end", () => {
      begin(JSON.parse(body) as Record<string, unknown>);
      answer(200, {});
    });
  });
  const port = await listen(server);
  return { url: `http://${LOOPBACK}:${port}`, gatewayPorts, close: () => { server.close(); server.closeAllConnections(); stranger?.kill("SIGKILL"); } };
}
