// SPDX-License-Identifier: Apache-2.0
// The gateway's limits as its operator ships them; flags shrink them for a test.
export const HELLO_MAX_BYTES = 4096; // SNI must lie in what was read up to here
export const HANDSHAKE_MS = 5_000;
export const CONNECT_MS = 5_000;
export const IDLE_MS = 10 * 60_000; // of each direction by itself
export const TOTAL_MS = 5 * 60 * 60_000; // then the connection is cut
export const CONNECTIONS_PER_APP = 2_000;

export interface Limits {
  readonly handshakeMs: number;
  readonly connectMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly perApp: number;
}

export const DEFAULT_LIMITS: Limits = {
  handshakeMs: HANDSHAKE_MS, connectMs: CONNECT_MS, idleMs: IDLE_MS, totalMs: TOTAL_MS, perApp: CONNECTIONS_PER_APP,
};
