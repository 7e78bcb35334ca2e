// SPDX-License-Identifier: Apache-2.0
// One operation for each denial, each one step away from a good one; what
// static checks deny costs no question to the chain and no entry in the books.
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { concatHex, numberToHex, toFunctionSelector, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { BODY_MAX_BYTES, CALL_DATA_MAX_BYTES } from "../src/constants.ts";
import type { Bindings } from "../src/env.ts";
import { REASONS } from "../src/result.ts";
import type { Operation } from "../src/types.ts";
import {
  ask, askStub, bindings, callRpc, clearBooks, CLUSTER, execute, GWEI, inner, newMember, operation, operatorRegistration, post, registration,
  totalOpen, totalSettled, World, type Asking, type Member, type Reply,
} from "./kit.ts";

let world: World;
let member: Member;
const seen = new Set<string>();

beforeEach(async () => {
  world = new World();
  member = world.join();
  await clearBooks();
});

function reasonOf(reply: Reply): string {
  const reason = reply.error?.data.reason ?? "approved";
  seen.add(reason);
  return reason;
}

const withEnv = (changes: Record<string, unknown>): Bindings => ({ ...bindings, ...changes });

describe("the control", () => {
  test("a member's operation is sponsored", async () => {
    expect(reasonOf(await ask(member, operation(member, inner.publish)))).toBe("approved");
  });
  test("a registration is sponsored", async () => {
    const node = world.deploy();
    expect(reasonOf(await ask(node, operation(node, await registration(node))))).toBe("approved");
  });
});

describe("denied by the request alone", () => {
  const good = (change: Partial<Operation> = {}): Operation => operation(member, inner.publish, change);
  type Case = [reason: string, name: string, make: () => Operation | Promise<Operation>, asking?: Asking];
  const gas = (change: Partial<Operation["gas"]>): Operation => good({ gas: { ...good().gas, ...change } });
  const other = newMember();
  const cases: Case[] = [
    ["wrong-chain", "another chain", () => good(), { chainId: 1n }],
    ["wrong-entry-point", "another EntryPoint", () => good(), { entryPoint: "0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108" }],
    ["malformed-operation", "a sender that is no address", () => good(), { json: { sender: "0x12" } }],
    ["malformed-operation", "a gas field of 129 bits", () => good(), { json: { callGasLimit: numberToHex(1n << 128n) } }],
    ["malformed-operation", "callData of odd length", () => good(), { json: { callData: "0xb61d27f" } }],
    ["malformed-operation", "a fee that is missing", () => good(), { json: { maxFeePerGas: null } }],
    ["malformed-operation", "a registration that does not decode", () => operation(member, concatHex(["0x537d491c", `0x${"00".repeat(64)}`]))],
    ["call-data-too-long", "one byte too many", () => good({ callData: `0x${"00".repeat(CALL_DATA_MAX_BYTES + 1)}` })],
    ["factory-not-sponsored", "a factory", () => good(), { json: { factory: CLUSTER, factoryData: "0x" } }],
    ["factory-not-sponsored", "initCode", () => good(), { json: { initCode: "0x1234" } }],
    ["not-an-execute-call", "another outer call", () => good({ callData: inner.publish })],
    ["not-an-execute-call", "bytes behind the call", () => good({ callData: concatHex([execute(inner.publish), "0x00"]) })],
    ["not-an-execute-call", "no callData", () => good({ callData: "0x" })],
    ["value-not-zero", "one wei", () => good({ callData: execute(inner.publish, CLUSTER, 1n) })],
    ["selector-not-sponsored", "a call of the cluster's owner", () => operation(member, inner.ownersCall)],
    ["selector-not-sponsored", "three bytes", () => operation(member, "0x537d49")],
    ["selector-not-sponsored", "the operator's method while it is off", () => operation(member, operatorRegistration(member))],
    ["registration-of-another-member", "somebody else's registration", async () => operation(member, await registration(member, other.address))],
    ["gas-above-bound", "verificationGasLimit", () => gas({ verificationGasLimit: 250_001n })],
    ["gas-above-bound", "callGasLimit", () => gas({ callGasLimit: 300_001n })],
    ["gas-above-bound", "preVerificationGas", () => gas({ preVerificationGas: 90_000n })],
    ["gas-above-bound", "callGasLimit of a message", () => operation(member, inner.send(48), { gas: { ...good().gas, callGasLimit: 300_000n } })],
    ["tip-above-cap", "one wei above", () => good({ fees: { maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: 2n * GWEI + 1n } })],
    ["cluster-not-sponsored", "a cluster that is not listed", () => good({ callData: execute(inner.publish, other.address) })],
    ["nothing-is-sponsored", "no list at all", () => good(), { using: withEnv({ SPONSORED_CLUSTERS: "" }) }],
    ["auth-missing", "no context.auth", () => good(), { auth: undefined }],
    ["auth-malformed", "64 bytes", () => good(), { auth: `0x${"11".repeat(64)}` }],
    ["auth-malformed", "high s", () => good(), { auth: `0x${"11".repeat(32)}${"ff".repeat(32)}1b` }],
    ["auth-malformed", "a number", () => good(), { auth: 7 }],
  ];
  test.each(cases)("%s: %s", async (reason, _name, make, asking) => {
    const reply = await ask(member, await make(), asking);
    expect(reasonOf(reply)).toBe(reason);
    expect(world.chain.requests).toBe(0);
    expect([await totalOpen(), await totalSettled()]).toEqual([0n, 0n]);
  });

  test("the bounds themselves pass", async () => {
    const atBound = { ...operation(member, inner.publish).gas, verificationGasLimit: 250_000n, callGasLimit: 300_000n };
    expect(reasonOf(await ask(member, good({ gas: atBound, fees: { maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: 2n * GWEI } })))).toBe("approved");
  });

  test("the longest message passes", async () => {
    const op = operation(member, inner.send(65_536));
    const gas = { ...op.gas, callGasLimit: 700_000n, preVerificationGas: 2_950_000n };
    expect(reasonOf(await ask(member, { ...op, gas }, { using: withEnv({ CAP_SENDER_WEI: "20000000000000000" }) }))).toBe("approved");
  });

  test("the operator's method passes where it is on", async () => {
    const node = world.deploy();
    expect(reasonOf(await ask(node, operation(node, operatorRegistration(node)), { using: withEnv({ SPONSOR_OPERATOR_METHOD: "true" }) }))).toBe("approved");
  });

  test("the stub makes the static checks, asks nobody and signs nothing", async () => {
    const stub = await askStub(good());
    expect(stub.error).toBeUndefined();
    expect(world.chain.requests).toBe(0);
    const final = await ask(member, good());
    expect(stub.result!["paymasterData"]!.length).toBe(final.result!["paymasterData"]!.length);
    expect(stub.result!["paymasterData"]).toBe((await askStub(operation(member, inner.leave))).result!["paymasterData"]);
    expect(reasonOf(await askStub(good({ callData: inner.publish })))).toBe("not-an-execute-call");
    const early = await callRpc("pm_getPaymasterStubData", [{ sender: member.address, nonce: "0x0", callData: good().callData }, "0x0000000071727De22E5E9d8BAf0edAc6f37da032", "0x7a69"]);
    expect(early.error).toBeUndefined();
  });
});

describe("denied by the chain", () => {
  test("fee-above-cap: one wei above twice the base fee and the tip", async () => {
    const fees = { maxFeePerGas: 4n * GWEI + 1n, maxPriorityFeePerGas: GWEI };
    expect(reasonOf(await ask(member, operation(member, inner.publish, { fees })))).toBe("fee-above-cap");
    expect(reasonOf(await ask(member, operation(member, inner.publish, { fees: { maxFeePerGas: GWEI, maxPriorityFeePerGas: GWEI + 1n } })))).toBe("fee-above-cap");
  });

  test("unknown-cluster: listed, but from no factory of ours", async () => {
    const stray = newMember().address;
    const using = withEnv({ SPONSORED_CLUSTERS: stray });
    expect(reasonOf(await ask(member, operation(member, inner.publish, { callData: execute(inner.publish, stray) }), { using }))).toBe("unknown-cluster");
  });

  test("a cluster of the older factory is known too", async () => {
    const older = newMember().address;
    world.chain.clusterFactory = `0x${"f".repeat(40)}`;
    world.chain.clusters.set(older, { owner: CLUSTER, members: new Set([member.address]), apps: new Set() });
    const using = withEnv({ SPONSORED_CLUSTERS: older });
    expect(reasonOf(await ask(member, operation(member, inner.publish, { callData: execute(inner.publish, older) }), { using }))).toBe("approved");
  });

  test("cluster-not-sponsored: another owner than the listed one; the listed one's passes", async () => {
    const foreign = newMember().address;
    world.chain.clusters.set(foreign, { owner: newMember().address, members: new Set([member.address]), apps: new Set() });
    const using = withEnv({ SPONSORED_CLUSTERS: "", SPONSORED_OWNERS: world.cluster.owner });
    expect(reasonOf(await ask(member, operation(member, inner.publish, { callData: execute(inner.publish, foreign) }), { using }))).toBe("cluster-not-sponsored");
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using }))).toBe("approved");
  });

  test("SPONSOR_ANY_CLUSTER drops the list and nothing else", async () => {
    const using = withEnv({ SPONSORED_CLUSTERS: "", SPONSOR_ANY_CLUSTER: "true" });
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using }))).toBe("approved");
    expect(reasonOf(await ask(member, operation(member, inner.publish, { callData: execute(inner.publish, newMember().address) }), { using }))).toBe("unknown-cluster");
  });

  test("sender-not-a-member: removed, or never one", async () => {
    const stranger = newMember();
    world.chain.owners.set(stranger.address, stranger.account.address.toLowerCase() as Hex);
    expect(reasonOf(await ask(stranger, operation(stranger, inner.publish)))).toBe("sender-not-a-member");
  });

  test("sender-unknown: neither factory-made nor allowed; allowed passes", async () => {
    const node = newMember();
    const op = operation(node, await registration(node));
    expect(reasonOf(await ask(node, op))).toBe("sender-unknown");
    world.cluster.apps.add(node.address);
    expect(reasonOf(await ask(node, op))).toBe("approved");
  });

  test("auth-by-another-key: a stranger asks for a member's, and for a node's first operation", async () => {
    const stranger = privateKeyToAccount(generatePrivateKey());
    expect(reasonOf(await ask(member, operation(member, inner.publish), { signer: stranger }))).toBe("auth-by-another-key");
    const node = world.deploy();
    expect(reasonOf(await ask(node, operation(node, await registration(node)), { signer: stranger }))).toBe("auth-by-another-key");
    expect(await totalOpen()).toBe(0n);
  });

  test("auth-by-another-key: with an owner set, the binding's signer is not enough", async () => {
    const node = world.deploy();
    world.chain.owners.set(node.address, newMember().account.address.toLowerCase() as Hex);
    expect(reasonOf(await ask(node, operation(node, await registration(node))))).toBe("auth-by-another-key");
  });

  test("nonce-not-current: behind, and ahead", async () => {
    world.chain.nonces.set(`${member.address}:0`, 5n);
    for (const nonce of [4n, 6n]) expect(reasonOf(await ask(member, operation(member, inner.publish, { nonce })))).toBe("nonce-not-current");
    expect(reasonOf(await ask(member, operation(member, inner.publish, { nonce: 5n })))).toBe("approved");
  });

  test("member-barred and registration-reverts name the cluster's error", async () => {
    const node = world.deploy();
    const op = operation(node, await registration(node));
    world.chain.registrationRevert = toFunctionSelector("MemberBarred()");
    const barred = await ask(node, op);
    expect([reasonOf(barred), barred.error!.data.revert]).toEqual(["member-barred", "MemberBarred"]);
    world.chain.registrationRevert = toFunctionSelector("InvalidSigChain()");
    const reverts = await ask(node, op);
    expect([reasonOf(reverts), reverts.error!.data.revert]).toEqual(["registration-reverts", "InvalidSigChain"]);
    world.chain.registrationRevert = "0xdeadbeef";
    expect((await ask(node, op)).error!.data.revert).toBe("0xdeadbeef");
  });

  test("with the L1 oracle preVerificationGas may grow by the fee, and no further", async () => {
    const using = withEnv({ L1_FEE_ORACLE: newMember().address });
    const op = operation(member, inner.publish);
    world.chain.l1FeeWei = 100_000n * op.fees.maxFeePerGas; // 200,000 gas allowed
    const asking = (pre: bigint): Promise<Reply> => ask(member, { ...op, gas: { ...op.gas, preVerificationGas: pre } }, { using });
    expect(reasonOf(await asking(260_000n))).toBe("approved");
    expect(reasonOf(await asking(400_000n))).toBe("gas-above-bound");
  });
});

