// SPDX-License-Identifier: Apache-2.0
// The hostile modes: what they are called, and how a test switches one on: it
// writes a line to the node's control file, `<socket>.mode`, at any time.
// "MODE [name=number ...]"; an absent or empty file means `ok`.
import { readFileSync } from "node:fs";

// How the socket behaves.
export const SOCKET_MODES = ["stale-socket", "absent-socket", "restart"] as const;
// How an answer travels.
export const WIRE_MODES = [
  "error-400", "not-found", "no-eof", "slow", "chunked", "hang", "truncated", "oversized", "bad-json",
] as const;
// What an answer says.
export const CONTENT_MODES = [
  "empty-info", "empty-link1", "high-s", "wrong-algorithm", "wrong-app-id", "wrong-info-app-id",
  "unlisted-root", "swapped-key", "short-key",
] as const;
export const MODES = ["ok", ...SOCKET_MODES, ...WIRE_MODES, ...CONTENT_MODES] as const;
export type Mode = (typeof MODES)[number];

export interface Control {
  readonly mode: Mode;
  readonly delayMs: number; // of `slow`, per piece
}

export const SLOW_DELAY_DEFAULT_MS = 500;
const NORMAL: Control = { mode: "ok", delayMs: SLOW_DELAY_DEFAULT_MS };

export function parseControl(text: string): Control {
  const [word = "ok", ...options] = text.trim().split(/\s+/);
  if (word === "") return NORMAL;
  const mode = MODES.find((m) => m === word);
  if (mode === undefined) throw new Error(`unknown mode ${JSON.stringify(word)}; known: ${MODES.join(" ")}`);
  let delayMs = SLOW_DELAY_DEFAULT_MS;
  for (const option of options) {
    const match = /^delay_ms=(\d{1,6})$/.exec(option);
    if (match === null) throw new Error(`unknown option ${JSON.stringify(option)}; known: delay_ms=N`);
    delayMs = Number(match[1]);
  }
  return { mode, delayMs };
}

// A wrong control file must not pass for `ok`: the caller answers 500 with it.
export function readControl(path: string): Control {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return NORMAL;
    throw error;
  }
  return parseControl(text);
}
