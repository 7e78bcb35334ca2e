// SPDX-License-Identifier: Apache-2.0
// Questions about where a cluster or a member comes from, answered by the chain
// and remembered: a yes for long where it cannot become a no, a no for short.
import { parseAbi } from "viem";
import {
  ENTRY_POINT, MEMBERSHIP_CACHE_SECS, OWNER_LIST_CACHE_SECS, PROVENANCE_CACHE_SECS, PROVENANCE_NEGATIVE_CACHE_SECS,
} from "./constants.ts";
import type { Cache } from "./cache.ts";
import type { Settings } from "./env.ts";
import { RpcDown, view, type Rpc } from "./rpc.ts";
import type { Address } from "./types.ts";

const ABI = parseAbi([
  "function isDeployedCluster(address) view returns (bool)",
  "function clusterOwner() view returns (address)",
  "function isOurMember(address) view returns (bool)",
  "function allowedAppIds(address) view returns (bool)",
  "function isClusterMember(address) view returns (bool)",
  "function owner() view returns (address)",
  "function getNonce(address, uint192) view returns (uint256)",
]);
const ZERO_ADDRESS = "0x0000000000000000000000000000000000000000";
const SEQUENCE_BITS = 64n;

export interface Provenance {
  isKnownCluster(cluster: Address): Promise<boolean>;
  ownerOfCluster(cluster: Address): Promise<Address | undefined>;
  isFactoryMember(member: Address): Promise<boolean>;
  isAllowedApp(cluster: Address, member: Address): Promise<boolean>;
  isMember(cluster: Address, member: Address): Promise<boolean>;
  ownerOfMember(member: Address): Promise<Address | undefined>; // nothing while it has none
  nonce(sender: Address, key: bigint, block?: bigint): Promise<bigint>;
}

export const nonceKeyOf = (nonce: bigint): bigint => nonce >> SEQUENCE_BITS;

export function makeProvenance(rpc: Rpc, cache: Cache, settings: Settings): Provenance {
  async function remembered(key: string, yesSecs: number, ask: () => Promise<boolean>): Promise<boolean> {
    const known = await cache.read(key, yesSecs);
    if (known === true) return true;
    if (known === false && (await cache.read(key, PROVENANCE_NEGATIVE_CACHE_SECS)) === false) return false;
    const answer = await ask();
    await cache.write(key, answer, answer ? yesSecs : PROVENANCE_NEGATIVE_CACHE_SECS);
    return answer;
  }
  const asks = async (to: Address, name: string, args: readonly unknown[]): Promise<boolean> => (await view(rpc, ABI, to, name, args)) === true;

  return {
    async isKnownCluster(cluster) {
      for (const factory of settings.clusterFactories) {
        const yes = await remembered(`cluster:${factory}:${cluster}`, PROVENANCE_CACHE_SECS, () => asks(factory, "isDeployedCluster", [cluster]));
        if (yes) return true;
      }
      return false;
    },
    async ownerOfCluster(cluster) {
      const key = `cluster-owner:${cluster}`;
      const known = await cache.read(key, OWNER_LIST_CACHE_SECS);
      if (typeof known === "string") return known as Address;
      const owner = await view(rpc, ABI, cluster, "clusterOwner");
      if (typeof owner !== "string") return undefined;
      await cache.write(key, owner.toLowerCase(), OWNER_LIST_CACHE_SECS);
      return owner.toLowerCase() as Address;
    },
    isFactoryMember: (member) =>
      remembered(`member:${settings.memberFactory}:${member}`, PROVENANCE_CACHE_SECS, () => asks(settings.memberFactory, "isOurMember", [member])),
    // An app id can be struck off: not remembered.
    isAllowedApp: (cluster, member) => asks(cluster, "allowedAppIds", [member]),
    // A refusal here would outlast the registration that ends it: only a yes is
    // remembered, and for no longer than a removed member may still be paid for.
    async isMember(cluster, member) {
      const key = `is-member:${cluster}:${member}`;
      if ((await cache.read(key, MEMBERSHIP_CACHE_SECS)) === true) return true;
      const yes = await asks(cluster, "isClusterMember", [member]);
      if (yes) await cache.write(key, true, MEMBERSHIP_CACHE_SECS);
      return yes;
    },
    // An owner, once set, never changes; none is asked again each time.
    async ownerOfMember(member) {
      const key = `member-owner:${member}`;
      const known = await cache.read(key, PROVENANCE_CACHE_SECS);
      if (typeof known === "string") return known as Address;
      const owner = await view(rpc, ABI, member, "owner");
      if (typeof owner !== "string" || owner === ZERO_ADDRESS) return undefined;
      await cache.write(key, owner.toLowerCase(), PROVENANCE_CACHE_SECS);
      return owner.toLowerCase() as Address;
    },
    async nonce(sender, key, block) {
      const nonce = await view(rpc, ABI, ENTRY_POINT, "getNonce", [sender, key], block);
      if (typeof nonce !== "bigint") throw new RpcDown("EntryPoint.getNonce gave no number");
      return nonce;
    },
  };
}