describe("denied because something is down", () => {
  test.each(["refusing", "502", "garbage", "error", "huge"] as const)("rpc-unavailable: %s", async (weather) => {
    world.chain.weather = weather;
    const node = world.join();
    expect(reasonOf(await ask(node, operation(node, inner.publish)))).toBe("rpc-unavailable");
    expect(await totalOpen()).toBe(0n);
    world.chain.weather = "fine";
    expect(reasonOf(await ask(node, operation(node, inner.publish)))).toBe("approved");
  });

  test("caps-unavailable: books that fail sponsor nothing", async () => {
    const CAPS = { getByName: () => ({ reserve: () => Promise.reject(new Error("storage lost")) }) };
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using: withEnv({ CAPS }) }))).toBe("caps-unavailable");
  });

  test("misconfigured: a variable that is missing names itself", async () => {
    for (const name of ["EXPECTED_CHAIN_ID", "RPC_URL", "CANONICAL_MEMBER_FACTORY"]) {
      const reply = await ask(member, operation(member, inner.publish), { using: withEnv({ [name]: undefined }) });
      expect(reasonOf(reply)).toBe("misconfigured");
      expect(reply.error!.message).toContain(name);
    }
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using: withEnv({ PAYMASTER_ADDRESS: "", PAYMASTER_SIGNER_KEY: "" }) }))).toBe("misconfigured");
  });

  test("internal-error tells nothing of itself", async () => {
    const PROVENANCE = { get: () => Promise.reject(new Error("a secret detail")), put: () => Promise.resolve() };
    const reply = await ask(member, operation(member, inner.publish), { using: withEnv({ PROVENANCE }) });
    expect(reasonOf(reply)).toBe("internal-error");
    expect(JSON.stringify(reply)).not.toContain("secret detail");
  });
});

