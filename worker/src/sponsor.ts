// SPDX-License-Identifier: Apache-2.0
// From an ask to money held: the policy, then the books. What the providers
// share. Every failure of the books is a denial.
import { VALIDITY_REUSE_MIN_SECS } from "./constants.ts";
import { GLOBAL_SCOPE, periodAt, scopesOf } from "./caps.ts";
import { makeCache } from "./cache.ts";
import { settingsOf, type Bindings } from "./env.ts";
import type { Reserved } from "./ledger.ts";
import { decide, type Approval, type Asker, type Context } from "./policy.ts";
import { makeProvenance } from "./provenance.ts";
import { deny, pass, type Result } from "./result.ts";
import { makeRpc, RpcDown } from "./rpc.ts";
import type { Ask } from "./types.ts";

export function contextOf(env: Bindings): Context {
  const settings = settingsOf(env);
  const rpc = makeRpc(settings.rpcUrl);
  return { settings, rpc, provenance: makeProvenance(rpc, makeCache(env.PROVENANCE, Date.now), settings), nowMs: Date.now };
}

function outcome(reserved: Reserved): Result<number> {
  if (reserved.kind === "granted") return pass(reserved.validUntilSecs);
  return reserved.kind === "denied" ? deny(reserved.reason, reserved.detail) : deny("reservation-open", "another operation of this sender is open");
}

async function inBooks(run: () => Promise<Reserved>): Promise<Result<number>> {
  try {
    return outcome(await run());
  } catch (error) {
    if (error instanceof RpcDown) return deny("rpc-unavailable", error.message);
    return deny("caps-unavailable", (error as Error).message);
  }
}

async function reserve(env: Bindings, context: Context, approval: Approval): Promise<Result<number>> {
  const { settings } = context;
  const nowSecs = Math.floor(context.nowMs() / 1000);
  return inBooks(async () => {
    const { number: block } = await context.rpc.latestBlock();
    return env.CAPS.getByName(GLOBAL_SCOPE).reserve({
      sender: approval.sender, nonce: approval.nonce, digest: approval.digest, costWei: approval.costWei,
      scopes: scopesOf(settings, approval), validUntilSecs: nowSecs + settings.validitySecs,
      reuseUntilSecs: nowSecs + VALIDITY_REUSE_MIN_SECS, period: periodAt(settings, context.nowMs()), block,
    });
  });
}

// Answers until when the approval holds.
export async function sponsorByReservation(env: Bindings, context: Context, ask: Ask, asker: Asker): Promise<Result<number>> {
  const approval = await decide(context, ask, asker);
  return approval.ok ? reserve(env, context, approval.value) : approval;
}

// A webhook's approval is spent at once: what becomes of it is not told here.
export async function sponsorAtOnce(env: Bindings, context: Context, ask: Ask): Promise<Result<number>> {
  const approval = await decide(context, ask, { kind: "webhook" });
  if (!approval.ok) return approval;
  const { settings } = context;
  return inBooks(() => env.CAPS.getByName(GLOBAL_SCOPE).spend(scopesOf(settings, approval.value), approval.value.costWei, periodAt(settings, context.nowMs())));
}
