// SPDX-License-Identifier: Apache-2.0
// Nodes reach each other through the gateway alone; nothing for the mesh ever
// leaves in clear; strangers at the listener stop nothing.
import { check, run, say, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { start, alive, logOf } from "../lab/processes.ts";
import { GATEWAY_IP, GATEWAY_NS, inNs } from "../lab/topology.ts";
import { strangers } from "./strangers.ts";

const PROBE_PORT = 5999;
const CONTROL_IP = GATEWAY_IP;

const UDP_LISTEN = `import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",${PROBE_PORT})); s.settimeout(float(sys.argv[1]))
try: print(s.recv(64).decode())
except TimeoutError: print("nothing")`;
const UDP_SEND = `import socket,sys
socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b"probe",(sys.argv[1],${PROBE_PORT}))`;
const TCP_CONNECT = `import socket,sys
s=socket.socket(); s.settimeout(3)
try: s.connect((sys.argv[1],int(sys.argv[2]))); print("open")
except OSError as e: print("refused" if e.errno==111 else "no answer")`;
// Counts what the uplink carries to each of the addresses, for twelve seconds.
const UPLINK_SNIFF = `import socket,sys,time
s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,socket.htons(3)); s.bind(("eth0",0)); s.settimeout(0.2)
seen={a:0 for a in sys.argv[1:]}; end=time.time()+12; print("listening",flush=True)
while time.time()<end:
  try: p=s.recv(2048)
  except TimeoutError: continue
  if p[12:14]==b"\\x08\\x00":
    d=socket.inet_ntoa(p[30:34])
    if d in seen: seen[d]+=1
print(" ".join(str(seen[a]) for a in sys.argv[1:]))`;
const UDP_REFUSED = `import socket,sys,errno
try: socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b"x",(sys.argv[1],9)); print("sent")
except OSError as e: print(errno.errorcode[e.errno])`;

function python(ns: string, code: string, ...args: string[]): string {
  return run("ip", inNs(ns, ["python3", "-c", code, ...args])).out.trim();
}

async function udpProbe(from: string, to: LabNode, name: string, results: string): Promise<string> {
  const log = `${results}/probe-${name}.log`;
  const listener = start("probe", log, "ip", inNs(to.ns, ["python3", "-c", UDP_LISTEN, "6"]), { PATH: process.env["PATH"] ?? "" });
  await sleep(1500);
  for (let k = 0; k < 3; k++) {
    python(from, UDP_SEND, to.ip);
    await sleep(300);
  }
  await until("the probe's end", 15_000, async () => !alive(listener));
  return logOf(log).trim();
}

async function onlyThroughTheGateway(lab: Lab): Promise<Record<string, unknown>> {
  const [a, b] = [lab.node(1), lab.node(2)];
  const tcpDirect = python(a.ns, TCP_CONNECT, b.ip, "9090");
  const tcpGateway = python(GATEWAY_NS, TCP_CONNECT, b.ip, "9090");
  const udpDirect = await udpProbe(a.ns, b, "direct", lab.spec.results);
  const udpGateway = await udpProbe(GATEWAY_NS, b, "gateway", lab.spec.results);
  check(tcpDirect === "no answer", `TCP from node to node: ${tcpDirect}`);
  check(udpDirect === "nothing", `UDP from node to node: ${udpDirect}`);
  check(tcpGateway === "open", `TCP from the gateway's namespace: ${tcpGateway}`);
  check(udpGateway === "probe", `UDP from the gateway's namespace: ${udpGateway}`);
  return { tcp: { node_to_node: tcpDirect, gateway_to_node: tcpGateway }, udp: { node_to_node: udpDirect, gateway_to_node: udpGateway } };
}

// The device goes from under a stopped agent: the routes stay and refuse.
async function nothingLeavesInClear(lab: Lab): Promise<Record<string, unknown>> {
  const n = lab.nodes.at(-1)!;
  const to = lab.node(1).meshIp4();
  await n.stop();
  n.exec("ip", "link", "del", "attestmesh0");
  const log = `${lab.spec.results}/uplink.log`;
  const sniffer = start("sniffer", log, "ip", inNs(n.ns, ["python3", "-c", UPLINK_SNIFF, to, CONTROL_IP]), { PATH: process.env["PATH"] ?? "" });
  await until("the sniffer", 10_000, async () => logOf(log).includes("listening"));
  const answer = python(n.ns, UDP_REFUSED, to);
  python(n.ns, UDP_REFUSED, CONTROL_IP);
  await until("the sniffer's end", 30_000, async () => !alive(sniffer));
  const [left, control] = logOf(log).trim().split("\n").at(-1)!.split(" ").map(Number);
  check(answer === "EHOSTUNREACH" || answer === "ENETUNREACH", `sendto a mesh address without the device: ${answer}`);
  check(left === 0, `${left} packets to a mesh address left by the uplink`);
  check((control ?? 0) > 0, "the sniffer does not even see a packet to the gateway");
  n.startBridge();
  n.startAgent();
  await n.untilHealthy(60_000);
  return { sendto: answer, packets_by_uplink: left, control_packets: control };
}

export async function isolation(lab: Lab): Promise<Record<string, unknown>> {
  await lab.untilHealthy(60_000);
  for (const n of lab.nodes) await n.readMemberId();
  say("   probes from node to node and from the gateway");
  const probes = await onlyThroughTheGateway(lab);
  say("   packets to mesh addresses without the device");
  const clear = await nothingLeavesInClear(lab);
  say("   a stranger that holds 256 links and sends handshakes of valid MAC1");
  const strange = await strangers(lab);
  await lab.untilHealthy(60_000);
  return { probes, in_clear: clear, strangers: strange };
}
