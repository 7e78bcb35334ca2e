// SPDX-License-Identifier: Apache-2.0
// A stranger holds as many links as the listener lets anybody hold and sends
// handshakes of valid MAC1 over them: no beat stops and a new handshake comes
// through. It runs on the host, where it has a processor of its own, and comes
// in through the gateway as everybody does.
import { check, say, seconds, sleep, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import { GATEWAY_DOMAIN } from "../lab/topology.ts";

const LINKS = 256;            // the listener's bound for links that proved nothing
const WANTED_LINKS = 288;     // more, for each lasts ten seconds and opening one takes a while
const OPENS_PER_SECOND = 32;
const FLOOD_SECONDS = 50;
const HELD_LIMIT_MS = 30_000;

interface Flooded { readonly opened: number; readonly held: number; readonly peak: number; readonly sent: number; readonly closed: number }

async function outside(lab: Lab): Promise<{ running: boolean; said: string }> {
  return (await (await fetch(`${lab.spec.outsideUrl}/stranger`)).json()) as { running: boolean; said: string };
}

function last(said: string): Flooded {
  return JSON.parse(said.trim().split("\n").at(-1) || "{}") as Flooded;
}

export async function strangers(lab: Lab): Promise<Record<string, unknown>> {
  const victim = lab.nodes.at(-1)!;  // the one that is dialled
  const flood = { name: `${victim.spec.member.slice(2).toLowerCase()}-51900s.${GATEWAY_DOMAIN}`,
    publicKey: await victim.wgPublicKey(), links: WANTED_LINKS, opensPerSecond: OPENS_PER_SECOND, perSecond: 100, seconds: FLOOD_SECONDS };
  const before = victim.kernelMesh().accepted;
  await fetch(`${lab.spec.outsideUrl}/stranger`, { method: "POST", body: JSON.stringify(flood) });
  const t = Date.now();
  const held = await until(`a stranger to hold ${LINKS} links`, HELD_LIMIT_MS, async () => {
    const { said, running } = await outside(lab);
    if (!running) throw new Error(`it has ended: ${said}`);
    const now = last(said);
    if (now.held >= LINKS) return now;
    throw new Error(`it holds ${now.held} of ${now.opened} opened`);
  }, 200);
  say(`   ${held.held} links held after ${seconds(t)} s`);
  // Three more beats of each, with all links held.
  const accepted = victim.kernelMesh().accepted;
  await sleep(4 * lab.spec.beatIntervalMs);
  const peers = victim.kernelPeers();
  check(peers.every((p) => p.state === "up"), `during the flood: ${peers.map((p) => p.state).join(" ")}`);
  const beats = victim.kernelMesh().accepted - accepted;
  check(beats >= 2 * peers.length, `${beats} beats accepted from ${peers.length} peers in four intervals of the flood`);
  // A new handshake while it lasts: the lowest node from nothing must come through.
  const dialler = lab.node(1);
  const startedMs = await lab.restartNode(dialler);
  await until("a beat from the restarted node at the victim", 30_000, async () => victim.kernelPeers().some((p) => p.member_id === dialler.memberId && p.state === "up"), 100);
  await dialler.untilHealthy(30_000);
  const took = seconds(startedMs);
  const during = await outside(lab);
  check(during.running, "the stranger ended before the new handshake was through");
  check(last(during.said).held >= LINKS - 32, `the stranger holds ${last(during.said).held} links when the new handshake is through`);
  check(took <= 10, `a new handshake took ${took} s under the flood, more than 10`);
  const done = await until("the stranger's end", (FLOOD_SECONDS + 15) * 1000, async () => {
    const now = await outside(lab);
    return now.running ? undefined : last(now.said);
  });
  check(done.sent >= 1000, `the stranger sent ${done.sent} initiations only`);
  return { ...done, held_after_seconds: seconds(t), handshake_under_flood_seconds: took, beats_under_flood: beats, beats_accepted_meanwhile: victim.kernelMesh().accepted - before };
}
