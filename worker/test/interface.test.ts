// SPDX-License-Identifier: Apache-2.0
// Facts that other programs rely on, by literal values made elsewhere: selectors,
// the two hashes, the environment's bounds; and decoders that never throw.
import { describe, expect, test } from "vitest";
import { toFunctionSelector, type Hex } from "viem";
import { ENTRY_POINT } from "../src/constants.ts";
import { packFees, packGasLimits, recoverSigner, sponsorHash } from "../src/auth.ts";
import { readExecute, readOperation, readRegistration } from "../src/decode.ts";
import { Misconfigured, readSettings } from "../src/env.ts";
import { paymasterHash, stubFields } from "../src/paymaster.ts";
import { METHODS, methodOf } from "../src/selectors.ts";
import type { Operation } from "../src/types.ts";
import { bindings, execute, inner, newMember, operation, post, registration, toJson, World } from "./kit.ts";

const SELECTORS: Record<string, Hex> = {
  dstack_register: "0x537d491c", operator_register: "0x57977c40", publishWgKey: "0x4979ff72", publishEd25519Key: "0xcedc29c2", send: "0x84076765",
  setCskCommitment: "0x3eeb8ee8", commitCsk: "0x60b66da2", leave: "0xd66d9e19",
};

describe("selectors", () => {
  test("the allowlist is exactly this", () => {
    expect(Object.fromEntries(METHODS.map((method) => [method.name, toFunctionSelector(method.signature)]))).toEqual(SELECTORS);
    expect(execute(inner.leave).slice(0, 10)).toBe("0xb61d27f6");
  });
  test("a selector is read whatever its case, and only whole", () => {
    expect(methodOf("0x537D491C", false)?.name).toBe("dstack_register");
    expect(methodOf("0x537d49", false)).toBeUndefined();
    expect([methodOf("0x57977c40", false), methodOf("0x57977c40", true)?.name]).toEqual([undefined, "operator_register"]);
  });
});

