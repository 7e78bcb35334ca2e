// SPDX-License-Identifier: Apache-2.0
// What this machine listens on outside loopback, and what a run leaves behind.
import { readFileSync, readdirSync } from "node:fs";

const TCP_LISTEN = "0A";
const UDP_UNCONNECTED = "07";

function isLoopback(hex: string): boolean {
  if (hex.length === 8) return hex.slice(6) === "7F";              // 127.0.0.0/8, little-endian
  if (hex === "00000000000000000000000001000000") return true;     // ::1
  return hex.startsWith("0000000000000000FFFF0000") && hex.slice(30) === "7F";
}

// "tcp 00000000:1F90" for each listening socket that others could reach.
export function openSockets(): Set<string> {
  const out = new Set<string>();
  for (const [file, state] of [["tcp", TCP_LISTEN], ["tcp6", TCP_LISTEN], ["udp", UDP_UNCONNECTED], ["udp6", UDP_UNCONNECTED]] as const) {
    let text: string;
    try {
      text = readFileSync(`/proc/net/${file}`, "utf8");
    } catch {
      continue; // no IPv6 here
    }
    for (const line of text.split("\n").slice(1)) {
      const [, local, , st] = line.trim().split(/\s+/);
      if (local === undefined || st !== state) continue;
      if (!isLoopback(local.split(":")[0] ?? "")) out.add(`${file} ${local}`);
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
