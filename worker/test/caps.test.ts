// SPDX-License-Identifier: Apache-2.0
// The books: nothing is ever promised beyond a cap, at any concurrency and
// after every end that a reservation can have.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import type { Caps } from "../src/caps.ts";
import type { Bindings } from "../src/env.ts";
import type { Operation } from "../src/types.ts";
import { ask, bindings, caps, clearBooks, CLUSTER, GWEI, inner, operation, registration, totalOpen, totalSettled, World, type Member, type Reply } from "./kit.ts";

const ONE = 3n * GWEI * 400_000n; // what operation() may cost at most
const PAYMASTER = `0x${"a".repeat(40)}` as const;

let world: World;
let member: Member;

beforeEach(async () => {
  world = new World();
  member = world.join();
  await clearBooks();
});

const withEnv = (changes: Record<string, unknown>): Bindings => ({ ...bindings, ...changes });
const good = (change: Partial<Operation> = {}): Operation => operation(member, inner.publish, change);
const dataOf = (reply: Reply): string => reply.result?.["paymasterData"] ?? `refused: ${reply.error?.data.reason}`;
const scopes = (): string[] => ["global", `cluster:${CLUSTER}`, `sender:${member.address}`];
const booked = async (): Promise<bigint[][]> => Promise.all(scopes().map(async (scope) => [await totalOpen(scope), await totalSettled(scope)]));
const everywhere = (open: bigint, settled: bigint): bigint[][] => scopes().map(() => [open, settled]);

// As if the validity had passed on our clock; the chain's is the world's.
async function expire(): Promise<void> {
  await runInDurableObject(caps(), (_caps: Caps, state) => { state.storage.sql.exec("UPDATE reservation SET valid_until = ?", world.endedSecs); });
  expect(await runDurableObjectAlarm(caps())).toBe(true);
}

describe("a reservation", () => {
  test("holds the maximum in every scope", async () => {
    await ask(member, good());
    expect(await booked()).toEqual(everywhere(ONE, 0n));
  });

  test("answers the same request the same, and holds it once", async () => {
    const answers = new Set<string>();
    for (let i = 0; i < 5; i++) answers.add(dataOf(await ask(member, good())));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toMatch(/^0x/);
    expect(await booked()).toEqual(everywhere(ONE, 0n));
  });

  test("is replaced under its nonce by the dearer of the two", async () => {
    await ask(member, good());
    await ask(member, good({ fees: { maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: GWEI } }));
    expect(await totalOpen()).toBe(4n * GWEI * 400_000n);
    await ask(member, good({ fees: { maxFeePerGas: 2n * GWEI, maxPriorityFeePerGas: GWEI } }));
    expect(await totalOpen()).toBe(4n * GWEI * 400_000n);
  });

  test("that a replacement would push over the cap stays as it was", async () => {
    const using = withEnv({ CAP_SENDER_WEI: String(ONE) });
    await ask(member, good(), { using });
    const dearer = await ask(member, good({ fees: { maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: GWEI } }), { using });
    expect(dataOf(dearer)).toBe("refused: sender-cap");
    expect(await booked()).toEqual(everywhere(ONE, 0n));
  });

  test("validity lies one to ten minutes ahead and starts at once", async () => {
    const nowSecs = Math.floor(Date.now() / 1000);
    for (const validity of [60, 600]) {
      await clearBooks();
      const data = dataOf(await ask(member, good(), { using: withEnv({ VALIDITY_SECS: String(validity) }) }));
      const [validUntil, validAfter] = [BigInt("0x" + data.slice(2, 66)), BigInt("0x" + data.slice(66, 130))];
      expect(validAfter).toBe(0n);
      expect(Number(validUntil) - nowSecs - validity).toBeGreaterThanOrEqual(0);
      expect(Number(validUntil) - nowSecs - validity).toBeLessThan(60);
    }
    for (const validity of ["59", "601"]) expect(dataOf(await ask(member, good(), { using: withEnv({ VALIDITY_SECS: validity }) }))).toBe("refused: misconfigured");
  });
});

