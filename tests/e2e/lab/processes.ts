// SPDX-License-Identifier: Apache-2.0
// Programs that run beside the controller: started with their log in a file,
// ended by the pid that was started and by nothing else.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { until } from "./exec.ts";

export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly child: ChildProcess;
}

const running = new Set<Program>();

export function start(name: string, logFile: string, command: string, args: readonly string[], env: Record<string, string>): Program {
  const log = openSync(logFile, "a");
  const startedMs = Date.now();
  const child = spawn(command, args, { env, stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`${name}: ${command} does not start`);
  const program: Program = { name, pid: child.pid, startedMs, child };
  running.add(program);
  child.once("exit", () => running.delete(program));
  child.once("error", () => running.delete(program));
  return program;
}

export function alive(p: Program): boolean {
  return running.has(p);
}

export function signal(p: Program, name: NodeJS.Signals): void {
  if (alive(p)) process.kill(p.pid, name);
}

export async function end(p: Program | undefined, name: NodeJS.Signals = "SIGTERM", patienceMs = 10_000): Promise<void> {
  if (p === undefined || !alive(p)) return;
  signal(p, name);
  await until(`${p.name} to end after ${name}`, patienceMs, async () => !alive(p), 20);
}

export async function endAll(): Promise<void> {
  for (const p of [...running]) await end(p, "SIGKILL");
}

export function logOf(logFile: string): string {
  try {
    return readFileSync(logFile, "utf8");
  } catch {
    return "";
  }
}
