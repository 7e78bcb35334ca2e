// SPDX-License-Identifier: Apache-2.0
// Shows that a missed goal fails a run unless the guest was kept waiting, and
// that waiting is seen: a stand-in of the emulator's name shares one processor
// with another busy process.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { check, sleep } from "./lab/exec.ts";
import { judge, WaitWatch } from "./lab/waits.ts";

function verdict(took: number, busy: number | undefined): boolean {
  const asked: number[] = [];
  const [judged] = judge([{ what: "x", took_seconds: took, goal_seconds: 10, ended_ms: 60_000 }],
    { seconds: (from, until) => { asked.push(from, until); return busy; } });
  check(asked[0] === 60_000 - took * 1000 && asked[1] === 60_000, `asked for ${asked.join(" to ")}`);
  return judged!.ok;
}

async function main(): Promise<void> {
  check(verdict(10, 0), "a goal that is met");
  check(!verdict(10.1, 0), "a goal missed on a quiet machine");
  check(verdict(12, 2) && !verdict(12.1, 2), "a goal missed by what the guest waited, and by more");
  check(verdict(30, undefined), "a goal missed with nobody looking is left to the bound of exec.ts");

  const counts = existsSync("/proc/self/schedstat") && !readFileSync("/proc/self/schedstat", "utf8").startsWith("0 0 ");
  if (!counts) {
    console.log("judge: 4 passed, 0 failed; skipped (this kernel does not count how long a thread waits)");
    return;
  }
  const marker = `ATTESTMESH_JUDGE=${process.pid}`;
  const dir = mkdtempSync(`${tmpdir()}/judge.`);
  const [name, value] = marker.split("=") as [string, string];
  const busy = (program: string) => spawn("taskset", ["-c", "0", program, "-c", "while :; do :; done"], { env: { PATH: process.env["PATH"]!, [name]: value }, stdio: "ignore" });
  copyFileSync("/bin/sh", `${dir}/qemu-system-x86`);
  const watch = new WaitWatch(marker);
  const children = [busy(`${dir}/qemu-system-x86`), busy("/bin/sh")];
  try {
    await sleep(1500);
    const from = Date.now() + 2000;
    await sleep(7000);
    const waited = watch.seconds(from, from + 3000);
    check(waited !== undefined && waited >= 1, `beside a busy process it waited ${waited} s`);
    check(watch.seconds(from + 3_600_000, from + 3_601_000) === undefined, "nobody looked then");
  } finally {
    watch.end();
    children.forEach((c) => c.kill("SIGKILL"));
    rmSync(dir, { recursive: true, force: true });
  }
  console.log("judge: 6 passed, 0 failed");
}

main().catch((error: Error) => {
  console.error(`judge: ${error.message}`);
  process.exit(1);
});
