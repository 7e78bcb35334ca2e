// SPDX-License-Identifier: Apache-2.0
// The devnet as its users have it: booted by its command, used by a node's part
// of the protocol through the real worker and bundler, ended by a signal. Also
// that it listens on loopback alone and leaves nothing behind.
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { encodeFunctionData, keccak256, numberToHex, toHex, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { ABI, draft, ENTRY_POINT, makeIdentity, refusal, send, sponsor, submit, view, type Receipt, type Sender } from "./client.ts";
import { rpc, waitFor } from "./net.ts";
import { OUT } from "./paths.ts";

interface Node { member: Hex; cluster: Hex; origin: string; stockProxy?: { implementation_before: Hex; implementation_after: Hex } }
interface Report {
  chainId: number; rpcUrl: string; bundlerUrl: string; paymasterUrl: string; workerUrl: string; controlUrl: string; chainUrl: string;
  kmsRootKeyFile: string; appComposeFile: string; cluster: Hex; secondCluster: Hex; nodes: Node[]; secondNodes: Node[]; paymaster: Hex; pids: Record<string, number>;
}

const TIED = ["--pdeathsig", "TERM", "--"]; // so that nothing outlives a test that was killed
const DEPOSIT_WEI = 100n * 10n ** 18n;
const dir = mkdtempSync(join(tmpdir(), "devnet-"));
const out = join(dir, "devnet.json");
let devnet: ChildProcess;
let agent: ChildProcess;
let report: Report;
let listeningBefore: Set<string>;
const senders: Sender[] = [];
// What the chain charged for each sender's operations, in their order.
const costs = new Map<Hex, bigint[]>();

function listening(): string[] {
  const lines = execFileSync("ss", ["-Hltnu"], { encoding: "utf8" }).split("\n").filter((line) => line !== "");
  return lines.map((line) => line.split(/\s+/)).map((fields) => `${fields[0]} ${fields[4]}`);
}

// Every process below this one, by the parent column of /proc.
function descendants(root: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n").map((line) => line.trim().split(/\s+/));
  const living = rows.filter(([, , stat]) => !stat!.startsWith("Z"));
  const found = [root];
  for (const parent of found) for (const [pid, ppid] of living) if (Number(ppid) === parent) found.push(Number(pid));
  return found.slice(1);
}

const control = async (path: string, body = ""): Promise<void> => {
  const reply = await fetch(`${report.controlUrl}/${path}`, { method: "POST", body });
  assert.equal(reply.status, 200, await reply.text());
};
const socketOf = (node: Node): string => join(dir, `${node.member}.sock`);
const isMember = async (node: Node): Promise<boolean> => BigInt(await view(report.chainUrl, node.cluster, "isClusterMember", [node.member])) === 1n;
const memberId = (node: Node): Promise<Hex> => view(report.chainUrl, node.cluster, "memberIdOf", [node.member]);
const balanceOf = async (address: Hex): Promise<bigint> => BigInt((await rpc(report.chainUrl, "eth_getBalance", [address, "latest"])) as Hex);

before(async () => {
  listeningBefore = new Set(listening());
  devnet = spawn("setpriv", [...TIED, process.execPath, join(OUT, "devnet", "devnet.cjs"), "--out", out, "--dir", join(dir, "run"), "--nodes", "3", "--second-nodes", "1",
    "--worker-var", "CAP_REGISTRATION_WEI=20000000000000000"], { stdio: ["ignore", "inherit", "inherit"] });
  await waitFor("the devnet", 120_000, async () => {
    if (devnet.exitCode !== null) process.exit(1); // it said why
    return existsSync(out) ? true : undefined;
  });
  report = JSON.parse(readFileSync(out, "utf8")) as Report;
  const args = [...report.nodes, ...report.secondNodes].flatMap((node) => ["--socket", socketOf(node), "--app-id", node.member]);
  agent = spawn("setpriv", [...TIED, process.execPath, join(OUT, "fakes", "guest-agent.cjs"), "--kms-root-key", "@" + report.kmsRootKeyFile, "--app-compose", report.appComposeFile, ...args],
    { stdio: ["ignore", "inherit", "inherit"] });
  await waitFor("the guest agent", 20_000, async () => (report.nodes.every((node) => existsSync(socketOf(node))) ? true : undefined));
});

after(async () => {
  for (const child of [devnet, agent]) if (child?.exitCode === null) child.kill("SIGTERM");
  if (devnet?.exitCode === null) await new Promise((resolve) => devnet.once("exit", resolve));
  rmSync(dir, { recursive: true, force: true });
});

async function senderFor(node: Node): Promise<{ sender: Sender; register: Hex }> {
  const { account, register } = await makeIdentity(socketOf(node), node.cluster, node.member);
  return { sender: { member: node.member, cluster: node.cluster, account, nonceKey: BigInt(account.address) }, register };
}

function charge(sender: Sender, receipt: Receipt): Receipt {
  costs.set(sender.member, [...(costs.get(sender.member) ?? []), BigInt(receipt.actualGasCost)]);
  return receipt;
}

async function depositOf(paymaster: Hex): Promise<bigint> {
  return BigInt((await rpc(report.chainUrl, "eth_call", [{ to: ENTRY_POINT, data: `0x70a08231${paymaster.slice(2).padStart(64, "0")}` }, "latest"])) as Hex);
}

async function register(node: Node): Promise<Sender> {
  const { sender, register: inner } = await senderFor(node);
  assert.equal(await isMember(node), false);
  const { receipt, op } = await send(report, report.chainId, sender, inner);
  assert.equal(charge(sender, receipt).success, true);
  assert.equal(await isMember(node), true);
  assert.equal(await balanceOf(node.member), 0n, "a node holds no ether");
  const gas = { verification: BigInt(op.verificationGasLimit), call: BigInt(op.callGasLimit), pre: BigInt(op.preVerificationGas), used: BigInt(receipt.actualGasUsed) };
  console.log(`${node.origin} registered: ${JSON.stringify(gas, (_k, v: unknown) => (typeof v === "bigint" ? Number(v) : v))}`);
  return { ...sender, nonceKey: 0n };
}

test("every member's address, origin and proxy is reported", () => {
  assert.equal(report.nodes.length, 3);
  assert.deepEqual(report.nodes.map((node) => node.origin), ["factory", "factory", "stock-proxy"]);
  const proxy = report.nodes[2]!.stockProxy!;
  assert.notEqual(proxy.implementation_before, proxy.implementation_after);
  assert.equal(report.secondNodes[0]!.cluster, report.secondCluster);
  assert.notEqual(report.cluster, report.secondCluster);
});

test("a proof under an unlisted root is refused by the cluster's own error", async () => {
  const node = report.nodes[0]!;
  writeFileSync(socketOf(node) + ".mode", "unlisted-root");
  const { sender, register: inner } = await senderFor(node);
  unlinkSync(socketOf(node) + ".mode");
  const op = { ...(await draftWithoutEstimate(sender, inner)) };
  assert.deepEqual(await refusal(sponsor(report, report.chainId, op, sender.account)), { reason: "registration-reverts", revert: "InvalidSigChain" });
  assert.equal(await isMember(node), false);
});

// For operations that the bundler would refuse to estimate.
async function draftWithoutEstimate(sender: Sender, inner: Hex): ReturnType<typeof draft> {
  const nonce = BigInt(await view(report.chainUrl, ENTRY_POINT, "getNonce", [sender.member, sender.nonceKey]));
  const callData = encodeFunctionData({ abi: ABI, functionName: "execute", args: [sender.cluster, 0n, inner] });
  const price = (await rpc(report.bundlerUrl, "pimlico_getUserOperationGasPrice")) as { standard: { maxFeePerGas: Hex; maxPriorityFeePerGas: Hex } };
  return { sender: sender.member, nonce: numberToHex(nonce), callData, signature: "0x", maxFeePerGas: price.standard.maxFeePerGas,
    maxPriorityFeePerGas: price.standard.maxPriorityFeePerGas, callGasLimit: "0x1e8480", verificationGasLimit: "0x7a120", preVerificationGas: "0x11170" };
}

test("members of both origins register through the real worker and bundler", async () => {
  for (const node of [...report.nodes, ...report.secondNodes]) senders.push(await register(node));
});

test("a stranger's signature, a second registration, an owner's call are refused", async () => {
  const sender = senders[0]!;
  const stranger = privateKeyToAccount(generatePrivateKey());
  const publish = encodeFunctionData({ abi: ABI, functionName: "publishEd25519Key", args: [keccak256("0x01")] });
  const op = await draft(report, report.chainId, sender, publish);
  assert.deepEqual(await refusal(sponsor(report, report.chainId, op, stranger)), { reason: "auth-by-another-key", revert: null });
  const { register: again } = await senderFor(report.nodes[0]!);
  assert.deepEqual(await refusal(sponsor(report, report.chainId, await draftWithoutEstimate(sender, again), sender.account)), { reason: "registration-reverts", revert: "AlreadyRegistered" });
  assert.equal((await refusal(draft(report, report.chainId, sender, "0xdeadbeef"))).reason, "selector-not-sponsored");
  // The control: the same operation with the right key passes and lands.
  assert.equal(charge(sender, await submit(report, report.chainId, await sponsor(report, report.chainId, op, sender.account), sender.account)).success, true);
});

test("a message of 48 bytes and one of 64 KiB are sponsored; one byte more is not", async () => {
  const [from, to] = [senders[0]!, report.nodes[1]!];
  const recipient = await memberId(to);
  for (const bytes of [48, 65_536]) {
    const id = keccak256(toHex(`message of ${bytes}`));
    const inner = encodeFunctionData({ abi: ABI, functionName: "send", args: [recipient, id, `0x${"a5".repeat(bytes)}`] });
    const op = await sponsor(report, report.chainId, await draft(report, report.chainId, from, inner), from.account);
    console.log(`message of ${bytes} bytes: call ${BigInt(op.callGasLimit)}, pre ${BigInt(op.preVerificationGas)}, verification ${BigInt(op.verificationGasLimit)}`);
    const receipt = await submit(report, report.chainId, op, from.account);
    assert.equal(charge(from, receipt).success, true, `${bytes} bytes`);
    assert.equal(await view(report.chainUrl, from.cluster, "envelopeSenderOf", [recipient, id]), await memberId(report.nodes[0]!));
  }
  const long = encodeFunctionData({ abi: ABI, functionName: "send", args: [recipient, keccak256("0x02"), `0x${"a5".repeat(66_560)}`] });
  assert.equal((await refusal(draft(report, report.chainId, from, long))).reason, "call-data-too-long");
});

test("with the worker's RPC down it sponsors nothing, and afterwards it does", async () => {
  const sender = senders[1]!;
  const publish = (n: number): Hex => encodeFunctionData({ abi: ABI, functionName: "publishEd25519Key", args: [keccak256(toHex(n))] });
  const op = await draft(report, report.chainId, sender, publish(1));
  for (const mode of ["refuse", "502"]) {
    await control(`workerRpc/${mode}`);
    assert.equal((await refusal(sponsor(report, report.chainId, op, sender.account))).reason, "rpc-unavailable", mode);
  }
  await control("workerRpc/ok");
  assert.equal(charge(sender, await submit(report, report.chainId, await sponsor(report, report.chainId, op, sender.account), sender.account)).success, true);
});

test("each forwarder refuses, hangs, answers 502 and recovers, and counts", async () => {
  const urls = { rpc: report.rpcUrl, bundler: report.bundlerUrl, worker: report.paymasterUrl };
  for (const [name, url] of Object.entries(urls)) {
    await control(`${name}/refuse`);
    await assert.rejects(rpc(url, "eth_chainId", [], 500), /fetch failed/, name);
    await control(`${name}/502`);
    await assert.rejects(rpc(url, "eth_chainId", [], 500), /HTTP 502/, name);
    await control(`${name}/hang`);
    await assert.rejects(rpc(url, "eth_chainId", [], 500), /timeout|aborted/i, name);
    await control(`${name}/ok`);
  }
  assert.equal(Number(await rpc(report.rpcUrl, "eth_chainId")), report.chainId);
  const status = (await (await fetch(report.controlUrl)).json()) as Record<string, { mode: string; counts: Record<string, number> }>;
  assert.equal(status["rpc"]!.mode, "ok");
  assert.ok(status["rpc"]!.counts["eth_chainId"]! >= 3);
  assert.ok(status["worker"]!.counts["pm_getPaymasterData"]! >= 4);
});

test("a paymaster can be made to answer what nobody asked", async () => {
  const sender = senders[0]!;
  await control("worker/merge", JSON.stringify({ callData: "0xbad0", nonce: "0x7" }));
  const op = { sender: sender.member, nonce: "0x0", callData: encodeFunctionData({ abi: ABI, functionName: "execute", args: [sender.cluster, 0n, "0xd66d9e19"] }) };
  const answer = (await rpc(report.paymasterUrl, "pm_getPaymasterStubData", [op, ENTRY_POINT, numberToHex(report.chainId), {}])) as Record<string, string>;
  assert.deepEqual([answer["callData"], answer["nonce"]], ["0xbad0", "0x7"]);
  assert.equal(answer["paymaster"]!.toLowerCase(), report.paymaster.toLowerCase());
  await control("worker/merge", "{}");
});

test("a member that left is sponsored no more", async () => {
  const sender = senders[3]!;
  const { receipt } = await send(report, report.chainId, sender, encodeFunctionData({ abi: ABI, functionName: "leave" }));
  assert.equal(charge(sender, receipt).success, true);
  assert.equal(await isMember(report.secondNodes[0]!), false);
  const { register: again } = await senderFor(report.secondNodes[0]!);
  assert.deepEqual(await refusal(sponsor(report, report.chainId, await draftWithoutEstimate(sender, again), sender.account)), { reason: "member-barred", revert: "MemberBarred" });
});

test("the worker's books are the chain's: settled to the wei, and the deposit paid the rest", async () => {
  const all = [...costs.values()].flat().reduce((sum, one) => sum + one, 0n);
  // A sender's last operation is settled when its next is asked for.
  const settled = [...costs.values()].flatMap((list) => list.slice(0, -1)).reduce((sum, one) => sum + one, 0n);
  const metrics = await (await fetch(report.workerUrl + "/metrics")).text();
  const value = (line: string): bigint => BigInt(metrics.split("\n").find((one) => one.startsWith(line))!.slice(line.length + 1));
  assert.equal(value('attestmesh_sponsorship_wei{state="settled"}'), settled);
  assert.equal(value("attestmesh_sponsorship_open"), BigInt(costs.size));
  assert.ok(value('attestmesh_sponsorship_wei{state="open"}') >= all - settled);
  assert.equal(DEPOSIT_WEI - (await depositOf(report.paymaster)), all);
});

test("nothing listens outside loopback, and after SIGTERM nothing is left", async () => {
  const added = listening().filter((socket) => !listeningBefore.has(socket));
  const ports = [report.rpcUrl, report.bundlerUrl, report.workerUrl, report.controlUrl, report.chainUrl].map((url) => new URL(url).port);
  for (const port of ports) assert.ok(added.some((socket) => socket.endsWith(`127.0.0.1:${port}`)), `port ${port} is in the list`);
  const family = new Set([devnet.pid!, ...descendants(devnet.pid!)]);
  assert.ok(family.size >= 5, `devnet, anvil, bundler, worker host, workerd: ${[...family].join(" ")}`);
  const outside = execFileSync("ss", ["-Hltnup"], { encoding: "utf8" }).split("\n")
    .filter((line) => [...line.matchAll(/pid=(\d+)/g)].some((m) => family.has(Number(m[1]))))
    .filter((line) => !/\s127\.0\.0\.1:\d+\s|\s\[::1\]:\d+\s/.test(line));
  assert.deepEqual(outside, []);
  devnet.kill("SIGTERM");
  const status = await new Promise<number | null>((resolve) => devnet.once("exit", resolve));
  assert.equal(status, 0);
  assert.equal(existsSync(out), false, "the file that says ready is gone");
  await waitFor("their end", 5_000, async () => ([...family].some((pid) => isRunning(pid)) ? undefined : true));
  const left = listening().filter((socket) => ports.some((port) => socket.endsWith(`:${port}`)));
  assert.deepEqual(left, []);
});

test("a devnet that is killed outright leaves no process and no socket either", async () => {
  const killedOut = join(dir, "killed.json");
  const killed = spawn("setpriv", [...TIED, process.execPath, join(OUT, "devnet", "devnet.cjs"), "--out", killedOut, "--dir", join(dir, "killed"), "--nodes", "1", "--stock-proxy", "0"],
    { stdio: ["ignore", "ignore", "inherit"] });
  await waitFor("the second devnet", 60_000, async () => (existsSync(killedOut) ? true : undefined));
  const family = descendants(killed.pid!);
  assert.ok(family.length >= 4, family.join(" "));
  killed.kill("SIGKILL");
  await waitFor("their end", 5_000, async () => (family.some((pid) => isRunning(pid)) ? undefined : true));
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
