// SPDX-License-Identifier: Apache-2.0
// What a machine or a namespace listens on outside loopback, and what a run
// leaves behind.
import { readFileSync, readdirSync } from "node:fs";

const TCP_LISTEN = "0A";
const UDP_UNCONNECTED = "07";
const TABLES = [["tcp", TCP_LISTEN], ["tcp6", TCP_LISTEN], ["udp", UDP_UNCONNECTED], ["udp6", UDP_UNCONNECTED]] as const;

// "0100007F" and its IPv6 kind: words of the machine's byte order.
export function address(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  if (bytes.length === 4) return bytes.join(".");
  return bytes.toString("hex").replace(/(.{4})(?=.)/g, "$1:");
}

function isLoopback(text: string): boolean {
  return text.startsWith("127.") || text === `${"0000:".repeat(7)}0001` || /^(0000:){5}ffff:7f/.test(text);
}

function ownTable(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, "utf8");
  } catch {
    return ""; // no IPv6 here
  }
}

// "tcp 0.0.0.0:8080" for each listening socket that others could reach; table
// reads /proc/net of the namespace that is asked about.
export function openSockets(table: (name: string) => string = ownTable): Set<string> {
  const out = new Set<string>();
  for (const [name, state] of TABLES) {
    for (const line of table(name).split("\n").slice(1)) {
      const [, local, , st] = line.trim().split(/\s+/);
      if (local === undefined || st !== state) continue;
      const [host, port] = local.split(":") as [string, string];
      if (!isLoopback(address(host))) out.add(`${name} ${address(host)}:${parseInt(port, 16)}`);
    }
  }
  return out;
}

export function mounts(): Set<string> {
  return new Set(readFileSync("/proc/mounts", "utf8").split("\n").map((l) => l.split(" ").slice(0, 3).join(" ")));
}

export function namespaces(): Set<string> {
  try {
    return new Set(readdirSync("/run/netns"));
  } catch {
    return new Set();
  }
}

// Processes that inherited the marker of this run.
export function processesWith(marker: string): string[] {
  const out: string[] = [];
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      if (readFileSync(`/proc/${pid}/environ`, "utf8").includes(marker)) out.push(`${pid} ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}`);
    } catch {
      // gone meanwhile, or not ours to read
    }
  }
  return out;
}

export function added(before: Set<string>, now: Set<string>): string[] {
  return [...now].filter((x) => !before.has(x));
}
