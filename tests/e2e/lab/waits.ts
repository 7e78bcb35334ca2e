// SPDX-License-Identifier: Apache-2.0
// For how long this machine kept its processors from the guest: a goal in seconds
// is for a guest that runs whenever it wants to.
import { readFileSync, readdirSync } from "node:fs";
import type { Timed } from "./exec.ts";
import { processesWith } from "./sockets.ts";

const EVERY_MS = 500;
const CLOCKS_APART_MS = 2000; // the guest's clock was set from whole seconds
const TICKS_PER_SECOND = 100; // USER_HZ, of /proc/stat

type Sample = ReadonlyMap<string, number>; // who waited > seconds since it began

// Scheduler: time runnable but not running, of each of the emulator's threads.
function threads(pid: string, into: Map<string, number>): void {
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const delay = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[1];
    into.set(`thread ${tid}`, Number(delay) / 1e9);
  }
}

// What a machine around this one has taken, of each processor.
function stolen(into: Map<string, number>): void {
  for (const line of readFileSync("/proc/stat", "utf8").split("\n")) {
    const [cpu, ...ticks] = line.split(/\s+/);
    if (cpu !== undefined && /^cpu\d/.test(cpu)) into.set(cpu, Number(ticks[7] ?? 0) / TICKS_PER_SECOND);
  }
}

export class WaitWatch {
  private readonly samples: { at: number; waited: Sample }[] = [];
  private pid: string | undefined;
  private readonly timer = setInterval(() => this.look(), EVERY_MS);

  constructor(private readonly marker: string) {}

  private look(): void {
    const waited = new Map<string, number>();
    try {
      this.pid ??= processesWith(this.marker).find((p) => p.includes(" qemu-system"))?.split(" ")[0];
      if (this.pid === undefined) return;
      threads(this.pid, waited);
      if ([...waited.values()].every((s) => s === 0)) return; // a kernel that does not count
      stolen(waited);
    } catch {
      return; // a thread or the guest ended meanwhile
    }
    this.samples.push({ at: Date.now(), waited });
  }

  end(): void {
    clearInterval(this.timer);
  }

  // The longest that any thread waited, and the most that any processor lost, by
  // the host's clock; undefined if nobody looked at that time.
  seconds(fromMs: number, untilMs: number): number | undefined {
    const first = this.samples.findLast((s) => s.at <= fromMs - CLOCKS_APART_MS) ?? this.samples[0];
    const last = this.samples.find((s) => s.at >= untilMs + CLOCKS_APART_MS) ?? this.samples.at(-1);
    if (first === undefined || last === undefined || first.at > fromMs || last.at < untilMs) return undefined;
    const most = (kind: string): number => Math.max(0, ...[...last.waited].filter(([who]) => who.startsWith(kind)).map(([who, s]) => s - (first.waited.get(who) ?? 0)));
    return Math.round((most("thread") + most("cpu")) * 10) / 10;
  }
}

export interface Judged extends Timed {
  readonly machine_busy_seconds: number | undefined;
  readonly ok: boolean;
}

// A goal is met, or missed by no more than the guest was kept waiting.
export function judge(timed: readonly Timed[], waits: Pick<WaitWatch, "seconds">): Judged[] {
  return timed.map((t) => {
    const busy = waits.seconds(t.ended_ms - t.took_seconds * 1000, t.ended_ms);
    return { ...t, machine_busy_seconds: busy, ok: busy === undefined || t.took_seconds <= t.goal_seconds + busy };
  });
}
