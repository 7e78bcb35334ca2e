// SPDX-License-Identifier: Apache-2.0
// The policy: which operations the operator pays for. Runs the checks in their
// order and stops at the first denial; what the request alone decides comes
// before the first question to the chain. Knows no provider, writes nothing:
// the caller reserves what was approved.
import { parseAbi, size } from "viem";
import { recoverSigner, sponsorHash } from "./auth.ts";
import { BASE_FEE_CACHE_MS, BASE_FEE_FACTOR, SIMULATION_GAS } from "./constants.ts";
import { checkGas, checkPlace, checkTip, gasBounds, maxCostWei } from "./checks.ts";
import { readBytes, readExecute, readRegistration, type Registration } from "./decode.ts";
import type { Settings } from "./env.ts";
import { nonceKeyOf, type Provenance } from "./provenance.ts";
import { deny, pass, type Denial, type Result } from "./result.ts";
import { nameRevert } from "./reverts.ts";
import { RpcDown, view, type Rpc } from "./rpc.ts";
import { methodOf, type Method } from "./selectors.ts";
import type { Address, Ask, Hex, PartialOperation } from "./types.ts";

export interface Context {
  readonly settings: Settings;
  readonly rpc: Rpc;
  readonly provenance: Provenance;
  readonly nowMs: () => number;
}

// What the static checks learned.
export interface Reading {
  readonly cluster: Address;
  readonly inner: Hex;
  readonly method: Method;
  readonly registration: Registration | undefined;
}

// What was approved, and what it may cost at most.
export interface Approval {
  readonly sender: Address;
  readonly cluster: Address;
  readonly registration: boolean;
  readonly nonce: bigint;
  readonly digest: Hex;
  readonly costWei: bigint;
}

// How the asker proved itself: the provider did it, or the signature must.
export type Asker = { readonly kind: "webhook" } | { readonly kind: "signed"; readonly auth: unknown };

const usesOwnerList = (settings: Settings): boolean => settings.sponsoredOwners.length > 0;

// Decided by the list alone, where the list of owners cannot add to it.
function checkListed(settings: Settings, cluster: Address): Denial | undefined {
  if (settings.sponsorAnyCluster || settings.sponsoredClusters.includes(cluster) || usesOwnerList(settings)) return undefined;
  if (settings.sponsoredClusters.length === 0)
    return deny("nothing-is-sponsored", "the operator named no cluster and no owner: set SPONSORED_CLUSTERS or SPONSORED_OWNERS");
  return deny("cluster-not-sponsored", `${cluster} is not on the operator's list`);
}

export function readStatically(settings: Settings, ask: Ask<PartialOperation>): Result<Reading> {
  const place = checkPlace(settings, ask);
  if (place) return place;
  const { operation } = ask;
  const call = readExecute(operation.callData);
  if (!call.ok) return call;
  const { target: cluster, value, inner } = call.value;
  if (value !== 0n) return deny("value-not-zero", `the call carries ${value} wei`);
  const method = methodOf(inner, settings.sponsorOperatorMethod);
  if (method === undefined) return deny("selector-not-sponsored", `the inner call ${inner.slice(0, 10)} is not on the allowlist`);
  const registration = method.registration ? readRegistration(inner) : undefined;
  if (registration && !registration.ok) return registration;
  if (registration && registration.value.member !== operation.sender)
    return deny("registration-of-another-member", `it registers ${registration.value.member}, not the sender`);
  // With an oracle for the layer below, preVerificationGas waits for its answer.
  const { preVerificationGas, ...otherGas } = operation.gas;
  const gasNow = settings.l1FeeOracle || preVerificationGas === undefined ? otherGas : operation.gas;
  const denial = checkGas(gasNow, gasBounds(method, operation.callData, inner, 0n)) ?? checkTip(settings, operation.fees) ?? checkListed(settings, cluster);
  return denial ?? pass({ cluster, inner, method, registration: registration?.value });
}

const ORACLE_ABI = parseAbi(["function getL1FeeUpperBound(uint256) view returns (uint256)"]);
let baseFee: { url: string; atMs: number; wei: bigint } | undefined;

async function readBaseFee(context: Context): Promise<bigint> {
  const { settings: { rpcUrl: url }, nowMs } = context;
  if (baseFee?.url === url && nowMs() - baseFee.atMs <= BASE_FEE_CACHE_MS) return baseFee.wei;
  const block = await context.rpc.latestBlock();
  baseFee = { url, atMs: nowMs(), wei: block.baseFeePerGas };
  return block.baseFeePerGas;
}

async function checkFees(context: Context, ask: Ask, reading: Reading): Promise<Denial | undefined> {
  const { settings } = context;
  const { maxFeePerGas, maxPriorityFeePerGas } = ask.operation.fees;
  const base = await readBaseFee(context);
  const max = BASE_FEE_FACTOR * base + settings.tipCapWei;
  if (maxFeePerGas > max) return deny("fee-above-cap", `maxFeePerGas is ${maxFeePerGas}, above ${max}`);
  if (maxPriorityFeePerGas > maxFeePerGas) return deny("fee-above-cap", "maxPriorityFeePerGas is above maxFeePerGas");
  if (settings.l1FeeOracle === undefined) return undefined;
  const fee = await view(context.rpc, ORACLE_ABI, settings.l1FeeOracle, "getL1FeeUpperBound", [BigInt(size(ask.operation.callData)) + 1024n]);
  if (typeof fee !== "bigint") throw new RpcDown("the L1 fee oracle gave no number");
  const l1Gas = maxFeePerGas === 0n ? 0n : (2n * fee) / maxFeePerGas;
  return checkGas(ask.operation.gas, gasBounds(reading.method, ask.operation.callData, reading.inner, l1Gas));
}

