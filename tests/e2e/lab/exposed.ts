// SPDX-License-Identifier: Apache-2.0
// What the guest offers outside loopback, namespace by namespace, against what
// the design allows: every one of these must be there, and nothing else.
import { check, must } from "./exec.ts";
import type { Lab } from "./lab.ts";
import { openSockets } from "./sockets.ts";
import { WG_TCP_PORT } from "./node.ts";
import { GATEWAY_IP, GATEWAY_NS, inNs } from "./topology.ts";

const HEALTH_PORT = 9090;
const WG_PORT = 51821;
const BEAT_PORT = 51820;
const PEER_PORT = 50051;
const ANY6 = `${"0000:".repeat(7)}0000`;

function socketsOf(ns: string): string[] {
  return [...openSockets((table) => must("ip", inNs(ns, ["cat", `/proc/net/${table}`])))].sort();
}

// fd00::1 in full, as the tables have it.
function full(v6: string): string {
  const [head = "", tail = ""] = v6.split("::");
  const parts = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const missing = 8 - parts(head).length - parts(tail).length;
  const all = v6.includes("::") ? [...parts(head), ...new Array<string>(missing).fill("0"), ...parts(tail)] : parts(v6);
  return all.map((p) => p.padStart(4, "0")).join(":");
}

function allowed(mesh: { v4: string; v6: string }): string[] {
  return [
    `tcp 0.0.0.0:${HEALTH_PORT}`, `tcp6 ${ANY6}:${WG_TCP_PORT}`, `udp 0.0.0.0:${WG_PORT}`, `udp6 ${ANY6}:${WG_PORT}`,
    `udp ${mesh.v4}:${BEAT_PORT}`, `udp6 ${full(mesh.v6)}:${BEAT_PORT}`, `tcp ${mesh.v4}:${PEER_PORT}`, `tcp6 ${full(mesh.v6)}:${PEER_PORT}`,
  ].sort();
}

export function exposed(lab: Lab, addresses: readonly { v4: string; v6: string }[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  lab.nodes.forEach((n, k) => {
    const found = socketsOf(n.ns);
    const expected = allowed(addresses[k]!);
    check(found.join() === expected.join(), `${n.ns} listens outside loopback on ${found.join(", ")}; expected ${expected.join(", ")}`);
    out[n.ns] = found;
  });
  out[GATEWAY_NS] = socketsOf(GATEWAY_NS);
  check(out[GATEWAY_NS].join() === `tcp ${GATEWAY_IP}:443`, `the gateway listens on ${out[GATEWAY_NS].join(", ")}`);
  const guest = [...openSockets()];
  check(guest.length === 0, `the guest itself listens on ${guest.join(", ")}`);
  out["guest"] = guest;
  return out;
}
