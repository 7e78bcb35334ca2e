// SPDX-License-Identifier: Apache-2.0
// The one list of reasons for a refusal, and the tagged result that carries
// them. A reason is part of the interface: agents classify by it.
export const REASONS = [
  // of the request
  "malformed-request", "body-too-large", "unknown-method", "wrong-token", "bad-webhook-signature",
  // of the operation, by itself
  "wrong-chain", "wrong-entry-point", "malformed-operation", "call-data-too-long", "factory-not-sponsored",
  "not-an-execute-call", "value-not-zero", "selector-not-sponsored", "registration-of-another-member", "gas-above-bound",
  "tip-above-cap", "auth-missing", "auth-malformed", "nothing-is-sponsored", "cluster-not-sponsored",
  // of the operation, against the chain
  "fee-above-cap", "unknown-cluster", "sender-not-a-member", "sender-unknown", "auth-by-another-key", "nonce-not-current",
  "member-barred", "registration-reverts",
  // of the budget
  "reservation-open", "sender-cap", "registration-cap", "cluster-cap", "global-cap",
  // of the worker
  "rpc-unavailable", "caps-unavailable", "misconfigured", "internal-error",
] as const;
export type Reason = (typeof REASONS)[number];

export interface Denial {
  readonly ok: false;
  readonly reason: Reason;
  readonly detail: string;
  readonly revert?: string;
}

export type Result<T> = { readonly ok: true; readonly value: T } | Denial;

export function deny(reason: Reason, detail: string, revert?: string): Denial {
  return revert === undefined ? { ok: false, reason, detail } : { ok: false, reason, detail, revert };
}

export function pass<T>(value: T): Result<T> {
  return { ok: true, value };
}
