// SPDX-License-Identifier: Apache-2.0
// The two vendors' webhooks, and the surfaces for people: how each
// authenticates and answers. What is sponsored is the same policy for all.
import { beforeEach, describe, expect, test } from "vitest";
import { bytesFromBase64, hmacSha256Base64 } from "../src/providers/secrets.ts";
import { route } from "../src/routes.ts";
import { bindings, clearBooks, CLUSTER, GWEI, inner, newMember, operation, post, toJson, totalOpen, totalSettled, World, type Member } from "./kit.ts";

const ONE = 3n * GWEI * 400_000n;
let world: World;
let member: Member;

beforeEach(async () => {
  world = new World();
  member = world.join();
  await clearBooks();
});

const alchemyBody = (change: Record<string, unknown> = {}): Record<string, unknown> =>
  ({ userOperation: toJson(operation(member, inner.publish)), policyId: "p", chainId: "31337", webhookData: "", ...change });

describe("Alchemy", () => {
  const ask = async (body: unknown, token = "t0ken"): Promise<[number, Record<string, unknown>]> => {
    const response = await post(`/?token=${token}`, body);
    return [response.status, (await response.json()) as Record<string, unknown>];
  };

  test("approves, and counts it as spent at once", async () => {
    expect(await ask(alchemyBody())).toEqual([200, { approved: true }]);
    expect([await totalOpen(), await totalSettled()]).toEqual([0n, ONE]);
    await ask(alchemyBody());
    expect(await totalSettled()).toBe(2n * ONE);
  });

  test.each(["", "t0keN", "t0ken0"])("refuses the token %j before it reads anything", async (token) => {
    const [status, body] = await ask("{", token);
    expect([status, body["reason"]]).toEqual([401, "wrong-token"]);
    expect(world.chain.requests).toBe(0);
  });

  test("refuses every token where none is set", async () => {
    const response = await post("/?token=", alchemyBody(), { ...bindings, ALCHEMY_WEBHOOK_TOKEN: "" });
    expect(response.status).toBe(401);
  });

  test("applies the policy and names the reason", async () => {
    const stranger = newMember();
    const body = alchemyBody({ userOperation: toJson(operation(stranger, inner.publish)) });
    expect((await ask(body))[1]).toMatchObject({ approved: false, reason: "sender-not-a-member" });
    expect((await ask(alchemyBody({ chainId: "1" })))[1]).toMatchObject({ approved: false, reason: "wrong-chain" });
    const dear = operation(member, inner.publish, { fees: { maxFeePerGas: 1000n * GWEI, maxPriorityFeePerGas: GWEI } });
    expect((await ask(alchemyBody({ userOperation: toJson(dear) })))[1]).toMatchObject({ approved: false, reason: "fee-above-cap" });
    expect(await totalSettled()).toBe(0n);
  });

  test.each([["no JSON", "{"], ["an array", "[]"], ["no operation", { chainId: "31337" }], ["no chain", { userOperation: {} }]])("answers 400 to %s", async (_name, body) => {
    expect((await ask(body))[0]).toBe(400);
  });
});

