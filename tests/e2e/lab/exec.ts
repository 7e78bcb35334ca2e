// SPDX-License-Identifier: Apache-2.0
// Commands, waits and the printed story of a run. Owns no state of the lab.
import { spawnSync } from "node:child_process";

const started = Date.now();

export function seconds(sinceMs: number): number {
  return Math.round((Date.now() - sinceMs) / 100) / 10;
}

// One line for people: how long the run has taken, and what happens now.
export function say(text: string): void {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}`);
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

// Runs to its end; never throws for an exit status.
export function run(command: string, args: readonly string[], input?: string): Ran {
  const r = spawnSync(command, args, { encoding: "utf8", input: input ?? "", maxBuffer: 64 << 20, timeout: 60_000 });
  if (r.error) throw new Error(`${command} ${args.join(" ")}: ${r.error.message}`);
  return { code: r.status ?? 128, out: r.stdout, err: r.stderr };
}

// Runs to a good end, or throws with what it said.
export function must(command: string, args: readonly string[], input?: string): string {
  const r = run(command, args, input);
  if (r.code !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${r.code}: ${(r.err || r.out).trim()}`);
  return r.out;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

// Asks until the answer is not undefined or false; throws, naming what it
// waited for and the last thing that went wrong, when the time is over.
export async function until<T>(what: string, limitMs: number, ask: () => Promise<T | undefined | false>, everyMs = 200): Promise<T> {
  const from = Date.now();
  let trouble = "";
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      trouble = (error as Error).message;
    }
    if (Date.now() - from > limitMs) {
      throw new Error(`waited ${Math.round(limitMs / 1000)} s for ${what}${trouble ? `; last: ${trouble}` : ""}`);
    }
    await sleep(everyMs);
  }
}

// The opposite: the answer must stay true for the whole time.
export async function holds(what: string, forMs: number, ask: () => Promise<boolean>, everyMs = 500): Promise<void> {
  const from = Date.now();
  while (Date.now() - from < forMs) {
    if (!(await ask())) throw new Error(`${what} did not hold: broken after ${seconds(from)} s of ${forMs / 1000}`);
    await sleep(everyMs);
  }
}

export interface Timed {
  readonly what: string;
  readonly took_seconds: number;
  readonly goal_seconds: number;
  readonly ended_ms: number; // wall clock
}

// The times of this run that have a goal; the host judges them, which knows for
// how long the guest was kept from running (waits.ts).
export const timed: Timed[] = [];

// Whatever the machine does, SLOWER times the goal fails: that is waiting for a
// retry or a timeout.
const SLOWER = 4;
export function inTime(what: string, took: number, goal: number): void {
  timed.push({ what, took_seconds: took, goal_seconds: goal, ended_ms: Date.now() });
  if (took > goal) say(`   ${what} took ${took} s, its goal is ${goal} s`);
  check(took <= goal * SLOWER, `${what} took ${took} s, more than ${SLOWER} times the goal of ${goal} s`);
}

export function check(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(what);
}