describe("denied by the budget", () => {
  const one = 3n * GWEI * 400_000n; // what a good operation may cost
  test.each([
    ["sender-cap", "CAP_SENDER_WEI"], ["cluster-cap", "CAP_CLUSTER_WEI"], ["global-cap", "CAP_GLOBAL_WEI"],
  ])("%s: at the cap it passes, one wei below it does not", async (reason, name) => {
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using: withEnv({ [name]: String(one - 1n) }) }))).toBe(reason);
    expect(await totalOpen()).toBe(0n);
    expect(reasonOf(await ask(member, operation(member, inner.publish), { using: withEnv({ [name]: String(one) }) }))).toBe("approved");
  });

  test("registration-cap: a cap of its own, beside the sender's", async () => {
    const node = world.deploy();
    const op = operation(node, await registration(node));
    const using = withEnv({ CAP_REGISTRATION_WEI: String(one - 1n) });
    expect(reasonOf(await ask(node, op, { using }))).toBe("registration-cap");
    expect(reasonOf(await ask(node, op, { using: withEnv({ CAP_SENDER_WEI: "0" }) }))).toBe("approved");
  });

  test("reservation-open: a second nonce key while the first is open", async () => {
    expect(reasonOf(await ask(member, operation(member, inner.publish)))).toBe("approved");
    expect(reasonOf(await ask(member, operation(member, inner.publish, { nonce: 7n << 64n })))).toBe("reservation-open");
  });
});

