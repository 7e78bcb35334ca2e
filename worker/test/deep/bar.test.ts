// SPDX-License-Identifier: Apache-2.0
// The bar at its full size: a thousand senders at once against a cap for a
// hundred, all ends of their reservations, ten thousand requests of strangers.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import type { Caps } from "../../src/caps.ts";
import { ask, bindings, caps, clearBooks, CLUSTER, GWEI, inner, operation, totalOpen, totalSettled, World, type Member } from "../kit.ts";

const ONE = 3n * GWEI * 400_000n;
const PAYMASTER = `0x${"a".repeat(40)}` as const;
const PAID = 1000n;
let world: World;

beforeEach(async () => {
  world = new World();
  await clearBooks();
});

test("a thousand at once: no overspend then, nor after every reservation's end", async () => {
  const using = { ...bindings, CAP_CLUSTER_WEI: String(100n * ONE) };
  const members = Array.from({ length: 1000 }, () => world.join());
  const replies = await Promise.all(members.map((member) => ask(member, operation(member, inner.publish), { using })));
  const granted = members.filter((_, i) => replies[i]!.result !== undefined);
  expect(granted.length).toBe(100);
  expect(await totalOpen(`cluster:${CLUSTER}`)).toBe(100n * ONE);

  // A third landed, a third never will, a third cannot be told: kept.
  granted.forEach((member: Member, i) => {
    if (i % 3 !== 0) return;
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 0n, cost: PAID });
  });
  const landed = granted.filter((_, i) => i % 3 === 0).length;
  const unknown = new Set(granted.filter((_, i) => i % 3 === 2).map((member) => member.address));
  await runInDurableObject(caps(), (_caps: Caps, state) => {
    for (const member of granted) if (!unknown.has(member.address)) state.storage.sql.exec("UPDATE reservation SET valid_until = ? WHERE sender = ?", world.endedSecs, member.address);
  });
  // Batches of fifty, so the alarm rings more than once.
  for (let i = 0; i < 4; i++) await runDurableObjectAlarm(caps());
  expect(await totalOpen(`cluster:${CLUSTER}`)).toBe(BigInt(unknown.size) * ONE);
  expect(await totalSettled(`cluster:${CLUSTER}`)).toBe(BigInt(landed) * PAID);

  // What was freed can be promised again, and not one operation more.
  const room = (100n * ONE - BigInt(unknown.size) * ONE - BigInt(landed) * PAID) / ONE;
  const rest = members.filter((member) => !granted.includes(member));
  const again = await Promise.all(rest.map((member) => ask(member, operation(member, inner.publish), { using })));
  expect(BigInt(again.filter((reply) => reply.result !== undefined).length)).toBe(room);
}, 600_000);

test("a stranger who asks ten thousand times moves no cap", async () => {
  const victim = world.join();
  const stranger = world.join().account;
  for (let round = 0; round < 100; round++) {
    const replies = await Promise.all(Array.from({ length: 100 }, () => ask(victim, operation(victim, inner.publish), { signer: stranger })));
    expect(replies.every((reply) => reply.error?.data.reason === "auth-by-another-key")).toBe(true);
  }
  expect([await totalOpen(), await totalSettled(), await totalOpen(`sender:${victim.address}`)]).toEqual([0n, 0n, 0n]);
  expect((await ask(victim, operation(victim, inner.publish))).result).toBeDefined();
}, 900_000);
