// SPDX-License-Identifier: Apache-2.0
// The books: what is reserved and what is spent, per scope and period, in wei.
// Synchronous SQL inside one transaction per step, so nothing interleaves. Asks
// nobody anything; knows neither chain nor clock.
//
//   usage(scope, period, settled, open)   open is carried over periods, settled
//                                         starts at zero in a new one
//   reservation(sender, ...)              at most one per sender
import { OPEN_RESERVATIONS_MAX } from "./constants.ts";
import type { Reason } from "./result.ts";
import type { Address, Hex } from "./types.ts";

export interface Scope {
  readonly name: string; // "global", "cluster:0x..", "sender:0x..", "registration:0x.."
  readonly capWei: bigint;
  readonly reason: Reason; // of the denial when this cap is reached
}

export interface Wanted {
  readonly sender: Address;
  readonly nonce: bigint;
  readonly digest: Hex;
  readonly costWei: bigint;
  readonly scopes: readonly Scope[];
  readonly validUntilSecs: number;
  readonly reuseUntilSecs: number; // an equal request whose end is later than this keeps it
  readonly period: number;
  readonly block: bigint; // where to start looking for its event
}

export interface Reservation {
  readonly sender: Address;
  readonly nonce: bigint;
  readonly costWei: bigint;
  readonly validUntilSecs: number;
  readonly scopes: readonly string[];
  readonly version: number;
  readonly block: bigint;
}

export type Reserved =
  | { readonly kind: "granted"; readonly validUntilSecs: number }
  | { readonly kind: "conflict"; readonly open: Reservation } // another nonce is still open
  | { readonly kind: "denied"; readonly reason: Reason; readonly detail: string };

interface Row extends Record<string, SqlStorageValue> {
  sender: string; nonce: string; digest: string; cost: string; valid_until: number; scopes: string; version: number; block: string;
}

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS usage (scope TEXT PRIMARY KEY, period INTEGER NOT NULL, settled TEXT NOT NULL, open TEXT NOT NULL)",
  `CREATE TABLE IF NOT EXISTS reservation (sender TEXT PRIMARY KEY, nonce TEXT NOT NULL, digest TEXT NOT NULL, cost TEXT NOT NULL,
    valid_until INTEGER NOT NULL, scopes TEXT NOT NULL, version INTEGER NOT NULL, block TEXT NOT NULL)`,
  "CREATE INDEX IF NOT EXISTS reservation_end ON reservation (valid_until)",
];

const fromRow = (row: Row): Reservation & { digest: string } => ({
  sender: row.sender as Address, nonce: BigInt(row.nonce), digest: row.digest, costWei: BigInt(row.cost), validUntilSecs: row.valid_until,
  scopes: JSON.parse(row.scopes) as string[], version: row.version, block: BigInt(row.block),
});

export class Ledger {
  private readonly sql: SqlStorage;

  constructor(private readonly storage: DurableObjectStorage) {
    this.sql = storage.sql;
    for (const statement of SCHEMA) this.sql.exec(statement);
  }

  private usageOf(scope: string, period: number): { settled: bigint; open: bigint } {
    const row = this.sql.exec<{ period: number; settled: string; open: string }>("SELECT period, settled, open FROM usage WHERE scope = ?", scope).toArray()[0];
    if (row === undefined) return { settled: 0n, open: 0n };
    return { settled: row.period === period ? BigInt(row.settled) : 0n, open: BigInt(row.open) };
  }

  private book(scope: string, period: number, openDelta: bigint, settledDelta: bigint): void {
    const { settled, open } = this.usageOf(scope, period);
    this.sql.exec("INSERT OR REPLACE INTO usage (scope, period, settled, open) VALUES (?, ?, ?, ?)",
      scope, period, String(settled + settledDelta), String(open + openDelta));
  }

  private firstExceeded(scopes: readonly Scope[], period: number, addWei: bigint): Scope | undefined {
    return scopes.find(({ name, capWei }) => {
      const { settled, open } = this.usageOf(name, period);
      return settled + open + addWei > capWei;
    });
  }

  find(sender: Address): (Reservation & { digest: string }) | undefined {
    const row = this.sql.exec<Row>("SELECT * FROM reservation WHERE sender = ?", sender).toArray()[0];
    return row && fromRow(row);
  }

