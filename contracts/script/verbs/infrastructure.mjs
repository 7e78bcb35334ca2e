// SPDX-License-Identifier: MIT
// The contracts that a chain needs once: EntryPoint (where it is missing), facets, factories, registry, paymaster.
// Every address is deterministic, so a second run finds the first one's work and adds nothing.
import { keccak256, zeroHash } from 'viem';
import { loadEntryPoint } from '../lib/artifacts.mjs';
import { CREATE2_PROXY } from '../lib/session.mjs';

export const ENTRY_POINT = '0x0000000071727De22E5E9d8BAf0edAc6f37da032';
const ENTRY_POINT_SALT = '0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3';
const ENTRY_POINT_CODE_HASH = '0x8db5ff695839d655407cc8490bb7a5d82337a86a6b39c3f0258aa6c3b582fc58';
/// One day: what bundlers ask of a staked entity.
export const UNSTAKE_DELAY_SECS = 86_400;

async function entryPoint(session) {
  const artifact = loadEntryPoint();
  const address = await session.deploy('EntryPoint v0.7', artifact, [], ENTRY_POINT_SALT);
  if (address !== ENTRY_POINT) throw new Error(`EntryPoint would land at ${address}`);
  if (await session.hasCode(address)) {
    const hash = keccak256(await session.client.getCode({ address }));
    if (hash !== ENTRY_POINT_CODE_HASH) throw new Error(`EntryPoint at ${address} has code hash ${hash}`);
  }
  return address;
}

async function paymaster(session, { owner, salt }) {
  const { args } = session;
  if (args['paymaster-signer'] === undefined) return undefined;
  const artifact = session.artifact('VerifyingPaymaster');
  const steps = session.steps.length;
  const address = await session.deploy('VerifyingPaymaster', artifact, [owner, args['paymaster-signer']], salt);
  // an older paymaster is funded by the paymaster verb, or every run would pay again
  if (session.steps[steps].status === 'already') return address;
  if (args.deposit) await session.call('paymaster deposit', address, artifact.abi, 'deposit', [], args.deposit);
  if (args.stake) {
    await session.call('paymaster stake', address, artifact.abi, 'addStake', [UNSTAKE_DELAY_SECS], args.stake);
  }
  return address;
}

async function approve(session, factory, abi, facet, name) {
  const deployed = await session.hasCode(factory);
  if (deployed && (await session.read(factory, abi, 'isApprovedAttestor', [facet]))) return;
  await session.call(`approve ${name}`, factory, abi, 'addApprovedAttestor', [facet]);
}

export const infrastructure = {
  help: 'deploy EntryPoint (if missing), facets, factories, indexer registry and, with a signer, the paymaster',
  options: {
    owner: { type: 'address', hint: 'ADDR', help: 'owner of factory list, registry and paymaster (default: the key)' },
    salt: { type: 'bytes32', hint: 'HEX', help: 'CREATE2 salt (default zero)' },
    'paymaster-signer': { type: 'address', hint: 'ADDR', help: 'deploy the paymaster with this signer' },
    deposit: { type: 'ether', hint: 'ETH', help: 'paymaster deposit' },
    stake: { type: 'ether', hint: 'ETH', help: 'paymaster stake, one day of unstake delay' },
    'with-operator': { flag: true, help: 'also approve OperatorFacet, which vouches by a key, not by hardware' },
  },
  async run(session) {
    const { args } = session;
    const owner = args.owner ?? session.from;
    const salt = args.salt ?? zeroHash;
    if (!(await session.hasCode(CREATE2_PROXY))) throw new Error(`no CREATE2 proxy at ${CREATE2_PROXY}`);
    const plain = async (name) => session.deploy(name, session.artifact(name), [], salt);

    const result = { entryPoint: await entryPoint(session) };
    for (const name of ['ClusterInit', 'AttestFacet', 'MessageFacet', 'NetworkFacet', 'CskFacet', 'DstackFacet', 'OperatorFacet', 'ClusterMember']) {
      result[name[0].toLowerCase() + name.slice(1)] = await plain(name);
    }
    result.memberImplementation = result.clusterMember;
    delete result.clusterMember;
    result.memberFactory = await session.deploy(
      'ClusterMemberFactory', session.artifact('ClusterMemberFactory'), [result.memberImplementation], salt);
    const factory = session.artifact('ClusterDiamondFactory');
    const { clusterInit, attestFacet, messageFacet, networkFacet, cskFacet } = result;
    result.clusterFactory = await session.deploy('ClusterDiamondFactory', factory,
      [owner, { clusterInit, attestFacet, messageFacet, networkFacet, cskFacet }], salt);
    await approve(session, result.clusterFactory, factory.abi, result.dstackFacet, 'DstackFacet');
    if (args['with-operator']) {
      await approve(session, result.clusterFactory, factory.abi, result.operatorFacet, 'OperatorFacet');
    }
    result.indexerRegistry = await session.deploy(
      'IndexerRegistry', session.artifact('IndexerRegistry'), [owner], salt);
    result.paymaster = await paymaster(session, { owner, salt });
    return result;
  },
};
