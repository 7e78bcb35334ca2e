// SPDX-License-Identifier: MIT
// Member contracts: deploying them, converting a stock dstack app in place, upgrading, and the cluster owner's
// removal, readmission and key rotation. What a node does itself (registering, publishing) is not here.
import { encodeFunctionData, isAddressEqual, zeroHash } from 'viem';
import { UsageError } from '../lib/args.mjs';

/// keccak256("eip1967.proxy.implementation") - 1
const IMPLEMENTATION_SLOT = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc';

const CLUSTER = { type: 'address', hint: 'ADDR', required: true, help: 'the cluster' };

async function implementationOf(session, proxy) {
  const word = await session.client.getStorageAt({ address: proxy, slot: IMPLEMENTATION_SLOT });
  return `0x${word.slice(-40)}`;
}

/// What a conversion or an upgrade must have left behind; a script that only trusts the receipt would miss a
/// proxy that ignored the call.
async function checkConverted(session, proxy, implementation, cluster) {
  const [slot, bound] = await Promise.all([
    implementationOf(session, proxy),
    session.read(proxy, session.artifact('ClusterMember').abi, 'cluster'),
  ]);
  if (!isAddressEqual(slot, implementation)) throw new Error(`${proxy} runs ${slot}, not ${implementation}`);
  if (!isAddressEqual(bound, cluster)) throw new Error(`${proxy} names cluster ${bound}, not ${cluster}`);
}

async function allowAppId(session, cluster, appId) {
  if (await session.read(cluster, session.clusterAbi, 'allowedAppIds', [appId])) return;
  await session.call('allow app id', cluster, session.clusterAbi, 'addAllowedAppId', [appId]);
}

export const member = {
  help: 'deploy a member contract for a cluster',
  options: {
    cluster: CLUSTER,
    salt: { type: 'bytes32', hint: 'HEX', help: 'CREATE2 salt (default zero)' },
    'member-factory': { type: 'address', hint: 'ADDR', help: 'member factory' },
    'allow-app-id': { flag: true, help: 'also put it on the cluster\'s boot list (cluster owner)' },
  },
  async run(session) {
    const { args } = session;
    const factory = session.address('member-factory', 'memberFactory');
    const { abi } = session.artifact('ClusterMemberFactory');
    const call = [args.cluster, args.salt ?? zeroHash];
    const address = await session.read(factory, abi, 'predictMemberAddress', call);
    if (await session.hasCode(address)) session.steps.push({ step: 'deploy member', address, status: 'already' });
    else await session.call('deploy member', factory, abi, 'deployMember', call);
    if (args['allow-app-id']) await allowAppId(session, args.cluster, address);
    return { member: address, cluster: args.cluster };
  },
};

export const convert = {
  help: 'turn a stock dstack app into a member in one upgradeToAndCall; compose hash first, see allow',
  options: {
    cluster: CLUSTER,
    app: { type: 'address', hint: 'ADDR', required: true, help: 'the app\'s proxy, owned by the key' },
    implementation: { type: 'address', hint: 'ADDR', help: 'member implementation' },
  },
  async run(session) {
    const { args } = session;
    const { abi } = session.artifact('ClusterMember');
    const implementation = session.address('implementation', 'memberImplementation');
    if (!(await session.read(args.cluster, session.clusterAbi, 'allowedAppIds', [args.app]))) {
      throw new Error(`${args.app} is not on the cluster's app id list: allow it first, or it could not boot`);
    }
    const bind = encodeFunctionData({ abi, functionName: 'reinitializeFromDstackApp', args: [args.cluster] });
    await session.call('convert', args.app, abi, 'upgradeToAndCall', [implementation, bind]);
    if (session.execute) await checkConverted(session, args.app, implementation, args.cluster);
    return { member: args.app, cluster: args.cluster, implementation };
  },
};

export const upgrade = {
  help: 'move a member to another implementation (cluster owner)',
  options: {
    member: { type: 'address', hint: 'ADDR', required: true, help: 'the member contract' },
    implementation: { type: 'address', hint: 'ADDR', help: 'new implementation' },
  },
  async run(session) {
    const { args } = session;
    const { abi } = session.artifact('ClusterMember');
    const implementation = session.address('implementation', 'memberImplementation');
    const cluster = await session.read(args.member, abi, 'cluster');
    await session.call('upgrade', args.member, abi, 'upgradeToAndCall', [implementation, '0x']);
    if (session.execute) await checkConverted(session, args.member, implementation, cluster);
    return { member: args.member, cluster, implementation };
  },
};

const WHICH = {
  cluster: CLUSTER,
  member: { type: 'address', hint: 'ADDR', help: 'the member contract' },
  'member-id': { type: 'bytes32', hint: 'HEX', help: 'or its id' },
};

/// The id of a member that may have been removed: the live getter answers zero for those, so the paged view is
/// searched.
async function memberId(session) {
  const { args } = session;
  if (args['member-id'] !== undefined) return args['member-id'];
  if (args.member === undefined) throw new UsageError('give --member or --member-id');
  const live = await session.read(args.cluster, session.clusterAbi, 'memberIdOf', [args.member]);
  if (live !== zeroHash) return live;
  for (let from = 0, more = true; more;) {
    const [page, next] = await session.read(args.cluster, session.clusterAbi, 'members', [from, 500]);
    const row = page.find((entry) => isAddressEqual(entry.memberContract, args.member));
    if (row) return row.memberId;
    [from, more] = [next, next !== 0];
  }
  throw new Error(`${args.member} never was a member of ${args.cluster}`);
}

export const removeMember = {
  help: 'remove a member (cluster owner); implies a key rotation',
  options: WHICH,
  async run(session) {
    const id = await memberId(session);
    await session.call('remove member', session.args.cluster, session.clusterAbi, 'removeMember', [id]);
    return { memberId: id };
  },
};

export const readmitMember = {
  help: 'lift the bar on a removed member (cluster owner); never after a key leak',
  options: WHICH,
  async run(session) {
    const id = await memberId(session);
    await session.call('readmit member', session.args.cluster, session.clusterAbi, 'readmitMember', [id]);
    return { memberId: id };
  },
};

export const requestRotation = {
  help: 'request the next Cluster Shared Key generation (cluster owner)',
  options: { cluster: CLUSTER },
  async run(session) {
    const { cluster } = session.args;
    await session.call('request rotation', cluster, session.clusterAbi, 'requestCskRotation');
    const ask = (name) => session.read(cluster, session.clusterAbi, name);
    const [committed, requested] = await Promise.all([ask('cskGeneration'), ask('cskRequestedGeneration')]);
    return { committedGeneration: committed, requestedGeneration: requested };
  },
};
