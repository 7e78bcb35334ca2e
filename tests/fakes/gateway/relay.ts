// SPDX-License-Identifier: Apache-2.0
// One connection after another: read a name, connect, replay what was read,
// then copy blindly until somebody ends it, a direction is silent too long, or
// its time is up. Never looks at what follows the ClientHello.
import { connect, createServer, type Server, type Socket } from "node:net";
import { Counters, type End, type Refusal } from "./counters.ts";
import { readSni, readTarget } from "./hello.ts";
import { HELLO_MAX_BYTES, type Limits } from "./limits.ts";
import type { Routes } from "./routes.ts";

const SWEEP_MIN_MS = 50;
const SWEEP_MAX_MS = 1_000;
// Fatal handshake_failure: what a client is told where this fake would have to
// present a certificate.
const TLS_ALERT = Buffer.from("15030100020228", "hex");

interface Link {
  readonly id: string;
  readonly client: Socket;
  readonly server: Socket;
  readonly startedMs: number;
  heardClientMs: number | undefined; // undefined: that direction has ended
  heardServerMs: number | undefined;
}

export interface Gateway {
  readonly counters: Counters;
  listen(host: string, port: number): Promise<number>;
  setMode(mode: GatewayMode): Promise<void>;
  cutAll(): number;
  close(): Promise<void>;
}

export const GATEWAY_MODES = ["ok", "refuse", "hang"] as const;
export type GatewayMode = (typeof GATEWAY_MODES)[number];

const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