describe("malformed requests", () => {
  test.each([
    ["no JSON", "{"], ["an array", "[]"], ["a string", '"x"'], ["no method", '{"jsonrpc":"2.0","id":1}'], ["another version", '{"jsonrpc":"1.0","id":1,"method":"pm_getPaymasterData"}'],
    ["params of another kind", '{"jsonrpc":"2.0","id":1,"method":"pm_getPaymasterData","params":{}}'],
    ["no params", '{"jsonrpc":"2.0","id":1,"method":"pm_getPaymasterData","params":[]}'],
    ["an id of another kind", '{"jsonrpc":"2.0","id":{},"method":"pm_getPaymasterData","params":[]}'],
  ])("%s", async (_name, body) => {
    const response = await post("/rpc", body);
    expect(response.status).toBe(400);
    expect(reasonOf((await response.json()) as Reply)).toBe("malformed-request");
  });

  test("unknown-method", async () => expect(reasonOf(await callRpc("eth_chainId", []))).toBe("unknown-method"));

  test("body-too-large: at the bound it is read, one past it is not", async () => {
    const body = (length: number): string => '{"pad":"' + "a".repeat(length - 10) + '"}';
    expect(reasonOf((await (await post("/rpc", body(BODY_MAX_BYTES))).json()) as Reply)).toBe("malformed-request");
    const refused = await post("/rpc", body(BODY_MAX_BYTES + 1));
    expect(refused.status).toBe(400);
    expect(reasonOf((await refused.json()) as Reply)).toBe("body-too-large");
  });
});

// The webhooks' own two reasons have their cases in webhooks.test.ts.
afterAll(() => {
  expect(REASONS.filter((reason) => !seen.has(reason))).toEqual(["wrong-token", "bad-webhook-signature"]);
});