// Hashed by Foundry's cast from the same values.
describe("hashes", () => {
  const op: Operation = {
    sender: `0x${"11".repeat(20)}`, nonce: 42n, callData: "0x12345678",
    gas: { verificationGasLimit: 100_000n, callGasLimit: 200_000n, preVerificationGas: 50_000n, paymasterVerificationGasLimit: 0n, paymasterPostOpGasLimit: 0n },
    fees: { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
  };
  test("packing", () => {
    expect(packGasLimits(op.gas)).toBe("0x000000000000000000000000000186a000000000000000000000000000030d40");
    expect(packFees(op.fees)).toBe("0x0000000000000000000000003b9aca0000000000000000000000000077359400");
  });
  test("what the asker signs", () => expect(sponsorHash(31337n, op)).toBe("0xafd5281e99134923e137647951ebdc402becc627bb7ab22d38a9093667f3d7a5"));
  test("what the paymaster checks", () => expect(paymasterHash(31337n, `0x${"33".repeat(20)}`, op, 1_700_000_000)).toBe("0x18c0da2b6e1f51d9cd152caf4599d0ef51b15ff8afd9b11366f552d8880344b7"));
  test("every field of the asker's hash counts", () => {
    const base = sponsorHash(31337n, op);
    const changes: Operation[] = [
      { ...op, sender: `0x${"12".repeat(20)}` }, { ...op, nonce: 43n }, { ...op, callData: "0x12345679" },
      { ...op, gas: { ...op.gas, verificationGasLimit: 1n } }, { ...op, gas: { ...op.gas, callGasLimit: 1n } }, { ...op, gas: { ...op.gas, preVerificationGas: 1n } },
      { ...op, fees: { ...op.fees, maxFeePerGas: 1n } }, { ...op, fees: { ...op.fees, maxPriorityFeePerGas: 1n } },
    ];
    for (const change of changes) expect(sponsorHash(31337n, change)).not.toBe(base);
    expect(sponsorHash(1n, op)).not.toBe(base);
  });
  test("the stub's signature recovers to nobody", async () => {
    const data = stubFields(`0x${"33".repeat(20)}`).paymasterData;
    expect(data.length).toBe(2 + 2 * (64 + 65));
    expect(await recoverSigner(`0x${"00".repeat(32)}`, `0x${data.slice(-130)}`)).toBeDefined();
  });
});

describe("the environment", () => {
  const base = { ...bindings } as Record<string, unknown>;
  test("is read strictly", () => {
    const settings = readSettings(base);
    expect(settings.clusterFactories).toEqual([`0x${"e".repeat(40)}`, `0x${"f".repeat(40)}`]);
    expect([settings.chainId, settings.sponsorOperatorMethod, settings.sponsorAnyCluster, settings.validitySecs]).toEqual([31337n, false, false, 300]);
  });
  test.each<[string, unknown]>([
    ["EXPECTED_CHAIN_ID", "0x7a69"], ["EXPECTED_CHAIN_ID", "0"], ["RPC_URL", "chain.test"], ["CANONICAL_MEMBER_FACTORY", "0x12"], ["CANONICAL_CLUSTER_FACTORY", "x"],
    ["SPONSORED_CLUSTERS", "0x12"], ["SPONSORED_OWNERS", "none"], ["SPONSOR_ANY_CLUSTER", "yes"], ["SPONSOR_OPERATOR_METHOD", "1"], ["TIP_CAP_WEI", "-1"], ["TIP_CAP_WEI", "1e9"],
    ["VALIDITY_SECS", "59"], ["VALIDITY_SECS", "601"], ["VALIDITY_SECS", "0"], ["CAP_PERIOD_SECS", "59"], ["CAP_GLOBAL_WEI", "1.5"], ["PAYMASTER_SIGNER_KEY", "0x11"],
    ["PAYMASTER_SIGNER_KEY", ""], ["PAYMASTER_ADDRESS", ""], ["L1_FEE_ORACLE", "0x0"], ["RPC_URL", 7],
  ])("%s = %j is refused by name", (name, value) => {
    expect(() => readSettings({ ...base, [name]: value })).toThrow(Misconfigured);
    expect(() => readSettings({ ...base, [name]: value })).toThrow(name);
  });
  test("one cluster factory is enough, none is not", () => {
    expect(readSettings({ ...base, CANONICAL_CLUSTER_FACTORY_V2: "" }).clusterFactories.length).toBe(1);
    expect(() => readSettings({ ...base, CANONICAL_CLUSTER_FACTORY: "", CANONICAL_CLUSTER_FACTORY_V2: "" })).toThrow(/CANONICAL_CLUSTER_FACTORY/);
  });
});

// A small generator of its own, so that a failure names the seed that repeats it.
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("decoders never throw", () => {
  test("mutated callData", async () => {
    const member = newMember();
    const seeds = [execute(inner.publish), execute(inner.send(100)), await registration(member), execute(await registration(member))];
    for (let seed = 0; seed < 4000; seed++) {
      const next = random(seed);
      const bytes = Array.from(seeds[seed % seeds.length]!.slice(2).match(/../g)!);
      for (let i = 0; i <= next() * 4; i++) {
        const at = Math.floor(next() * bytes.length);
        const kind = next();
        if (kind < 0.6) bytes[at] = Math.floor(next() * 256).toString(16).padStart(2, "0");
        else if (kind < 0.8) bytes.length = Math.max(at, 4);
        else bytes.splice(at, 0, "ff");
      }
      const data = `0x${bytes.join("")}` as Hex;
      for (const result of [readExecute(data), readRegistration(data)]) expect(typeof result.ok, `seed ${seed}`).toBe("boolean");
    }
  });

  test("mutated operations", () => {
    const strange: unknown[] = [undefined, null, 0, -1, 1.5, true, "", "0x", "0xg", "0x" + "f".repeat(65), [], {}, "0x" + "00".repeat(70_000), { toString: null }];
    const json = toJson(operation(newMember(), inner.publish));
    for (const name of [...Object.keys(json), "factory", "initCode"]) {
      for (const value of strange) {
        const result = readOperation({ ...json, [name]: value });
        expect(typeof result.ok).toBe("boolean");
      }
    }
    for (const value of strange) expect(readOperation(value).ok).toBe(false);
  });

  test("mutated requests are answered with a reason, none with an internal error", async () => {
    new World();
    const member = newMember();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "pm_getPaymasterData",
      params: [toJson(operation(member, inner.publish)), ENTRY_POINT, "0x7a69", { auth: `0x${"11".repeat(65)}` }] });
    const pieces = ["null", "0", "[]", "{}", '""', "true", "-1", "1e999", '"0x"', "\\u0000", ",", "}", "\ud800"];
    for (let seed = 0; seed < 1500; seed++) {
      const next = random(seed);
      let text = body;
      for (let i = 0; i <= next() * 3; i++) {
        const at = Math.floor(next() * text.length);
        text = text.slice(0, at) + pieces[Math.floor(next() * pieces.length)] + text.slice(at + Math.floor(next() * 12));
      }
      const response = await post("/rpc", text);
      expect([200, 400], `seed ${seed}`).toContain(response.status);
      const reply = (await response.json()) as { error?: { data: { reason: string } }; result?: unknown };
      expect(reply.result, `seed ${seed}`).toBeUndefined();
      expect(reply.error!.data.reason, `seed ${seed}`).not.toBe("internal-error");
    }
  });
});
