// SPDX-License-Identifier: Apache-2.0
// Command line of the fake gateway, and its status socket (HTTP over a unix
// socket or a loopback port):
//   GET /        counters and mode        POST /cut        cut every connection
//   POST /mode?ok | ?refuse | ?hang       behave so from now on
import { existsSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { GATEWAY_MODES, makeGateway, type Gateway, type GatewayMode } from "./relay.ts";
import { watchedRoutes } from "./routes.ts";

const USAGE = `usage: gateway --listen HOST:PORT --routes FILE --status PATH|127.0.0.1:PORT
  [--idle-ms N] [--total-ms N] [--connect-ms N] [--handshake-ms N] [--per-app N]
The defaults are a real gateway's: idle 600000, total 18000000, 5000, 5000, 2000.`;

function fail(message: string): never {
  console.error(`gateway: ${message}\n${USAGE}`);
  process.exit(2);
}

const LIMIT_FLAGS: Record<string, keyof Limits> = {
  "--idle-ms": "idleMs", "--total-ms": "totalMs", "--connect-ms": "connectMs", "--handshake-ms": "handshakeMs", "--per-app": "perApp",
};

interface Options { listen: string; routes: string; status: string; limits: Limits }

function parse(args: readonly string[]): Options {
  const limits: Record<keyof Limits, number> = { ...DEFAULT_LIMITS };
  const named: Record<string, string> = {};
  for (let i = 0; i < args.length; i += 2) {
    const flag = args[i]!;
    const value = args[i + 1] ?? fail(`${flag} wants a value`);
    const limit = LIMIT_FLAGS[flag];
    if (limit !== undefined) {
      if (!/^\d{1,9}$/.test(value)) fail(`${flag} wants a number`);
      limits[limit] = Number(value);
    } else if (["--listen", "--routes", "--status"].includes(flag)) {
      named[flag] = value;
    } else {
      fail(`unknown flag ${flag}`);
    }
  }
  const need = (flag: string): string => named[flag] ?? fail(`${flag} is missing`);
  return { listen: need("--listen"), routes: need("--routes"), status: need("--status"), limits };
}

function hostPort(value: string): { host: string; port: number } {
  const match = /^([0-9.]+):(\d{1,5})$/.exec(value) ?? fail(`${JSON.stringify(value)} is not HOST:PORT`);
  return { host: match[1]!, port: Number(match[2]) };
}

function statusServer(gateway: Gateway, limits: Limits): Server {
  let mode: GatewayMode = "ok";
  return createServer({ keepAliveTimeout: 1_000 }, (request, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { "Content-Type": "application/json", Connection: "close" }).end(JSON.stringify(body) + "\n");
    };
    const [path, query = ""] = (request.url ?? "/").split("?");
    if (request.method === "GET" && path === "/") return reply(200, { mode, limits, ...(gateway.counters.toJSON() as object) });
    if (request.method === "POST" && path === "/cut") return reply(200, { cut: gateway.cutAll() });
    const wanted = GATEWAY_MODES.find((m) => m === query);
    if (request.method === "POST" && path === "/mode" && wanted !== undefined) {
      mode = wanted;
      return void gateway.setMode(wanted).then(() => reply(200, { mode }), (error: Error) => reply(500, { error: error.message }));
    }
    reply(404, { error: "GET /, POST /cut, POST /mode?ok|refuse|hang" });
  });
}

async function main(): Promise<void> {
  const { listen, routes, status, limits } = parse(process.argv.slice(2));
  const read = watchedRoutes(routes);
  const base = read().base; // a file that is wrong at start is said at start
  const gateway = makeGateway(limits, read);
  const at = hostPort(listen);
  const port = await gateway.listen(at.host, at.port);
  const control = statusServer(gateway, limits);
  await new Promise<void>((resolve, reject) => {
    control.once("error", reject);
    if (status.startsWith("127.")) return void control.listen({ ...hostPort(status) }, () => resolve());
    if (existsSync(status)) unlinkSync(status);
    control.listen(status, () => resolve());
  });
  const stop = async (): Promise<void> => {
    await gateway.close();
    control.close();
    process.exit(0);
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
  console.log(`gateway: ready on ${at.host}:${port} for *.${base}`);
}

main().catch((error: Error) => {
  console.error(`gateway: ${error.message}`);
  process.exit(1);
});
