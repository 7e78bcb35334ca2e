// SPDX-License-Identifier: Apache-2.0
// The processes that the devnet started: each with a log file, ended in order
// and by its pid, and killed by the kernel should the devnet itself be killed.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TERM_GRACE_MS = 4_000;
const LOG_TAIL_CHARS = 2_000;

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  alive(): boolean;
  stop(): Promise<void>;
}

export class Children {
  private readonly started: Child[] = [];
  private ending = false;

  constructor(private readonly logDir: string, private readonly onUnexpectedEnd: (message: string) => void) {}

  start(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Child {
    const logFile = join(this.logDir, `${name}.log`);
    const log = openSync(logFile, "w");
    // The signal on the parent's death closes what a SIGKILL would leave open.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], { stdio: ["ignore", log, log], env });
    closeSync(log);
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.once("error", (error) => this.onUnexpectedEnd(`${name} could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      if (!this.ending) this.onUnexpectedEnd(`${name} ended (${signal ?? `exit ${code}`}):\n${readFileSync(logFile, "utf8").slice(-LOG_TAIL_CHARS)}`);
    });
    const entry: Child = { name, pid: child.pid ?? -1, logFile, alive: () => isAlive(child), stop: () => end(child, ended) };
    this.started.push(entry);
    return entry;
  }

  pids(): Record<string, number> {
    return Object.fromEntries(this.started.map((child) => [child.name, child.pid]));
  }

  // From now on an end is expected.
  async stopAll(): Promise<void> {
    this.ending = true;
    for (const child of [...this.started].reverse()) await child.stop();
  }
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (!isAlive(child)) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), TERM_GRACE_MS);
  await ended;
  clearTimeout(timer);
}
