// SPDX-License-Identifier: Apache-2.0
// How long the worker takes to decide, with warm caches, over HTTP and with the
// chain asked each time: a member of a running devnet asks for one operation
// again and again. Prints JSON; asserts nothing.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFunctionData, keccak256, numberToHex, type Hex } from "viem";
import { ABI, draft, ENTRY_POINT, makeIdentity, send, sponsorHash, type Sender } from "./client.ts";
import { rpc, waitFor } from "./net.ts";
import { OUT } from "./paths.ts";

const TIED = ["--pdeathsig", "TERM", "--"]; // so that nothing outlives us
const ROUNDS = 300;
const WARM_UP_ROUNDS = 30;

interface Report { chainId: number; rpcUrl: string; bundlerUrl: string; paymasterUrl: string; kmsRootKeyFile: string; appComposeFile: string; nodes: { member: Hex; cluster: Hex }[] }

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;

async function measure(report: Report, sender: Sender): Promise<number[]> {
  const op = await draft(report, report.chainId, sender, encodeFunctionData({ abi: ABI, functionName: "publishEd25519Key", args: [keccak256("0x01")] }));
  const auth = await sender.account.signMessage({ message: { raw: sponsorHash(op, report.chainId) } });
  const samplesMs: number[] = [];
  for (let i = 0; i < WARM_UP_ROUNDS + ROUNDS; i++) {
    const start = process.hrtime.bigint();
    await rpc(report.paymasterUrl, "pm_getPaymasterData", [op, ENTRY_POINT, numberToHex(report.chainId), { auth }]);
    if (i >= WARM_UP_ROUNDS) samplesMs.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return samplesMs.sort((a, b) => a - b);
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "worker-bench-"));
  const out = join(dir, "devnet.json");
  const devnet = spawn("setpriv", [...TIED, process.execPath, join(OUT, "devnet", "devnet.cjs"), "--out", out, "--dir", join(dir, "run"), "--nodes", "1", "--stock-proxy", "0"], { stdio: ["ignore", "ignore", "inherit"] });
  await waitFor("the devnet", 120_000, async () => (existsSync(out) ? true : undefined));
  const report = JSON.parse(readFileSync(out, "utf8")) as Report;
  const { member, cluster } = report.nodes[0]!;
  const socket = join(dir, "agent.sock");
  const agent = spawn("setpriv", [...TIED, process.execPath, join(OUT, "fakes", "guest-agent.cjs"), "--kms-root-key", "@" + report.kmsRootKeyFile, "--app-compose", report.appComposeFile, "--socket", socket, "--app-id", member], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await waitFor("the guest agent", 20_000, async () => (existsSync(socket) ? true : undefined));
    const { account, register } = await makeIdentity(socket, cluster, member);
    await send(report, report.chainId, { member, cluster, account, nonceKey: BigInt(account.address) }, register);
    const sorted = await measure(report, { member, cluster, account, nonceKey: 0n });
    const result = { bench: "worker-decision", unit: "ms", rounds: ROUNDS, p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), p99: quantile(sorted, 0.99), max: sorted.at(-1) };
    mkdirSync(join(OUT, "bench"), { recursive: true });
    writeFileSync(join(OUT, "bench", "worker.json"), JSON.stringify(result, null, 2) + "\n");
    console.log(JSON.stringify(result));
  } finally {
    agent.kill("SIGTERM");
    devnet.kill("SIGTERM");
    await new Promise((resolve) => devnet.once("exit", resolve));
    rmSync(dir, { recursive: true, force: true });
  }
}

main().catch((error: Error) => {
  console.error(`bench: ${error.stack}`);
  process.exit(1);
});
