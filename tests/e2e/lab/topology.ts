// SPDX-License-Identifier: Apache-2.0
// The guest's network: one bridge with the uplink to the host, the gateway in
// a namespace of its own, one namespace per node. Node ports are isolated from
// each other; the gateway's and the uplink's are not.
//
//   host loopback <- 10.0.2.2 -- eth0 [br0] -- gw      10.0.2.90  (names lead here)
//                                      [br0] -- n1..nN  10.0.2.101..  isolated
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { must, run } from "./exec.ts";

export const GATEWAY_NS = "gw";
export const GATEWAY_IP = "10.0.2.90";
export const GATEWAY_DOMAIN = "gw.attestmesh.test";
const UPLINK_IP = "10.0.2.15";
const HOST_IP = "10.0.2.2";

// The nodes of the second cluster are numbered from here.
export const SECOND_FIRST = 21;

export function nodeNs(i: number): string {
  return `n${i}`;
}

export function nodeIp(i: number): string {
  return `10.0.2.${100 + i}`;
}

export function inNs(ns: string, args: readonly string[]): string[] {
  return ["netns", "exec", ns, ...args];
}

export function modprobe(...names: string[]): void {
  const kernel = process.env["VM_KERNEL"];
  if (kernel === undefined) throw new Error("VM_KERNEL is not set: this runs in a guest only");
  for (const name of names) must("modprobe", ["-d", kernel, name]);
}

export function makeBridge(): void {
  modprobe("veth", "bridge", "wireguard", "udp_tunnel", "ip6_udp_tunnel");
  must("ip", ["-batch", "-"], [
    // A bridge without an address of its own takes its ports' and changes it
    // when a node goes: everybody's ARP entries would lead nowhere for seconds.
    "link add br0 address 02:00:00:00:00:01 type bridge",
    "addr flush dev eth0",
    "link set eth0 master br0",
    `addr add ${UPLINK_IP}/24 dev br0`,
    "link set br0 up",
    `route add default via ${HOST_IP}`,
  ].join("\n") + "\n");
}

// The address of an uplink follows from its IPv4 address, so that a namespace
// made anew is where the others' ARP entries say.
function hardwareAddress(ip: string): string {
  return `02:00:${ip.split(".").map((n) => Number(n).toString(16).padStart(2, "0")).join(":")}`;
}

function makeNs(ns: string, port: string, ip: string, isolated: boolean): void {
  must("ip", ["-batch", "-"], [
    `netns add ${ns}`,
    `link add ${port} type veth peer name eth0 address ${hardwareAddress(ip)} netns ${ns}`,
    `link set ${port} master br0 up`,
  ].join("\n") + "\n");
  if (isolated) must("bridge", ["link", "set", "dev", port, "isolated", "on"]);
  must("ip", ["-n", ns, "-batch", "-"], [
    "link set lo up",
    `addr add ${ip}/24 dev eth0`,
    "link set eth0 up",
    `route add default via ${HOST_IP}`,
  ].join("\n") + "\n");
}

export function makeGatewayNs(): void {
  makeNs(GATEWAY_NS, "vgw", GATEWAY_IP, false);
}

// names: every host name that is to lead to the gateway.
export function makeNodeNs(i: number, names: readonly string[]): void {
  const ns = nodeNs(i);
  mkdirSync(`/etc/netns/${ns}`, { recursive: true });
  writeFileSync(`/etc/netns/${ns}/hosts`, `127.0.0.1 localhost\n${names.map((n) => `${GATEWAY_IP} ${n}\n`).join("")}`);
  writeFileSync(`/etc/netns/${ns}/resolv.conf`, "");
  makeNs(ns, `v${i}`, nodeIp(i), true);
}

// The port goes first: the kernel destroys a namespace in its own time, and the
// name must be free at once.
export function dropNs(ns: string): void {
  run("ip", ["link", "del", ns === GATEWAY_NS ? "vgw" : `v${ns.slice(1)}`]);
  run("ip", ["netns", "del", ns]);
  rmSync(`/etc/netns/${ns}`, { recursive: true, force: true });
}

// At the bridge-side port: routes inside the namespace stay as they are.
export function setUplink(i: number, up: boolean): void {
  must("ip", ["link", "set", `v${i}`, up ? "up" : "down"]);
}

// SO_NETNS_COOKIE is never reused; inode numbers are.
export function netnsCookie(ns: string): string {
  return must("ip", inNs(ns, ["python3", "-c",
    "import socket,struct; print(struct.unpack('Q', socket.socket().getsockopt(socket.SOL_SOCKET, 71, 8))[0])"])).trim();
}

const MODULES = ["attestmesh_ed25519", "attestmesh"] as const;

// Seconds since boot, when each module was loaded here last.
const loadedAt: Record<string, number> = {};

export function loadModules(directory: string): void {
  for (const name of MODULES) {
    must("insmod", [`${directory}/${name}.ko`]);
    loadedAt[name] = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  }
}

export function unloadModules(): void {
  for (const name of [...MODULES].reverse()) must("rmmod", [name]);
}

export function moduleLoadTimes(): Record<string, number> {
  return { ...loadedAt };
}

export function modulesLoaded(): boolean {
  const there = readFileSync("/proc/modules", "utf8");
  return MODULES.every((name) => there.includes(`${name} `));
}
