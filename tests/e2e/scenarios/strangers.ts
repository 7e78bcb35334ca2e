// SPDX-License-Identifier: Apache-2.0
// A stranger holds 256 links, all that a listener keeps of those that prove
// nothing, and sends handshakes of valid MAC1 over them: no beat stops and a new
// handshake comes through.
import { check, inTime, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import { alive, logOf, start } from "../lab/processes.ts";
import { GATEWAY_DOMAIN, GATEWAY_IP, GATEWAY_NS, inNs } from "../lab/topology.ts";

const HELD = 256;
const FLOOD_SECONDS = 45;

export async function strangers(lab: Lab): Promise<Record<string, unknown>> {
  const victim = lab.nodes.at(-1)!;  // the one that is dialled
  const flood = [GATEWAY_IP, "443", `${victim.spec.member.slice(2).toLowerCase()}-51900s.${GATEWAY_DOMAIN}`, await victim.wgPublicKey(),
    `${HELD}`, "100", `${FLOOD_SECONDS}`];
  const log = `${lab.spec.results}/stranger.log`;
  const before = victim.kernelMesh().accepted;
  const stranger = start("stranger", log, "ip", inNs(GATEWAY_NS, [`${lab.spec.tools}/stranger`, ...flood]), { PATH: process.env["PATH"] ?? "" });
  await sleep(20_000);
  const peers = victim.kernelPeers();
  check(peers.every((p) => p.state === "up"), `during the flood: ${peers.map((p) => p.state).join(" ")}`);
  // A new handshake while it lasts: the lowest node from nothing must come through.
  const dialler = lab.node(1);
  const startedMs = await lab.restartNode(dialler);
  await until("a beat from the restarted node at the victim", 60_000, async () => victim.kernelPeers().some((p) => p.member_id === dialler.memberId && p.state === "up"), 100);
  const took = seconds(startedMs);
  await dialler.untilHealthy(60_000);
  inTime("a new handshake under the flood", took, 10);
  await until("the stranger's end", 60_000, async () => !alive(stranger));
  const done = JSON.parse(logOf(log)) as { opened: number; peak: number; sent: number; closed: number; refused: number };
  // The listener ends each link after ten seconds, so holding all takes 26 new ones
  // a second. Where the machine makes fewer, the links of ten seconds have to be
  // held. tests/bridge, which is not emulated, always holds all.
  const wanted = Math.min(HELD, Math.floor((done.opened / FLOOD_SECONDS) * 10));
  check(wanted >= HELD / 8 && done.peak >= wanted && done.sent > 1000, `the stranger was too weak to show anything: ${logOf(log)}`);
  return { ...done, links_wanted: wanted, handshake_under_flood_seconds: took, beats_accepted_meanwhile: victim.kernelMesh().accepted - before };
}
