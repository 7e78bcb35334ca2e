// SPDX-License-Identifier: Apache-2.0
// Runs in the guest: sets the lab up, runs the scenarios that were asked for,
// writes guest.json with one entry per scenario, and tears the lab down. Exit
// status 0 only if every scenario holds.
import { writeFileSync } from "node:fs";
import { say, seconds, sleep, timed } from "./lab/exec.ts";
import { Lab } from "./lab/lab.ts";
import { readSpec } from "./lab/spec.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const specFile = process.argv[2];
if (specFile === undefined) {
  console.error("usage: guest SPEC.json");
  process.exit(2);
}

const spec = readSpec(specFile);
const lab = new Lab(spec);
const report: Record<string, unknown> = {};
let passed = 0;
let failed = 0;

function save(): void {
  report["times"] = timed;
  writeFileSync(`${spec.results}/guest.json`, JSON.stringify(report, null, 2) + "\n");
}

async function one(name: string): Promise<void> {
  const scenario = SCENARIOS[name];
  const t = Date.now();
  say(`== ${name}`);
  try {
    if (scenario === undefined) throw new Error(`no scenario ${name}; known: ${Object.keys(SCENARIOS).join(" ")}`);
    report[name] = { ok: true, ...(await scenario(lab)), seconds: seconds(t) };
    passed++;
    say(`== ${name}: ok, ${seconds(t)} s`);
  } catch (error) {
    failed++;
    report[name] = { ok: false, error: (error as Error).message, seconds: seconds(t) };
    say(`== ${name}: FAILED after ${seconds(t)} s: ${(error as Error).message}`);
    for (const n of lab.nodes) say(`   ${n.ns}: ${await n.health().then((h) => JSON.stringify(h), (e: Error) => e.message)}`);
  }
  save();
}

async function main(): Promise<void> {
  await lab.setUp();
  for (const name of spec.scenarios) await one(name);
  report["passed"] = passed;
  report["failed"] = failed;
  save();
  console.log(`${passed} passed, ${failed} failed`);
  while (spec.keep) await sleep(1000);
}

main().catch((error: Error) => {
  say(`lab: ${error.stack ?? error.message}`);
  failed++;
}).finally(async () => {
  await lab.tearDown();
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
});