  private put(wanted: Wanted, costWei: bigint, validUntilSecs: number, version: number): void {
    this.sql.exec("INSERT OR REPLACE INTO reservation (sender, nonce, digest, cost, valid_until, scopes, version, block) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      wanted.sender, String(wanted.nonce), wanted.digest, String(costWei), validUntilSecs,
      JSON.stringify(wanted.scopes.map((scope) => scope.name)), version, String(wanted.block));
  }

  // One open reservation per sender. The same request keeps its answer; another
  // under the same nonce can only land instead of the first, so the dearer of
  // the two is what is held.
  reserve(wanted: Wanted): Reserved {
    return this.storage.transactionSync(() => {
      const open = this.find(wanted.sender);
      if (open && open.nonce !== wanted.nonce) return { kind: "conflict", open };
      if (open?.digest === wanted.digest && open.validUntilSecs > wanted.reuseUntilSecs) return { kind: "granted", validUntilSecs: open.validUntilSecs };
      if (!open && this.openCount() >= OPEN_RESERVATIONS_MAX) return { kind: "denied", reason: "global-cap", detail: "too many operations are open" };
      const held = open?.costWei ?? 0n;
      const costWei = wanted.costWei > held ? wanted.costWei : held;
      // A member that registered and now sends moves its reservation between
      // scopes: the old ones get back what they held.
      const names = wanted.scopes.map((scope) => scope.name);
      for (const scope of open?.scopes ?? []) this.book(scope, wanted.period, -held, 0n);
      const exceeded = this.firstExceeded(wanted.scopes, wanted.period, costWei);
      if (exceeded) {
        for (const scope of open?.scopes ?? []) this.book(scope, wanted.period, held, 0n);
        return { kind: "denied", reason: exceeded.reason, detail: `${costWei} wei more would pass the cap of ${exceeded.capWei} for ${exceeded.name}` };
      }
      for (const scope of names) this.book(scope, wanted.period, costWei, 0n);
      // Both answers may be out: the later end counts.
      const validUntilSecs = Math.max(wanted.validUntilSecs, open?.validUntilSecs ?? 0);
      this.put({ ...wanted, block: open?.block ?? wanted.block }, costWei, validUntilSecs, (open?.version ?? 0) + 1);
      return { kind: "granted", validUntilSecs: wanted.validUntilSecs };
    });
  }

  // Spent at once: an approval whose end nobody tells.
  spend(scopes: readonly Scope[], costWei: bigint, period: number): Reserved {
    return this.storage.transactionSync(() => {
      const exceeded = this.firstExceeded(scopes, period, costWei);
      if (exceeded) return { kind: "denied", reason: exceeded.reason, detail: `${costWei} wei more would pass the cap of ${exceeded.capWei} for ${exceeded.name}` };
      for (const { name } of scopes) this.book(name, period, 0n, costWei);
      return { kind: "granted", validUntilSecs: 0 };
    });
  }

  // Ends a reservation at what it cost; only if it is still the one looked at.
  settle(seen: Reservation, spentWei: bigint, period: number): boolean {
    return this.storage.transactionSync(() => {
      const open = this.find(seen.sender);
      if (open === undefined || open.version !== seen.version || open.nonce !== seen.nonce) return false;
      const charged = spentWei < open.costWei ? spentWei : open.costWei;
      for (const scope of open.scopes) this.book(scope, period, -open.costWei, charged);
      this.sql.exec("DELETE FROM reservation WHERE sender = ?", seen.sender);
      return true;
    });
  }

  endedBefore(secs: number, max: number): Reservation[] {
    return this.sql.exec<Row>("SELECT * FROM reservation WHERE valid_until < ? ORDER BY valid_until LIMIT ?", secs, max).toArray().map(fromRow);
  }

  earliestEndSecs(): number | undefined {
    return this.sql.exec<{ first: number | null }>("SELECT MIN(valid_until) AS first FROM reservation").one().first ?? undefined;
  }

  openCount(): number {
    return this.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM reservation").one().n;
  }

  // Rows of periods gone by that hold nothing.
  prune(period: number): void {
    this.sql.exec("DELETE FROM usage WHERE period < ? AND open = '0'", period);
  }

  usage(scope: string, period: number): { settledWei: bigint; openWei: bigint } {
    const { settled, open } = this.usageOf(scope, period);
    return { settledWei: settled, openWei: open };
  }
}
