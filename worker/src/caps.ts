// SPDX-License-Identifier: Apache-2.0
// The caps' home: one Durable Object, so that every reservation sees every
// other. Owns the books (ledger.ts) and the alarm that closes reservations
// (settle.ts). Anything that goes wrong here is a denial for the caller.
import { DurableObject } from "cloudflare:workers";
import { SETTLE_BATCH, SETTLE_DELAY_MS, SETTLE_RETRY_MS } from "./constants.ts";
import { makeCache } from "./cache.ts";
import { settingsOf, type Bindings, type Settings } from "./env.ts";
import { Ledger, type Reservation, type Reserved, type Scope, type Wanted } from "./ledger.ts";
import type { BookTotals } from "./log.ts";
import { makeProvenance } from "./provenance.ts";
import { makeRpc } from "./rpc.ts";
import { fateOf } from "./settle.ts";
import type { Approval } from "./policy.ts";
import type { Address } from "./types.ts";

export const GLOBAL_SCOPE = "global";

export function scopesOf(settings: Settings, approval: Approval): Scope[] {
  const { capsWei } = settings;
  const own: Scope = approval.registration
    ? { name: `registration:${approval.sender}`, capWei: capsWei.registration, reason: "registration-cap" }
    : { name: `sender:${approval.sender}`, capWei: capsWei.sender, reason: "sender-cap" };
  return [
    own,
    { name: `cluster:${approval.cluster}`, capWei: capsWei.cluster, reason: "cluster-cap" },
    { name: GLOBAL_SCOPE, capWei: capsWei.global, reason: "global-cap" },
  ];
}

export const periodAt = (settings: Settings, nowMs: number): number => Math.floor(nowMs / 1000 / settings.capPeriodSecs);

export class Caps extends DurableObject<Bindings> {
  private readonly ledger: Ledger;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.ledger = new Ledger(state.storage);
  }

  // A reservation of an earlier nonce is settled first, if the chain lets it.
  async reserve(wanted: Wanted): Promise<Reserved> {
    let outcome = this.ledger.reserve(wanted);
    if (outcome.kind === "conflict") {
      await this.close(outcome.open);
      outcome = this.ledger.reserve(wanted);
    }
    if (outcome.kind === "conflict")
      return { kind: "denied", reason: "reservation-open", detail: `an operation under nonce ${outcome.open.nonce} is open until ${outcome.open.validUntilSecs}` };
    if (outcome.kind === "granted") await this.wake(outcome.validUntilSecs * 1000 + SETTLE_DELAY_MS);
    return outcome;
  }

  async spend(scopes: readonly Scope[], costWei: bigint, period: number): Promise<Reserved> {
    return this.ledger.spend(scopes, costWei, period);
  }

  async usage(scope: string): Promise<{ settledWei: bigint; openWei: bigint }> {
    return this.ledger.usage(scope, periodAt(settingsOf(this.env), Date.now()));
  }

  // This period's totals, for the metrics.
  async totals(): Promise<BookTotals> {
    return { ...(await this.usage(GLOBAL_SCOPE)), openCount: this.ledger.openCount() };
  }

  private async wake(atMs: number): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || atMs < set) await this.ctx.storage.setAlarm(atMs);
  }

  private async close(reservation: Reservation): Promise<void> {
    const settings = settingsOf(this.env);
    const rpc = makeRpc(settings.rpcUrl);
    const provenance = makeProvenance(rpc, makeCache(this.env.PROVENANCE, Date.now), settings);
    const fate = await fateOf(rpc, provenance, reservation, settings.paymaster?.address ?? ("0x" as Address));
    if (fate.kind === "spent") this.ledger.settle(reservation, fate.wei, periodAt(settings, Date.now()));
  }

  override async alarm(): Promise<void> {
    for (const ended of this.ledger.endedBefore(Math.floor(Date.now() / 1000), SETTLE_BATCH)) await this.close(ended);
    this.ledger.prune(periodAt(settingsOf(this.env), Date.now()));
    const next = this.ledger.earliestEndSecs();
    if (next !== undefined) await this.ctx.storage.setAlarm(Math.max(next * 1000 + SETTLE_DELAY_MS, Date.now() + SETTLE_RETRY_MS));
  }
}