async function checkCluster(context: Context, cluster: Address): Promise<Denial | undefined> {
  const { settings, provenance } = context;
  if (!settings.sponsorAnyCluster && !settings.sponsoredClusters.includes(cluster)) {
    const owner = await provenance.ownerOfCluster(cluster);
    if (owner === undefined || !settings.sponsoredOwners.includes(owner))
      return deny("cluster-not-sponsored", `neither ${cluster} nor its owner is on the operator's list`);
  }
  return (await provenance.isKnownCluster(cluster)) ? undefined : deny("unknown-cluster", `${cluster} comes from no known factory`);
}

async function checkSender(context: Context, sender: Address, reading: Reading): Promise<Denial | undefined> {
  const { provenance } = context;
  if (reading.registration === undefined) {
    const yes = await provenance.isMember(reading.cluster, sender);
    return yes ? undefined : deny("sender-not-a-member", `${sender} is no member of ${reading.cluster}`);
  }
  const known = (await provenance.isFactoryMember(sender)) || (await provenance.isAllowedApp(reading.cluster, sender));
  return known ? undefined : deny("sender-unknown", `${sender} was neither made by the member factory nor allowed by the cluster`);
}

// The key that will sign the operation: the account's owner; while it has none,
// the signer of the binding that the registration carries.
async function expectedSigner(context: Context, sender: Address, reading: Reading): Promise<Address | undefined> {
  const owner = await context.provenance.ownerOfMember(sender);
  if (owner !== undefined || reading.registration === undefined) return owner;
  if (reading.registration.method === "operator") return reading.registration.ownerKey;
  return recoverSigner(reading.registration.messageHash, reading.registration.messageSignature);
}

async function checkSimulation(context: Context, ask: Ask, reading: Reading): Promise<Denial | undefined> {
  if (reading.registration === undefined) return undefined;
  const result = await context.rpc.call(reading.cluster, reading.inner, { from: ask.operation.sender, gas: SIMULATION_GAS });
  if (result.ok) return undefined;
  const revert = nameRevert(result.revertData);
  if (revert === "MemberBarred") return deny("member-barred", "the cluster removed this member; its owner may readmit it", revert);
  return deny("registration-reverts", `the registration would revert: ${revert}`, revert);
}

async function checkNonce(context: Context, ask: Ask): Promise<Denial | undefined> {
  const { sender, nonce } = ask.operation;
  const current = await context.provenance.nonce(sender, nonceKeyOf(nonce));
  return current === nonce ? undefined : deny("nonce-not-current", `the EntryPoint's nonce is ${current}, not ${nonce}`);
}

async function readAuth(ask: Ask, asker: Asker): Promise<Result<Address | undefined>> {
  if (asker.kind === "webhook") return pass(undefined);
  if (asker.auth === undefined || asker.auth === null) return deny("auth-missing", "context.auth is missing");
  const signature = readBytes(asker.auth);
  const signer = signature && (await recoverSigner(sponsorHash(ask.chainId, ask.operation), signature));
  return signer ? pass(signer) : deny("auth-malformed", "context.auth is no signature of 65 bytes that recovers");
}

async function decideOnChain(context: Context, ask: Ask, reading: Reading, asker: Asker, signer: Address | undefined): Promise<Denial | undefined> {
  const { sender } = ask.operation;
  const early = (await checkFees(context, ask, reading)) ?? (await checkCluster(context, reading.cluster)) ?? (await checkSender(context, sender, reading));
  if (early) return early;
  if (asker.kind === "signed" && signer !== (await expectedSigner(context, sender, reading)))
    return deny("auth-by-another-key", "context.auth was not made by the key that signs for this sender");
  return (await checkNonce(context, ask)) ?? (await checkSimulation(context, ask, reading));
}

// The whole policy but for the budget.
export async function decide(context: Context, ask: Ask, asker: Asker): Promise<Result<Approval>> {
  const reading = readStatically(context.settings, ask);
  if (!reading.ok) return reading;
  const auth = await readAuth(ask, asker);
  if (!auth.ok) return auth;
  try {
    const denial = await decideOnChain(context, ask, reading.value, asker, auth.value);
    if (denial) return denial;
  } catch (error) {
    if (error instanceof RpcDown) return deny("rpc-unavailable", error.message);
    throw error;
  }
  const { sender, nonce } = ask.operation;
  return pass({
    sender, cluster: reading.value.cluster, registration: reading.value.method.registration, nonce,
    digest: sponsorHash(ask.chainId, ask.operation), costWei: maxCostWei(ask.operation),
  });
}

// For GET /check: is this cluster sponsored at all?
export async function decideCluster(context: Context, cluster: Address): Promise<Denial | undefined> {
  const listed = checkListed(context.settings, cluster);
  if (listed) return listed;
  try {
    return await checkCluster(context, cluster);
  } catch (error) {
    if (error instanceof RpcDown) return deny("rpc-unavailable", error.message);
    throw error;
  }
}
