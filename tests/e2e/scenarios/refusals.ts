// SPDX-License-Identifier: Apache-2.0
// Proofs that must not be accepted, at both levels: the agent's own check, and
// with that check left out of a test build, the contract. Then a paymaster
// that wants other things signed. The last row is the control: the same node
// with an honest guest agent registers.
import { check, say, seconds, until } from "../lab/exec.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";

interface Row { readonly mode: string; readonly local: RegExp; readonly contract: RegExp }

const ROWS: readonly Row[] = [
  { mode: "wrong-app-id", local: /app.?id|KMS root|not allowed/i, contract: /InvalidSigChain|CodeIdMismatch/ },
  { mode: "unlisted-root", local: /KMS root |unlisted/i, contract: /InvalidSigChain/ },
  { mode: "swapped-key", local: /link|root|key/i, contract: /InvalidSigChain/ },
  { mode: "high-s", local: /high.?s/i, contract: /InvalidSigChain/ },
  { mode: "empty-link1", local: /link 1|KMS|empty/i, contract: /InvalidSigChain/ },
];

function told(h: { blocked_by?: string; waiting_for?: string }): string {
  return `${h.blocked_by ?? ""} ${h.waiting_for ?? ""}`;
}

async function attempt(lab: Lab, n: LabNode, what: string, expected: RegExp, program?: string): Promise<string> {
  const submitted = await lab.faults.asked("bundler", "eth_sendUserOperation");
  n.startAgent(program === undefined ? {} : { program });
  try {
    const text = await until(`${what}: a refusal that matches ${expected}`, 45_000, async () => {
      const h = await n.health();
      check(h.phase === "booting" || h.phase === "registering", `${what}: phase ${h.phase}`);
      if (expected.test(told(h))) return told(h).trim();
      throw new Error(`${h.phase}: ${told(h)}`);
    }, 300);
    check((await lab.faults.asked("bundler", "eth_sendUserOperation")) === submitted, `${what}: an operation was submitted`);
    return text;
  } finally {
    await n.stopAgent("SIGKILL");
  }
}

async function proofs(lab: Lab, n: LabNode): Promise<Record<string, unknown>[]> {
  const unchecked = `${lab.spec.programs}/agent/attestmeshd-unchecked`;
  const out: Record<string, unknown>[] = [];
  for (const row of ROWS) {
    lab.services.guestAgentMode(n.i, row.mode);
    const local = await attempt(lab, n, `${row.mode}, agent`, row.local);
    const contract = await attempt(lab, n, `${row.mode}, contract`, row.contract, unchecked);
    say(`   ${row.mode}: refused by the agent and by the contract`);
    out.push({ mode: row.mode, agent: local, contract });
  }
  lab.services.guestAgentMode(n.i, "ok");
  return out;
}

// Each wants something else signed; none gets any signature at all.
const LIES: readonly Record<string, unknown>[] = [
  { callData: "0xdeadbeef" }, { nonce: "0x7" }, { maxFeePerGas: "0xffffffffffffffff" }, { paymasterVerificationGasLimit: "0xffffffffff" },
];

async function lyingPaymaster(lab: Lab, n: LabNode): Promise<Record<string, unknown>> {
  const refused: Record<string, string> = {};
  for (const lie of LIES) {
    const name = Object.keys(lie)[0]!;
    await lab.faults.merge("worker", lie);
    refused[name] = await attempt(lab, n, `a paymaster that answers another ${name}`, /paymaster/i);
    await lab.faults.merge("worker", {});
    say(`   paymaster with another ${name}: nothing signed`);
  }
  const t = Date.now();
  n.startAgent();
  await n.untilHealthy(120_000);
  return { refused, honest_seconds_to_healthy: seconds(t) };
}

export async function refusals(lab: Lab): Promise<Record<string, unknown>> {
  const n = lab.takeSpare();
  n.makeNs(lab.services.hosts());
  n.startBridge();
  try {
    return { proofs: await proofs(lab, n), paymaster: await lyingPaymaster(lab, n) };
  } finally {
    lab.services.guestAgentMode(n.i, "ok");
    await lab.faults.clear();
  }
}
