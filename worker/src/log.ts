// SPDX-License-Identifier: Apache-2.0
// One line per decision, and counters since this isolate started. Addresses and
// reasons only: no callData, no token, no signature.
import type { Denial } from "./result.ts";
import type { Address } from "./types.ts";

export type Surface = "stub" | "final" | "alchemy" | "pimlico" | "check";

const counters = new Map<string, number>();

export function countDecision(surface: Surface, denial: Denial | undefined, about: { sender?: Address; cluster?: Address } = {}): void {
  const outcome = denial?.reason ?? "approved";
  const key = `${surface}\u0000${outcome}`;
  counters.set(key, (counters.get(key) ?? 0) + 1);
  console.log(JSON.stringify({ surface, outcome, ...(denial && { detail: denial.detail.slice(0, 200) }), ...about }));
}

export interface BookTotals {
  readonly settledWei: bigint;
  readonly openWei: bigint;
  readonly openCount: number;
}

export function metricsText(books: BookTotals | undefined): string {
  const lines = ["# TYPE attestmesh_sponsorship_decisions_total counter"];
  for (const [key, count] of counters) {
    const [surface, outcome] = key.split("\u0000");
    lines.push(`attestmesh_sponsorship_decisions_total{surface="${surface}",outcome="${outcome}"} ${count}`);
  }
  // Absent while the books do not answer, rather than zero.
  if (books !== undefined) {
    lines.push("# TYPE attestmesh_sponsorship_wei gauge", `attestmesh_sponsorship_wei{state="settled"} ${books.settledWei}`,
      `attestmesh_sponsorship_wei{state="open"} ${books.openWei}`, "# TYPE attestmesh_sponsorship_open gauge", `attestmesh_sponsorship_open ${books.openCount}`);
  }
  return lines.join("\n") + "\n";
}
