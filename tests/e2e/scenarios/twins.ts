// SPDX-License-Identifier: Apache-2.0
// Two instances of one member: the same keys, the same guest agent, two
// machines. They take turns at their peers, since WireGuard gives a peer one
// session at a time; each is to find out about the other and say so, nobody else
// is to say anything, and the one that stays is heard by all again.
import { check, say, seconds, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import { LabNode } from "../lab/node.ts";

// Each instance has to hear two peers in turns of 15 s (WireGuard's silence
// before a new handshake), some of them lost to the other one's packets.
const FOUND_MS = 120_000;
const BACK_MS = 60_000;
const TWIN_NUMBER = 9;

async function blockedBy(n: LabNode): Promise<string> {
  return (await n.health()).blocked_by ?? "";
}

async function saysSo(n: LabNode): Promise<boolean> {
  return /another instance of this member/.test(await blockedBy(n));
}

// The lowest index dials every other member, so both instances reach them all.
function dialler(lab: Lab): LabNode {
  const index = (n: LabNode): number => (JSON.parse(n.cli("show", "--json")) as { index: number }[])[0]!.index;
  return lab.nodes.reduce((a, b) => (index(b) < index(a) ? b : a));
}

export async function twins(lab: Lab): Promise<Record<string, unknown>> {
  await lab.untilHealthy(60_000);
  const original = dialler(lab);
  const others = lab.nodes.filter((n) => n !== original);
  await original.readMemberId();
  check(!(await saysSo(original)), `${original.ns} speaks of another instance before there is one`);
  const twin = new LabNode(TWIN_NUMBER, original.spec, lab.spec, original.dstackSocket);
  twin.makeNs(lab.services.hosts());
  const found: Record<string, number> = {};
  try {
    const t = Date.now();
    twin.startBridge();
    twin.startAgent();
    await until("both instances to say so", FOUND_MS, async () => {
      for (const [name, n] of [["original", original], ["twin", twin]] as const) {
        if (found[name] === undefined && (await saysSo(n))) {
          found[name] = seconds(t);
          say(`   the ${name} says so after ${found[name]} s`);
        }
      }
      return found["original"] !== undefined && found["twin"] !== undefined;
    }, 500);
    for (const n of [original, twin]) check(await saysSo(n), `${n.ns} says so no longer: ${await blockedBy(n)}`);
    for (const n of others) check(!(await saysSo(n)), `${n.ns} speaks of another instance of itself`);
  } finally {
    await twin.stop();
    twin.dropNs();
  }
  const t = Date.now();
  await until("the one that stays to be up everywhere", BACK_MS, async () =>
    original.kernelPeers().every((p) => p.state === "up") && others.every((n) => n.kernelPeers().some((p) => p.member_id === original.memberId && p.state === "up")));
  return { seconds_to_say: found, seconds_to_be_back: seconds(t) };
}