export function makeGateway(limits: Limits, routes: () => Routes): Gateway {
  const counters = new Counters();
  const links = new Set<Link>();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let bound = { host: "", port: 0 };
  let mode: GatewayMode = "ok";

  function refuse(client: Socket, why: Refusal): void {
    counters.refused[why]++;
    if (why === "terminating-form") client.write(TLS_ALERT);
    client.destroySoon();
  }

  function endLink(link: Link, how: End): void {
    if (!links.delete(link)) return;
    counters.ended[how]++;
    const app = counters.app(link.id);
    app.open--;
    if (how === "total-cut" || how === "asked-cut") app.cuts++;
    if (how === "idle-to-client" || how === "idle-to-server") app.idles++;
    link.client.destroy();
    link.server.destroy();
  }

  function pump(link: Link, from: Socket, to: Socket, heard: "heardClientMs" | "heardServerMs"): void {
    const app = counters.app(link.id);
    const counter = heard === "heardClientMs" ? "bytes_to_server" : "bytes_to_client";
    from.on("data", (data: Buffer) => {
      link[heard] = nowMs();
      app[counter] += data.length;
      if (!to.write(data)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.on("end", () => {
      link[heard] = undefined;
      to.end();
    });
    from.on("error", () => endLink(link, "reset"));
    from.on("close", () => { if (link.client.destroyed && link.server.destroyed) endLink(link, "closed"); });
  }

  function relay(id: string, client: Socket, upstream: Socket, first: Buffer): void {
    const at = nowMs();
    const link: Link = { id, client, server: upstream, startedMs: at, heardClientMs: at, heardServerMs: at };
    links.add(link);
    const app = counters.app(id);
    counters.relayed++;
    app.relayed++;
    app.open++;
    app.bytes_to_server += first.length;
    upstream.write(first);
    pump(link, client, upstream, "heardClientMs");
    pump(link, upstream, client, "heardServerMs");
    client.resume();
  }

  function dial(id: string, host: string, port: number, client: Socket, first: Buffer): void {
    if (limits.perApp > 0 && counters.app(id).open >= limits.perApp) return refuse(client, "app-full");
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
    sockets.add(upstream);
    const timer = setTimeout(() => giveUp("connect-timeout"), limits.connectMs);
    const clientGone = (): void => {
      counters.ended["client-gone-early"]++;
      settle();
      upstream.destroy();
    };
    const failed = (): void => giveUp("connect-failed");
    function settle(): void {
      clearTimeout(timer);
      client.off("close", clientGone);
      upstream.off("error", failed).on("error", () => upstream.destroy());
    }
    function giveUp(why: Refusal): void {
      settle();
      upstream.destroy();
      refuse(client, why);
    }
    client.on("close", clientGone);
    upstream.on("error", failed);
    upstream.on("close", () => sockets.delete(upstream));
    upstream.once("connect", () => {
      settle();
      relay(id, client, upstream, first);
    });
  }

  function routeBy(table: Routes, client: Socket, name: string, first: Buffer): void {
    const target = readTarget(name, table.base);
    if (!target.ok) return refuse(client, target.why as Refusal);
    if (target.form !== "passthrough") return refuse(client, "terminating-form");
    const address = table.routes.get(target.id);
    if (address === undefined) return refuse(client, "unknown-id");
    dial(target.id, address.host, address.port ?? target.port, client, first);
  }

  // A routes file that went wrong while running refuses and says so.
  function route(client: Socket, name: string, first: Buffer): void {
    try {
      routeBy(routes(), client, name, first);
    } catch (error) {
      console.error(`gateway: ${(error as Error).message}`);
      refuse(client, "unknown-id");
    }
  }

  function readHello(client: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => leave(() => refuse(client, "handshake-timeout")), limits.handshakeMs);
    const gone = (): void => leave(() => { counters.ended["client-gone-early"]++; client.destroy(); });
    function leave(then: () => void): void {
      clearTimeout(timer);
      client.off("data", more).off("end", gone).off("close", gone);
      client.pause();
      then();
    }
    function more(data: Buffer): void {
      if (mode === "hang") return;
      seen = Buffer.concat([seen, data]);
      const sni = readSni(seen.subarray(0, HELLO_MAX_BYTES));
      if (sni.kind === "name") leave(() => route(client, sni.name, seen));
      else if (sni.kind === "none") leave(() => refuse(client, "no-sni"));
      else if (seen.length >= HELLO_MAX_BYTES) leave(() => refuse(client, "hello-too-long"));
    }
    client.on("data", more).on("end", gone).on("close", gone);
  }

  function accept(client: Socket): void {
    counters.accepted++;
    counters.open++;
    sockets.add(client);
    client.on("close", () => {
      counters.open--;
      sockets.delete(client);
    });
    client.on("error", () => client.destroy());
    readHello(client);
  }

  function sweep(): void {
    const now = nowMs();
    for (const link of links) {
      if (now - link.startedMs >= limits.totalMs) endLink(link, "total-cut");
      else if (link.heardClientMs !== undefined && now - link.heardClientMs >= limits.idleMs) endLink(link, "idle-to-server");
      else if (link.heardServerMs !== undefined && now - link.heardServerMs >= limits.idleMs) endLink(link, "idle-to-client");
    }
  }
  const sweepMs = Math.min(SWEEP_MAX_MS, Math.max(SWEEP_MIN_MS, Math.min(limits.idleMs, limits.totalMs) / 20));
  const sweeper = setInterval(sweep, sweepMs);

  function open(): Promise<number> {
    return new Promise((resolve, reject) => {
      server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
      server.once("error", reject);
      server.listen(bound.port, bound.host, () => resolve((server!.address() as { port: number }).port));
    });
  }

  function cutAll(): number {
    const count = links.size;
    for (const link of links) endLink(link, "asked-cut");
    return count;
  }

  async function shut(): Promise<void> {
    const old = server;
    server = undefined;
    if (old === undefined) return;
    await new Promise<void>((resolve) => {
      old.close(() => resolve());
      cutAll();
      for (const socket of sockets) socket.destroy();
    });
  }

  return {
    counters,
    async listen(host, port) {
      bound = { host, port };
      bound.port = await open();
      return bound.port;
    },
    async setMode(wanted) {
      mode = wanted;
      if (mode === "refuse") await shut();
      else if (server === undefined) await open();
    },
    cutAll,
    async close() {
      clearInterval(sweeper);
      await shut();
    },
  };
}