describe("Pimlico", () => {
  const secret = bytesFromBase64(String(bindings["PIMLICO_WEBHOOK_SECRET"]).slice("whsec_".length))!;
  const event = (type = "user_operation.sponsorship.requested"): string =>
    JSON.stringify({ type, data: { object: { userOperation: toJson(operation(member, inner.publish)), entryPoint: "0x0000000071727De22E5E9d8BAf0edAc6f37da032", chainId: 31337 } } });

  async function ask(body: string, change: { prefix?: string; timestamp?: number; signature?: string } = {}): Promise<[number, Record<string, unknown>]> {
    const { prefix = "webhook", timestamp = Math.floor(Date.now() / 1000) } = change;
    const signature = change.signature ?? `v1,AAAA v1,${await hmacSha256Base64(secret, `id.${timestamp}.${body}`)}`;
    const response = await post("/pimlico", body, bindings, { [`${prefix}-id`]: "id", [`${prefix}-timestamp`]: String(timestamp), [`${prefix}-signature`]: signature });
    return [response.status, (await response.json()) as Record<string, unknown>];
  }

  test("sponsors what is signed, under either header name", async () => {
    expect(await ask(event())).toEqual([200, { sponsor: true }]);
    expect(await ask(event(), { prefix: "svix" })).toEqual([200, { sponsor: true }]);
    expect(await totalSettled()).toBe(2n * ONE);
  });

  test("the end of a sponsorship changes nothing", async () => {
    expect(await ask(event("user_operation.sponsorship.finalized"))).toEqual([200, { sponsor: true }]);
    expect(await totalSettled()).toBe(0n);
  });

  test("refuses a signature that is wrong, of another body, old or missing", async () => {
    const nowSecs = Math.floor(Date.now() / 1000);
    const foreign = `v1,${await hmacSha256Base64(secret, `id.${nowSecs}.{}`)}`;
    for (const change of [{ signature: "v1,AAAA" }, { signature: foreign, timestamp: nowSecs }, { timestamp: nowSecs - 400 }, { timestamp: nowSecs + 400 }, { prefix: "other" }]) {
      const [status, body] = await ask(event(), change);
      expect([status, body["reason"]]).toEqual([401, "bad-webhook-signature"]);
    }
    expect(world.chain.requests).toBe(0);
  });

  test("applies the policy; malformed events are 400", async () => {
    member = newMember();
    expect((await ask(event()))[1]).toMatchObject({ sponsor: false, reason: "sender-not-a-member" });
    expect((await ask("{"))[0]).toBe(400);
    expect((await ask('{"type":"something"}'))[0]).toBe(400);
  });
});

describe("for people", () => {
  const get = (path: string, using = bindings): Promise<Response> => route(new Request("http://worker.test" + path), using);

  test("/check says whether a cluster is sponsored, and why not", async () => {
    expect(await (await get(`/check?cluster=${CLUSTER}`)).json()).toEqual({ sponsored: true, cluster: CLUSTER });
    expect(await (await get(`/check?cluster=${newMember().address}`)).json()).toMatchObject({ sponsored: false, reason: "cluster-not-sponsored" });
    const none = { ...bindings, SPONSORED_CLUSTERS: "" };
    expect(await (await get(`/check?cluster=${CLUSTER}`, none)).json()).toMatchObject({ sponsored: false, reason: "nothing-is-sponsored" });
    expect((await get("/check")).status).toBe(400);
    world.chain.weather = "refusing";
    const owners = { ...none, SPONSORED_OWNERS: newMember().address };
    expect(await (await get(`/check?cluster=${newMember().address}`, owners)).json()).toMatchObject({ sponsored: false, reason: "rpc-unavailable" });
  });

  test("/healthz needs no chain, and names what is misconfigured", async () => {
    world.chain.weather = "refusing";
    expect(await (await get("/healthz")).json()).toEqual({ ok: true, chainId: 31337, paymaster: `0x${"a".repeat(40)}` });
    const broken = await get("/healthz", { ...bindings, RPC_URL: "ftp://x" });
    expect([broken.status, await broken.json()]).toEqual([500, { ok: false, reason: "misconfigured", detail: "RPC_URL must be an http or https address" }]);
  });

  test("/metrics counts by surface and outcome", async () => {
    await post("/?token=wrong", "{}");
    const text = await (await get("/metrics")).text();
    expect(text).toMatch(/attestmesh_sponsorship_decisions_total\{surface="alchemy",outcome="wrong-token"\} [1-9]/);
    await post("/?token=t0ken", alchemyBody());
    const after = await (await get("/metrics")).text();
    expect(after).toContain(`attestmesh_sponsorship_wei{state="settled"} ${ONE}\n`);
    expect(after).toContain('attestmesh_sponsorship_open 0\n');
  });

  test("other paths and methods are 404", async () => {
    for (const path of ["/", "/rpc", "/nothing"]) expect((await get(path)).status).toBe(404);
    expect((await post("/healthz", "")).status).toBe(404);
  });
});
