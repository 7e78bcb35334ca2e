// SPDX-License-Identifier: Apache-2.0
// Which address an id leads to: a JSON file, read again when it changes.
//   {"base": "gw.test", "routes": {"<40 hex digits>": "10.0.0.2" | "10.0.0.2:51900"}}
// An address without a port takes the port of the name, as a real gateway does.
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

export interface Routes {
  readonly base: string;
  readonly routes: ReadonlyMap<string, { host: string; port?: number }>;
}

export function parseRoutes(text: string): Routes {
  const raw = JSON.parse(text) as { base?: unknown; routes?: unknown };
  if (typeof raw.base !== "string" || !/^[a-z0-9.-]+$/.test(raw.base)) throw new Error("`base` must be a lower-case domain");
  if (typeof raw.routes !== "object" || raw.routes === null) throw new Error("`routes` must be an object");
  const routes = new Map<string, { host: string; port?: number }>();
  for (const [id, target] of Object.entries(raw.routes)) {
    if (!/^[0-9a-f]{40}$/.test(id)) throw new Error(`id ${JSON.stringify(id)} is not 40 lower-case hex digits`);
    const match = /^([0-9.]+)(?::(\d{1,5}))?$/.exec(String(target));
    if (match === null || isIP(match[1]!) !== 4) throw new Error(`target ${JSON.stringify(target)} is no IPv4 address`);
    const port = match[2] === undefined ? undefined : Number(match[2]);
    if (port !== undefined && (port < 1 || port > 65535)) throw new Error(`target ${JSON.stringify(target)} has no valid port`);
    routes.set(id, port === undefined ? { host: match[1]! } : { host: match[1]!, port });
  }
  return { base: raw.base, routes };
}

export function watchedRoutes(path: string): () => Routes {
  let stamp = "";
  let current: Routes | undefined;
  return () => {
    const { mtimeMs, size, ino } = statSync(path);
    const now = `${mtimeMs}/${size}/${ino}`;
    if (current === undefined || now !== stamp) {
      current = parseRoutes(readFileSync(path, "utf8"));
      stamp = now;
    }
    return current;
  };
}
