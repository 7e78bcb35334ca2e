// SPDX-License-Identifier: Apache-2.0
// The environment, checked once into a strict type. A variable that is missing
// or malformed names itself; nothing is sponsored until it is right.
import { CAP_PERIOD_DEFAULT_SECS, VALIDITY_DEFAULT_SECS, VALIDITY_MAX_SECS, VALIDITY_MIN_SECS } from "./constants.ts";
import type { Caps } from "./caps.ts";
import type { Address, Hex } from "./types.ts";

export interface Bindings {
  readonly CAPS: DurableObjectNamespace<Caps>;
  readonly PROVENANCE: KVNamespace;
  readonly [name: string]: unknown;
}

export interface CapsWei {
  readonly sender: bigint;
  readonly registration: bigint;
  readonly cluster: bigint;
  readonly global: bigint;
}

export interface Settings {
  readonly chainId: bigint;
  readonly rpcUrl: string;
  readonly clusterFactories: readonly Address[]; // the usual one first
  readonly memberFactory: Address;
  readonly sponsorOperatorMethod: boolean;
  readonly sponsoredClusters: readonly Address[];
  readonly sponsoredOwners: readonly Address[];
  readonly sponsorAnyCluster: boolean;
  readonly tipCapWei: bigint;
  readonly l1FeeOracle: Address | undefined;
  readonly validitySecs: number;
  readonly capPeriodSecs: number;
  readonly capsWei: CapsWei;
  readonly paymaster: { readonly address: Address; readonly signerKey: Hex } | undefined;
  readonly alchemyToken: string | undefined;
  readonly pimlicoSecret: string | undefined;
}

export class Misconfigured extends Error {}

class Reader {
  constructor(private readonly from: Readonly<Record<string, unknown>>) {}

  text(name: string): string | undefined {
    const value = this.from[name];
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") throw new Misconfigured(`${name} must be a string`);
    return value.trim();
  }

  need(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Misconfigured(`${name} is missing`);
    return value;
  }

  address(name: string): Address | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^0x[0-9a-fA-F]{40}$/.test(value)) throw new Misconfigured(`${name} must be an address`);
    return value.toLowerCase() as Address;
  }

  addresses(name: string): Address[] {
    const value = this.text(name);
    if (value === undefined) return [];
    return value.split(/[\s,]+/).filter((one) => one !== "").map((one) => {
      if (!/^0x[0-9a-fA-F]{40}$/.test(one)) throw new Misconfigured(`${name}: ${JSON.stringify(one)} is no address`);
      return one.toLowerCase() as Address;
    });
  }

  wei(name: string, fallback: bigint): bigint {
    const value = this.text(name);
    if (value === undefined) return fallback;
    if (!/^\d{1,30}$/.test(value)) throw new Misconfigured(`${name} must be a whole number of wei`);
    return BigInt(value);
  }

  number(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) throw new Misconfigured(`${name} must be between ${min} and ${max}`);
    return number;
  }

  flag(name: string): boolean {
    const value = this.text(name) ?? "false";
    if (value !== "true" && value !== "false") throw new Misconfigured(`${name} must be true or false`);
    return value === "true";
  }
}

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;

function paymasterFrom(read: Reader): Settings["paymaster"] {
  const address = read.address("PAYMASTER_ADDRESS");
  const key = read.text("PAYMASTER_SIGNER_KEY");
  if (address === undefined && key === undefined) return undefined;
  if (address === undefined || key === undefined) throw new Misconfigured("PAYMASTER_ADDRESS and PAYMASTER_SIGNER_KEY go together");
  if (!/^0x[0-9a-fA-F]{64}$/.test(key)) throw new Misconfigured("PAYMASTER_SIGNER_KEY must be 0x and 64 hex digits");
  return { address, signerKey: key as Hex };
}

function chainIdFrom(read: Reader): bigint {
  const value = read.need("EXPECTED_CHAIN_ID");
  if (!/^[1-9]\d{0,18}$/.test(value)) throw new Misconfigured("EXPECTED_CHAIN_ID must be a decimal number");
  return BigInt(value);
}

function rpcUrlFrom(read: Reader): string {
  const value = read.need("RPC_URL");
  if (!/^https?:\/\/\S+$/.test(value)) throw new Misconfigured("RPC_URL must be an http or https address");
  return value;
}

function factoriesFrom(read: Reader): Address[] {
  const list = [read.address("CANONICAL_CLUSTER_FACTORY_V2"), read.address("CANONICAL_CLUSTER_FACTORY")].filter((one) => one !== undefined);
  if (list.length === 0) throw new Misconfigured("CANONICAL_CLUSTER_FACTORY or CANONICAL_CLUSTER_FACTORY_V2 is missing");
  return list;
}

export function readSettings(from: Readonly<Record<string, unknown>>): Settings {
  const read = new Reader(from);
  const memberFactory = read.address("CANONICAL_MEMBER_FACTORY");
  if (memberFactory === undefined) throw new Misconfigured("CANONICAL_MEMBER_FACTORY is missing");
  return {
    chainId: chainIdFrom(read),
    rpcUrl: rpcUrlFrom(read),
    clusterFactories: factoriesFrom(read),
    memberFactory,
    sponsorOperatorMethod: read.flag("SPONSOR_OPERATOR_METHOD"),
    sponsoredClusters: read.addresses("SPONSORED_CLUSTERS"),
    sponsoredOwners: read.addresses("SPONSORED_OWNERS"),
    sponsorAnyCluster: read.flag("SPONSOR_ANY_CLUSTER"),
    tipCapWei: read.wei("TIP_CAP_WEI", 2n * GWEI),
    l1FeeOracle: read.address("L1_FEE_ORACLE"),
    validitySecs: read.number("VALIDITY_SECS", VALIDITY_DEFAULT_SECS, VALIDITY_MIN_SECS, VALIDITY_MAX_SECS),
    capPeriodSecs: read.number("CAP_PERIOD_SECS", CAP_PERIOD_DEFAULT_SECS, 60, 31 * 86_400),
    capsWei: {
      sender: read.wei("CAP_SENDER_WEI", ETHER / 100n),
      registration: read.wei("CAP_REGISTRATION_WEI", ETHER / 100n),
      cluster: read.wei("CAP_CLUSTER_WEI", ETHER / 10n),
      global: read.wei("CAP_GLOBAL_WEI", ETHER / 2n),
    },
    paymaster: paymasterFrom(read),
    alchemyToken: read.text("ALCHEMY_WEBHOOK_TOKEN"),
    pimlicoSecret: read.text("PIMLICO_WEBHOOK_SECRET"),
  };
}

const checked = new WeakMap<object, Settings>();

export function settingsOf(env: Bindings): Settings {
  const found = checked.get(env) ?? readSettings(env);
  checked.set(env, found);
  return found;
}