describe("the end of a reservation", () => {
  test("unchanged nonce, chain past the end: released", async () => {
    await ask(member, good());
    await expire();
    expect(await booked()).toEqual(everywhere(0n, 0n));
  });

  test("unchanged nonce, chain's clock behind: kept, then released", async () => {
    world.chain.block.timestampSecs -= 1000n;
    await ask(member, good());
    await expire();
    expect(await booked()).toEqual(everywhere(ONE, 0n));
    world.chain.block.timestampSecs += 1000n;
    await expire();
    expect(await booked()).toEqual(everywhere(0n, 0n));
  });

  test("advanced nonce: settled at the event's cost", async () => {
    await ask(member, good());
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 0n, cost: 12345n });
    await expire();
    expect(await booked()).toEqual(everywhere(0n, 12345n));
  });

  test("advanced nonce, paid by another paymaster: costs nothing", async () => {
    await ask(member, good());
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: CLUSTER, nonce: 0n, cost: 12345n });
    await expire();
    expect(await booked()).toEqual(everywhere(0n, 0n));
  });

  test("advanced nonce, event of another nonce, none, or logs not to be had: settled at the maximum", async () => {
    for (const spoil of [() => world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 9n, cost: 1n }), () => { world.chain.events = []; }, () => { world.chain.weather = "no-logs"; }]) {
      await clearBooks();
      world = new World();
      member = world.join();
      await ask(member, good());
      world.chain.nonces.set(`${member.address}:0`, 1n);
      spoil();
      await expire();
      expect(await booked()).toEqual(everywhere(0n, ONE));
    }
  });

  test("an event dearer than what was held charges what was held", async () => {
    await ask(member, good());
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 0n, cost: ONE * 2n });
    await expire();
    expect(await booked()).toEqual(everywhere(0n, ONE));
  });

  test("an error keeps it, and the alarm comes again", async () => {
    await ask(member, good());
    for (const weather of ["refusing", "502", "garbage", "error"] as const) {
      world.chain.weather = weather;
      await expire();
      expect(await booked()).toEqual(everywhere(ONE, 0n));
    }
    expect(await runInDurableObject(caps(), (_c: Caps, state) => state.storage.getAlarm())).not.toBeNull();
  });

  test("the next operation settles the one before without waiting for its end", async () => {
    await ask(member, good());
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 0n, cost: 777n });
    expect(dataOf(await ask(member, good({ nonce: 1n })))).toMatch(/^0x/);
    expect(await booked()).toEqual(everywhere(ONE, 777n));
  });

  test("a node's first message after its registration moves it between scopes", async () => {
    const node = world.deploy();
    await ask(node, operation(node, await registration(node)));
    expect(await totalOpen(`registration:${node.address}`)).toBe(ONE);
    world.join(node);
    world.chain.nonces.set(`${node.address}:0`, 1n);
    world.chain.events.push({ sender: node.address, paymaster: PAYMASTER, nonce: 0n, cost: 5n });
    await ask(node, operation(node, inner.publish, { nonce: 1n }));
    expect([await totalOpen(`registration:${node.address}`), await totalSettled(`registration:${node.address}`)]).toEqual([0n, 5n]);
    expect([await totalOpen(`sender:${node.address}`), await totalSettled(`sender:${node.address}`)]).toEqual([ONE, 0n]);
  });

  test("what is spent counts against the cap until the period ends", async () => {
    const using = withEnv({ CAP_SENDER_WEI: String(ONE + 100n) });
    await ask(member, good(), { using });
    world.chain.nonces.set(`${member.address}:0`, 1n);
    world.chain.events.push({ sender: member.address, paymaster: PAYMASTER, nonce: 0n, cost: 101n });
    expect(dataOf(await ask(member, good({ nonce: 1n }), { using }))).toBe("refused: sender-cap");
    await runInDurableObject(caps(), (_c: Caps, state) => { state.storage.sql.exec("UPDATE usage SET period = period - 1"); });
    expect(dataOf(await ask(member, good({ nonce: 1n }), { using }))).toMatch(/^0x/);
  });
});

describe("many at once", () => {
  test("a hundred senders against a cap for ten: exactly ten", async () => {
    const using = withEnv({ CAP_CLUSTER_WEI: String(10n * ONE) });
    const members = Array.from({ length: 100 }, () => world.join());
    const replies = await Promise.all(members.map((one) => ask(one, operation(one, inner.publish), { using })));
    expect(replies.filter((reply) => reply.result).length).toBe(10);
    expect(new Set(replies.filter((reply) => reply.error).map((reply) => reply.error!.data.reason))).toEqual(new Set(["cluster-cap"]));
    expect(await totalOpen(`cluster:${CLUSTER}`)).toBe(10n * ONE);
  });

  test("a sender that asks fifty different things at once holds the dearest, once", async () => {
    const fees = (i: number): Operation["fees"] => ({ maxFeePerGas: 2n * GWEI + BigInt(i), maxPriorityFeePerGas: GWEI });
    await Promise.all(Array.from({ length: 50 }, (_, i) => ask(member, good({ fees: fees(i) }))));
    expect(await totalOpen()).toBe((2n * GWEI + 49n) * 400_000n);
  });

  test("a stranger who asks a hundred times moves nothing", async () => {
    const stranger = world.join().account;
    const replies = await Promise.all(Array.from({ length: 100 }, () => ask(member, good(), { signer: stranger })));
    expect(new Set(replies.map((reply) => reply.error?.data.reason))).toEqual(new Set(["auth-by-another-key"]));
    expect(await booked()).toEqual(everywhere(0n, 0n));
  });
});
