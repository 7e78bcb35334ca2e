// SPDX-License-Identifier: Apache-2.0
// Every number of the policy, with its reason. What an operator may set is in
// env.ts, with these as defaults and bounds.
import type { Address } from "./types.ts";

export const ENTRY_POINT: Address = "0x0000000071727de22e5e9d8baf0edac6f37da032";

// A message carries at most 64 KiB of ciphertext; around it are two ABI layers.
export const CALL_DATA_MAX_BYTES = 66_560;
// That in hex, and the rest of a JSON-RPC request.
export const BODY_MAX_BYTES = 192 * 1024;

// The service's own limits, which its signature covers: one recovery and one
// storage read; the context is empty, so no postOp runs.
export const PAYMASTER_VERIFICATION_GAS = 60_000n;
export const PAYMASTER_POST_OP_GAS = 0n;
// What an asker may name instead before the answer replaces it.
export const PAYMASTER_VERIFICATION_GAS_MAX = 150_000n;
export const PAYMASTER_POST_OP_GAS_MAX = 50_000n;

// preVerificationGas: a fixed part (transaction, bundle and packing overhead)
// and a part per byte of callData, at the price of a non-zero byte's floor.
export const PRE_VERIFICATION_BASE_GAS = 70_000n;
export const PRE_VERIFICATION_GAS_PER_BYTE = 44n;

// Validation of a member: three recoveries for a first operation, one after.
export const REGISTRATION_VERIFICATION_GAS_MAX = 600_000n;
export const MEMBER_VERIFICATION_GAS_MAX = 250_000n;

// For simulating a registration: the dearest one with a transaction's own cost,
// and a bound on what a simulation may burn.
export const SIMULATION_GAS = 3_000_000n;

// Fees: twice the base fee survives six full blocks in a row.
export const BASE_FEE_FACTOR = 2n;
export const BASE_FEE_CACHE_MS = 2_000;

export const VALIDITY_MIN_SECS = 60;
export const VALIDITY_MAX_SECS = 600;
export const VALIDITY_DEFAULT_SECS = 300;
// Below this the same request is answered with a new end instead of the old.
export const VALIDITY_REUSE_MIN_SECS = 30;

export const CAP_PERIOD_DEFAULT_SECS = 86_400;
// Reservations that may be open at once, all senders together: bounds the store.
export const OPEN_RESERVATIONS_MAX = 100_000;
export const SETTLE_BATCH = 50;
// How long after the end of its validity a reservation is looked at again.
export const SETTLE_DELAY_MS = 5_000;
export const SETTLE_RETRY_MS = 15_000;

export const MEMBERSHIP_CACHE_SECS = 60;
export const PROVENANCE_CACHE_SECS = 86_400;
export const PROVENANCE_NEGATIVE_CACHE_SECS = 60;
export const OWNER_LIST_CACHE_SECS = 300;

export const RPC_TIMEOUT_MS = 4_000;
export const RPC_ANSWER_MAX_BYTES = 1024 * 1024;
export const WEBHOOK_AGE_MAX_SECS = 300;
